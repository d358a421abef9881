#include "actors/toolbox/mcp_tools.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const mcp::manner legacy{mcp::era::legacy, "2025-11-25"};
const mcp::manner modern{mcp::era::modern, "2026-07-28"};

mcp::tool_list list_of(const json& page, const mcp::manner& how = legacy) {
  mcp::tool_collector pages{how};
  EXPECT_TRUE(pages.take(page.dump())) << page;
  EXPECT_EQ(pages.next(), std::nullopt);
  return std::move(pages).finish();
}

mcp::tool_list list_of_one(const json& tool, const mcp::manner& how = legacy) {
  return list_of({{"tools", {tool}}}, how);
}

json tool_named(const std::string& name, const json& schema = {{"type", "object"}}) {
  return {{"name", name}, {"inputSchema", schema}};
}

json mirrored(const json& properties) {
  return {{"type", "object"}, {"properties", properties}};
}

std::string note_of(const mcp::tool_list& list) {
  return list.notes.empty() ? std::string{} : list.notes.front().text;
}

json nested(int depth) {
  json value{{"type", "string"}};
  for (int i = 0; i < depth; ++i)
    value = {{"items", std::move(value)}};
  return value;
}

} // namespace

TEST(McpList, ReadsTools) {
  const auto list = list_of(json::parse(R"({
    "tools": [
      {"name": "files/read", "description": "Reads.", "inputSchema": {"type": "object"}},
      {"name": "list", "title": "Lists", "inputSchema": {"properties": {}}},
      {"description": "has no name"}, {"name": ""}, {"name": 1}, null
    ],
    "nextCursor": null
  })"));
  EXPECT_EQ(list.tools, (std::vector<mcp::listed_tool>{{{"files/read", "Reads.", R"({"type":"object"})"}},
                                                       {{"list", "Lists", R"({"properties":{}})"}}}));
  EXPECT_EQ(list.notes.size(), 4U);
  EXPECT_NE(list.find("list"), nullptr);
  EXPECT_EQ(list.find("nope"), nullptr);
}

TEST(McpList, RefusesWhatIsNoPage) {
  for (const auto* result : {"", "{}", "[]", R"({"tools":{}})"})
    EXPECT_FALSE(mcp::tool_collector{legacy}.take(result)) << result;
}

// -- pages ----------------------------------------------------------------------

TEST(McpList, AnEmptyStringIsACursor) {
  mcp::tool_collector pages{legacy};
  EXPECT_TRUE(pages.take(json{{"tools", {tool_named("a")}}, {"nextCursor", ""}}.dump()));
  ASSERT_EQ(pages.next(), "");
  EXPECT_TRUE(pages.take(json{{"tools", {tool_named("b")}}}.dump()));
  EXPECT_EQ(pages.next(), std::nullopt);
  EXPECT_EQ(std::move(pages).finish().tools.size(), 2U);
}

TEST(McpList, ACursorThatComesAgainEndsIt) {
  for (const std::vector<std::string>& cursors : {std::vector<std::string>{"a", "a"}, {"", ""}, {"a", "b", "a"}}) {
    mcp::tool_collector pages{legacy};
    for (const auto& cursor : cursors)
      EXPECT_TRUE(pages.take(json{{"tools", json::array()}, {"nextCursor", cursor}}.dump()));
    EXPECT_EQ(pages.next(), std::nullopt);
    EXPECT_THAT(note_of(std::move(pages).finish()), HasSubstr("circle"));
  }
}

TEST(McpList, EndsAfterSoManyPages) {
  mcp::tool_collector pages{legacy};
  int asked = 0;
  do {
    EXPECT_TRUE(pages.take(json{{"tools", json::array()}, {"nextCursor", std::to_string(asked)}}.dump()));
  } while (++asked < 1000 && pages.next());
  EXPECT_EQ(asked, mcp::most_pages);
  EXPECT_THAT(note_of(std::move(pages).finish()), HasSubstr("more than 50 pages"));
}

