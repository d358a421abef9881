#include "tests/e2e/remote_test.hpp"
#include "tests/e2e/stream_clients.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

/// Models that are far away, over real sockets.
namespace troupe {

namespace {

using testing::HasSubstr;

class RemoteModels : public remote_test {};

} // namespace

TEST_F(RemoteModels, OfBothProtocolsAnswer) {
  put_model("remote", {{"price", {{"input_per_million", 1.0}, {"output_per_million", 2.0}}}});
  put_remote_bot("open");
  const auto first = run_with("open", "Hello");
  EXPECT_EQ(first.at("status"), "COMPLETED") << first;
  EXPECT_EQ(first.at("output"), "You said: Hello");
  EXPECT_EQ(first.at("usage").at("input_tokens"), 10);
  EXPECT_EQ(first.at("usage").at("estimated"), false);
  EXPECT_GT(first.at("usage").at("cost"), 0);
  put_model("claude", {{"kind", "anthropic"}});
  put_remote_bot("anthro", {{"model", "claude"}, {"system_prompt", "Be brief."}});
  const auto second = run_with("anthro", "Hello");
  EXPECT_EQ(second.at("status"), "COMPLETED") << second;
  EXPECT_EQ(second.at("output"), "You said: Hello");
  EXPECT_EQ(provider_.requests("/v1/messages").at(0).document.at("system"), "Be brief.");
  expect_whole(http(), second);
}

TEST_F(RemoteModels, GetTheirKeyFromTheEnvironmentOrAFileAndNowhereElse) {
  ::setenv("PROVIDER_TEST_KEY", "sk-secret-of-the-environment", 1);
  restart({"--log-level", "trace"});
  ::unsetenv("PROVIDER_TEST_KEY");
  const auto file = data_dir() / "key";
  std::ofstream{file} << "sk-secret-of-the-file\n";
  put_model("remote", {{"api_key_env", "PROVIDER_TEST_KEY"}});
  put_remote_bot("one");
  run_with("one", "Hello");
  EXPECT_EQ(provider_.requests().back().header("authorization"), "Bearer sk-secret-of-the-environment");
  put_model("other", {{"kind", "anthropic"}, {"api_key_file", file.string()}});
  put_remote_bot("two", {{"model", "other"}});
  run_with("two", "Hello");
  EXPECT_EQ(provider_.requests().back().header("x-api-key"), "sk-secret-of-the-file");
  EXPECT_THAT(http().get("/api/v1/models").body, testing::Not(HasSubstr("sk-secret")));
  EXPECT_THAT(server().output(), testing::Not(HasSubstr("sk-secret")));
}

TEST_F(RemoteModels, StreamToSubscribersWordByWord) {
  put_model("remote");
  put_remote_bot("slow");
  provider_.answer_with([](const seen_request&) { return script::say("one two three four five", 100ms); });
  const auto task = start_with("slow", "Hello");
  websocket_client watcher{server().port(), task_path(task) + "/chat"};
  const auto frames = watcher.until(of_type("task:completed"));
  EXPECT_EQ(streamed_text(frames, 1), "one two three four five");
  EXPECT_GE(std::count_if(frames.begin(), frames.end(), of_type("chat:chunk")), 4);
}

TEST_F(RemoteModels, ReuseTheirConnections) {
  put_model("remote");
  put_remote_bot("quick");
  for (int i = 0; i < 10; ++i)
    run_with("quick", "Hello");
  EXPECT_EQ(provider_.counts().connections_accepted, 1U);
}

TEST_F(RemoteModels, AreGivenTheWholeConversation) {
  put_model("remote");
  put_remote_bot("chatty", {{"system_prompt", "Be brief."}});
  const auto first = run_with("chatty", "one");
  run_task("two", {{"spec", {{"bot_name", "chatty"}}}, {"thread_id", first.at("thread_id")}});
  std::vector<std::string> said;
  const auto asked = provider_.requests().back();
  for (const auto& message : asked.document.at("messages"))
    said.push_back(message.at("role").get<std::string>() + ": " + message.at("content").get<std::string>());
  EXPECT_THAT(said, testing::ElementsAre("system: Be brief.", "user: one", "assistant: You said: one", "user: two"));
}

TEST_F(RemoteModels, ThatBreakOffAreAskedAgain) {
  put_model("remote");
  put_remote_bot("patient");
  provider_.answer_with([](const seen_request& request) {
    switch (request.number_at_path) {
    case 1: return script::status(500, R"({"error":{"message":"oh"}})");
    case 2: return script::cut_after(2);
    default: return script::say("At last.");
    }
  });
  const auto task = run_with("patient", "Hello");
  EXPECT_EQ(task.at("output"), "At last.");
  EXPECT_EQ(task.at("attempt"), 3);
  expect_whole(http(), task);
}

TEST_F(RemoteModels, ThatSendRubbishAreToldSo) {
  put_model("remote");
  put_remote_bot("single", {{"restart", {{"max_attempts", 1}}}});
  provider_.answer_with([](const seen_request& request) {
    return request.number_at_path == 1
             ? script::raw("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: {\"choices\": [\n\n")
             : script::raw("this is no HTTP\r\n\r\n");
  });
  for (int i = 0; i < 2; ++i) {
    const auto task = run_with("single", "Hello");
    EXPECT_EQ(task.at("status"), "FAILED");
    EXPECT_EQ(task.at("error_class"), "transient") << task;
    EXPECT_FALSE(task.at("error").get<std::string>().empty());
  }
}

TEST_F(RemoteModels, ACancelClosesTheConnectionWithinASecondInEveryPhase) {
  put_model("remote");
  put_remote_bot("slow");
  const auto cancel_one = [&](script::reply reply, const std::string& event, std::size_t count) {
    provider_.answer_with([reply](const seen_request&) { return reply; });
    const auto task = start_with("slow", "Hello");
    wait_for_event(task.at("id"), event);
    ASSERT_TRUE(provider_.wait_for_requests(count));
    const auto before = std::chrono::steady_clock::now();
    EXPECT_EQ(http().post(task_path(task) + "/cancel").status, 200U);
    const auto closed = provider_.wait_until_closed(patience, count);
    ASSERT_TRUE(closed);
    EXPECT_LT(closed->closed - before, 1s);
  };
  cancel_one(script::hang(), "chat:start", 1);
  cancel_one(script::hang_after(1), "chat:chunk", 2);
  cancel_one(script::say("one two three four five six seven eight nine ten", 200ms), "chat:chunk", 3);
}

TEST_F(RemoteModels, AFallbackAnswersWhileTheFirstIsDown) {
  put_model("remote", {{"base_url", "http://127.0.0.1:1/v1"}});
  put_model("spare");
  put_remote_bot("careful", {{"fallback_models", {"spare"}}});
  const auto task = run_with("careful", "Hello");
  EXPECT_EQ(task.at("output"), "You said: Hello");
  EXPECT_EQ(task.at("attempt"), 1);
  EXPECT_EQ(http().get(task_path(task) + "/attempts").document().at("items").at(0).at("model"), "spare");
}

TEST_F(RemoteModels, PrivateTargetsAreRefusedUnlessTheyAreAllowed) {
  start();
  put_model("remote");
  put_remote_bot("curious");
  const auto task = run_with("curious", "Hello");
  EXPECT_EQ(task.at("status"), "FAILED");
  EXPECT_EQ(task.at("error_class"), "permanent");
  EXPECT_THAT(task.at("error").get<std::string>(), HasSubstr("--outbound-allow"));
  EXPECT_EQ(provider_.counts().connections_accepted, 0U);
}

TEST_F(RemoteModels, ThrottlingSlowsEverybodyDownAndFailsNobody) {
  put_model("remote");
  put_remote_bot("patient", {{"restart", {{"max_attempts", 1}}}});
  provider_.throttle_for(10s, 2s);
  std::vector<std::string> ids;
  for (int i = 0; i < 200; ++i)
    ids.push_back(start_with("patient", "Hello").at("id"));
  for (const auto& id : ids) {
    const auto task = wait_for_end(http(), id);
    EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  }
  // 200 answers, 200 refusals at most of those that were under way when the first one came, and then one try for each
  // pause that was asked for.
  EXPECT_LE(provider_.counts().requests, 200U + 200U + 10U);
  const auto requests = provider_.requests();
  const auto begin = requests.front().time;
  const auto tries = std::count_if(requests.begin(), requests.end(), [&](const auto& request) {
    return request.time - begin > 1900ms && request.status == 429;
  });
  EXPECT_LE(tries, 10);
}

TEST_F(RemoteModels, LimitsHoldAndAreShown) {
  put_model("remote", {{"limits", {{"concurrency", 3}}}});
  put_remote_bot("patient");
  provider_.answer_with([](const seen_request&) { return script::say("a b c", 50ms); });
  std::vector<std::string> ids;
  for (int i = 0; i < 20; ++i)
    ids.push_back(start_with("patient", "Hello").at("id"));
  ASSERT_TRUE(provider_.wait_for_requests(3));
  const auto state = http().get("/api/v1/models/remote").document().at("state");
  EXPECT_EQ(state.at("breaker"), "closed");
  EXPECT_LE(state.at("active"), 3);
  for (const auto& id : ids)
    EXPECT_EQ(wait_for_end(http(), id).at("status"), "COMPLETED");
  EXPECT_LE(provider_.counts().most_answers_open, 3U);
}

TEST_F(RemoteModels, UsageIsSummedUp) {
  put_model("remote", {{"price", {{"input_per_million", 1000.0}}}});
  put_remote_bot("one");
  const auto task = run_with("one", "Hello");
  run_task("again", {{"spec", {{"bot_name", "one"}}}, {"thread_id", task.at("thread_id")}, {"created_by", "ada"}});
  const auto by_model = http().get("/api/v1/usage?group_by=model").document().at("items");
  ASSERT_EQ(by_model.size(), 1U);
  EXPECT_EQ(by_model.at(0).at("key"), "remote");
  EXPECT_EQ(by_model.at(0).at("attempts"), 2);
  EXPECT_EQ(by_model.at(0).at("usage").at("input_tokens"), 20);
  EXPECT_DOUBLE_EQ(by_model.at(0).at("usage").at("cost").get<double>(), 0.02);
  EXPECT_EQ(http().get("/api/v1/usage?group_by=created_by").document().at("items").size(), 2U);
  const auto thread = http().get("/api/v1/threads/" + task.at("thread_id").get<std::string>()).document();
  EXPECT_EQ(thread.at("tasks"), 2);
  EXPECT_EQ(thread.at("usage").at("input_tokens"), 20);
}

TEST_F(RemoteModels, ABudgetEndsTasksUntilItIsRaised) {
  put_model("remote", {{"price", {{"input_per_million", 1000.0}, {"output_per_million", 1000.0}}}});
  put_remote_bot("frugal", {{"max_tokens", 50}});
  ASSERT_EQ(http().put("/api/v1/namespaces/default/budget", json{{"cost", 0.1}, {"period", "day"}}).status, 201U);
  // A call may take about 0.05, and takes 0.013.
  std::string last;
  for (int i = 0; i < 20 && last != "FAILED"; ++i)
    last = run_with("frugal", "Hello").at("status");
  ASSERT_EQ(last, "FAILED");
  const auto refused = run_with("frugal", "Hello");
  EXPECT_EQ(refused.at("error_class"), "budget_exceeded") << refused;
  const auto budget = http().get("/api/v1/namespaces/default/budget").document();
  EXPECT_GT(budget.at("spent").at("cost"), 0.04);
  EXPECT_LE(budget.at("spent").at("cost"), 0.1);
  EXPECT_EQ(budget.at("reserved").at("cost"), 0);
  ASSERT_EQ(http().put("/api/v1/namespaces/default/budget", json{{"cost", 10}, {"period", "day"}}).status, 200U);
  ASSERT_EQ(http().post(task_path(refused) + "/retry").status, 202U);
  EXPECT_EQ(wait_for_end(http(), refused.at("id")).at("status"), "COMPLETED");
  EXPECT_EQ(http().remove("/api/v1/namespaces/default/budget").status, 204U);
}

} // namespace troupe
