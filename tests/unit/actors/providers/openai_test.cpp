#include "tests/unit/actors/providers/openai_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using namespace chat_completions;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

} // namespace

TEST(OpenaiRequest, AsksForAStream) {
  conversation talk;
  talk.add(message_role::user, "Hello");
  const auto request = talk.request();
  EXPECT_EQ(request.method, "POST");
  EXPECT_EQ(request.url, "https://host/v1/chat/completions");
  EXPECT_EQ(json::parse(request.body), json::parse(R"({"model":"gpt","stream":true,
    "stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hello"}]})"));
}

TEST(OpenaiRequest, CarriesTheBotsSettings) {
  conversation talk;
  talk.bot.system_prompt = "Be brief.";
  talk.bot.temperature = 0.5;
  talk.bot.max_tokens = 100;
  const auto body = talk.body();
  EXPECT_EQ(body["messages"][0], json::parse(R"({"role":"system","content":"Be brief."})"));
  EXPECT_EQ(body["temperature"], 0.5);
  EXPECT_EQ(body["max_tokens"], 100);
}

TEST(OpenaiRequest, TakesTheModelsParametersLast) {
  conversation talk;
  talk.bot.max_tokens = 100;
  talk.bot.temperature = 1;
  talk.model.parameters = R"({"max_tokens":null,"max_completion_tokens":1000,"temperature":0,"top_p":0.9,"none":null})";
  const auto body = talk.body();
  EXPECT_FALSE(body.contains("max_tokens"));
  EXPECT_FALSE(body.contains("none"));
  EXPECT_EQ(body["max_completion_tokens"], 1000);
  EXPECT_EQ(body["temperature"], 0);
  EXPECT_EQ(body["top_p"], 0.9);
}

