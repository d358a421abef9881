#include "raw_client.hpp"
#include "tests/providers/scripted_provider.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <stdexcept>
#include <vector>

namespace troupe::testing {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using steady = std::chrono::steady_clock;

std::string request(const std::string& method, const std::string& path, const std::string& body,
                    const std::string& headers = {}) {
  return method + " " + path + " HTTP/1.1\r\nHost: test\r\n" + headers
         + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

json prompt(const std::string& text, bool stream = true) {
  return {{"model", "m"},
          {"stream", stream},
          {"stream_options", {{"include_usage", true}}},
          {"messages", json::array({{{"role", "user"}, {"content", text}}})}};
}

const std::string chat = "/v1/chat/completions";
const std::string messages = "/v1/messages";

/// A client of its own for one exchange.
raw_response ask(const scripted_provider& provider, const std::string& path, const json& body,
                 const std::string& headers = {}, const std::string& method = "POST") {
  raw_client client{provider.port()};
  client.send(request(method, path, body.is_null() ? "" : body.dump(), headers));
  auto response = client.read_response();
  if (!response)
    throw std::runtime_error{"no whole answer came from " + path};
  return *response;
}

/// What stands behind each `data:`, `[DONE]` excepted.
std::vector<json> data_of(const std::string& events) {
  std::vector<json> found;
  constexpr std::string_view mark = "data: ";
  for (auto at = events.find(mark); at != std::string::npos; at = events.find(mark, at)) {
    at += mark.size();
    const auto data = events.substr(at, events.find('\n', at) - at);
    if (data != "[DONE]")
      found.push_back(json::parse(data));
  }
  return found;
}

// -- models -----------------------------------------------------------------------

TEST(ScriptedProvider, StreamsChatCompletions) {
  const scripted_provider provider;
  const auto response = ask(provider, chat, prompt("good morning"));
  EXPECT_EQ(response.status, 200U);
  EXPECT_EQ(response.headers.at("content-type"), "text/event-stream");
  EXPECT_TRUE(response.body.ends_with("data: [DONE]\n\n"));
  const auto events = data_of(response.body);
  std::vector<std::string> words;
  for (const auto& event : events) {
    if (!event["choices"].empty() && event["choices"][0]["delta"].contains("content"))
      words.push_back(event["choices"][0]["delta"]["content"]);
  }
  EXPECT_THAT(words, ElementsAre("", "You ", "said: ", "good ", "morning"));
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events[events.size() - 2]["choices"][0]["finish_reason"], "stop");
  EXPECT_EQ(events.back()["usage"]["completion_tokens"], 4);
}

TEST(ScriptedProvider, StreamsMessages) {
  const scripted_provider provider{[](const seen_request&) { return script::think("Hm.", "As you like"); }};
  const auto response = ask(provider, messages, prompt("hello"));
  std::vector<std::string> types;
  std::string text;
  std::string thinking;
  for (const auto& event : data_of(response.body)) {
    types.push_back(event["type"]);
    EXPECT_THAT(response.body, HasSubstr("event: " + types.back() + "\n"));
    if (event["type"] == "content_block_delta") {
      text += event["delta"].value("text", "");
      thinking += event["delta"].value("thinking", "");
    }
  }
  EXPECT_THAT(types,
              ElementsAre("message_start", "ping", "content_block_start", "content_block_delta", "content_block_delta",
                          "content_block_stop", "content_block_start", "content_block_delta", "content_block_delta",
                          "content_block_delta", "content_block_stop", "message_delta", "message_stop"));
  EXPECT_EQ(text, "As you like");
  EXPECT_EQ(thinking, "Hm.");
}

TEST(ScriptedProvider, AnswersWholeWhereNoStreamIsAskedFor) {
  const scripted_provider provider;
  const auto openai = json::parse(ask(provider, chat, prompt("hello", false)).body);
  EXPECT_EQ(openai["choices"][0]["message"]["content"], "You said: hello");
  EXPECT_EQ(openai["usage"]["prompt_tokens"], 10);
  const auto anthropic = json::parse(ask(provider, messages, prompt("hello", false)).body);
  EXPECT_EQ(anthropic["content"][0]["text"], "You said: hello");
  EXPECT_EQ(anthropic["stop_reason"], "end_turn");
}

TEST(ScriptedProvider, CallsTheToolsThatTheUserNames) {
  const scripted_provider provider;
  const auto body = prompt(R"(tools=echo:{"text":"a } b"} tools=add:{"a": 1, "b": 2} please)", false);
  const auto openai = json::parse(ask(provider, chat, body).body)["choices"][0];
  EXPECT_EQ(openai["finish_reason"], "tool_calls");
  ASSERT_EQ(openai["message"]["tool_calls"].size(), 2U);
  EXPECT_EQ(openai["message"]["tool_calls"][0]["function"]["arguments"], R"({"text":"a } b"})");
  EXPECT_EQ(openai["message"]["tool_calls"][1]["function"]["name"], "add");

  auto streamed = body;
  streamed["stream"] = true;
  std::string arguments;
  for (const auto& event : data_of(ask(provider, chat, streamed).body)) {
    if (!event["choices"].empty() && event["choices"][0]["delta"].contains("tool_calls")) {
      const auto& call = event["choices"][0]["delta"]["tool_calls"][0];
      if (call["index"] == 1)
        arguments += call["function"]["arguments"];
    }
  }
  EXPECT_EQ(arguments, R"({"a":1,"b":2})");

  const auto anthropic = json::parse(ask(provider, messages, body).body);
  EXPECT_EQ(anthropic["stop_reason"], "tool_use");
  EXPECT_EQ(anthropic["content"][1]["input"], (json{{"a", 1}, {"b", 2}}));
}

