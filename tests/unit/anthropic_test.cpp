#include "actors/providers/anthropic.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <string>
#include <vector>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

// -- requests -----------------------------------------------------------------

message_record said(message_role role, std::string content, std::uint8_t of_task = 1) {
  message_record message;
  message.task_id.bytes[15] = of_task;
  message.role = role;
  message.content = std::move(content);
  return message;
}

message_record user(std::string content, std::uint8_t of_task = 1) {
  return said(message_role::user, std::move(content), of_task);
}

message_record assistant(std::string content, std::vector<tool_call> calls = {}, std::uint8_t of_task = 1) {
  auto message = said(message_role::assistant, std::move(content), of_task);
  message.tool_calls = std::move(calls);
  return message;
}

message_record result(std::string call_id, std::string content, std::uint8_t of_task = 1) {
  auto message = said(message_role::tool, std::move(content), of_task);
  message.call_id = std::move(call_id);
  return message;
}

/// What a request is made of, to be changed.
struct asked {
  model_record model;
  bot_record bot;
  std::vector<message_record> history{user("hi")};
  std::vector<tool_definition> tools;
  std::string key;

  asked() {
    model.base_url = "https://api.anthropic.com";
    model.model = "claude-test";
  }

  [[nodiscard]] outbound_request request() const {
    return anthropic_provider{}.request(prompt{model, bot, history, tools}, key);
  }
  [[nodiscard]] json body() const { return json::parse(request().body); }
};

json messages_of(std::vector<message_record> history) {
  asked what;
  what.history = std::move(history);
  return what.body()["messages"];
}

/// The block that a result becomes.
json result_block(std::string content) {
  const auto messages
    = messages_of({user("go"), assistant("", {{"a", "clock", "{}"}}), result("a", std::move(content))});
  return messages.at(2).at("content").at(0);
}

// -- answers ------------------------------------------------------------------

/// An answer as it is read.
struct listening {
  std::unique_ptr<answer_reader> reader = anthropic_provider{}.reader();
  std::string text;
  std::string thinking;
  std::optional<provider_failure> failed;

  /// Stops at the first failure.
  void hear(const json& event) { hear_text(event.dump(), event.value("type", "")); }

  void hear_text(std::string data, std::string name = "") {
    if (failed)
      return;
    answer_delta delta;
    failed = reader->read({std::move(name), std::move(data)}, delta);
    text += delta.text;
    thinking += delta.thinking;
  }

  void begin(int index, json block) {
    hear({{"type", "content_block_start"}, {"index", index}, {"content_block", std::move(block)}});
  }
  void add(int index, json delta) {
    hear({{"type", "content_block_delta"}, {"index", index}, {"delta", std::move(delta)}});
  }
  void end(int index) { hear({{"type", "content_block_stop"}, {"index", index}}); }
  void stop(const std::string& reason) {
    hear({{"type", "message_delta"}, {"delta", {{"stop_reason", reason}}}, {"usage", {{"output_tokens", 7}}}});
    hear({{"type", "message_stop"}});
  }

  [[nodiscard]] const provider_answer& answer() const { return reader->answer(); }
};

json text_block(const std::string& text) {
  return {{"type", "text"}, {"text", text}};
}

json text_delta(const std::string& text) {
  return {{"type", "text_delta"}, {"text", text}};
}

json input_delta(const std::string& piece) {
  return {{"type", "input_json_delta"}, {"partial_json", piece}};
}

