#include "actors/toolbox/json_schema.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace troupe {

namespace {

using testing::HasSubstr;
using testing::Not;
using testing::Optional;

/// True if the arguments fit.
bool fits(const std::string& schema, const std::string& arguments) {
  EXPECT_EQ(refuse_schema(schema), std::nullopt) << schema;
  return !refuse_arguments(schema, arguments);
}

std::string nested(const std::string& open, const std::string& inner, const std::string& close, int times) {
  std::string text;
  for (int i = 0; i < times; ++i)
    text += open;
  text += inner;
  for (int i = 0; i < times; ++i)
    text += close;
  return text;
}

const std::string weather = R"({
  "type": "object",
  "properties": {
    "city": {"type": "string", "minLength": 1},
    "days": {"type": "integer", "minimum": 1, "maximum": 14},
    "units": {"enum": ["metric", "imperial"]},
    "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true}
  },
  "required": ["city"],
  "additionalProperties": false
})";

} // namespace

// -- arguments ----------------------------------------------------------------

TEST(ToolSchema, TakesArgumentsThatFit) {
  EXPECT_TRUE(fits(weather, R"({"city":"Oslo"})"));
  EXPECT_TRUE(fits(weather, R"({"city":"Oslo","days":14,"units":"metric","tags":["a","b"]})"));
}

TEST(ToolSchema, NamesWhatDoesNotFit) {
  EXPECT_THAT(refuse_arguments(weather, "{}"), Optional(HasSubstr("Missing required property 'city'")));
  EXPECT_THAT(refuse_arguments(weather, R"({"city":7})"), Optional(HasSubstr("/city: Value type not permitted")));
  EXPECT_THAT(refuse_arguments(weather, R"({"city":"Oslo","days":15})"), Optional(HasSubstr("/days: ")));
  EXPECT_THAT(refuse_arguments(weather, R"({"city":"Oslo","town":1})"), Optional(HasSubstr("'town'")));
  EXPECT_THAT(refuse_arguments(weather, R"({"city":"Oslo","units":"miles"})"), Optional(HasSubstr("/units: ")));
  EXPECT_THAT(refuse_arguments(weather, R"({"city":"Oslo","tags":["a",{}]})"), Optional(HasSubstr("/tags/1: ")));
  EXPECT_THAT(refuse_arguments(weather, R"({"city":"Oslo","tags":["a","a"]})"), Optional(HasSubstr("/tags: ")));
}

TEST(ToolSchema, SaysSoInOneSentence) {
  const auto refused = refuse_arguments(weather, R"({"days":"x","units":1,"tags":2,"more":3})");
  ASSERT_TRUE(refused);
  EXPECT_TRUE(refused->starts_with("The arguments do not fit the tool's schema: ")) << *refused;
  EXPECT_TRUE(refused->ends_with('.')) << *refused;
  EXPECT_THAT(*refused, Not(HasSubstr("Failed to validate")));
}

TEST(ToolSchema, AsksForAnObject) {
  for (const auto* text : {"", "null", "[]", "\"text\"", "{", "{\"a\":\"\xff\"}"}) {
    EXPECT_TRUE(refuse_arguments("", text)) << text;
    EXPECT_TRUE(refuse_arguments("{}", text)) << text;
  }
  EXPECT_EQ(refuse_arguments("", R"({"anything":[1]})"), std::nullopt);
  EXPECT_EQ(refuse_arguments("", R"({"a":)" + nested("[", "", "]", 63) + "}"), std::nullopt);
  EXPECT_THAT(refuse_arguments("", R"({"a":)" + nested("[", "", "]", 64) + "}"), Optional(HasSubstr("64 deep")));
}

TEST(ToolSchema, TakesWholeNumbersForIntegers) {
  EXPECT_TRUE(fits(weather, R"({"city":"Oslo","days":3.0})"));
  EXPECT_FALSE(fits(weather, R"({"city":"Oslo","days":3.5})"));
  EXPECT_TRUE(fits(R"({"properties":{"n":{"const":2.0}}})", R"({"n":2})"));
}

TEST(ToolSchema, ChecksMultiples) {
  const std::string schema = R"({"properties":{"n":{"multipleOf":5}}})";
  EXPECT_TRUE(fits(schema, R"({"n":-15})"));
  EXPECT_FALSE(fits(schema, R"({"n":7})"));
  EXPECT_FALSE(fits(schema, R"({"n":7.5})"));
  EXPECT_TRUE(fits(schema, R"({"n":1e300})"));
  EXPECT_TRUE(fits(R"({"properties":{"n":{"multipleOf":0.01}}})", R"({"n":19.99})"));
}

// -- drafts -------------------------------------------------------------------

