#include "actors/toolbox/mcp_result.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

namespace troupe {

namespace {

using nlohmann::json;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

tool_result read(const std::string& result) {
  auto got = mcp::read_call(result);
  auto* done = std::get_if<tool_result>(&got);
  EXPECT_NE(done, nullptr) << result;
  return done ? std::move(*done) : tool_result{};
}

std::string content_of(const std::string& result) {
  const auto got = read(result);
  EXPECT_FALSE(got.failed) << got.content;
  EXPECT_TRUE(json::accept(got.content)) << got.content;
  return got.content;
}

json parsed(const json& result) {
  return json::parse(content_of(result.dump()));
}

std::string error_of(const std::string& result) {
  const auto got = read(result);
  EXPECT_TRUE(got.failed) << got.content;
  return json::parse(got.content).at("error").get<std::string>();
}

/// So many characters of base64.
std::string data(std::size_t length) {
  constexpr std::string_view some = "iVBORw0KGgoAAAANSUhEUg+/";
  std::string text;
  while (text.size() < length)
    text += some;
  text.resize(length);
  return text;
}

} // namespace

TEST(McpResult, TakesStructuredResultsAsTheyAre) {
  EXPECT_EQ(content_of(R"({"content":[{"type":"text","text":"{\"a\":1}"}],"structuredContent":{"a":1}})"),
            R"({"a":1})");
  EXPECT_EQ(content_of(R"({"structuredContent":{}})"), "{}");
  // 2026-07-28: any JSON.
  EXPECT_EQ(content_of(R"({"content":[],"structuredContent":[1,2]})"), "[1,2]");
  EXPECT_EQ(content_of(R"({"content":[],"structuredContent":7})"), "7");
  EXPECT_EQ(content_of(R"({"content":[],"structuredContent":"text"})"), R"("text")");
  EXPECT_EQ(content_of(R"({"content":[],"structuredContent":false})"), "false");
}

TEST(McpResult, ShowsTextBesideStructuredContent) {
  EXPECT_EQ(
    parsed({{"content", {{{"type", "text"}, {"text", "Two cities, the second is a guess."}}}},
            {"structuredContent", {{"cities", {"Ulm", "Bonn"}}}}}),
    json({{"content", "Two cities, the second is a guess."}, {"structuredContent", {{"cities", {"Ulm", "Bonn"}}}}}));
  EXPECT_EQ(parsed({{"content", {{{"type", "text"}, {"text", "{\"a\":1}"}}, {{"type", "text"}, {"text", "Note."}}}},
                    {"structuredContent", {{"a", 1}}}})["content"][1]["text"],
            "Note.");
  // Libraries that wrap a plain value (fastmcp for Python, FastMCP.tool): said once is enough.
  EXPECT_EQ(parsed({{"content", {{{"type", "text"}, {"text", "5"}}}}, {"structuredContent", {{"result", 5}}}}),
            json({{"result", 5}}));
  EXPECT_EQ(parsed({{"content", {{{"type", "text"}, {"text", "five"}}}}, {"structuredContent", {{"result", "five"}}}}),
            json({{"result", "five"}}));
}

TEST(McpResult, TakesASingleTextAsItIs) {
  EXPECT_EQ(content_of(R"({"content":[{"type":"text","text":"{\"a\": 1}"}]})"), R"({"a": 1})");
  EXPECT_EQ(content_of(R"({"content":[{"type":"text","text":"say \"hi\""}],"structuredContent":null})"),
            R"("say \"hi\"")");
  EXPECT_EQ(content_of(R"({"content":[{"type":"text"}]})"), R"("")");
}

TEST(McpResult, NamesWhatItLeavesOut) {
  const auto content = json::parse(content_of(R"({"content":[
    {"type":"text","text":"see"},
    {"type":"image","data":"AAAA","mimeType":"image/png"},
    {"type":"audio","data":"AAAA","mimeType":"audio/wav"},
    {"type":"resource","resource":{"uri":"file:///a","blob":"AAAA"}},
    {"type":"resource","resource":{"uri":"file:///b","text":"kept"}},
    {"type":"resource_link","uri":"file:///c"}, 7]})"));
  EXPECT_EQ(content, json::parse(R"([
    {"type":"text","text":"see"},
    {"type":"image","mimeType":"image/png","omitted":true},
    {"type":"audio","mimeType":"audio/wav","omitted":true},
    {"type":"resource","resource":{"uri":"file:///a","omitted":true}},
    {"type":"resource","resource":{"uri":"file:///b","text":"kept"}},
    {"type":"resource_link","uri":"file:///c"}, 7])"));
  EXPECT_EQ(content_of(R"({"content":[{"type":"image","data":"AAAA"}]})"), R"([{"omitted":true,"type":"image"}])");
  EXPECT_EQ(content_of(R"({"content":[]})"), "[]");
}