json tool_use(const std::string& id, const std::string& name) {
  return {{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", json::object()}};
}

json error_body(const std::string& type, const std::string& message) {
  return {{"type", "error"}, {"error", {{"type", type}, {"message", message}}}};
}

provider_failure failure_in_stream(const std::string& type, const std::string& message = "Something.") {
  listening stream;
  stream.hear(error_body(type, message));
  EXPECT_TRUE(stream.failed) << type;
  return stream.failed.value_or(provider_failure{error_class::cancelled, "", {}});
}

provider_failure failure_of(unsigned status, const std::string& body, header_list headers = {}) {
  return anthropic_provider{}.failure_of(outbound_head{status, std::move(headers)}, body, timestamp{});
}

} // namespace

// -- the request --------------------------------------------------------------

TEST(AnthropicRequest, HoldsWhatModelAndBotSay) {
  asked what;
  EXPECT_EQ(what.body(), json({{"model", "claude-test"},
                               {"max_tokens", 4096},
                               {"stream", true},
                               {"messages", {{{"role", "user"}, {"content", {text_block("hi")}}}}}}));
  what.bot.system_prompt = "Be kind.";
  what.bot.temperature = 0.5;
  what.bot.max_tokens = 10;
  EXPECT_EQ(what.body()["system"], "Be kind.");
  EXPECT_EQ(what.body()["temperature"], 0.5);
  EXPECT_EQ(what.body()["max_tokens"], 10);
}

TEST(AnthropicRequest, GoesToTheVersionedPathIfTheBaseHasNone) {
  asked what;
  for (const auto& [base, url] : std::vector<std::pair<std::string, std::string>>{
         {"https://api.anthropic.com", "https://api.anthropic.com/v1/messages"},
         {"https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"},
         {"http://localhost:8080/v1", "http://localhost:8080/v1/messages"},
         {"http://localhost:8080/anthropic/", "http://localhost:8080/anthropic/messages"}}) {
    what.model.base_url = base;
    EXPECT_EQ(what.request().url, url);
  }
}

TEST(AnthropicRequest, CarriesVersionKeyAndTheModelsHeaders) {
  asked what;
  EXPECT_EQ(what.request().method, "POST");
  EXPECT_THAT(what.request().headers, Contains(Pair("anthropic-version", "2023-06-01")));
  EXPECT_THAT(what.request().headers, Not(Contains(Pair("x-api-key", testing::_))));
  what.key = "secret";
  what.model.headers = {{"anthropic-beta", "one"}, {"Anthropic-Version", "2030-01-01"}};
  EXPECT_THAT(what.request().headers,
              ElementsAre(Pair("content-type", "application/json"), Pair("accept", "text/event-stream"),
                          Pair("x-api-key", "secret"), Pair("anthropic-beta", "one"),
                          Pair("Anthropic-Version", "2030-01-01")));
}

TEST(AnthropicRequest, DescribesTools) {
  asked what;
  what.tools = {{"clock", "Tells the time.", R"({"type":"object","properties":{"zone":{"type":"string"}}})"},
                {"dice", "", ""},
                {"odd", "", R"({"properties":{}})"}};
  EXPECT_EQ(what.body()["tools"], json::parse(R"([{"name":"clock","description":"Tells the time.",
                             "input_schema":{"type":"object","properties":{"zone":{"type":"string"}}}},
                            {"name":"dice","input_schema":{"type":"object"}},
                            {"name":"odd","input_schema":{"type":"object","properties":{}}}])"));
}

TEST(AnthropicRequest, LetsParametersReplaceAddAndRemove) {
  asked what;
  what.bot.temperature = 0.5;
  what.model.parameters = R"({"top_k":5,"max_tokens":99,"temperature":null})";
  const auto body = what.body();
  EXPECT_EQ(body["top_k"], 5);
  EXPECT_EQ(body["max_tokens"], 99);
  EXPECT_FALSE(body.contains("temperature"));
  what.model.parameters = "[1]";
  EXPECT_EQ(what.body()["temperature"], 0.5);
}

TEST(AnthropicRequest, MakesRoomForThinking) {
  asked what;
  what.bot.temperature = 0.5;
  what.model.parameters = R"({"thinking":{"type":"enabled","budget_tokens":8000}})";
  EXPECT_FALSE(what.body().contains("temperature"));
  EXPECT_EQ(what.body()["max_tokens"], 12096);
  what.bot.max_tokens = 8001;
  EXPECT_EQ(what.body()["max_tokens"], 8001);
  what.model.parameters = R"({"thinking":{"type":"disabled"}})";
  EXPECT_EQ(what.body()["temperature"], 0.5);
  what.model.parameters = R"({"thinking":{"type":"enabled","budget_tokens":-1}})";
  EXPECT_EQ(what.body()["max_tokens"], 8001);
}