TEST(ToolSchema, FollowsReferencesWithinTheDocument) {
  const std::string schema = R"({
    "$ref": "#/definitions/Order%3Ca~1b%3E",
    "definitions": {
      "Order<a/b>": {"type": "object", "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/line"}}}}
    },
    "$defs": {"line": {"$ref": "#/$defs/text"}, "text": {"type": "string"}}
  })";
  EXPECT_TRUE(fits(schema, R"({"lines":["a","b"]})"));
  EXPECT_FALSE(fits(schema, R"({"lines":["a",1]})"));
}

TEST(ToolSchema, FollowsReferencesThatRecurse) {
  const std::string schema = R"({
    "id": "tree/",
    "properties": {"children": {"type": "array", "items": {"$ref": "#"}}, "name": {"type": "string"}}
  })";
  EXPECT_TRUE(fits(schema, R"({"name":"a","children":[{"children":[{"name":"b"}]}]})"));
  EXPECT_FALSE(fits(schema, R"({"name":"a","children":[{"children":[{"name":1}]}]})"));
  EXPECT_TRUE(fits(schema, nested(R"({"children":[)", R"({"name":"leaf"})", "]}", 31)));
  EXPECT_FALSE(fits(schema, nested(R"({"children":[)", R"({"name":0})", "]}", 31)));
}

TEST(ToolSchema, DoesNotMistakeDependenciesForTheirSchema) {
  const std::string schema = R"({
    "properties": {"a": {"$ref": "#/$defs/n"}, "self": {"$ref": "#"}},
    "dependencies": {"self": {"required": ["a"]}},
    "$defs": {"n": {"dependencies": {"x": {"required": ["y"]}}, "propertyNames": {"maxLength": 1}}}
  })";
  EXPECT_TRUE(fits(schema, R"({"a":{"x":1,"y":2}})"));
  EXPECT_FALSE(fits(schema, R"({"a":{"x":1}})"));
  EXPECT_FALSE(fits(schema, R"({"a":{"long":1}})"));
  EXPECT_FALSE(fits(schema, R"({"self":{}})"));
  EXPECT_TRUE(fits(schema, R"({"self":{},"a":{}})"));
}

TEST(ToolSchema, ReadsWhatLaterDraftsWriteDifferently) {
  const std::string pairs = R"({"properties":{"p":{"prefixItems":[{"type":"string"}],"items":{"type":"integer"}}}})";
  EXPECT_TRUE(fits(pairs, R"({"p":["a",1,2]})"));
  EXPECT_FALSE(fits(pairs, R"({"p":[1]})"));
  EXPECT_FALSE(fits(pairs, R"({"p":["a","b"]})"));
  const std::string dependent = R"({"dependentRequired":{"a":["b"]},"dependentSchemas":{"c":{"required":["d"]}}})";
  EXPECT_TRUE(fits(dependent, R"({"a":1,"b":1,"c":1,"d":1})"));
  EXPECT_FALSE(fits(dependent, R"({"a":1})"));
  EXPECT_FALSE(fits(dependent, R"({"c":1})"));
}

TEST(ToolSchema, ReadsWhatEarlierDraftsWriteDifferently) {
  const std::string bounds = R"({"properties":{"n":{"minimum":0,"exclusiveMinimum":true,"maximum":9,
                                                   "exclusiveMaximum":false}}})";
  EXPECT_FALSE(fits(bounds, R"({"n":0})"));
  EXPECT_TRUE(fits(bounds, R"({"n":9})"));
  const std::string tuple = R"({"properties":{"p":{"items":[{"type":"string"}],"additionalItems":false}}})";
  EXPECT_TRUE(fits(tuple, R"({"p":["a"]})"));
  EXPECT_FALSE(fits(tuple, R"({"p":["a",1]})"));
  EXPECT_TRUE(fits(R"({"properties":{"n":{"required":true}}})", R"({"n":1})"));
}

TEST(ToolSchema, KnowsAllWaysToCombineSchemas) {
  EXPECT_FALSE(fits(R"({"not":{"required":["a"]}})", R"({"a":1})"));
  EXPECT_FALSE(fits(R"({"oneOf":[{"required":["a"]},{"required":["b"]}]})", R"({"a":1,"b":1})"));
  EXPECT_TRUE(fits(R"({"anyOf":[{"required":["a"]},{"required":["b"]}]})", R"({"b":1})"));
  const std::string conditional = R"({"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}})";
  EXPECT_FALSE(fits(conditional, R"({"a":1})"));
  EXPECT_TRUE(fits(conditional, R"({"c":1})"));
  EXPECT_FALSE(fits(R"({"properties":{"a":false}})", R"({"a":1})"));
  EXPECT_FALSE(fits(R"({"properties":{"a":{"contains":{"type":"null"}}}})", R"({"a":[1]})"));
  EXPECT_FALSE(fits(R"({"additionalProperties":{"type":"null"}})", R"({"a":1})"));
}

