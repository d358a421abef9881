#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <algorithm>

/// The WebSocket doors: rooms, replay, resuming, and frames that are wrong.
namespace troupe {

class WebSocket : public server_test {
protected:
  websocket_client connect(const std::string& target) { return websocket_client{server().port(), target}; }
  websocket_client connect_events() { return connect("/api/v1/events"); }

  static void subscribe(websocket_client& client, const std::string& room, const json& after = nullptr) {
    json frame{{"type", "subscribe"}, {"room", room}};
    if (!after.is_null()) {
      frame["after"] = after;
    }
    client.send(frame);
    const auto answers = client.until(of_type("subscribed"));
    EXPECT_EQ(answers.back().at("room"), room);
  }
};

namespace {

bool is_event(const json& frame) {
  return frame.contains("seq");
}

frame_test end_of(const json& task) {
  return [id = task.at("id")](const json& frame) {
    return is_event(frame) && frame.at("task_id") == id && is_terminal_event(frame);
  };
}

std::vector<json> only_events(std::vector<json> frames) {
  std::erase_if(frames, [](const json& frame) { return !is_event(frame); });
  return frames;
}

/// The client receives the task's journal behind `after`, to its end, and nothing else.
void expect_journal(websocket_client& client, http_client& http, const json& task, std::ptrdiff_t after = 0) {
  const auto received = only_events(client.until(end_of(task)));
  const auto journal = journal_of(http, task.at("id"));
  EXPECT_EQ(received, std::vector<json>(journal.begin() + after, journal.end()));
}

} // namespace

// -- replay and resuming ---------------------------------------------------------------

TEST_F(WebSocket, ReplaysAFinishedTaskAsItsJournalHoldsIt) {
  const json task = run_task("Hello");
  for (const std::string after : {"", "?after=0"}) {
    auto client = connect(task_path(task) + "/chat" + after);
    expect_journal(client, http(), task);
  }
}

TEST_F(WebSocket, ReplaysAndGoesOnLiveWithoutAHoleOrARepeat) {
  const json task = start_task("@words=60 @pace=10");
  wait_for_event(task.at("id"), "chat:chunk");
  auto client = connect(task_path(task) + "/chat?after=0");
  expect_journal(client, http(), task);
}

TEST_F(WebSocket, GoesOnBehindTheNumberThatTheClientHas) {
  const json task = run_task("Hello");
  auto client = connect(task_path(task) + "/chat?after=4");
  expect_journal(client, http(), task, 4);
}

TEST_F(WebSocket, GoesOnBehindTheCursorOfAFrame) {
  const json task = run_task("Hello");
  const auto journal = journal_of(http(), task.at("id"));
  auto client = connect(task_path(task) + "/chat?after=" + journal[2].at("cursor").get<std::string>());
  expect_journal(client, http(), task, 3);
}

TEST_F(WebSocket, ThatReconnectsAllTheTimeSeesEveryNumberExactlyOnce) {
  const json task = start_task("@words=200 @pace=10");
  std::vector<json> seen;
  const auto ended = [&] { return !seen.empty() && is_terminal_event(seen.back()); };
  int connections = 0;
  while (!ended()) {
    ASSERT_LT(++connections, 1000);
    const std::string after = seen.empty() ? "0" : seen.back().at("seq").dump();
    auto client = connect(task_path(task) + "/chat?after=" + after);
    const auto leave = std::chrono::steady_clock::now() + 100ms;
    while (!ended()) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(leave - std::chrono::steady_clock::now());
      const auto frame = client.next(std::max(left, 0ms));
      if (!frame) {
        break;
      }
      if (is_event(*frame)) {
        seen.push_back(*frame);
      }
    }
    client.drop();
  }
  EXPECT_GT(connections, 5);
  EXPECT_EQ(seen, journal_of(http(), task.at("id")));
}