TEST(McpList, EndsAfterSoManyToolsAndBytes) {
  json many = json::array();
  for (int i = 0; i < 501; ++i)
    many.push_back(tool_named("t" + std::to_string(i)));
  auto list = list_of({{"tools", many}, {"nextCursor", "more"}});
  EXPECT_EQ(list.tools.size(), mcp::most_tools);
  EXPECT_THAT(note_of(list), HasSubstr("longer than 500 tools"));
  many.clear();
  for (int i = 0; i < 100; ++i)
    many.push_back(tool_named("t" + std::to_string(i), {{"description", std::string(60'000, 'x')}}));
  list = list_of({{"tools", many}, {"nextCursor", "more"}});
  EXPECT_LT(list.tools.size(), 100U);
  EXPECT_GT(list.tools.size(), 50U);
}

// -- odd tools ----------------------------------------------------------------------

TEST(McpList, OneOddToolTakesNoOtherWithIt) {
  const std::vector<std::pair<json, std::string>> odd{
    {tool_named("odd", {{"type", "string"}}), "no object"},
    {tool_named("odd", {{"type", {"array", "null"}}}), "no object"},
    {tool_named("odd", {{"description", std::string(70'000, 'x')}}), "longer than 64 KiB"},
    {tool_named("odd", nested(60)), "nested deeper"},
    {tool_named(std::string(257, 'n')), "longer than 256 bytes"},
    // @modelcontextprotocol/server-everything 2026.8.31: simulate-research-query.
    {{{"name", "odd"}, {"inputSchema", {{"type", "object"}}}, {"execution", {{"taskSupport", "required"}}}}, "task"},
    {tool_named("good"), "twice"}};
  for (const auto& [tool, why] : odd) {
    const auto list = list_of({{"tools", {tool_named("good"), tool}}});
    ASSERT_EQ(list.tools.size(), 1U) << why;
    EXPECT_EQ(list.tools[0].definition.name, "good");
    ASSERT_EQ(list.notes.size(), 1U);
    EXPECT_EQ(list.notes[0].tool, tool["name"]);
    EXPECT_THAT(list.notes[0].text, HasSubstr(why));
  }
}

TEST(McpList, MendsWhatCanBeMended) {
  for (const json& tool : {json{{"name", "free"}}, json{{"name", "free"}, {"inputSchema", nullptr}},
                           json{{"name", "free"}, {"inputSchema", true}}}) {
    const auto list = list_of_one(tool);
    ASSERT_EQ(list.tools.size(), 1U);
    EXPECT_EQ(list.tools[0].definition.parameters, "");
    EXPECT_THAT(note_of(list), HasSubstr("has no schema"));
  }
  const auto list = list_of_one(tool_named("maybe", {{"type", {"object", "null"}}}));
  ASSERT_EQ(list.tools.size(), 1U);
  EXPECT_EQ(list.tools[0].definition.parameters, R"({"type":"object"})");
  EXPECT_THAT(list_of_one({{"name", "t"}, {"execution", {{"taskSupport", "optional"}}}}).tools, testing::SizeIs(1));
}

TEST(McpList, CutsADescriptionThatIsABook) {
  auto tool = tool_named("t");
  tool["description"] = std::string(100'000, 'x');
  EXPECT_EQ(list_of_one(tool).tools.at(0).definition.description.size(), mcp::longest_description);
}

// -- x-mcp-header ---------------------------------------------------------------------

// As @modelcontextprotocol/client 2.4.0 reads them (scanXMcpHeaderDeclarations).
TEST(McpList, MirrorsAnnotatedArguments) {
  const auto list = list_of_one(
    tool_named("t", mirrored({{"region", {{"type", "string"}, {"x-mcp-header", "Region"}}},
                              {"where", mirrored({{"shard", {{"type", "integer"}, {"x-mcp-header", "Shard"}}}})},
                              {"dry", {{"type", "boolean"}, {"x-mcp-header", "Dry"}}},
                              {"none", {{"type", "string"}}}})),
    modern);
  ASSERT_EQ(list.tools.size(), 1U);
  const auto& found = list.tools[0].mirrored;
  EXPECT_EQ(
    mcp::mirrored_headers(found, R"({"region":"caf\u00e9","where":{"shard":7},"dry":true,"none":"x"})"),
    (header_list{{"Mcp-Param-Dry", "true"}, {"Mcp-Param-Region", "=?base64?Y2Fmw6k=?="}, {"Mcp-Param-Shard", "7"}}));
  EXPECT_THAT(mcp::mirrored_headers(found, R"({"region":null,"where":{"shard":9007199254740993},"dry":[true]})"),
              IsEmpty());
  EXPECT_THAT(mcp::mirrored_headers(found, R"({"where":7})"), IsEmpty());
  EXPECT_THAT(mcp::mirrored_headers(found, "no json"), IsEmpty());
  EXPECT_EQ(mcp::mirrored_headers(found, R"({"where":{"shard":-42.0}})"), (header_list{{"Mcp-Param-Shard", "-42"}}));
}

TEST(McpList, DropsToolsWithInvalidAnnotations) {
  const json named{{"type", "string"}, {"x-mcp-header", "A"}};
  for (const json& schema : {
         mirrored({{"a", {{"type", "string"}, {"x-mcp-header", "a b"}}}}),
         mirrored({{"a", {{"type", "string"}, {"x-mcp-header", ""}}}}),
         mirrored({{"a", {{"type", "string"}, {"x-mcp-header", "A\r\nX: y"}}}}),
         mirrored({{"a", {{"type", "string"}, {"x-mcp-header", 7}}}}),
         mirrored({{"a", {{"type", "number"}, {"x-mcp-header", "A"}}}}),
         mirrored({{"a", {{"type", "object"}, {"x-mcp-header", "A"}}}}),
         mirrored({{"a", {{"x-mcp-header", "A"}}}}),
         mirrored({{"a", named}, {"b", {{"type", "string"}, {"x-mcp-header", "a"}}}}),
         mirrored({{"a", {{"type", "array"}, {"items", named}}}}),
         json{{"type", "object"}, {"anyOf", {mirrored({{"a", named}})}}},
         json{{"type", "object"}, {"$defs", {{"d", mirrored({{"a", named}})}}}},
         json{{"type", "object"}, {"x-mcp-header", "A"}},
       }) {
    const auto list = list_of_one(tool_named("t", schema), modern);
    EXPECT_THAT(list.tools, IsEmpty()) << schema;
    EXPECT_THAT(note_of(list), HasSubstr("x-mcp-header")) << schema;
    // To a legacy server it means nothing.
    EXPECT_EQ(list_of_one(tool_named("t", schema)).tools.size(), 1U);
  }
}

// -- how long a list is good ------------------------------------------------------------

TEST(McpList, TheShortestLifeOfItsPagesCounts) {
  mcp::tool_collector pages{modern};
  pages.take(R"({"tools":[],"nextCursor":"1","ttlMs":9000})");
  pages.take(R"({"tools":[],"nextCursor":"2","ttlMs":5000})");
  EXPECT_EQ(pages.time_to_live(), 5s);
  pages.take(R"({"tools":[]})");
  EXPECT_EQ(pages.time_to_live(), std::nullopt);
}

TEST(McpList, IsOldWhenItsServerSaysSo) {
  EXPECT_EQ(mcp::list_lifetime(legacy, {}, false), 60s);
  EXPECT_EQ(mcp::list_lifetime(modern, 30s, false), 30s);
  EXPECT_EQ(mcp::list_lifetime(modern, 24h, false), 10min);
  for (const auto told : {std::optional<std::chrono::milliseconds>{}, std::optional<std::chrono::milliseconds>{0}}) {
    EXPECT_EQ(mcp::list_lifetime(modern, told, false), 1s);
    EXPECT_EQ(mcp::list_lifetime(modern, told, true), 60s);
  }
}

} // namespace troupe