// -- the conversation ---------------------------------------------------------

TEST(AnthropicConversation, AlternatesBetweenUserAndAssistant) {
  EXPECT_EQ(messages_of({user("one"), user("two"), assistant("a"), assistant("b"), user("three")}),
            json({{{"role", "user"}, {"content", {text_block("one"), text_block("two")}}},
                  {{"role", "assistant"}, {"content", {text_block("a"), text_block("b")}}},
                  {{"role", "user"}, {"content", {text_block("three")}}}}));
}

TEST(AnthropicConversation, BeginsAndEndsWithAUser) {
  EXPECT_EQ(messages_of({assistant("before", {{"a", "clock", "{}"}}), result("a", "1"), user("hi"), assistant("part")}),
            json({{{"role", "user"}, {"content", {text_block("hi")}}}}));
  EXPECT_THAT(messages_of({}), IsEmpty());
  EXPECT_THAT(messages_of({assistant("alone")}), IsEmpty());
}

TEST(AnthropicConversation, HasNoBlankTexts) {
  EXPECT_EQ(messages_of({user(" \n"), user("hi"), assistant(""), assistant(" ", {{"a", "clock", "{}"}}),
                         result("a", R"("")"), user("")}),
            json::parse(R"([{"role":"user","content":[{"type":"text","text":"hi"}]},
                            {"role":"assistant","content":[{"type":"tool_use","id":"a","name":"clock","input":{}}]},
                            {"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":""}]}])"));
}

TEST(AnthropicConversation, PutsCallsBehindThinkingAndText) {
  auto intent = assistant("Let me see.", {{"a", "clock", R"({"zone":"UTC"})"}, {"b", "dice", "no JSON"}});
  intent.thinking = R"([{"type":"thinking","thinking":"Hm.","signature":"s"},{"type":"redacted_thinking","data":"d"},
                        {"type":"other"},7])";
  EXPECT_EQ(messages_of({user("go"), intent, result("a", R"("12:00")"), result("b", R"({"eyes":6})"), user("and?")}),
            json::parse(R"([
    {"role":"user","content":[{"type":"text","text":"go"}]},
    {"role":"assistant","content":[
      {"type":"thinking","thinking":"Hm.","signature":"s"},
      {"type":"redacted_thinking","data":"d"},
      {"type":"text","text":"Let me see."},
      {"type":"tool_use","id":"a","name":"clock","input":{"zone":"UTC"}},
      {"type":"tool_use","id":"b","name":"dice","input":{}}]},
    {"role":"user","content":[
      {"type":"tool_result","tool_use_id":"a","content":"12:00"},
      {"type":"tool_result","tool_use_id":"b","content":"{\"eyes\":6}"},
      {"type":"text","text":"and?"}]}])"));
}

TEST(AnthropicConversation, PutsThinkingBeforeAllThatIsSaidInARow) {
  auto intent = assistant("", {{"a", "clock", "{}"}});
  intent.thinking = R"([{"type":"thinking","thinking":"Hm.","signature":"s"}])";
  const auto messages = messages_of({user("go"), assistant("part"), intent, result("a", "1")});
  EXPECT_EQ(messages[1]["content"][0]["type"], "thinking");
  EXPECT_EQ(messages[1]["content"][1]["type"], "text");
  EXPECT_EQ(messages[1]["content"][2]["type"], "tool_use");
}