TEST_F(WebSocket, ThatReconnectsToANamespaceSeesEveryEventExactlyOnce) {
  auto watcher = connect_events();
  subscribe(watcher, "namespace:default");
  std::map<std::string, std::vector<json>> seen;
  std::size_t ended = 0;
  std::string cursor;
  const auto take = [&](const json& frame) {
    if (is_event(frame)) {
      cursor = frame.at("cursor");
      seen[frame.at("task_id")].push_back(frame);
      ended += is_terminal_event(frame) ? 1 : 0;
    }
  };
  constexpr std::size_t count = 60;
  for (std::size_t i = 0; i < count; ++i) {
    start_task("@words=10 @pace=5");
    if (i % 5 == 4) {
      // What came until now is read, then the connection is lost and made again.
      while (const auto frame = watcher.next(cursor.empty() ? patience : 1ms)) {
        take(*frame);
      }
      watcher.drop();
      ASSERT_FALSE(cursor.empty());
      websocket_client again = connect_events();
      again.send({{"type", "subscribe"}, {"room", "namespace:default"}, {"after", cursor}});
      for (int frames = 0; frames < 3; ++frames) {
        if (const auto frame = again.next(50ms)) {
          take(*frame);
        }
      }
      again.drop();
    }
    if (i % 5 == 4 && i + 1 == count) {
      websocket_client last = connect_events();
      last.send({{"type", "subscribe"}, {"room", "namespace:default"}, {"after", cursor}});
      while (ended < count) {
        const auto frame = last.next();
        ASSERT_TRUE(frame) << ended << " of " << count << " tasks have ended";
        take(*frame);
      }
    }
  }
  EXPECT_EQ(seen.size(), count);
  for (const auto& [id, frames] : seen) {
    EXPECT_EQ(frames, journal_of(http(), id));
  }
}

TEST_F(WebSocket, RefusesACursorThatItDidNotMake) {
  const json task = create("Hello");
  for (const std::string cursor : {"bm8gY3Vyc29y", "-1", "99999999999999999999999"}) {
    EXPECT_THROW(connect(task_path(task) + "/chat?after=" + cursor), std::runtime_error) << cursor;
  }
}

TEST_F(WebSocket, OfAnUnknownTaskIsNotFound) {
  try {
    connect("/api/v1/tasks/0190a7a0-0000-7000-8000-000000000000/chat");
    FAIL() << "it was let in";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string{error.what()}.find("404"), std::string::npos) << error.what();
  }
}

// -- rooms -----------------------------------------------------------------------------

TEST_F(WebSocket, ATaskRoomCarriesTheWholeThread) {
  const json first = run_task("first");
  const std::string seen = journal_of(http(), first.at("id")).back().at("seq").dump();
  auto client = connect(task_path(first) + "/chat?after=" + seen);
  client.until(of_type("subscribed"));
  const json second = start_task("second", {{"thread_id", first.at("id")}});
  expect_journal(client, http(), second);
}

TEST_F(WebSocket, AUserRoomCarriesTheTasksOfThatUserOnly) {
  auto client = connect_events();
  subscribe(client, "user:ann");
  start_task("not hers", {{"created_by", "bob"}});
  const json hers = start_task("hers", {{"created_by", "ann"}});
  expect_journal(client, http(), hers);
}

TEST_F(WebSocket, ANamespaceRoomCarriesTheTasksOfThatNamespaceOnly) {
  ASSERT_EQ(http().put("/api/v1/bots/default?namespace=quiet", {{"model", "builtin"}}).status, 201U);
  auto client = connect_events();
  subscribe(client, "namespace:quiet");
  start_task("loud");
  const json quiet = http().post("/api/v1/tasks?namespace=quiet", {{"input", "quiet"}, {"execute", true}}).document();
  expect_journal(client, http(), quiet);
}

TEST_F(WebSocket, NotificationsAreTheCallersUserRoom) {
  auto client = connect("/api/v1/user/notifications");
  client.until(of_type("subscribed"));
  auto anns = connect("/api/v1/user/notifications?created_by=ann");
  anns.until(of_type("subscribed"));
  const json task = start_task("mine");
  expect_journal(client, http(), task);
  const json hers = start_task("hers", {{"created_by", "ann"}});
  expect_journal(anns, http(), hers);
}

TEST_F(WebSocket, LeavesARoomWhenAskedTo) {
  auto client = connect_events();
  subscribe(client, "namespace:default");
  client.until(end_of(start_task("heard")));
  client.send({{"type", "unsubscribe"}, {"room", "namespace:default"}});
  client.until(of_type("unsubscribed"));
  run_task("not heard");
  client.send({{"type", "ping"}});
  EXPECT_THAT(types_of(client.until(of_type("pong"))), testing::ElementsAre("pong"));
}