TEST(ScriptedProvider, SaysWhatTheToolsSaid) {
  const scripted_provider provider;
  auto openai = prompt("tools=add:{}", false);
  openai["messages"].push_back({{"role", "tool"}, {"tool_call_id", "a"}, {"content", "3"}});
  openai["messages"].push_back({{"role", "tool"}, {"tool_call_id", "b"}, {"content", "4"}});
  EXPECT_THAT(ask(provider, chat, openai).body, HasSubstr("The tools said: 3 4"));
  auto anthropic = prompt("tools=add:{}", false);
  anthropic["messages"].push_back(
    {{"role", "user"}, {"content", json::array({{{"type", "tool_result"}, {"tool_use_id", "a"}, {"content", "3"}}})}});
  EXPECT_THAT(ask(provider, messages, anthropic).body, HasSubstr("The tools said: 3"));
}

// -- time and failure ---------------------------------------------------------------

TEST(ScriptedProvider, PacesItsStreams) {
  const scripted_provider provider{[](const seen_request&) { return script::chunks(6, 20ms); }};
  raw_client client{provider.port()};
  const auto start = steady::now();
  client.send(request("POST", chat, prompt("count").dump()));
  ASSERT_TRUE(client.read_until(R"({"content":"2 "})"));
  EXPECT_GE(steady::now() - start, 20ms);
  ASSERT_TRUE(client.read_until("0\r\n\r\n"));
  EXPECT_GE(steady::now() - start, 100ms);
}

TEST(ScriptedProvider, KeepsManyStreamsGoingOnOneThread) {
  const scripted_provider provider{[](const seen_request&) { return script::chunks(20, 50ms); }};
  std::vector<std::unique_ptr<raw_client>> clients;
  constexpr std::size_t count = 200;
  for (std::size_t i = 0; i < count; ++i) {
    clients.push_back(std::make_unique<raw_client>(provider.port()));
    clients.back()->send(request("POST", i % 2 == 0 ? chat : messages, prompt("count").dump()));
  }
  for (std::size_t i = 0; i < count; ++i) {
    const auto response = clients[i]->read_response();
    ASSERT_TRUE(response);
    EXPECT_THAT(response->body, HasSubstr(i % 2 == 0 ? "[DONE]" : "message_stop"));
  }
  EXPECT_TRUE(eventually([&] { return provider.counts().answers_open == 0; }));
  EXPECT_GE(provider.counts().most_answers_open, count / 2);
  EXPECT_EQ(provider.counts().connections_open, count);
}

