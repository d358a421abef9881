#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

/// Server-sent events: the journal as a stream of text.
namespace troupe {

class ServerSentEvents : public server_test {
protected:
  sse_client follow(const json& task, const header_list& headers = {}) {
    return sse_client{server().port(), task_path(task) + "/events", headers};
  }
};

TEST_F(ServerSentEvents, CarryTheJournalWithItsNumbersAsIds) {
  const json task = run_task("Hello");
  auto stream = follow(task);
  EXPECT_EQ(stream.head().status, 200U);
  EXPECT_TRUE(stream.head().header("Content-Type").starts_with("text/event-stream"));
  for (const auto& expected : journal_of(http(), task.at("id"))) {
    const auto event = stream.next();
    ASSERT_TRUE(event);
    EXPECT_EQ(event->id, expected.at("seq").dump());
    EXPECT_EQ(event->event, expected.at("type"));
    EXPECT_EQ(json::parse(event->data), expected);
  }
}

TEST_F(ServerSentEvents, ReplayAndGoOnLive) {
  const json task = start_task("@words=60 @pace=10");
  wait_for_event(task.at("id"), "chat:chunk");
  auto stream = follow(task);
  const auto frames = stream.until(is_terminal_event);
  EXPECT_EQ(frames, journal_of(http(), task.at("id")));
}

TEST_F(ServerSentEvents, GoOnBehindTheLastOneThatTheClientHas) {
  const json task = run_task("Hello");
  const auto journal = journal_of(http(), task.at("id"));
  auto stream = follow(task, {{"Last-Event-ID", "3"}});
  const auto frames = stream.until(is_terminal_event);
  EXPECT_EQ(frames, std::vector<json>(journal.begin() + 3, journal.end()));
}

TEST_F(ServerSentEvents, ReachAClientThatReconnectsExactlyOnce) {
  const json task = start_task("@words=150 @pace=10");
  std::vector<json> seen;
  int connections = 0;
  while (seen.empty() || !is_terminal_event(seen.back())) {
    ASSERT_LT(++connections, 1000);
    auto stream
      = follow(task, seen.empty() ? header_list{} : header_list{{"Last-Event-ID", seen.back().at("seq").dump()}});
    for (int i = 0; i < 3; ++i) {
      const auto event = stream.next();
      if (!event) {
        break;
      }
      seen.push_back(json::parse(event->data));
    }
  }
  EXPECT_GT(connections, 3);
  EXPECT_EQ(seen, journal_of(http(), task.at("id")));
}

TEST_F(ServerSentEvents, AreAnsweredWithTheirHeadAloneWhereOnlyThatIsAsked) {
  const json task = start_task("@delay=3600000");
  // The connection is free for the next request, though the task runs for hours.
  const auto reply
    = exchange_bytes(server().port(), "HEAD " + task_path(task)
                                        + "/events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n"
                                          "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_EQ(count_answers(reply.bytes), 2U) << reply.bytes;
  for (const auto* line : {"Content-Type: text/event-stream\r\n", "X-Accel-Buffering: no\r\n",
                           "Cache-Control: no-store\r\n", R"({"status":"ok"})"})
    EXPECT_THAT(reply.bytes, testing::HasSubstr(line));
  EXPECT_THAT(reply.bytes, testing::Not(testing::HasSubstr("journal")));
}

TEST_F(ServerSentEvents, AreNotForAClientThatRefusesThem) {
  const json task = run_task("Hello");
  for (const auto* accept : {"text/event-stream;q=0, */*", "application/json, text/event-stream;q=0.5"}) {
    const auto reply = http().get(task_path(task) + "/events", {{"Accept", accept}});
    EXPECT_EQ(reply.document().at("items").size(), journal_of(http(), task.at("id")).size()) << accept;
  }
  const auto capitals = http().get(task_path(task) + "/events", {{"Accept", "Text/Event-Stream"}});
  EXPECT_THAT(capitals.body, testing::StartsWith(": journal\n\nid: 1\n"));
}

TEST_F(ServerSentEvents, RefuseAnIdThatIsNone) {
  const json task = create("Hello");
  const auto reply
    = http().get(task_path(task) + "/events", {{"Accept", "text/event-stream"}, {"Last-Event-ID", "yesterday"}});
  expect_problem(reply, 400, "invalid_header");
}

TEST_F(ServerSentEvents, OfAnUnknownTaskAreNotFound) {
  const auto reply
    = http().get("/api/v1/tasks/0190a7a0-0000-7000-8000-000000000000/events", {{"Accept", "text/event-stream"}});
  expect_problem(reply, 404, "not_found");
}

} // namespace troupe
