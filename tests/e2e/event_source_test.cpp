#include "tests/e2e/server_test.hpp"
#include "tests/providers/event_source.hpp"

/// A real EventSource, which any status but 200 ends for good: Yaffle/EventSource#88,
/// EventSource/eventsource#60. That the database is away is tested in cluster/.
namespace troupe {

namespace {

class EventSource : public server_test {};

} // namespace

TEST_F(EventSource, ComesBackToAServerThatWasStartedAgain) {
  TROUPE_NEEDS(event_source_client);
  start({"--drain-timeout", "0"});
  const auto port = server().port();
  const json task = start_task("@words=60 @pace=50");
  event_source_client client{port, task_path(task) + "/events"};
  client.wait_for("open");
  wait_for_event(task.at("id"), "chat:chunk");
  server().signal(SIGTERM);
  client.wait_for("lost");
  EXPECT_EQ(server().wait(), 0);
  start({"--http-port", std::to_string(port)});
  client.wait_for("finished");
  EXPECT_EQ(client.count("closed"), 0) << client.output();
  EXPECT_GT(client.count("open"), 1);
  EXPECT_EQ(client.events(), journal_of(http(), task.at("id")));
}

TEST_F(EventSource, IsToldOfWhatNeverChanges) {
  TROUPE_NEEDS(event_source_client);
  event_source_client unknown{server().port(), "/api/v1/tasks/0190a7a0-0000-7000-8000-000000000000/events"};
  unknown.wait_for("closed");
  event_source_client unreadable{server().port(), "/api/v1/tasks/x/events"};
  unreadable.wait_for("closed");
  EXPECT_EQ(unknown.count("open") + unreadable.count("open"), 0);
}

TEST_F(EventSource, IsNotAskedBackWhenTheRunHasEnded) {
  TROUPE_NEEDS(event_source_client);
  const json task = run_task("Hello");
  event_source_client client{server().port(), task_path(task) + "/events?after=1000"};
  client.wait_for("closed");
  EXPECT_THAT(client.output(), testing::HasSubstr("204"));
}

} // namespace troupe