TEST(OpenaiRequest, ShowsCallsAndTheirResults) {
  conversation talk;
  talk.add(message_role::user, "What time is it?");
  auto& intent = talk.add(message_role::assistant, "");
  intent.tool_calls = {{"c1", "add", R"({"a": 1})"}, {"c2", "now", ""}};
  auto& first = talk.add(message_role::tool, R"({"sum":2})");
  first.call_id = "c1";
  first.tool = "add";
  talk.add(message_role::tool, R"("noon \u2600")").call_id = "c2";
  talk.add(message_role::assistant, "It is noon.");
  talk.add(message_role::user, "\xff");
  const auto messages = talk.body()["messages"];
  ASSERT_EQ(messages.size(), 6U);
  const auto& calls = messages[1]["tool_calls"];
  EXPECT_EQ(messages[1]["content"], nullptr);
  EXPECT_EQ(calls[0]["type"], "function");
  EXPECT_EQ(calls[0]["function"], json::parse(R"j({"name":"add","arguments":"{\"a\": 1}"})j"));
  EXPECT_EQ(calls[1]["function"]["arguments"], "{}");
  EXPECT_EQ(messages[2], json({{"role", "tool"}, {"content", R"({"sum":2})"}, {"tool_call_id", calls[0]["id"]}}));
  EXPECT_EQ(messages[3], json({{"role", "tool"}, {"content", "noon ☀"}, {"tool_call_id", calls[1]["id"]}}));
  EXPECT_EQ(messages[4], json({{"role", "assistant"}, {"content", "It is noon."}}));
  EXPECT_EQ(messages[5]["content"], "\xef\xbf\xbd");
}

TEST(OpenaiRequest, DefinesTools) {
  conversation talk;
  talk.tools = {{"now", "", ""},
                {"add", "Adds.", R"({"type":"object","properties":{"a":{}},"required":["a"]})"},
                {"odd", "", "[1"}};
  EXPECT_EQ(talk.body()["tools"], json::parse(R"([
    {"type":"function","function":{"name":"now","parameters":{"type":"object","properties":{}}}},
    {"type":"function","function":{"name":"add","description":"Adds.",
      "parameters":{"type":"object","properties":{"a":{}},"required":["a"]}}},
    {"type":"function","function":{"name":"odd","parameters":{"type":"object","properties":{}}}}])"));
}

// earendil-works/pi#149: strict gateways refuse calls in a request without tools.
TEST(OpenaiRequest, NamesToolsThatTheBotDoesNotHaveAnyMore) {
  conversation talk;
  talk.add(message_role::user, "go");
  talk.add(message_role::assistant, "").tool_calls = {{"c1", "add", "{}"}, {"c2", "add", "{}"}, {"c3", "no.w", "{}"}};
  talk.add(message_role::tool, "1").call_id = "c1";
  const auto body = talk.body();
  ASSERT_EQ(body["tools"].size(), 2U);
  EXPECT_EQ(body["tools"][0]["function"]["name"], "add");
  EXPECT_EQ(body["tools"][1]["function"]["name"], body["messages"][1]["tool_calls"][2]["function"]["name"]);
  talk.tools = {{"other", "", ""}};
  EXPECT_EQ(talk.body()["tools"].size(), 1U);
}

TEST(OpenaiRequest, CarriesTheKey) {
  const conversation talk;
  EXPECT_THAT(talk.request("k1").headers,
              ElementsAre(std::pair{"Accept"s, "text/event-stream"s}, std::pair{"Content-Type"s, "application/json"s},
                          std::pair{"Authorization"s, "Bearer k1"s}));
  EXPECT_EQ(talk.request().headers.size(), 2U);
}

TEST(OpenaiRequest, PrefersTheModelsHeaders) {
  conversation talk;
  talk.model.headers = {{"authorization", "Basic x"}, {"X-Title", "t"}, {"ACCEPT", "*/*"}};
  EXPECT_THAT(talk.request("k1").headers,
              ElementsAre(std::pair{"Content-Type"s, "application/json"s}, std::pair{"authorization"s, "Basic x"s},
                          std::pair{"X-Title"s, "t"s}, std::pair{"ACCEPT"s, "*/*"s}));
}

// -- answers in one piece -------------------------------------------------------

TEST(OpenaiWhole, IsReadLikeAStream) {
  provider_answer answer;
  EXPECT_FALSE(
    openai.read_whole(R"({"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","refusal":null,
    "tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],
    "usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})",
                      answer));
  EXPECT_EQ(answer.text, "Hi");
  EXPECT_THAT(answer.calls, ElementsAre(call("a", "f", "{}")));
  EXPECT_EQ(answer.finish_reason, "tool_calls");
  EXPECT_EQ(answer.input_tokens, 1);
  EXPECT_EQ(answer.output_tokens, 2);
}

TEST(OpenaiWhole, FailsIfItIsNone) {
  const auto failure = [](std::string_view body) {
    provider_answer answer;
    const auto failed = openai.read_whole(body, answer);
    EXPECT_TRUE(failed);
    EXPECT_EQ(answer.text, "");
    return failed.value_or(provider_failure{});
  };
  EXPECT_EQ(failure("Hello\n<p>").error, "The provider sent an answer that is no JSON: Hello <p>.");
  // atopos31/llmio#42, Mintplex-Labs/anything-llm#2900: a wrong base_url answers with its pages.
  const auto page = failure("<html>\n<title>Sign in</title><p>Hello");
  EXPECT_EQ(page.kind, error_class::permanent);
  EXPECT_THAT(page.error, StartsWith("The provider answered with a web page, 'Sign in', and not with JSON"));
  EXPECT_EQ(failure("").error, "The provider sent an answer that is no JSON.");
  for (const auto* body : {"{}", R"({"choices":[]})", R"({"choices":[{}]})", R"({"choices":"x"})"})
    EXPECT_EQ(failure(body).error, "The provider sent an answer without a message.");
  EXPECT_EQ(failure(R"({"error":{"message":"m","code":401}})").kind, error_class::permanent);
  EXPECT_EQ(failure(R"({"choices":[{"message":{"content":"","refusal":"No."}}]})").kind, error_class::permanent);
}

// -- error statuses -------------------------------------------------------------

TEST(OpenaiFailure, SaysWhatTheProviderSaid) {
  const auto error = [](std::string_view body) { return failure_of(404, body).error; };
  for (const auto* body :
       {R"({"error":{"message":"No such model","type":"invalid_request_error","code":"model_not_found"}})",
        R"({"error":"No such model"})", R"({"message":"No such model."})", R"({"detail":"No such model"})",
        R"([{"error":{"code":404,"message":"No such model","status":"NOT_FOUND"}}])", "No such model\n",
        R"({"error":{"code":"No such model"}})", R"({"detail":[{"msg":"No such model"}]})"})
    EXPECT_EQ(error(body), "The provider answered 404: No such model.") << body;
  EXPECT_EQ(error(R"({"detail":[{"loc":["body","model"],"msg":"Field required"}]})"),
            "The provider answered 404: model: Field required.");
  for (const auto* body : {"", "{}", " \n", R"({"error":{}})", R"({"error":[]})", "[]"})
    EXPECT_EQ(error(body), "The provider answered 404.") << body;
  // earendil-works/pi#6239: of a proxy's page its title is enough.
  EXPECT_EQ(error("<html><head><title>example.com | 524: A timeout occurred</title>" + std::string(1000, 'x')),
            "The provider answered 404: a web page, 'example.com | 524: A timeout occurred'.");
  EXPECT_EQ(error("<!DOCTYPE html>" + std::string(1000, 'x')), "The provider answered 404: a web page.");
  EXPECT_LT(error(std::string(1000, 'x')).size(), 340U);
}

// QwenLM/qwen-code#73 (402), earendil-works/pi#9627 (520), echoVic/orca-agent#68 (522), a proxy's 499.
TEST(OpenaiFailure, IsOfTheClassOfItsStatus) {
  for (const auto status : {408U, 409U, 425U, 499U, 500U, 502U, 503U, 504U, 520U, 522U, 524U, 530U})
    EXPECT_EQ(failure_of(status, "").kind, error_class::transient) << status;
  for (const auto status : {400U, 401U, 402U, 403U, 404U, 413U, 422U})
    EXPECT_EQ(failure_of(status, "").kind, error_class::permanent) << status;
}

// earendil-works/pi#129, #5677, #4943; antirez/ds4#150: many words for a prompt that is too long, under any status.
TEST(OpenaiFailure, KnowsThatAPromptIsTooLong) {
  for (const std::string said :
       {R"({"error":{"message":"too many","code":"context_length_exceeded"}})",
        R"({"error":{"message":"Input length (265330) exceeds model's maximum context length (262144)."}})",
        R"({"error":{"message":"This exceeds the maximum allowed input length"}})",
        R"({"error":{"message":"n_prompt_tokens","type":"exceed_context_size_error"}})",
        R"({"error":{"message":"prompt is too long: 213462 tokens > 200000 maximum"}})"})
    for (const auto status : {400U, 413U, 500U}) {
      EXPECT_EQ(failure_of(status, said).kind, error_class::permanent) << said;
      EXPECT_THAT(failure_of(status, said).error, StartsWith("The conversation is longer")) << said;
    }
  EXPECT_EQ(failure_of(429, R"({"error":{"message":"Too many tokens, please wait before trying again."}})").kind,
            error_class::throttled);
}

// mostlygeek/llama-swap#146: a model takes a minute to load, and no attempt is to be charged for that.
TEST(OpenaiFailure, WaitsForAModelThatIsBeingLoaded) {
  EXPECT_EQ(failure_of(503, R"({"error":{"code":503,"message":"Loading model","type":"unavailable_error"}})").kind,
            error_class::throttled);
  EXPECT_EQ(failure_of(503, R"({"error":"The model is loading, try later"})").kind, error_class::throttled);
  EXPECT_EQ(failure_of(404, R"({"error":"No models loaded. Please load a model."})").kind, error_class::permanent);
}

// huggingface/smolagents#1119, run-llama/llama_index#18971 (Groq): the model's dice and not the request's fault.
TEST(OpenaiFailure, TriesAgainWhereAModelWroteACallBadly) {
  EXPECT_EQ(failure_of(400, R"({"error":{"message":"Failed to call a function.","code":"tool_use_failed"}})").kind,
            error_class::transient);
  EXPECT_EQ(failure_of(400, R"({"error":{"message":"Failed to parse tool call"}})").kind, error_class::transient);
  EXPECT_EQ(read_chunks({R"({"error":{"message":"x","code":"tool_use_failed","type":"invalid_request_error"}})"})
              .failure.value()
              .kind,
            error_class::transient);
  EXPECT_EQ(read_chunks({finish("malformed_function_call")}).closed.value().kind, error_class::transient);
}

// infiniflow/ragflow#17292, ENTERPILOT/GoModel#640 (MiniMax), BerriAI/litellm#27823 (a status as text).
TEST(OpenaiFailure, ReadsErrorsUnderAGoodStatus) {
  const auto kind_of = [](const std::string& body) {
    provider_answer answer;
    const auto whole = openai.read_whole(body, answer);
    EXPECT_TRUE(whole) << body;
    EXPECT_EQ(read_chunks({body}).failure.value_or(provider_failure{error_class::cancelled, "", {}}).kind,
              whole.value_or(provider_failure{}).kind)
      << body;
    return whole.value_or(provider_failure{}).kind;
  };
  EXPECT_EQ(kind_of(R"({"base_resp":{"status_code":1002,"status_msg":"rate limit"},"choices":null})"),
            error_class::throttled);
  EXPECT_EQ(kind_of(R"({"base_resp":{"status_code":1008,"status_msg":"balance"},"choices":null})"),
            error_class::permanent);
  EXPECT_EQ(kind_of(R"({"base_resp":{"status_code":1000,"status_msg":"unknown"}})"), error_class::transient);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":"429","type":"None"}})"), error_class::throttled);
  EXPECT_EQ(kind_of(R"({"error":{"message":"m","code":"400"}})"), error_class::permanent);
  provider_answer fine;
  EXPECT_FALSE(openai.read_whole(
    R"({"base_resp":{"status_code":0,"status_msg":""},"choices":[{"message":{"content":"Hi"}}]})", fine));
}

