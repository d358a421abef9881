#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

/// Conversations over a WebSocket: turns, cancelling, history, and a busy thread.
namespace troupe {

class Chat : public server_test {
protected:
  /// A client in the room of a finished first turn of the bot.
  websocket_client& converse(const std::string& bot = "default") {
    first_ = run_task("first", {{"spec", {{"bot_name", bot}}}, {"created_by", "ann"}, {"name", "talk"}});
    const std::string seen = journal_of(http(), first_.at("id")).back().at("seq").dump();
    client_.emplace(server().port(), task_path(first_) + "/chat?after=" + seen);
    client_->until(of_type("subscribed"));
    return *client_;
  }

  std::vector<json> thread() {
    return list_all(http(), "/api/v1/threads/" + first_.at("thread_id").get<std::string>() + "/messages");
  }

  json first_;

private:
  std::optional<websocket_client> client_;
};

TEST_F(Chat, SendsATurnThatIsAnsweredInTheThread) {
  auto& client = converse();
  client.send({{"type", "chat:send"}, {"message", "second"}, {"metadata", {{"n", 2}}}});
  const auto frames = client.until(of_type("task:completed"));
  EXPECT_EQ(frames.back().at("thread_id"), first_.at("thread_id"));
  EXPECT_NE(frames.back().at("task_id"), first_.at("id"));
  EXPECT_EQ(frames.back().at("data").at("output"), "Echo: second");
  const json second = this->task(frames.back().at("task_id"));
  EXPECT_EQ(second.at("created_by"), "ann");
  EXPECT_EQ(second.at("bot"), "default");
  EXPECT_EQ(second.at("metadata"), json({{"n", 2}}));
  std::vector<std::string> contents;
  for (const auto& message : thread()) {
    contents.push_back(message.at("content"));
  }
  EXPECT_THAT(contents, testing::ElementsAre("first", "Echo: first", "second", "Echo: second"));
}

TEST_F(Chat, CancelsTheRunningTurn) {
  auto& client = converse();
  client.send({{"type", "chat:send"}, {"message", "@words=5000 @pace=20"}});
  client.until(of_type("chat:chunk"));
  client.send({{"type", "chat:cancel"}});
  const auto frames = client.until(of_type("task:cancelled"));
  EXPECT_EQ(this->task(frames.back().at("task_id")).at("status"), "CANCELLED");
  client.send({{"type", "ping"}});
  EXPECT_EQ(client.until(of_type("pong")).size(), 1U) << "nothing follows the end";
}

TEST_F(Chat, ReadsTheHistoryInPages) {
  auto& client = converse();
  client.send({{"type", "history:sync"}});
  const json all = client.until(of_type("history:sync")).back();
  EXPECT_EQ(all.at("items"), json(thread()));
  client.send({{"type", "history:sync"}, {"limit", 1}});
  const json page = client.until(of_type("history:sync")).back();
  ASSERT_EQ(page.at("items").size(), 1U);
  client.send({{"type", "history:sync"}, {"after", page.at("next_cursor")}});
  EXPECT_EQ(client.until(of_type("history:sync")).back().at("items").at(0).at("content"), "Echo: first");
}

TEST_F(Chat, ReadsALongHistoryInPagesOfAMebibyte) {
  auto& client = converse();
  for (int i = 0; i < 4; ++i)
    run_task(std::string(200 * 1024, 'x'), {{"thread_id", first_.at("thread_id")}});
  json items = json::array();
  json after = nullptr;
  int pages = 0;
  do {
    json frame{{"type", "history:sync"}, {"limit", 500}};
    if (!after.is_null())
      frame["after"] = after;
    client.send(frame);
    const json page = client.until(of_type("history:sync")).back();
    EXPECT_LE(page.dump().size(), 1024U * 1024 + 16 * 1024);
    for (const auto& item : page.at("items"))
      items.push_back(item);
    after = page.at("next_cursor");
    ++pages;
  } while (!after.is_null());
  EXPECT_EQ(pages, 2);
  EXPECT_EQ(items, json(thread()));
}

TEST_F(Chat, QueuesATurnBehindABusyOneUnlessToldOtherwise) {
  auto& client = converse();
  client.send({{"type", "chat:send"}, {"message", "@delay=200 slow"}});
  client.until(of_type("task:started"));
  client.send({{"type", "chat:send"}, {"message", "quick"}});
  EXPECT_EQ(client.until(of_type("task:completed")).back().at("data").at("output"), "Echo: slow");
  EXPECT_EQ(client.until(of_type("task:completed")).back().at("data").at("output"), "Echo: quick");
}

TEST_F(Chat, RejectsATurnWhileBusyIfTheBotSaysSo) {
  put_bot("shy", {{"on_busy", "reject"}});
  auto& client = converse("shy");
  client.send({{"type", "chat:send"}, {"message", "@delay=60000 slow"}});
  client.until(of_type("task:started"));
  client.send({{"type", "chat:send"}, {"message", "too soon"}});
  const json refused = client.until(of_type("error")).back();
  EXPECT_EQ(refused.at("code"), "thread_busy") << refused;
}

TEST_F(Chat, InterruptsTheRunningTurnIfTheBotSaysSo) {
  put_bot("eager", {{"on_busy", "interrupt"}});
  auto& client = converse("eager");
  client.send({{"type", "chat:send"}, {"message", "@delay=60000 slow"}});
  client.until(of_type("task:started"));
  client.send({{"type", "chat:send"}, {"message", "now"}});
  client.until(of_type("task:cancelled"));
  EXPECT_EQ(client.until(of_type("task:completed")).back().at("data").at("output"), "Echo: now");
}

} // namespace troupe
