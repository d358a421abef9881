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

tool_call call(std::string provider_id, std::string tool, std::string arguments) {
  return {"", std::move(tool), std::move(arguments), std::move(provider_id)};
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
                            {"name":"dice","input_schema":{"type":"object","properties":{}}},
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

// How a thread is arranged is shown_thread_test's; here is how it is written.
TEST(AnthropicConversation, PutsCallsAndResultsIntoBlocks) {
  const auto messages = messages_of(
    {user("go"), assistant("Let me see.", {{"a", "clock", R"({"zone":"UTC"})"}, {"b", "dice", "no JSON"}}),
     result("a", R"("12:00")"), result("b", R"({"eyes":6})")});
  ASSERT_EQ(messages.size(), 3U);
  const auto& calls = messages[1]["content"];
  EXPECT_EQ(messages[1]["role"], "assistant");
  EXPECT_EQ(calls[0], text_block("Let me see."));
  EXPECT_EQ(calls[1],
            json({{"type", "tool_use"}, {"id", calls[1]["id"]}, {"name", "clock"}, {"input", {{"zone", "UTC"}}}}));
  EXPECT_EQ(calls[2]["input"], json::object());
  EXPECT_EQ(messages[2], json::parse(R"({"role":"user","content":[
    {"type":"tool_result","tool_use_id":)"
                                     + calls[1]["id"].dump() + R"(,"content":"12:00"},
    {"type":"tool_result","tool_use_id":)"
                                     + calls[2]["id"].dump() + R"(,"content":"{\"eyes\":6}"}]})"));
}

// earendil-works/pi#8943: what an approver saw is what is sent.
TEST(AnthropicConversation, KeepsTheDigitsOfArguments) {
  asked what;
  what.history = {user("go"), assistant("", {{"a", "pay", R"({"wei":1000000000000000000001})"}}), result("a", "1")};
  EXPECT_THAT(what.request().body, testing::HasSubstr(R"("input":{"wei":1000000000000000000001})"));
}

namespace {

/// An answer of `what`'s model, as it is kept.
message_record kept(const asked& what, const listening& stream) {
  EXPECT_FALSE(stream.reader->close());
  auto message = assistant(stream.answer().text, stream.answer().calls);
  message.origin = model_identity(what.model);
  message.replay = stream.answer().replay;
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i)
    message.tool_calls[i].call_id = "call_" + std::to_string(i + 1);
  return message;
}

json thought(const std::string& text, const std::string& signature) {
  return {{"type", "thinking"}, {"thinking", text}, {"signature", signature}};
}

/// Thinking, text, a call, thinking, a call.
message_record interleaved(const asked& what) {
  listening stream;
  stream.begin(0, thought("1", "s1"));
  stream.end(0);
  stream.begin(1, text_block(""));
  stream.add(1, text_delta("Look."));
  stream.end(1);
  stream.begin(2, tool_use("t1", "clock"));
  stream.end(2);
  stream.begin(3, {{"type", "redacted_thinking"}, {"data", "ZGF0YQ"}});
  stream.end(3);
  stream.begin(4, tool_use("t2", "dice"));
  stream.stop("tool_use");
  return kept(what, stream);
}

std::vector<std::string> types_of(const json& message) {
  std::vector<std::string> types;
  for (const auto& block : message["content"])
    types.push_back(block["type"]);
  return types;
}

} // namespace

// UKGovernmentBEIS/inspect_ai#4922, BerriAI/litellm#23137: Claude takes its blocks in no other order.
TEST(AnthropicConversation, SendsItsOwnBlocksBackInTheirOrder) {
  asked what;
  what.model.parameters = R"({"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":8000})";
  what.history = {user("go"), interleaved(what), result("call_1", "1"), result("call_2", "2")};
  const auto body = what.body();
  EXPECT_THAT(types_of(body["messages"][1]),
              ElementsAre("thinking", "text", "tool_use", "redacted_thinking", "tool_use"));
  EXPECT_EQ(body["messages"][1]["content"][0], thought("1", "s1"));
  EXPECT_EQ(body["messages"][1]["content"][1], text_block("Look."));
  EXPECT_TRUE(body.contains("thinking"));
}

