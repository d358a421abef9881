#include "actors/toolbox/tool_names.hpp"
#include "actors/toolbox/toolbox.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>

namespace troupe {

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

tool_record server_named(const std::string& name) {
  tool_record server;
  server.type = tool_kind::mcp;
  server.name = name;
  return server;
}

mcp_tools tools_named(const std::vector<std::string>& names, std::vector<mcp::list_note> notes = {}) {
  mcp::tool_list list;
  for (const auto& name : names)
    list.tools.push_back({{name, "", ""}});
  list.notes = std::move(notes);
  return std::make_shared<const mcp::tool_list>(std::move(list));
}

std::vector<std::string> names_in(const toolbox& box) {
  std::vector<std::string> names;
  for (const auto& definition : box.definitions)
    names.push_back(definition.name);
  return names;
}

} // namespace

TEST(ToolNames, StayAsTheyAreIfTheyMay) {
  EXPECT_EQ(model_name({"files", "read"}), "files__read");
  EXPECT_EQ(model_name({"s", std::string(61, 'x')}), "s__" + std::string(61, 'x'));
}

TEST(ToolNames, ThatAreCleanedOrCutEndWithAHash) {
  const std::regex allowed{"[a-zA-Z0-9_-]{1,64}"};
  for (const tool_origin& origin : {tool_origin{"my-files", "a/b.c d"},
                                    {"s", "\xc3\xa9"},
                                    {"s", std::string(100, 'x')},
                                    {std::string(64, 's'), "t"},
                                    {"s", "a\nb"}}) {
    const auto name = model_name(origin);
    EXPECT_TRUE(std::regex_match(name, allowed)) << name;
    EXPECT_EQ(name, model_name(origin));
  }
  EXPECT_THAT(model_name({"my-files", "a/b"}), testing::StartsWith("my-files__a_b_"));
}

TEST(ToolNames, StayApart) {
  // Dots and slashes beside underscores; long ones with one beginning; characters that are not allowed at all.
  EXPECT_NE(model_name({"s", "a.b"}), model_name({"s", "a/b"}));
  EXPECT_NE(model_name({"s", "a.b"}), model_name({"s", "a_b"}));
  EXPECT_NE(model_name({"s", std::string(100, 'x') + "1"}), model_name({"s", std::string(100, 'x') + "2"}));
  EXPECT_NE(model_name({"s", "\xe4\xb8\x80"}), model_name({"s", "\xe4\xba\x8c"}));
}

TEST(ToolNames, AreDistinctAcrossServersInAnyOrder) {
  std::vector<tool_origin> origins{{"a__b", "c"}, {"a", "b__c"}, {"a", "d"}};
  const auto names = distinct_names(origins, {});
  EXPECT_NE(names[0], names[1]);
  EXPECT_EQ(names[2], "a__d");
  std::reverse(origins.begin(), origins.end());
  EXPECT_THAT(distinct_names(origins, {}), ElementsAre(names[2], names[1], names[0]));
}

TEST(ToolNames, GiveWayToTheBotsOwn) {
  EXPECT_NE(distinct_names({{"a", "b"}}, {"a__b"}).at(0), "a__b");
}

TEST(ToolNames, AreLikePatterns) {
  for (const auto* pattern : {"read_file", "*", "read_*", "*_file", "r*f*e", "**", "read_file*"})
    EXPECT_TRUE(is_like("read_file", pattern)) << pattern;
  for (const auto* pattern : {"", "read", "read_", "file", "*read", "x*", "*x*", "r*f*x", "read_file*x"})
    EXPECT_FALSE(is_like("read_file", pattern)) << pattern;
  EXPECT_FALSE(is_like("a", "a*a"));
  EXPECT_TRUE(is_like("aa", "a*a"));
  EXPECT_TRUE(is_like("", "*"));
}

// -- the toolbox ------------------------------------------------------------------------

TEST(Toolbox, SaysWhatWasRenamed) {
  const auto box = make_toolbox({}, {{server_named("s"), tools_named({"a.b", "a/b", "c"})}});
  EXPECT_EQ(box.definitions.size(), 3U);
  ASSERT_EQ(box.notes.size(), 2U);
  EXPECT_THAT(box.notes[0], testing::AllOf(HasSubstr("'a.b'"), HasSubstr(box.definitions[0].name)));
  EXPECT_EQ(box.find(box.definitions[1].name)->remote_name, "a/b");
}

TEST(Toolbox, HoldsWhatTheBotAllows) {
  auto server = server_named("s");
  server.allow = {"read_*", "list"};
  server.deny = {"read_secret"};
  const auto box = make_toolbox({}, {{server, tools_named({"read_file", "read_secret", "list", "write"})}});
  EXPECT_THAT(names_in(box), ElementsAre("s__read_file", "s__list"));
  EXPECT_THAT(box.notes, IsEmpty());
  server.allow.clear();
  server.deny = {"*"};
  EXPECT_THAT(make_toolbox({}, {{server, tools_named({"read_file"})}}).definitions, IsEmpty());
}

TEST(Toolbox, SaysWhichAllowedNamesThereAreNot) {
  auto server = server_named("s");
  server.allow = {"read", "rite", "list_*"};
  const auto box = make_toolbox({}, {{server, tools_named({"read", "write"})}});
  EXPECT_THAT(box.notes, ElementsAre(HasSubstr("'rite'"), HasSubstr("'list_*'")));
}

TEST(Toolbox, SaysNothingOfToolsThatNobodyWants) {
  auto server = server_named("s");
  server.deny = {"odd"};
  const auto offered = tools_named({"read"}, {{"odd", "It is odd."}, {"other", "It is other."}, {"", "It is long."}});
  EXPECT_THAT(make_toolbox({}, {{server, offered}}).notes,
              ElementsAre("The MCP server 's': It is other.", "The MCP server 's': It is long."));
}

TEST(Toolbox, KeepsTheBotsOwnToolsBesideThoseOfAServer) {
  bot_record bot;
  tool_record own;
  own.type = tool_kind::http;
  own.name = "s__read";
  bot.tools = {own};
  const auto box = make_toolbox(bot, {{server_named("s"), tools_named({"read"})}});
  ASSERT_EQ(box.definitions.size(), 2U);
  EXPECT_EQ(box.find("s__read")->tool.type, tool_kind::http);
  EXPECT_EQ(box.notes.size(), 1U);
}

} // namespace troupe