TEST(OpenaiFailure, HoldsNoKey) {
  const auto error = [](std::string_view text) { return failure_of(401, text).error; };
  EXPECT_EQ(error(R"({"error":{"message":"Incorrect API key provided: sk-proj-ab**_yz12. See https://x/keys."}})"),
            "The provider answered 401: Incorrect API key provided: sk-\xe2\x80\xa6. See https://x/keys.");
  EXPECT_EQ(error("bad (Authorization: bearer abc123.DEF/456=)"),
            "The provider answered 401: bad (Authorization: bearer \xe2\x80\xa6).");
  EXPECT_EQ(error("Bearer authentication is needed for this task-specific-model"),
            "The provider answered 401: Bearer authentication is needed for this task-specific-model.");
  for (const auto* key : {"sk-0123456789", "gsk_0123456789", "AIza0123456789", "SK-0123456789"})
    EXPECT_THAT(error("Key='"s + key + "' is wrong"), Not(HasSubstr("0123456789"))) << key;
}

TEST(OpenaiFailure, HasTheClassOfItsStatus) {
  EXPECT_EQ(failure_of(401, "").kind, error_class::permanent);
  EXPECT_EQ(failure_of(408, "").kind, error_class::transient);
  EXPECT_EQ(failure_of(429, "").kind, error_class::throttled);
  EXPECT_EQ(failure_of(500, "").kind, error_class::transient);
}

TEST(OpenaiFailure, IsThrottledIfAServerErrorSaysHowLong) {
  for (const unsigned status : {429U, 500U, 503U, 529U}) {
    const auto failure = failure_of(status, "", {{"retry-after", "3"}});
    EXPECT_EQ(failure.kind, error_class::throttled) << status;
    EXPECT_EQ(failure.retry_after, 3s) << status;
  }
  EXPECT_EQ(failure_of(500, "", {{"retry-after", "soon"}}).kind, error_class::transient);
  for (const unsigned status : {400U, 401U, 404U, 408U}) {
    const auto failure = failure_of(status, "", {{"retry-after", "3"}});
    EXPECT_EQ(failure.kind, failure_of(status, "").kind) << status;
    EXPECT_FALSE(failure.retry_after) << status;
  }
}

TEST(OpenaiFailure, IsPermanentIfTheQuotaIsUsedUp) {
  for (const auto* body : {R"({"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}})",
                           R"({"error":{"message":"m","code":"billing_hard_limit_reached"}})"}) {
    const auto failure = failure_of(429, body, {{"retry-after", "3"}});
    EXPECT_EQ(failure.kind, error_class::permanent);
    EXPECT_FALSE(failure.retry_after);
  }
}

TEST(OpenaiFailure, SaysThatTheConversationIsTooLong) {
  const auto failure = failure_of(400, R"({"error":{"message":"Too long.","code":"context_length_exceeded"}})");
  EXPECT_EQ(failure.kind, error_class::permanent);
  EXPECT_EQ(failure.error, "The conversation is longer than the model can read; lower the bot's context_tokens. "
                           "The provider answered 400: Too long.");
}

} // namespace troupe
