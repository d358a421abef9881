#include "gateway/requests/event_stream_head.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

/// What an EventSource is answered; that it ends for good at any status but 200, also
/// where a moment later all is well: Yaffle/EventSource#88, EventSource/eventsource#60.
namespace troupe {
namespace {

TEST(EventStreamHead, IsKeptByNobodyAndPassedOnAtOnce) {
  const auto head = event_stream_head();
  EXPECT_EQ(head.status, 200U);
  EXPECT_EQ(head.content_type, "text/event-stream");
  const auto has = [&](const char* name, const char* value) {
    return std::count(head.headers.begin(), head.headers.end(), std::pair<std::string, std::string>{name, value}) == 1;
  };
  EXPECT_TRUE(has("Cache-Control", "no-store"));
  EXPECT_TRUE(has("X-Accel-Buffering", "no"));
  EXPECT_TRUE(ask_to_reconnect({}).headers == head.headers);
}

TEST(EventStreamHead, SaysWhenToComeBackAndWhy) {
  problem reason{problem_code::store_unavailable, "The database does not answer."};
  reason.retry_after = std::chrono::seconds{1};
  const auto answer = ask_to_reconnect(reason);
  EXPECT_EQ(answer.status, 200U);
  EXPECT_EQ(answer.body, "retry: 1000\n: The database does not answer.\n\n");
  EXPECT_EQ(ask_to_reconnect({problem_code::internal, "a\ndata: b\r\n\nc"}).body, "retry: 2000\n: a data: b   c\n\n")
    << "a reason is no event";
}

TEST(EventStreamHead, KeepsErrorsThatNeverChange) {
  for (const auto code : {problem_code::unavailable, problem_code::store_unavailable, problem_code::internal})
    EXPECT_TRUE(time_cures(code));
  for (int i = 0; i <= static_cast<int>(problem_code::http_version_not_supported); ++i) {
    const auto code = static_cast<problem_code>(i);
    EXPECT_TRUE(!time_cures(code) || status_of(code) >= 500) << to_string(code);
  }
}

} // namespace
} // namespace troupe