TEST(McpResult, LeavesDataOutWhereverItStands) {
  EXPECT_EQ(parsed({{"structuredContent", {{"shots", {{{"mimeType", "image/png"}, {"data", "AAAA"}, {"w", 2}}}}}}}),
            json({{"shots", {{{"mimeType", "image/png"}, {"omitted", true}, {"w", 2}}}}}));
  EXPECT_EQ(parsed({{"structuredContent", {{"source", {{"media_type", "image/png"}, {"data", "AAAA"}}}}}}),
            json({{"source", {{"media_type", "image/png"}, {"omitted", true}}}}));
  EXPECT_EQ(parsed({{"structuredContent", {{"icon", "data:image/png;base64," + data(400)}}}}),
            json({{"icon", "data:image/png;base64,[400 bytes of base64 left out]"}}));
  EXPECT_EQ(parsed({{"structuredContent", {{"pdf", data(400'000)}}}}),
            json({{"pdf", "[400000 bytes of base64 left out]"}}));
  EXPECT_EQ(parsed({{"content", {{{"type", "text"}, {"text", "Here: " + data(5000) + "."}}}}}),
            json("Here: [5000 bytes of base64 left out]."));
  std::string lines;
  for (int i = 0; i < 40; ++i)
    lines += data(76) + "\r\n";
  EXPECT_THAT(parsed({{"structuredContent", {{"mime", lines}}}}).dump(),
              AllOf(HasSubstr("bytes of base64 left out"), Not(HasSubstr("iVBOR"))));
}

TEST(McpResult, KeepsWhatOnlyLooksLikeData) {
  const json kept{{"note", {{"mimeType", "text/plain"}, {"data", "hello"}}},
                  {"icon", "data:image/png;base64," + data(80)},
                  {"hash", std::string(128, 'a')},
                  {"zeros", std::string(5000, '0')},
                  {"path", "/usr/" + std::string(2000, 'x')},
                  {"prose", "A word and 1 more. " + std::string(3000, ' ') + "End"}};
  EXPECT_EQ(parsed({{"structuredContent", kept}}), kept);
}

TEST(McpResult, TellsTheModelOfErrors) {
  EXPECT_EQ(error_of(R"({"content":[{"type":"text","text":"no"},{"type":"text","text":"way"}],"isError":true})"),
            "no\nway");
  EXPECT_EQ(error_of(R"({"content":[],"structuredContent":{"code":1},"isError":true})"), R"({"code":1})");
  EXPECT_THAT(error_of(R"({"content":[],"isError":true})"), HasSubstr("did not say why"));
  const auto both
    = read(R"({"content":[{"type":"text","text":"no"}],"structuredContent":{"code":1},"isError":true})").content;
  EXPECT_EQ(json::parse(both), json({{"error", "no"}, {"structuredContent", {{"code", 1}}}}));
  for (const auto* result : {"", "[]", "7"})
    EXPECT_THAT(error_of(result), HasSubstr("no result")) << result;
  for (const auto* result : {R"({"isError":true})", R"({"isError":true,"content":null})"})
    EXPECT_THAT(error_of(result), HasSubstr("did not say why")) << result;
}

// A tool that has run must not look as if it had not, or it is called again.
TEST(McpResult, NeedsNoListOfContents) {
  for (const auto* nothing : {"{}", R"({"content":null})", R"({"content":7})", R"({"_meta":{}})"})
    EXPECT_EQ(content_of(nothing), "[]") << nothing;
  for (const auto* text :
       {R"({"content":"a text"})", R"({"content":{"type":"text","text":"a text"}})", R"({"toolResult":"a text"})"})
    EXPECT_EQ(content_of(text), R"("a text")") << text;
  EXPECT_EQ(content_of(R"({"toolResult":{"n":1000000000000000000001}})"), R"({"n":1000000000000000000001})");
}

// One half of an emoji in a text is no reason to lose it.
TEST(McpResult, IsReadThoughATextIsBroken) {
  EXPECT_EQ(content_of(R"({"content":[{"type":"text","text":"a\ud83c b"}]})"), "\"a\xef\xbf\xbd b\"");
  EXPECT_EQ(content_of("{\"content\":[{\"type\":\"text\",\"text\":\"a\xff\"}]}"), "\"a\xef\xbf\xbd\"");
}

// -- kinds of results (2026-07-28) ------------------------------------------------------

TEST(McpResult, IsCompleteUnlessItSaysOtherwise) {
  EXPECT_EQ(content_of(R"({"content":[],"resultType":"complete"})"), "[]");
  for (const auto* type : {R"("task")", R"("later")", "7", "null"})
    EXPECT_THAT(error_of(R"({"content":[],"resultType":)" + std::string{type} + "}"), HasSubstr("not known here"));
}

// As @modelcontextprotocol/server 2.4.0 writes it (inputRequired).
TEST(McpResult, MayAskForAnotherRound) {
  auto got = mcp::read_call(R"({"resultType":"input_required","requestState":"abc"})");
  ASSERT_TRUE(std::holds_alternative<mcp::another_round>(got));
  EXPECT_EQ(std::get<mcp::another_round>(got).request_state, "abc");
  EXPECT_THAT(error_of(R"({"resultType":"input_required"})"), HasSubstr("does not say with what"));
}

TEST(McpResult, SaysWhatNobodyHereCanGive) {
  EXPECT_THAT(error_of(R"({"resultType":"input_required","requestState":"abc","inputRequests":)"
                       R"({"who":{"method":"elicitation/create","params":{"message":"Who are you?"}}}})"),
              AllOf(HasSubstr("elicitation/create"), HasSubstr("Who are you?"), HasSubstr("not carried out")));
  EXPECT_THAT(error_of(R"({"resultType":"input_required","inputRequests":{"a":7}})"), HasSubstr("something"));
}

} // namespace troupe
