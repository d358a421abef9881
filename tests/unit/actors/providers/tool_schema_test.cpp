#include "actors/providers/tool_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

json shown(const std::string& schema) {
  return json::parse(show_schema(schema).text);
}

TEST(ToolSchema, StaysAsItIsIfItIsPlain) {
  const std::string plain
    = R"({"type":"object","properties":{"city":{"type":"string","maxLength":80}},"required":["city"],"additionalProperties":false})";
  EXPECT_EQ(shown(plain), json::parse(plain));
  EXPECT_THAT(show_schema(plain).note, IsEmpty());
  EXPECT_THAT(show_schema(plain).remark, IsEmpty());
}

// Azure and older gpt: "object schema missing properties".
TEST(ToolSchema, IsAnObjectWithPropertiesWhateverWasGiven) {
  for (const std::string odd :
       {"", "{}", R"({"type":"object"})", R"({"type":["object","null"]})", R"({"properties":7})", "7", "[1",
        R"({"type":"string"})", R"({"required":["a"]})", R"({"required":5})"}) {
    const auto made = shown(odd);
    EXPECT_EQ(made["type"], "object") << odd;
    EXPECT_TRUE(made["properties"].is_object()) << odd;
    EXPECT_FALSE(made.contains("required")) << odd;
  }
}

// makenotion/notion-mcp-server#340, evoila/meho#905; "input_schema does not support oneOf, allOf, or anyOf at the top
// level" (anthropics/claude-code#40075).
TEST(ToolSchema, HasNothingAtItsTopThatProvidersRefuse) {
  const auto any = show_schema(
    R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}},"anyOf":[{"required":["a"]},{"required":["b"]}]})");
  EXPECT_EQ(json::parse(any.text),
            json::parse(R"({"type":"object","properties":{"a":{"type":"string"},"b":{"type":"integer"}}})"));
  EXPECT_THAT(any.remark, HasSubstr(R"({"anyOf":[{"required":["a"]},{"required":["b"]}]})"));
  EXPECT_THAT(any.note, Not(IsEmpty()));
  const auto one = shown(
    R"({"oneOf":[{"type":"object","properties":{"id":{"type":"integer"},"k":{}},"required":["id","k"]},{"properties":{"name":{"type":"string"},"k":{}},"required":["name","k"]}]})");
  EXPECT_EQ(one["properties"].size(), 3U);
  EXPECT_EQ(one["required"], json({"k"}));
  const auto all = shown(
    R"({"allOf":[{"properties":{"id":{}},"required":["id"]},{"allOf":[{"properties":{"n":{}},"required":["n"]}]}],"not":{},"enum":[1],"if":{},"then":{}})");
  EXPECT_EQ(all["required"], json({"id", "n"}));
  for (const auto* name : {"anyOf", "oneOf", "allOf", "not", "enum", "if", "then"})
    EXPECT_FALSE(all.contains(name)) << name;
}

TEST(ToolSchema, FollowsReferencesWithinItselfAlone) {
  const auto made = shown(
    R"({"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/Args","definitions":{"Args":{"type":"object","properties":{"a":{"$ref":"#/definitions/T"}}},"T":{"type":"string"}}})");
  EXPECT_TRUE(made["properties"].contains("a"));
  EXPECT_TRUE(made["definitions"].contains("T"));
  EXPECT_FALSE(made.contains("$ref"));
  EXPECT_FALSE(made.contains("$schema"));
  for (const std::string odd : {R"({"$ref":"#"})", R"({"$ref":"https://example.com/x.json"})", R"({"$ref":"#/a/b"})",
                                R"({"$ref":7})", R"({"$ref":"#/a","a":{"$ref":"#/a"}})", R"({"$ref":"#/~"})"})
    EXPECT_EQ(shown(odd)["type"], "object") << odd;
}

// jlowin/fastmcp#2464, and a list of types (byterover-cli#42): OpenAI says "array schema missing items".
TEST(ToolSchema, GivesItemsToArrays) {
  const auto made = shown(
    R"({"type":"object","properties":{"a":{"type":"array"},"b":{"type":["string","array"]},"c":{"type":"array","items":{"type":"array"}},"d":{"anyOf":[{"type":"array"}]}}})");
  EXPECT_EQ(made["properties"]["a"]["items"], json::object());
  EXPECT_EQ(made["properties"]["b"]["items"], json::object());
  EXPECT_EQ(made["properties"]["c"]["items"]["items"], json::object());
  EXPECT_EQ(made["properties"]["d"]["anyOf"][0]["items"], json::object());
}

// One odd property spoiled every request of its bot.
TEST(ToolSchema, HasSchemasWhereSchemasStand) {
  const auto made = shown(
    R"({"type":"object","properties":{"required":["a"],"b":null,"c":"string","d":true,"e":{"type":"object","properties":[],"required":"x"},"f":{"anyOf":[]},"g":{"anyOf":[null,{"type":"string"}]},"items":{"type":"array","items":[null]}}})");
  EXPECT_EQ(
    made,
    json::parse(
      R"({"type":"object","properties":{"required":{},"b":{},"c":{},"d":true,"e":{"type":"object"},"f":{},"g":{"anyOf":[{},{"type":"string"}]},"items":{"type":"array","items":[{}]}}})"));
  EXPECT_THAT(show_schema(R"({"properties":{"a":7}})").note, Not(IsEmpty()));
  EXPECT_THAT(show_schema(R"({"properties":{"a":{"type":"array"}}})").note, IsEmpty());
}

TEST(ToolSchema, SaysWhichArgumentsClaudeDoesNotTake) {
  for (const std::string name : {"$filter", "user name", "", "\xc3\xa4"}) {
    json schema{{"type", "object"}, {"properties", {{name, json::object()}}}};
    EXPECT_THAT(show_schema(schema.dump()).doubt, HasSubstr("Claude takes no argument")) << name;
  }
  EXPECT_THAT(show_schema(R"({"properties":{"a.b-c_1":{}}})").doubt, IsEmpty());
}

TEST(ToolSchema, KeepsTheDigitsOfItsNumbers) {
  EXPECT_THAT(show_schema(R"({"properties":{"n":{"maximum":100000000000000000000001}}})").text,
              HasSubstr("100000000000000000000001"));
}

} // namespace
} // namespace troupe