TEST(ScriptedProvider, KeepsConnectionsAndTellsThemApart) {
  scripted_provider provider;
  raw_client first{provider.port()};
  for (int i = 0; i < 2; ++i) {
    first.send(request("POST", chat, prompt("hello").dump()));
    ASSERT_TRUE(first.read_response());
  }
  raw_client second{provider.port()};
  second.send(request("POST", messages, prompt("hello").dump()) + request("GET", "/some/tool?x=1", ""));
  ASSERT_TRUE(second.read_response());
  const auto tool = second.read_response();
  ASSERT_TRUE(tool);
  EXPECT_EQ(json::parse(tool->body),
            (json{{"args", nullptr}, {"method", "GET"}, {"path", "/some/tool"}, {"query", "x=1"}}));
  ASSERT_EQ(provider.requests().size(), 4U);
  EXPECT_EQ(provider.requests(chat).back().connection, 1U);
  EXPECT_EQ(provider.requests(chat).back().number_at_path, 2U);
  EXPECT_EQ(provider.requests(messages).back().connection, 2U);
  EXPECT_EQ(provider.requests(messages).back().status, 200U);
  EXPECT_THAT(provider.requests_by_path(),
              UnorderedElementsAre(Pair(chat, 2), Pair(messages, 1), Pair("/some/tool", 1)));
  EXPECT_EQ(provider.counts().connections_accepted, 2U);
}

TEST(ScriptedProvider, KnowsWhenAPeerHangsUp) {
  const scripted_provider provider{[](const seen_request& seen) {
    return seen.number == 1 ? script::hang() : seen.number == 2 ? script::hang_after(2) : script::chunks(1000, 20ms);
  }};
  raw_client silent{provider.port()};
  silent.send(request("POST", chat, prompt("hello").dump()));
  ASSERT_TRUE(provider.wait_for_requests(1));
  raw_client stuck{provider.port()};
  stuck.send(request("POST", chat, prompt("hello").dump()));
  ASSERT_TRUE(stuck.read_until(R"({"content":"2"})"));
  raw_client streaming{provider.port()};
  streaming.send(request("POST", messages, prompt("hello").dump()));
  ASSERT_TRUE(streaming.read_until("\"2 \""));
  EXPECT_FALSE(provider.wait_until_closed(0ms));
  EXPECT_EQ(provider.counts().answers_open, 3U);

  std::size_t count = 0;
  for (auto* client : {&silent, &stuck, &streaming}) {
    const auto hung_up = steady::now();
    client->reset();
    const auto closed = provider.wait_until_closed(patience, ++count);
    ASSERT_TRUE(closed);
    EXPECT_EQ(closed->number, count);
    EXPECT_GE(closed->closed, hung_up);
  }
  EXPECT_EQ(provider.counts().answers_open, 0U);
  EXPECT_TRUE(eventually([&] { return provider.counts().connections_open == 0; }));
}

TEST(ScriptedProvider, CutsAStreamAndSaysAnyBytes) {
  const scripted_provider provider{
    [](const seen_request& seen) { return seen.number == 1 ? script::cut_after(2) : script::raw("HTTP/9 nonsense"); }};
  raw_client cut{provider.port()};
  cut.send(request("POST", chat, prompt("hello").dump()));
  const auto stream = cut.read_all();
  ASSERT_TRUE(stream);
  EXPECT_THAT(*stream, HasSubstr(R"({"content":"2"})"));
  EXPECT_THAT(*stream, Not(HasSubstr("DONE")));
  EXPECT_FALSE(stream->ends_with("0\r\n\r\n"));
  raw_client nonsense{provider.port()};
  nonsense.send(request("POST", chat, prompt("hello").dump()));
  EXPECT_EQ(nonsense.read_all(), "HTTP/9 nonsense");
  EXPECT_TRUE(provider.abandoned().empty());
}

TEST(ScriptedProvider, AnswersErrorsOfItsOwnAndOfTheTest) {
  const scripted_provider provider{[](const seen_request& seen) -> script::reply {
    if (seen.number == 1)
      return script::status(529, R"({"error":"overloaded"})", {{"X-Test", "yes"}});
    throw std::runtime_error{"the test is wrong"};
  }};
  const auto scripted = ask(provider, chat, prompt("hello"));
  EXPECT_EQ(scripted.status, 529U);
  EXPECT_EQ(scripted.headers.at("x-test"), "yes");
  const auto thrown = ask(provider, chat, prompt("hello"));
  EXPECT_EQ(thrown.status, 500U);
  EXPECT_THAT(thrown.body, HasSubstr("the test is wrong"));
}

TEST(ScriptedProvider, ThrottlesEverybodyForATime) {
  scripted_provider provider;
  EXPECT_EQ(ask(provider, chat, prompt("hello")).status, 200U);
  provider.throttle_for(200ms, 1500ms);
  const auto first = ask(provider, chat, prompt("hello"));
  EXPECT_EQ(first.status, 429U);
  EXPECT_EQ(first.headers.at("retry-after"), "2");
  EXPECT_EQ(first.headers.at("retry-after-ms"), "1500");
  EXPECT_TRUE(eventually([&] { return ask(provider, messages, prompt("hello")).status == 200; }));
  const auto seen = provider.requests();
  EXPECT_GE(seen.back().time - seen[1].time, 200ms);
  for (std::size_t i = 1; i + 1 < seen.size(); ++i)
    EXPECT_EQ(seen[i].status, 429U);
}

