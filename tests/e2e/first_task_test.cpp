#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"

/// A fresh server and the first things that anybody does with it.
namespace troupe {

using FirstTask = server_test;
using testing::ElementsAre;

TEST_F(FirstTask, AFreshServerIsAliveAndReady) {
  EXPECT_EQ(http().get("/healthz").status, 200U);
  EXPECT_EQ(http().get("/readyz").status, 200U);
}

TEST_F(FirstTask, IsCreatedExecutedAndAnsweredWithoutAnySetUp) {
  const auto created = http().post("/api/v1/tasks", {{"input", "Hello, Troupe"}});
  ASSERT_EQ(created.status, 201U) << created.body;
  const json task = created.document();
  EXPECT_EQ(task.at("status"), "PENDING");
  EXPECT_EQ(task.at("namespace"), "default");
  EXPECT_EQ(task.at("bot"), "default");
  EXPECT_EQ(task.at("thread_id"), task.at("id"));
  EXPECT_EQ(task.at("attempt"), 0);
  EXPECT_TRUE(task.at("output").is_null());
  EXPECT_EQ(created.header("Location"), task_path(task));

  const auto executed = http().post(created.header("Location") + "/execute");
  ASSERT_EQ(executed.status, 200U) << executed.body;
  const json answered = executed.document();
  EXPECT_EQ(answered.at("id"), task.at("id"));
  EXPECT_EQ(answered.at("status"), "COMPLETED");
  EXPECT_EQ(answered.at("output"), "Echo: Hello, Troupe");
  EXPECT_EQ(answered.at("attempt"), 1);
  EXPECT_GT(answered.at("usage").at("output_tokens"), 0);
  EXPECT_FALSE(answered.at("node").get<std::string>().empty());
  EXPECT_EQ(http().get(task_path(task)).document(), answered);
  expect_whole(http(), answered);
}

TEST_F(FirstTask, TellsItsWholeStoryInTheJournal) {
  const json task = run_task("Hello");
  const auto journal = journal_of(http(), task.at("id"));
  EXPECT_THAT(types_of(journal), ElementsAre("task:created", "task:queued", "task:started", "chat:start", "chat:chunk",
                                             "chat:done", "task:completed"));
  EXPECT_EQ(streamed_text(journal, 1), "Echo: Hello");
  for (const auto& entry : journal) {
    EXPECT_EQ(entry.at("task_id"), task.at("id"));
    EXPECT_EQ(entry.at("thread_id"), task.at("thread_id"));
    EXPECT_EQ(entry.at("namespace"), "default");
  }
  EXPECT_EQ(journal.back().at("data").at("output"), "Echo: Hello");
  for (const auto* tokens : {"input_tokens", "output_tokens"})
    EXPECT_EQ(journal.back().at("data").at("usage").at(tokens), task.at("usage").at(tokens));
}

TEST_F(FirstTask, LeavesItsConversationAsMessages) {
  const json task = run_task("Hello");
  for (const std::string& path : {task_path(task), "/api/v1/threads/" + task.at("thread_id").get<std::string>()}) {
    const auto messages = list_all(http(), path + "/messages");
    ASSERT_EQ(messages.size(), 2U) << path;
    EXPECT_EQ(messages[0].at("role"), "user");
    EXPECT_EQ(messages[0].at("content"), "Hello");
    EXPECT_EQ(messages[1].at("role"), "assistant");
    EXPECT_EQ(messages[1].at("content"), "Echo: Hello");
  }
}

TEST_F(FirstTask, KeepsEveryMemberThatTheClientGave) {
  const json members{{"name", "a name"},
                     {"created_by", "ann"},
                     {"metadata", {{"ticket", 17}, {"nested", {{"deep", true}}}}},
                     {"spec", {{"bot_name", "default"}}},
                     {"priority", 3}};
  const json task = create("Grüße, 世界 🎭", members);
  for (const auto& [name, value] : members.items()) {
    EXPECT_EQ(task.at(name), value);
  }
  EXPECT_EQ(task.at("input"), "Grüße, 世界 🎭");
  EXPECT_EQ(this->task(task.at("id")), task);
}

TEST_F(FirstTask, IsTaggedSoThatItNeedNotBeReadTwice) {
  const json task = create("Hello");
  const auto first = http().get(task_path(task));
  const std::string tag = first.header("ETag");
  ASSERT_FALSE(tag.empty());
  const auto again = http().get(task_path(task), {{"If-None-Match", tag}});
  EXPECT_EQ(again.status, 304U);
  EXPECT_TRUE(again.body.empty());
  EXPECT_EQ(again.header("ETag"), tag);

  http().post(task_path(task) + "/execute");
  const auto changed = http().get(task_path(task), {{"If-None-Match", tag}});
  EXPECT_EQ(changed.status, 200U);
  EXPECT_NE(changed.header("ETag"), tag);
}

TEST_F(FirstTask, SurvivesARestartOfTheServer) {
  const json task = run_task("Hello");
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0);
  start();
  EXPECT_EQ(this->task(task.at("id")), task);
}

TEST_F(FirstTask, AnswersThatAreLongStreamAndStoreWhole) {
  const json task = run_task("@words=20000");
  ASSERT_EQ(task.at("status"), "COMPLETED") << task;
  const auto journal = journal_of(http(), task.at("id"));
  EXPECT_EQ(streamed_text(journal, 1), task.at("output"));
}

} // namespace troupe
