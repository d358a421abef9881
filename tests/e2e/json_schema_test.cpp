#include "tests/e2e/json_schema.hpp"

#include <gtest/gtest.h>

/// The judge of the answers must itself be able to find fault.
namespace troupe {

using nlohmann::json;

namespace {

const json root = json::parse(R"({"components": {"schemas": {"pair": {
  "type": "object",
  "required": ["a"],
  "additionalProperties": false,
  "properties": {"a": {"type": "integer", "minimum": 1}, "b": {"type": ["string", "null"], "maxLength": 2}}
}}}})");

std::size_t errors(const char* schema, const char* value) {
  return schema_errors(root, json::parse(schema), json::parse(value)).size();
}

constexpr auto pair = R"({"$ref": "#/components/schemas/pair"})";

} // namespace

TEST(JsonSchema, AcceptsWhatMatches) {
  EXPECT_EQ(errors(pair, R"({"a": 1})"), 0U);
  EXPECT_EQ(errors(pair, R"({"a": 7, "b": null})"), 0U);
  EXPECT_EQ(errors(pair, R"({"a": 7, "b": "é世"})"), 0U) << "lengths are counted in code points";
  EXPECT_EQ(errors(R"({"oneOf": [{"type": "string"}, {"type": "null"}]})", "null"), 0U);
}

TEST(JsonSchema, FindsEveryFault) {
  EXPECT_EQ(errors(pair, "[]"), 1U) << "the type";
  EXPECT_EQ(errors(pair, "{}"), 1U) << "a missing member";
  EXPECT_EQ(errors(pair, R"({"a": 0})"), 1U) << "a bound";
  EXPECT_EQ(errors(pair, R"({"a": 1.5})"), 1U) << "a fraction";
  EXPECT_EQ(errors(pair, R"({"a": 1, "b": "long"})"), 1U) << "a length";
  EXPECT_EQ(errors(pair, R"({"a": 1, "c": 2})"), 1U) << "an unknown member";
  EXPECT_EQ(errors(R"({"enum": ["x", "y"]})", R"("z")"), 1U);
  EXPECT_EQ(errors(R"({"const": 1})", "2"), 1U);
  EXPECT_EQ(errors(R"({"pattern": "^a+$"})", R"("ab")"), 1U);
  EXPECT_EQ(errors(R"({"type": "array", "items": {"type": "string"}})", R"(["x", 1, null])"), 2U);
  EXPECT_EQ(errors(R"({"oneOf": [{"type": "number"}, {"type": "integer"}]})", "1"), 1U) << "two alternatives match";
  EXPECT_EQ(errors(R"({"anyOf": [{"type": "string"}, {"type": "null"}]})", "1"), 1U);
}

TEST(JsonSchema, PassesOverNoKeywordThatItDoesNotKnow) {
  EXPECT_EQ(errors(R"({"propertyNames": {"maxLength": 3}})", "{}"), 1U);
}

} // namespace troupe