// zed-industries/zed#63571: from Opus 4.7 on the thought is empty, and its signature is not.
TEST(AnthropicConversation, SendsEmptyThoughtsBackAsTheyAre) {
  asked what;
  listening stream;
  stream.begin(0, thought("", ""));
  stream.add(0, {{"type", "signature_delta"}, {"signature", "s"}});
  stream.end(0);
  stream.begin(1, tool_use("t1", "clock"));
  stream.stop("tool_use");
  what.history = {user("go"), kept(what, stream), result("call_1", "1")};
  EXPECT_EQ(what.body()["messages"][1]["content"][0], thought("", "s"));
}

// vybestack/llxprt-code#2335, NousResearch/hermes-agent#24401, can1357/oh-my-pi#6379.
TEST(AnthropicConversation, LeavesOutWhatAnotherModelThought) {
  asked kimi;
  kimi.model.model = "kimi";
  asked elsewhere;
  elsewhere.model.base_url = "https://api.minimax.example/anthropic";
  asked what;
  for (const auto* other : {&kimi, &elsewhere}) {
    what.history = {user("go"), interleaved(*other), result("call_1", "1"), result("call_2", "2")};
    EXPECT_THAT(types_of(what.body()["messages"][1]), ElementsAre("text", "tool_use", "tool_use"));
  }
  auto unknown = interleaved(what);
  unknown.origin.clear();
  what.history = {user("go"), unknown, result("call_1", "1"), result("call_2", "2")};
  EXPECT_THAT(types_of(what.body()["messages"][1]), ElementsAre("text", "tool_use", "tool_use"));
}

// anomalyco/opencode#3077, OpenRouterTeam/ai-sdk-provider#162: another model has gone on within the turn.
TEST(AnthropicConversation, DoesNotThinkInATurnThatAnotherModelHasGoneOnWith) {
  asked what;
  what.model.parameters = R"({"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":8000})";
  const auto foreign = assistant("", {{"call_3", "clock", "{}"}});
  what.history = {user("go"), foreign, result("call_3", "1")};
  EXPECT_FALSE(what.body().contains("thinking"));
  what.history
    = {user("go"), interleaved(what), result("call_1", "1"), result("call_2", "2"), foreign, result("call_3", "1")};
  const auto body = what.body();
  EXPECT_FALSE(body.contains("thinking"));
  EXPECT_THAT(types_of(body["messages"][1]), ElementsAre("text", "tool_use", "tool_use"));
  // The next turn thinks again.
  what.history.push_back(assistant("It is noon."));
  what.history.push_back(user("and now?", 2));
  EXPECT_TRUE(what.body().contains("thinking"));
}

// platform.claude.com/docs/en/build-with-claude/thinking-tool-workflows: a loop of calls is one turn with one setting,
// and without interleaved thinking only its first answer thinks.
TEST(AnthropicConversation, ThinksOnInATurnOfItsOwnWhoseLaterCallsCameWithoutThoughts) {
  asked what;
  what.model.parameters = R"({"thinking":{"type":"enabled","budget_tokens":2000},"max_tokens":8000})";
  auto later = assistant("", {{"call_3", "clock", "{}"}});
  later.origin = model_identity(what.model);
  what.history
    = {user("go"), interleaved(what), result("call_1", "1"), result("call_2", "2"), later, result("call_3", "3")};
  const auto body = what.body();
  EXPECT_TRUE(body.contains("thinking"));
  EXPECT_EQ(types_of(body["messages"][1]).front(), "thinking");
  what.history.erase(what.history.begin() + 1, what.history.begin() + 4);
  EXPECT_FALSE(what.body().contains("thinking")) << "a turn that does not begin with a thought";
}

// Its own order, also where nothing was thought; shape of UKGovernmentBEIS/inspect_ai#4922.
TEST(AnthropicConversation, SendsTextBetweenCallsBackWhereItStood) {
  asked what;
  listening stream;
  stream.begin(0, tool_use("t1", "clock"));
  stream.end(0);
  stream.begin(1, text_block("Then."));
  stream.end(1);
  stream.begin(2, tool_use("t2", "dice"));
  stream.stop("tool_use");
  what.history = {user("go"), kept(what, stream), result("call_1", "1"), result("call_2", "2")};
  EXPECT_THAT(types_of(what.body()["messages"][1]), ElementsAre("tool_use", "text", "tool_use"));
}