TEST(ToolSchema, HoldsNothingAgainstTheArgumentsThatItDoesNotCheck) {
  EXPECT_TRUE(fits(R"({"properties":{"d":{"type":"string","format":"date","pattern":"^["}}})", R"({"d":"soon"})"));
  EXPECT_FALSE(fits(R"({"properties":{"d":{"type":"string","format":"date"}}})", R"({"d":1})"));
  EXPECT_TRUE(fits(R"({"properties":{"d":{"oneOf":[{"format":"date"},{"format":"uri"}]}}})", R"({"d":"x"})"));
  EXPECT_FALSE(
    fits(R"({"properties":{"d":{"oneOf":[{"format":"date","type":"string"},{"type":"null"}]}}})", R"({"d":1})"));
  EXPECT_TRUE(fits(R"({"properties":{"d":{"not":{"pattern":"^x"}}}})", R"({"d":"y"})"));
  EXPECT_TRUE(fits(R"({"patternProperties":{"^x-":{}},"additionalProperties":false})", R"({"x-a":1})"));
}

// -- schemas that cannot be used ----------------------------------------------

TEST(ToolSchema, RefusesWhatIsNoSchema) {
  for (const auto* text :
       {"", "[]", "true", "{", R"({"type":5})", R"({"type":"text"})", R"({"properties":[]})",
        R"({"properties":{"a":1}})", R"({"required":[1]})", R"({"enum":1})", R"({"minLength":-1})", R"({"anyOf":{}})",
        R"({"multipleOf":0})", R"({"items":3})", R"({"dependencies":1})", R"({"additionalProperties":"no"})"})
    EXPECT_THAT(refuse_schema(text), Optional(HasSubstr("cannot be used as a JSON Schema"))) << text;
}

TEST(ToolSchema, RefusesReferencesToOtherDocuments) {
  for (const auto* reference : {"https://example.com/schema.json", "other.json#/a", "", "urn:x"}) {
    const auto text = R"({"properties":{"a":{"$ref":")" + std::string{reference} + "\"}}}";
    EXPECT_THAT(refuse_schema(text), Optional(HasSubstr("must begin with '#'"))) << text;
  }
  EXPECT_TRUE(refuse_schema(R"({"$defs":{"never used":{"$ref":"https://example.com/"}}})"));
  EXPECT_TRUE(refuse_schema(R"({"properties":{"a":{"$ref":7}}})"));
}

TEST(ToolSchema, RefusesReferencesThatLeadNowhere) {
  for (const auto* reference :
       {"#/nothing", "#name", "#/properties/a/-", "#/properties/~", "#/required/99999999999999999999"})
    EXPECT_THAT(refuse_schema(R"({"required":[],"properties":{"a":{"$ref":")" + std::string{reference} + "\"}}}"),
                Optional(HasSubstr("leads nowhere")))
      << reference;
}

TEST(ToolSchema, AllowsAPropertyNamedLikeAReference) {
  EXPECT_TRUE(fits(R"({"properties":{"$ref":{"type":"string"}}})", R"({"$ref":"https://example.com/"})"));
}

TEST(ToolSchema, RefusesSchemasThatAreNestedTooDeep) {
  EXPECT_EQ(refuse_schema(nested(R"({"not":)", "{}", "}", 31)), std::nullopt);
  EXPECT_THAT(refuse_schema(nested(R"({"not":)", "{}", "}", 32)), Optional(HasSubstr("deeper than 32")));
  EXPECT_TRUE(refuse_schema(nested(R"({"not":)", "{}", "}", 200'000)));
}

TEST(ToolSchema, RefusesSchemasThatGoInCircles) {
  EXPECT_TRUE(refuse_schema(R"({"$ref":"#"})"));
  EXPECT_TRUE(refuse_schema(R"({"properties":{"a":{"$ref":"#/properties/b"},"b":{"$ref":"#/properties/a"}}})"));
  EXPECT_TRUE(refuse_schema(R"({"allOf":[{"$ref":"#"}]})"));
  const std::string hidden = R"({"properties":{"a":{"not":{"$ref":"#/properties/a"}}}})";
  EXPECT_EQ(refuse_schema(hidden), std::nullopt);
  EXPECT_EQ(refuse_arguments(hidden, "{}"), std::nullopt);
  EXPECT_THAT(refuse_arguments(hidden, R"({"a":1})"), Optional(HasSubstr("too intricate")));
}

TEST(ToolSchema, SeesCirclesThatOnlyItemsThatDoNotFitLeadInto) {
  const std::string schema = R"({
    "$defs": {"c": {"items": [{"items": [false]}], "additionalItems": {"$ref": "#/properties/a"},
                    "properties": {"a": {"$ref": "#"}}}},
    "properties": {"a": {"dependencies": {"a": {"$ref": "#/properties/a"}}, "items": {"$ref": "#/$defs/c"}}}
  })";
  EXPECT_TRUE(refuse_arguments(schema, R"({"a":[[[[[{"a":{"a":{"a":true}}}]]]]]})"));
}

TEST(ToolSchema, RefusesNamesThatAreReadInPart) {
  EXPECT_TRUE(refuse_schema(R"({"properties":{"a\u0000b":{"$ref":"#"}}})"));
  EXPECT_TRUE(refuse_schema(R"({"dependencies":{"a\u0000b":{"$ref":"#"}}})"));
  EXPECT_TRUE(fits(R"({"properties":{"a":{"type":"string"}}})", R"({"a\u0000b":1})"));
}

TEST(ToolSchema, RefusesChainsOfDefinitionsThatAreTooLong) {
  std::string schema = R"({"$ref":"#/$defs/0","$defs":{)";
  for (int i = 0; i < 2000; ++i)
    schema += '"' + std::to_string(i) + R"(":{"items":{"$ref":"#/$defs/)" + std::to_string(i + 1) + R"("}},)";
  EXPECT_THAT(refuse_schema(schema + R"("2000":{}}})"), Optional(HasSubstr("too many definitions")));
  schema = R"({"$ref":"#/$defs/0","$defs":{)";
  for (int i = 0; i < 2000; ++i)
    schema += '"' + std::to_string(i) + R"(":{"$ref":"#/$defs/)" + std::to_string(i + 1) + R"("},)";
  EXPECT_TRUE(refuse_schema(schema + R"("2000":{}}})"));
}

TEST(ToolSchema, ReadsTheLongestChainOfDefinitions) {
  std::string schema = R"({"$ref":"#/$defs/0","$defs":{)";
  for (int i = 0; i < 240; ++i)
    schema
      += '"' + std::to_string(i) + R"(":{"properties":{"a":{"$ref":"#/$defs/)" + std::to_string(i + 1) + R"("}}},)";
  schema += R"("240":{"type":"string"}}})";
  EXPECT_TRUE(fits(schema, nested(R"({"a":)", "{}", "}", 62)));
}

// -- bounds -------------------------------------------------------------------

TEST(ToolSchema, RefusesToDoWorkThatDoublesWithEachStep) {
  std::string schema = "{";
  for (int i = 0; i < 60; ++i) {
    const auto next = R"({"$ref":"#/$defs/)" + std::to_string(i + 1) + R"("})";
    schema += (i == 0 ? R"("allOf":[)" : R"(")" + std::to_string(i) + R"(":{"allOf":[)") + next + ',' + next
              + (i == 0 ? R"(],"$defs":{)" : "]},");
  }
  EXPECT_THAT(refuse_schema(schema + R"("60":{}}})"), Optional(HasSubstr("too large")));
  const std::string tree = R"({"properties":{"a":{"anyOf":[{"type":"null"},{"$ref":"#"},{"$ref":"#"}]}},
                               "required":["b"]})";
  EXPECT_THAT(refuse_arguments(tree, nested(R"({"a":)", "{}", "}", 62)), Optional(HasSubstr("too intricate")));
}

TEST(ToolSchema, RefusesToCompareWhatIsTooLarge) {
  std::string numbers = "0";
  for (int i = 1; i < 20'000; ++i)
    numbers += ',' + std::to_string(i);
  EXPECT_TRUE(refuse_arguments(R"({"properties":{"a":{"uniqueItems":true}}})", R"({"a":[)" + numbers + "]}"));
  const std::string plain = R"({"properties":{"a":{"items":{"type":"integer"}}}})";
  EXPECT_TRUE(fits(plain, R"({"a":[)" + numbers + "]}"));
  EXPECT_THAT(refuse_arguments(plain, R"({"a":[)" + numbers + ",\"x\"]}"),
              Optional(std::string{"The arguments do not fit the tool's schema."}));
}

TEST(ToolSchema, TakesLongTextWhateverIsSaidOfIt) {
  const std::string schema
    = R"({"properties":{"a":{"type":"string","pattern":"^(a|b)*$","format":"date","maxLength":2000000}}})";
  EXPECT_TRUE(fits(schema, R"({"a":")" + std::string(1'000'000, '1') + "\"}"));
}

} // namespace troupe