TEST(AnthropicConversation, DropsStoredThinkingThatIsNone) {
  for (const std::string thinking : {"", "{}", "nonsense", "[", R"(["x",{"type":1},{"type":"thinking"}])"}) {
    auto intent = assistant("", {{"a", "clock", "{}"}});
    intent.thinking = thinking;
    const auto messages = messages_of({user("go"), intent, result("a", "1")});
    EXPECT_EQ(messages[1]["content"].size(), 1U) << thinking;
  }
  auto deep = assistant("", {{"a", "clock", std::string(100'000, '[')}});
  deep.thinking = std::string(100'000, '[');
  EXPECT_EQ(messages_of({user("go"), deep, result("a", std::string(100'000, '['))}).size(), 3U);
}

TEST(AnthropicConversation, TellsErrorsFromResults) {
  for (const std::string error :
       {R"({"error":"x"})", R"({"error":"x","hint":"y"})", R"({"code":1,"error":"x"})", R"({"error":{"code":1}})"}) {
    EXPECT_EQ(result_block(error).value("is_error", false), true) << error;
    EXPECT_EQ(result_block(error)["content"], error);
  }
  for (const std::string fine : {R"({"a":"b","error":"x"})", R"({"error":null,"a":1})", R"({"a":{"error":"x"}})",
                                 R"("error")", R"(["error"])", "12", "no JSON"})
    EXPECT_FALSE(result_block(fine).contains("is_error")) << fine;
}

TEST(AnthropicConversation, MakesIdsAndNamesThatTheApiTakes) {
  const auto messages
    = messages_of({user("one"), assistant("", {{"call:1", "clock", "{}"}, {"", "strange name", "{}"}}),
                   result("call:1", "1"), result("", "2"), user("two", 2), assistant("", {{"call:1", "", "{}"}}, 2),
                   result("call:1", "3", 2), result("x", "nobody's", 2)});
  const auto& first = messages[1]["content"];
  const auto& second = messages[3]["content"];
  EXPECT_EQ(first[0]["id"], "call_1");
  EXPECT_EQ(first[1]["id"], "call");
  EXPECT_EQ(first[1]["name"], "strange_name");
  EXPECT_NE(second[0]["id"], "call_1");
  EXPECT_EQ(second[0]["name"], "unknown");
  EXPECT_EQ(messages[2]["content"][0]["tool_use_id"], "call_1");
  EXPECT_EQ(messages[2]["content"][1]["tool_use_id"], "call");
  EXPECT_EQ(messages[4]["content"].size(), 1U);
  EXPECT_EQ(messages[4]["content"][0]["tool_use_id"], second[0]["id"]);
}

TEST(AnthropicConversation, AnswersEachOfTwoCallsOfOneId) {
  const auto messages = messages_of({user("go"), assistant("", {{"a", "clock", "{}"}, {"a", "dice", "{}"}}),
                                     result("a", "1"), result("a", "2"), result("a", "3")});
  const auto& calls = messages[1]["content"];
  const auto& results = messages[2]["content"];
  ASSERT_EQ(results.size(), 2U);
  EXPECT_NE(calls[0]["id"], calls[1]["id"]);
  EXPECT_EQ(results[0]["tool_use_id"], calls[0]["id"]);
  EXPECT_EQ(results[1]["tool_use_id"], calls[1]["id"]);
}

// -- the stream ---------------------------------------------------------------

TEST(AnthropicStream, JoinsTextAndCountsTokens) {
  listening stream;
  stream.hear({{"type", "message_start"},
               {"message",
                {{"usage",
                  {{"input_tokens", 10},
                   {"cache_creation_input_tokens", 20},
                   {"cache_read_input_tokens", 30},
                   {"output_tokens", 1}}}}}});
  EXPECT_EQ(stream.answer().output_tokens, std::nullopt);
  stream.begin(0, text_block(""));
  stream.hear({{"type", "ping"}});
  stream.add(0, text_delta("Hel"));
  stream.add(0, text_delta("lo"));
  stream.end(0);
  EXPECT_FALSE(stream.reader->may_end());
  stream.hear({{"type", "message_delta"}, {"delta", {{"stop_reason", "end_turn"}}}, {"usage", {{"output_tokens", 7}}}});
  EXPECT_TRUE(stream.reader->may_end());
  EXPECT_FALSE(stream.reader->ended());
  stream.hear({{"type", "message_stop"}});
  EXPECT_TRUE(stream.reader->ended());
  stream.hear_text("[DONE]");
  EXPECT_FALSE(stream.failed);
  EXPECT_EQ(stream.text, "Hello");
  EXPECT_EQ(stream.answer().text, "Hello");
  EXPECT_EQ(stream.answer().finish_reason, "stop");
  EXPECT_EQ(stream.answer().input_tokens, 60);
  EXPECT_EQ(stream.answer().output_tokens, 7);
  EXPECT_EQ(stream.answer().thinking, "");
}

TEST(AnthropicStream, PutsArgumentsTogether) {
  listening stream;
  stream.begin(0, tool_use("toolu_1", "clock"));
  stream.add(0, input_delta(""));
  stream.add(0, input_delta(R"({"zone":)"));
  stream.add(0, input_delta(R"("UTC"})"));
  stream.end(0);
  stream.begin(1, tool_use("toolu_2", "dice"));
  stream.add(1, input_delta(""));
  stream.end(1);
  stream.begin(2, {{"type", "tool_use"}, {"id", "toolu_3"}, {"name", "whole"}, {"input", {{"a", 1}}}});
  stream.stop("tool_use");
  EXPECT_THAT(stream.answer().calls,
              ElementsAre(tool_call{"toolu_1", "clock", R"({"zone":"UTC"})"}, tool_call{"toolu_2", "dice", "{}"},
                          tool_call{"toolu_3", "whole", R"({"a":1})"}));
  EXPECT_EQ(stream.answer().finish_reason, "tool_calls");
}

TEST(AnthropicStream, KeepsThinkingAsItCame) {
  listening stream;
  stream.begin(0, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
  stream.add(0, {{"type", "thinking_delta"}, {"thinking", "H\u0001"}});
  stream.add(0, {{"type", "thinking_delta"}, {"thinking", "m."}});
  stream.add(0, {{"type", "signature_delta"}, {"signature", "c2ln"}});
  stream.end(0);
  stream.begin(1, {{"type", "redacted_thinking"}, {"data", "ZGF0YQ"}});
  stream.end(1);
  stream.stop("end_turn");
  EXPECT_EQ(stream.thinking, "Hm.");
  EXPECT_EQ(json::parse(stream.answer().thinking),
            json::parse(R"([{"type":"thinking","thinking":"H\u0001m.","signature":"c2ln"},
                            {"type":"redacted_thinking","data":"ZGF0YQ"}])"));
}

TEST(AnthropicStream, ReadsStopReasons) {
  for (const auto& [reason, finish] : std::vector<std::pair<std::string, std::string>>{{"end_turn", "stop"},
                                                                                       {"stop_sequence", "stop"},
                                                                                       {"max_tokens", "length"},
                                                                                       {"tool_use", "tool_calls"},
                                                                                       {"pause_turn", "pause_turn"}}) {
    listening stream;
    stream.stop(reason);
    EXPECT_EQ(stream.answer().finish_reason, finish);
  }
  listening refusing;
  refusing.stop("refusal");
  ASSERT_TRUE(refusing.failed);
  EXPECT_EQ(refusing.failed->kind, error_class::permanent);
}

TEST(AnthropicStream, PassesOverWhatItDoesNotKnow) {
  listening stream;
  stream.hear({{"type", "news"}});
  stream.hear_text("{}");
  stream.hear_text("{}", "content_block_start");
  stream.hear({{"type", "content_block_delta"}, {"index", 1e300}, {"delta", 7}});
  stream.begin(0, {{"type", "server_tool_use"}, {"id", "x"}, {"name", "web_search"}});
  stream.add(0, input_delta("{}"));
  stream.end(0);
  stream.begin(1, {{"type", 1}, {"text", {}}});
  stream.add(2, {{"type", "news_delta"}});
  stream.add(3, input_delta("{}"));
  stream.end(9);
  stream.hear({{"type", "message_start"}, {"message", "none"}});
  stream.hear({{"type", "message_delta"}, {"delta", {{"stop_reason", nullptr}}}, {"usage", {{"output_tokens", -1}}}});
  EXPECT_FALSE(stream.reader->may_end());
  EXPECT_FALSE(stream.failed);
  stream.stop("end_turn");
  EXPECT_FALSE(stream.failed);
  EXPECT_THAT(stream.answer().calls, IsEmpty());
  EXPECT_EQ(stream.answer().text, "");
}

TEST(AnthropicStream, FailsOverEventsThatAreNoObjects) {
  for (const std::string& data : {std::string{"nonsense"}, std::string{"[1]"}, std::string{"{\"type\":\"pi"},
                                  R"({"a":)" + std::string(100'000, '[')}) {
    listening stream;
    stream.hear_text(data, "ping");
    ASSERT_TRUE(stream.failed);
    EXPECT_EQ(stream.failed->kind, error_class::transient);
  }
}

TEST(AnthropicStream, BoundsWhatItCollects) {
  const std::string much(1024 * 1024, 'x');
  listening text;
  for (int i = 0; i < 8; ++i)
    text.add(0, text_delta(much));
  EXPECT_FALSE(text.failed);
  text.add(0, text_delta("x"));
  ASSERT_TRUE(text.failed);
  EXPECT_EQ(text.failed->kind, error_class::transient);

  listening calls;
  for (int i = 0; i < 128; ++i)
    calls.begin(i, tool_use("a", "b"));
  EXPECT_FALSE(calls.failed);
  calls.begin(128, tool_use("a", "b"));
  EXPECT_TRUE(calls.failed);

  listening arguments;
  arguments.begin(0, tool_use("a", "b"));
  arguments.add(0, input_delta(much));
  EXPECT_FALSE(arguments.failed);
  arguments.add(0, input_delta("x"));
  EXPECT_TRUE(arguments.failed);

  listening thinking;
  thinking.begin(0, {{"type", "thinking"}});
  for (int i = 0; i < 8; ++i)
    thinking.add(0, {{"type", "thinking_delta"}, {"thinking", much}});
  EXPECT_FALSE(thinking.failed);
  thinking.add(0, {{"type", "signature_delta"}, {"signature", "x"}});
  EXPECT_TRUE(thinking.failed);
}

TEST(AnthropicStream, ClassifiesItsErrors) {
  EXPECT_EQ(failure_in_stream("overloaded_error").kind, error_class::throttled);
  EXPECT_EQ(failure_in_stream("rate_limit_error").kind, error_class::throttled);
  EXPECT_EQ(failure_in_stream("api_error").kind, error_class::transient);
  EXPECT_EQ(failure_in_stream("never_heard_of").kind, error_class::transient);
  EXPECT_EQ(failure_in_stream("invalid_request_error").kind, error_class::permanent);
  EXPECT_EQ(failure_in_stream("api_error", "Your credit balance is too low.").kind, error_class::permanent);
  EXPECT_EQ(failure_in_stream("overloaded_error", "Overloaded").error, "The provider sent an error: Overloaded.");
  listening bare;
  bare.hear({{"type", "error"}});
  ASSERT_TRUE(bare.failed);
  EXPECT_EQ(bare.failed->kind, error_class::transient);
}

// -- answers in one piece -----------------------------------------------------

TEST(AnthropicWholeAnswer, IsReadLikeAStream) {
  provider_answer answer;
  const auto failed = anthropic_provider{}.read_whole(
    R"({"type":"message","role":"assistant","stop_reason":"tool_use","usage":{"input_tokens":3,"output_tokens":4},
        "content":[{"type":"thinking","thinking":"Hm.","signature":"s"},{"type":"text","text":"Let me see."},7,
                   {"type":"tool_use","id":"a","name":"clock","input":{"zone":"UTC"}},
                   {"type":"tool_use","id":"b","name":"dice","input":{}}]})",
    answer);
  ASSERT_FALSE(failed) << failed->error;
  EXPECT_EQ(answer.text, "Let me see.");
  EXPECT_THAT(answer.calls, ElementsAre(tool_call{"a", "clock", R"({"zone":"UTC"})"}, tool_call{"b", "dice", "{}"}));
  EXPECT_EQ(answer.thinking, R"([{"signature":"s","thinking":"Hm.","type":"thinking"}])");
  EXPECT_EQ(answer.finish_reason, "tool_calls");
  EXPECT_EQ(answer.input_tokens, 3);
  EXPECT_EQ(answer.output_tokens, 4);
}

TEST(AnthropicWholeAnswer, MayBeNone) {
  const auto kind_of = [](std::string_view body) {
    provider_answer answer;
    const auto failed = anthropic_provider{}.read_whole(body, answer);
    return failed ? std::optional{failed->kind} : std::nullopt;
  };
  EXPECT_EQ(kind_of(""), error_class::transient);
  EXPECT_EQ(kind_of("<html>"), error_class::transient);
  EXPECT_EQ(kind_of(R"({"content":"text"})"), error_class::transient);
  EXPECT_EQ(kind_of(error_body("overloaded_error", "Overloaded").dump()), error_class::throttled);
  EXPECT_EQ(kind_of(R"({"error":"gone"})"), error_class::transient);
  EXPECT_EQ(kind_of(R"({"content":[],"stop_reason":"refusal"})"), error_class::permanent);
  EXPECT_EQ(kind_of(R"({"content":[],"stop_reason":"end_turn"})"), std::nullopt);
}

// -- error statuses -----------------------------------------------------------

TEST(AnthropicFailure, IsClassifiedByItsTypeAndElseByItsStatus) {
  const auto kind_of = [](unsigned status, const std::string& type) {
    return failure_of(status, error_body(type, "Something.").dump()).kind;
  };
  EXPECT_EQ(kind_of(529, "overloaded_error"), error_class::throttled);
  EXPECT_EQ(kind_of(529, "never_heard_of"), error_class::throttled);
  EXPECT_EQ(kind_of(429, "rate_limit_error"), error_class::throttled);
  EXPECT_EQ(kind_of(500, "api_error"), error_class::transient);
  EXPECT_EQ(kind_of(504, "timeout_error"), error_class::transient);
  EXPECT_EQ(kind_of(400, "invalid_request_error"), error_class::permanent);
  EXPECT_EQ(kind_of(401, "authentication_error"), error_class::permanent);
  EXPECT_EQ(kind_of(403, "permission_error"), error_class::permanent);
  EXPECT_EQ(kind_of(404, "not_found_error"), error_class::permanent);
  EXPECT_EQ(kind_of(413, "request_too_large"), error_class::permanent);
  EXPECT_EQ(kind_of(402, "billing_error"), error_class::permanent);
  EXPECT_EQ(failure_of(502, "<html>").kind, error_class::transient);
  EXPECT_EQ(failure_of(429, error_body("rate_limit_error", "Your credit balance is too low").dump()).kind,
            error_class::permanent);
}

TEST(AnthropicFailure, SaysWhatTheProviderSaid) {
  EXPECT_EQ(failure_of(400, error_body("invalid_request_error", "max_tokens: too large").dump()).error,
            "The provider answered 400: max_tokens: too large.");
  EXPECT_EQ(failure_of(502, "Bad\n Gateway").error, "The provider answered 502: Bad Gateway.");
  EXPECT_EQ(failure_of(500, "").error, "The provider answered 500.");
  EXPECT_EQ(failure_of(500, R"({"error":7})").error, "The provider answered 500.");
  const auto long_prompt = failure_of(400, error_body("invalid_request_error", "prompt is too long: 9 > 8").dump());
  EXPECT_THAT(long_prompt.error, HasSubstr("context_tokens"));
  EXPECT_LT(failure_of(500, std::string(10'000, 'x')).error.size(), 400U);
}

TEST(AnthropicFailure, WaitsAsAsked) {
  const auto throttled = failure_of(429, "", {{"retry-after", "7"}});
  EXPECT_EQ(throttled.kind, error_class::throttled);
  EXPECT_EQ(throttled.retry_after, 7s);
  const auto down = failure_of(500, "", {{"retry-after", "7"}});
  EXPECT_EQ(down.kind, error_class::throttled);
  EXPECT_EQ(down.retry_after, 7s);
  const auto refused = failure_of(400, error_body("invalid_request_error", "No.").dump(), {{"retry-after", "7"}});
  EXPECT_EQ(refused.kind, error_class::permanent);
  EXPECT_EQ(refused.retry_after, std::nullopt);
  EXPECT_EQ(failure_of(500, "", {{"retry-after", "soon"}}).kind, error_class::transient);
}

} // namespace troupe
