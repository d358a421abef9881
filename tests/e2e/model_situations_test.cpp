#include "tests/e2e/remote_test.hpp"

#include <gmock/gmock.h>

#include <string>

/// What providers really do, seen from outside: over sockets, the API and the command line.
/// The shapes themselves, and where they were seen, are the inner rings'
/// (unit/actors/providers, actors/model_answers_test).
namespace troupe {

namespace {

using testing::HasSubstr;

class ModelSituations : public remote_test {
protected:
  finished_run troupe(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--http-port", std::to_string(server().port())});
    return run_troupe(arguments);
  }
};

/// A stream of chat completions, written out.
script::reply stream_of(const std::vector<std::string>& chunks, const std::string& type = "text/event-stream") {
  std::string body;
  for (const auto& chunk : chunks)
    body += "data: " + chunk + "\n\n";
  return script::status(200, body + "data: [DONE]\n\n", {{"Content-Type", type}});
}

} // namespace

TEST_F(ModelSituations, AnAnswerThatIsCutSaysSoWhereverItIsSeen) {
  put_model("remote");
  put_remote_bot("short");
  provider_.answer_with([](const seen_request&) {
    auto reply = script::say("one two three");
    reply.finish_reason = "length";
    return reply;
  });
  const auto task = run_with("short", "Hello");
  EXPECT_EQ(task.at("status"), "COMPLETED");
  EXPECT_EQ(task.at("finish_reason"), "length");
  EXPECT_EQ(http().get(task_path(task) + "/attempts").document().at("items").at(0).at("finish_reason"), "length");
  const auto shown = troupe({"task", "run", "--bot", "short", "Hello"});
  EXPECT_EQ(shown.exit_code, 0);
  EXPECT_THAT(shown.output, HasSubstr("The answer is cut: it reached a limit of tokens"));
  EXPECT_THAT(troupe({"task", "get", task.at("id")}).output, HasSubstr("length"));
}

TEST_F(ModelSituations, WhatAModelRefusesIsShownWithIt) {
  put_model("remote");
  put_remote_bot("thrifty", {{"max_tokens", 50}});
  provider_.answer_with([](const seen_request& request) {
    if (request.document.contains("max_tokens"))
      return script::status(
        400, R"({"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. )"
             R"(Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}})");
    return script::say("fine");
  });
  EXPECT_TRUE(http().get("/api/v1/models/remote").document().at("state").at("learnt").empty());
  const auto task = run_with("thrifty", "Hello");
  EXPECT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("attempt"), 1);
  EXPECT_EQ(http().get("/api/v1/models/remote").document().at("state").at("learnt"), json({"max_completion_tokens"}));
  run_with("thrifty", "Hello");
  EXPECT_EQ(provider_.requests("/v1/chat/completions").size(), 3U);
}

TEST_F(ModelSituations, IntegersOfAnySizeArriveAsTheyWereWritten) {
  put_model("remote");
  put_remote_bot("clerk", {{"tools",
                            {{{"type", "http"},
                              {"name", "pay"},
                              {"description", "Pays."},
                              {"url", provider_.url("/pay/{wei}")},
                              {"parameters", {{"type", "object"}}},
                              {"requires_approval", true}}}}});
  const std::string wei = "1000000000000000000001";
  provider_.answer_with([&](const seen_request& request) {
    if (request.addressed_to() == endpoint::tool)
      return script::status(200, R"({"paid":)" + wei + "}", {{"Content-Type", "application/json"}});
    if (!request.last_tool_results().empty())
      return script::say("paid");
    return stream_of(
      {R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"pay","arguments":"{\"wei\":)"
         + wei + R"(,\"note\":12345678901234567890123}"}}]}}]})",
       R"({"choices":[{"delta":{},"finish_reason":"tool_calls"}]})"});
  });
  for (const bool edited : {false, true}) {
    const auto started = start_with("clerk", "Pay it");
    wait_for_event(started.at("id"), "approval:requested");
    EXPECT_THAT(http().get(task_path(started) + "/approvals").body, HasSubstr(R"("wei":)" + wei));
    // Written out, since the test's own JSON library would round it.
    const std::string decision = edited ? R"({"decision":"approve","arguments":{"wei":)" + wei + R"(,"note":7}})"
                                        : std::string{R"({"decision":"approve"})"};
    const auto decided = http().send("POST", task_path(started) + "/approvals/call_1", decision);
    EXPECT_EQ(decided.status, 200) << decided.body;
    EXPECT_EQ(wait_for_end(http(), started.at("id")).at("status"), "COMPLETED");
    const auto sent = provider_.requests("/pay/" + wei);
    ASSERT_FALSE(sent.empty());
    EXPECT_EQ(sent.back().body, edited ? R"({"note":7})" : R"({"note":12345678901234567890123})");
    EXPECT_THAT(provider_.requests("/v1/chat/completions").back().body, HasSubstr(wei + "}"));
  }
}

TEST_F(ModelSituations, AThreadGoesOnBehindATurnThatFailed) {
  put_model("remote");
  put_remote_bot("strict");
  provider_.answer_with([](const seen_request& request) {
    const auto& messages = request.document.at("messages");
    for (std::size_t i = 1; i < messages.size(); ++i)
      if (messages[i]["role"] == messages[i - 1]["role"] && messages[i]["role"] != "tool")
        return script::status(400, R"({"error":{"message":"Conversation roles must alternate user/assistant"}})");
    return request.number_at_path == 1 ? script::status(400, R"({"error":{"message":"bad luck"}})") : script::say("ok");
  });
  const auto failed = run_with("strict", "One");
  EXPECT_EQ(failed.at("status"), "FAILED");
  for (const auto* input : {"Two", "Three"})
    EXPECT_EQ(run_task(input, {{"spec", {{"bot_name", "strict"}}}, {"thread_id", failed.at("thread_id")}}).at("status"),
              "COMPLETED");
}

TEST_F(ModelSituations, MoreThanOneAnswerCannotBeAskedFor) {
  for (const json& parameters : {json{{"n", 2}}, json{{"best_of", 3}}, json{{"n", "1"}}}) {
    const auto refused = http().put(
      "/api/v1/models/two",
      {{"kind", "openai"}, {"base_url", provider_.url("/v1")}, {"model", "m"}, {"parameters", parameters}});
    EXPECT_EQ(refused.status, 422) << refused.body;
    EXPECT_THAT(refused.body, HasSubstr("a task has one answer"));
  }
  put_model("one", {{"parameters", {{"n", 1}}}});
}

} // namespace troupe