TEST(AnthropicConversation, LeavesThoughtsOutOnceTheyWereRefused) {
  asked what;
  what.history = {user("go"), interleaved(what), result("call_1", "1"), result("call_2", "2")};
  model_traits traits;
  traits.add(model_trait::no_thinking);
  const auto request = anthropic_provider{}.request(prompt{what.model, what.bot, what.history, what.tools, traits}, "");
  EXPECT_THAT(types_of(json::parse(request.body)["messages"][1]), ElementsAre("text", "tool_use", "tool_use"));
}

TEST(AnthropicConversation, DropsStoredThinkingThatIsNone) {
  asked what;
  for (const std::string thinking :
       {"", "{}", "nonsense", "[", R"(["x",{"type":1},{"type":"thinking"}])",
        R"([{"type":"text","bytes":99},{"type":"tool_use","call":0}])", R"([{"type":"tool_use","call":5}])"}) {
    auto intent = assistant("", {{"a", "clock", "{}"}});
    intent.origin = model_identity(what.model);
    intent.replay = thinking;
    what.history = {user("go"), intent, result("a", "1")};
    EXPECT_THAT(types_of(what.body()["messages"][1]), ElementsAre("tool_use")) << thinking;
  }
  auto deep = assistant("", {{"a", "clock", std::string(100'000, '[')}});
  deep.origin = model_identity(what.model);
  deep.replay = std::string(100'000, '[');
  what.history = {user("go"), deep, result("a", std::string(100'000, '['))};
  EXPECT_EQ(what.body()["messages"].size(), 3U);
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
  EXPECT_TRUE(stream.reader->close());
  stream.hear({{"type", "message_delta"}, {"delta", {{"stop_reason", "end_turn"}}}, {"usage", {{"output_tokens", 7}}}});
  EXPECT_FALSE(stream.reader->ended());
  stream.hear({{"type", "message_stop"}});
  EXPECT_TRUE(stream.reader->ended());
  stream.hear_text("[DONE]");
  EXPECT_FALSE(stream.failed);
  EXPECT_FALSE(stream.reader->close());
  EXPECT_EQ(stream.text, "Hello");
  EXPECT_EQ(stream.answer().text, "Hello");
  EXPECT_EQ(stream.answer().finish_reason, "stop");
  EXPECT_EQ(stream.answer().input_tokens, 60);
  EXPECT_EQ(stream.answer().output_tokens, 7);
  EXPECT_EQ(stream.answer().replay, "");
}

TEST(AnthropicStream, JoinsACharacterThatWasCutInTwo) {
  listening stream;
  stream.begin(0, text_block(""));
  stream.hear_text(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"a\ud83d"}})");
  stream.hear_text(R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"\udc3bb"}})");
  stream.stop("end_turn");
  EXPECT_EQ(stream.text, "a\xf0\x9f\x90\xbb"
                         "b");
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
  EXPECT_THAT(stream.answer().calls, ElementsAre(call("toolu_1", "clock", R"({"zone":"UTC"})"),
                                                 call("toolu_2", "dice", ""), call("toolu_3", "whole", R"({"a":1})")));
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
  EXPECT_FALSE(stream.reader->close());
  EXPECT_EQ(stream.thinking, "Hm.");
  EXPECT_EQ(json::parse(stream.answer().replay),
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
  EXPECT_TRUE(stream.reader->close());
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
  EXPECT_THAT(answer.calls, ElementsAre(call("a", "clock", R"({"zone":"UTC"})"), call("b", "dice", "")));
  EXPECT_EQ(json::parse(answer.replay),
            json::parse(R"([{"signature":"s","thinking":"Hm.","type":"thinking"},{"type":"text","bytes":11},
                            {"type":"tool_use","call":0},{"type":"tool_use","call":1}])"));
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
  EXPECT_EQ(kind_of("<html>"), error_class::permanent);
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
