#include "tests/bench/sockets.hpp"
#include "tests/bench/websocket_bytes.hpp"
#include "tests/e2e/hostile_test.hpp"

#include <cstdint>
#include <thread>

/// Hostile WebSockets. Each was seen at Troupe 0.1.0. Of the same kind: tornadoweb/tornado#2341 (frames
/// without flow control), theturtle32/WebSocket-Node#322 (pings), websockets/ws#804 and elizaOS/eliza#31953 (readers
/// that stop).
namespace troupe {

namespace {

using HostileFrames = hostile_test;

} // namespace

// -- questions without end ---------------------------------------------------------------

TEST_F(HostileFrames, AskingForALongHistoryAgainAndAgainHarmNobody) {
  expect_harmless("history-sync", {400});
}

TEST_F(HostileFrames, AskingForHistoriesThatNobodyReadsHarmNobody) {
  expect_harmless("history-unread", {400});
}

TEST_F(HostileFrames, JoiningRoomsWithoutEndHarmNobody) {
  expect_harmless("subscribe", {150'000});
}

TEST_F(HostileFrames, JoiningRoomsWithoutReadingHarmNobody) {
  expect_harmless("subscribe-unread", {150'000});
}

TEST_F(HostileFrames, JoiningAndLeavingInTurnsHarmNobody) {
  expect_harmless("resubscribe", {100'000});
}

TEST_F(HostileFrames, HavingALongJournalReplayedHarmNobody) {
  expect_harmless("replay", {2'000});
}

TEST_F(HostileFrames, SendingTurnsWithoutEndHarmNobody) {
  expect_harmless("chat-send", {5'000});
}

TEST_F(HostileFrames, CancellingWithoutEndHarmNobody) {
  expect_harmless("chat-cancel", {50'000});
}

TEST_F(HostileFrames, ThatNobodyKnowsHarmNobody) {
  expect_harmless("unknown-frames", {150'000});
}

TEST_F(HostileFrames, AskingAndGoingHarmNobody) {
  expect_harmless("left-histories", {4'000, 8});
}

// -- control frames -------------------------------------------------------------------------

TEST_F(HostileFrames, PingingWithoutReadingHarmNobody) {
  expect_harmless("pings", {1'500'000});
}

TEST_F(HostileFrames, PongingUnaskedHarmNobody) {
  expect_harmless("pongs", {1'500'000});
}

TEST_F(HostileFrames, PingingWithinAMessageHarmNobody) {
  expect_harmless("pings-within", {1'500'000});
}

// -- what is never finished ---------------------------------------------------------------------

TEST_F(HostileFrames, WhoseEndNeverComesHarmNobody) {
  expect_harmless("partial-messages", {0, 200, 1'000'000});
}

TEST_F(HostileFrames, OfMessagesWhoseLastOneNeverComesHarmNobody) {
  expect_harmless("fragments", {0, 200, 1'000'000});
}

// -- slow readers ----------------------------------------------------------------------------------

TEST_F(HostileFrames, ASubscriberThatReadsSlowlyIsToldWhyItIsClosed) {
  const auto socket = connect_loopback(server().port());
  std::string received;
  send_all(socket.get(), websocket_request("/api/v1/events"));
  while (received.find("\r\n\r\n") == std::string::npos) {
    receive_some(socket.get(), received);
  }
  received.erase(0, received.find("\r\n\r\n") + 4);
  send_all(socket.get(), text_frame(R"({"type":"subscribe","room":"namespace:default"})"));
  while (first_frame(received).end == 0) {
    receive_some(socket.get(), received);
  }
  // It reads nothing until it is too slow; from then on it does, at a pace that takes longer than a server would wait
  // for one that does not read at all.
  const std::string text(200'000, 'x');
  const auto is_closed
    = [&] { return http().get("/metrics").body.find("troupe_slow_readers_closed_total 1") != std::string::npos; };
  for (int i = 0; i < 500 && !is_closed(); ++i) {
    run_task(text);
  }
  ASSERT_TRUE(is_closed());
  unsigned code = 0;
  try {
    for (int i = 0; code == 0 && i < 5'000; ++i) {
      receive_some(socket.get(), received);
      for (auto frame = first_frame(received); code == 0 && frame.end != 0; frame = first_frame(received)) {
        if (static_cast<std::uint8_t>(received[0]) == 0x88U && frame.end - frame.begin >= 2) {
          code = static_cast<std::uint8_t>(received[frame.begin]) * 256U
                 + static_cast<std::uint8_t>(received[frame.begin + 1]);
        }
        received.erase(0, frame.end);
      }
      std::this_thread::sleep_for(150ms);
    }
  } catch (const std::exception& error) {
    FAIL() << "it is not told why: " << error.what();
  }
  EXPECT_EQ(code, 1013U);
}

} // namespace troupe