// -- tools --------------------------------------------------------------------------

TEST(ScriptedProvider, CountsCallsOfATool) {
  // A script for models leaves tools alone.
  const scripted_provider provider{[](const seen_request&) { return script::say("hello"); }};
  const auto call = [&](const json& body, const std::string& headers = {}) {
    return json::parse(ask(provider, "/count/mail", body, headers).body);
  };
  EXPECT_EQ(call({{"to", "a"}}, "Idempotency-Key: k1\r\n"), (json{{"count", 1}, {"args", {{"to", "a"}}}}));
  EXPECT_EQ(call({{"to", "a"}}, "Idempotency-Key: k1\r\n")["count"], 2);
  EXPECT_EQ(call({{"to", "a"}}, "Idempotency-Key: k2\r\n")["count"], 1);
  EXPECT_EQ(call({{"to", "a"}})["count"], 1);
  EXPECT_EQ(call({{"to", "a"}})["count"], 2);
  EXPECT_THAT(provider.tool_calls("mail"),
              UnorderedElementsAre(Pair("k1", 2), Pair("k2", 1), Pair(R"({"to":"a"})", 2)));
  EXPECT_TRUE(provider.tool_calls("other").empty());
}

json rpc(int id, const std::string& method, const json& params = json::object()) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
}

TEST(ScriptedProvider, PlaysAnMcpServer) {
  scripted_provider provider;
  EXPECT_EQ(ask(provider, "/mcp", rpc(1, "tools/list")).status, 400U);
  const auto opened = ask(provider, "/mcp", rpc(1, "initialize", {{"protocolVersion", "2025-06-18"}}));
  EXPECT_EQ(json::parse(opened.body)["result"]["protocolVersion"], "2025-06-18");
  const std::string session = "Mcp-Session-Id: " + opened.headers.at("mcp-session-id") + "\r\n";
  EXPECT_EQ(ask(provider, "/mcp", {{"jsonrpc", "2.0"}, {"method", "notifications/initialized"}}, session).status, 202U);

  const auto result
    = [&](const json& message) { return json::parse(ask(provider, "/mcp", message, session).body)["result"]; };
  EXPECT_EQ(result(rpc(2, "tools/list"))["tools"].size(), 2U);
  const auto echo = rpc(3, "tools/call", {{"name", "echo"}, {"arguments", {{"text", "hello"}}}});
  EXPECT_EQ(result(echo)["content"][0]["text"], "hello");
  EXPECT_EQ(
    result(rpc(4, "tools/call", {{"name", "add"}, {"arguments", {{"a", 1}, {"b", 2}}}}))["structuredContent"]["sum"],
    3);

  provider.mcp().set_page(1);
  const auto page = result(rpc(5, "tools/list"));
  EXPECT_EQ(page["tools"][0]["name"], "echo");
  EXPECT_EQ(result(rpc(6, "tools/list", {{"cursor", page["nextCursor"]}}))["tools"][0]["name"], "add");

  provider.mcp().set_page(0);
  provider.mcp().answer_with_event_streams(true);
  provider.mcp().change_tools();
  const auto events = data_of(ask(provider, "/mcp", rpc(7, "tools/list"), session).body);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0]["method"], "notifications/tools/list_changed");
  EXPECT_EQ(events[1]["result"]["tools"].size(), 3U);
  EXPECT_EQ(data_of(ask(provider, "/mcp", echo, session).body).size(), 1U);

  provider.mcp().forget_sessions();
  EXPECT_EQ(ask(provider, "/mcp", echo, session).status, 404U);
  const auto again = ask(provider, "/mcp", rpc(8, "initialize"));
  const std::string second = "Mcp-Session-Id: " + again.headers.at("mcp-session-id") + "\r\n";
  EXPECT_NE(second, session);
  EXPECT_EQ(ask(provider, "/mcp", echo, second).status, 200U);
  EXPECT_EQ(ask(provider, "/mcp", nullptr, second, "DELETE").status, 204U);
  EXPECT_EQ(provider.mcp().sessions(), 0U);
}

} // namespace
} // namespace troupe::testing