TEST_F(WebSocket, JoinsAndLeavesTaskRoomsByTheirTask) {
  const json task = create("Hello");
  auto client = connect_events();
  client.send({{"type", "task:join"}, {"task_id", task.at("id")}});
  client.until(of_type("subscribed"));
  http().post(task_path(task) + "/execute");
  client.until(end_of(task));
  client.send({{"type", "task:leave"}, {"task_id", task.at("id")}});
  client.until(of_type("unsubscribed"));
}

TEST_F(WebSocket, DeliversToManySubscribersAlike) {
  const json task = create("@words=30 @pace=5");
  std::vector<std::unique_ptr<websocket_client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<websocket_client>(server().port(), task_path(task) + "/chat?after=0"));
  }
  http().post(task_path(task) + "/execute");
  for (auto& client : clients) {
    expect_journal(*client, http(), task);
  }
}

// -- what is wrong ------------------------------------------------------------------------

TEST_F(WebSocket, AnswersAMalformedFrameAndLivesOn) {
  auto client = connect_events();
  const std::vector<std::pair<std::string, std::string>> frames{
    {"{", "invalid_json"},
    {"", "invalid_json"},
    {"[]", "invalid_frame"},
    {"7", "invalid_frame"},
    {"{}", "invalid_frame"},
    {R"({"type":7})", "invalid_frame"},
    {R"({"type":"dance"})", "unknown_type"},
    {R"({"type":"ping","colour":"red"})", "unknown_field"},
    {R"({"type":"subscribe"})", "invalid_frame"},
    {R"({"type":"subscribe","room":"kitchen"})", "invalid_room"},
    {R"({"type":"subscribe","room":"task:42"})", "invalid_room"},
    {R"({"type":"subscribe","room":"namespace:default","after":"nonsense"})", "invalid_cursor"},
    {R"({"type":"subscribe","room":"namespace:default","after":5})", "invalid_cursor"},
    {R"({"type":"subscribe","room":"namespace:default","after":{}})", "invalid_frame"},
    {std::string(100'000, '['), "invalid_json"},
  };
  for (const auto& [frame, code] : frames) {
    SCOPED_TRACE(frame.substr(0, 80));
    client.send_text(frame);
    const auto answer = client.next();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->at("type"), "error");
    EXPECT_EQ(answer->at("code"), code) << *answer;
    EXPECT_FALSE(answer->at("detail").get<std::string>().empty());
  }
  client.send({{"type", "ping"}});
  EXPECT_EQ(client.until(of_type("pong")).size(), 1U);
}

TEST_F(WebSocket, ClosesAProtocolViolationWithItsCode) {
  const auto close_code = [&](const std::string& bytes) {
    auto client = connect_events();
    client.send_raw(bytes);
    return client.wait_for_close();
  };
  const std::string mask(4, '\0');
  EXPECT_EQ(close_code("\x82\x81" + mask + "x"), 1003U) << "binary";
  EXPECT_EQ(close_code("\x81\x82" + mask + "\xC3\x28"), 1007U) << "invalid UTF-8";
  EXPECT_EQ(close_code("\x81\x01x"), 1002U) << "not masked";
  EXPECT_EQ(close_code("\xC1\x81" + mask + "x"), 1002U) << "a reserved bit";
  EXPECT_EQ(close_code("\x83\x80" + mask), 1002U) << "a reserved opcode";
  EXPECT_EQ(close_code("\x80\x81" + mask + "x"), 1002U) << "a continuation of nothing";
  EXPECT_EQ(close_code(std::string{"\x81\xFF\0\0\0\0\x7F\xFF\xFF\xFF", 10} + mask), 1009U) << "too long";
}

TEST_F(WebSocket, ThatDoesNotReadIsClosedAndHarmsNobody) {
  auto sleeper = connect_events();
  subscribe(sleeper, "namespace:default");
  auto reader = connect_events();
  subscribe(reader, "namespace:default");
  // Each task is heard of with its answer twice: as a chunk and as the output.
  const std::string text(200'000, 'x');
  const auto is_closed
    = [&] { return http().get("/metrics").body.find("troupe_slow_readers_closed_total 1") != std::string::npos; };
  for (int i = 0; i < 500 && !is_closed(); ++i) {
    reader.until(end_of(run_task(text)));
  }
  EXPECT_EQ(sleeper.wait_for_close(), 1013U);
  expect_resident_below(server(), 300U * 1024 * 1024);
  reader.until(end_of(run_task("still there")));
}

} // namespace troupe
