#include "gateway/forms/json_guard.hpp"
#include "persistence/values/exact_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;
using namespace std::string_literals;

/// The detail of the refusal; empty if the text was taken.
std::string refusal(std::string_view text, const json_limits& limits = {}) {
  auto result = read_json(text, limits);
  const auto* refused = std::get_if<problem>(&result);
  if (refused == nullptr)
    return {};
  EXPECT_EQ(refused->code, problem_code::invalid_json);
  return refused->detail;
}

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

testing::AssertionResult mentions(const std::string& text, std::string_view part) {
  if (text.find(part) != text.npos)
    return testing::AssertionSuccess();
  return testing::AssertionFailure() << '"' << text << "\" does not mention \"" << part << '"';
}

TEST(JsonGuard, ReadsWhatOtherParsersRead) {
  for (const auto* text : {R"({})", R"([])", R"({"a":{"b":[1,-2,3.5e3,true,false,null,"x"]},"c":[[],{}]})", R"("x")",
                           "0", "-0", R"({"":{"":""}})", R"([18446744073709551615,-9223372036854775808])",
                           R"({"ü":"\u00fc\ud83d\ude00"})", " \t\r\n{ } "}) {
    auto result = read_json(text);
    ASSERT_TRUE(std::holds_alternative<json>(result)) << text << ": " << std::get<problem>(result).detail;
    EXPECT_EQ(std::get<json>(result), json::parse(text)) << text;
  }
}

TEST(JsonGuard, SaysWhereCutJsonEnds) {
  EXPECT_TRUE(mentions(refusal("{\"a\":\n  1"), "line 2, column 3"));
  EXPECT_TRUE(mentions(refusal(""), "line 1, column 1"));
  EXPECT_TRUE(mentions(refusal("{\"a\":\"x"), "missing closing quote"));
  EXPECT_FALSE(refusal("{").empty());
  EXPECT_FALSE(refusal("[1,").empty());
}

TEST(JsonGuard, RefusesWhatIsOnlyAlmostJson) {
  for (const auto* text : {"{a:1}", "{'a':1}", "[1,]", "{\"a\":1,}", "// x\n{}", "NaN", "[Infinity]", "01", "+1", ".5",
                           "1.", "{} {}", "\"\t\"", "tru", "[1 2]", "{\"a\" 1}", "\"\\x\"", "]", "{]"})
    EXPECT_FALSE(refusal(text).empty()) << text;
}

TEST(JsonGuard, RefusesBytesThatAreNotUtf8) {
  for (const auto& bytes :
       {"\"\xff\""s, "\"\xc0\xaf\""s, "\"\xed\xa0\x80\""s, "\"\xf5\x80\x80\x80\""s, "\"\xe2\x82\""s, "{\"\x80\":1}"s})
    EXPECT_FALSE(refusal(bytes).empty());
}

TEST(JsonGuard, RefusesHalfASurrogatePair) {
  EXPECT_TRUE(mentions(refusal(R"("\ud800")"), "surrogate"));
  EXPECT_TRUE(mentions(refusal(R"("\udc00x")"), "surrogate"));
}

TEST(JsonGuard, RefusesNulInStringsAndNames) {
  EXPECT_TRUE(mentions(refusal(R"({"a":{"b":"x\u0000y"}})"), "NUL"));
  EXPECT_TRUE(mentions(refusal(R"({"a":{"b":"x\u0000y"}})"), "\"/a\""));
  EXPECT_TRUE(mentions(refusal(R"({"\u0000":1})"), "NUL"));
  EXPECT_FALSE(refusal("\"\0\""s).empty());
}

TEST(JsonGuard, NamesAMemberThatIsThereTwice) {
  EXPECT_TRUE(mentions(refusal(R"({"input":"a","input":"b"})"), "the member \"input\" is there twice"));
  EXPECT_TRUE(mentions(refusal(R"({"a":[0,{"b":1,"b":1}]})"), "\"b\" in \"/a/1\" is there twice"));
  // The same name written in two ways.
  EXPECT_TRUE(mentions(refusal(R"({"a":1,"\u0061":2})"), "twice"));
  EXPECT_EQ(refusal(R"([{"a":1},{"a":2}])"), "");
}

TEST(JsonGuard, KeepsIntegersOfAnySize) {
  for (const std::string text :
       {"[18446744073709551616]", "-9223372036854775809", R"({"a":100000000000000000000001})"}) {
    const auto read = read_json(text);
    ASSERT_TRUE(std::holds_alternative<nlohmann::json>(read)) << text;
    EXPECT_EQ(dump_exact(std::get<nlohmann::json>(read)), text);
  }
}

TEST(JsonGuard, RefusesNumbersThatItWouldHaveToChange) {
  EXPECT_TRUE(mentions(refusal("{\"a\":1e400}"), "does not fit a double"));
  EXPECT_LT(refusal("1" + std::string(5000, '0') + "e5000").size(), 200U);
}

TEST(JsonGuard, TakesSixtyFourLevelsAndNotOneMore) {
  EXPECT_EQ(refusal(nested(64)), "");
  EXPECT_TRUE(mentions(refusal(nested(65)), "more than 64"));
}

TEST(JsonGuard, EndsABombOfBracketsEarly) {
  EXPECT_TRUE(mentions(refusal(nested(200'000)), "more than 64"));
  EXPECT_TRUE(mentions(refusal(std::string(200'000, '[')), "more than 64"));
  std::string objects;
  for (int i = 0; i < 200'000; ++i)
    objects += "{\"a\":";
  EXPECT_TRUE(mentions(refusal(objects), "more than 64"));
  std::string mixed;
  for (int i = 0; i < 100'000; ++i)
    mixed += "[{\"a\":";
  EXPECT_TRUE(mentions(refusal(mixed), "more than 64"));
}

TEST(JsonGuard, BoundsTheNumberOfValues) {
  std::string wide = "[0";
  for (int i = 0; i < 200'000; ++i)
    wide += ",0";
  EXPECT_TRUE(mentions(refusal(wide + "]"), "more than 100000 values"));
  EXPECT_EQ(refusal("[1,2]", {.depth = 1, .values = 3}), "");
  EXPECT_FALSE(refusal("[1,2,3]", {.depth = 1, .values = 3}).empty());
}

TEST(JsonGuard, NeverRepeatsTheInputAtLength) {
  const std::string long_name(100'000, 'n');
  EXPECT_LT(refusal("{\"" + long_name + "\":1,\"" + long_name + "\":2}").size(), 300U);
  EXPECT_LT(refusal("{\"" + long_name + "\":\"\\u0000\"}").size(), 300U);
  EXPECT_LT(refusal("{\"" + long_name + "\":{\"b\":1,\"b\":1}}").size(), 300U);
  EXPECT_LT(refusal("\"" + long_name).size(), 300U);
  EXPECT_LT(refusal("\"" + long_name + "\xff\"").size(), 300U);
}

TEST(JsonGuard, SurvivesAnyByteAnywhere) {
  const std::string good = R"({"a":[1,"x\u00e9",{"b":-1.5e3}],"c":null})";
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      auto bad = good;
      bad[at] = static_cast<char>(byte);
      auto result = read_json(bad);
      // What it takes, the library takes as well.
      if (const auto* tree = std::get_if<json>(&result)) {
        EXPECT_EQ(*tree, json::parse(bad)) << bad;
      }
    }
  }
}

TEST(JsonGuard, AsksForAnObject) {
  for (const auto& [text, kind] : {std::pair{"[]", "an array"},
                                   {"\"x\"", "a string"},
                                   {"1", "an integer"},
                                   {"null", "null"},
                                   {"true", "a boolean"}}) {
    auto result = read_json_object(text);
    ASSERT_TRUE(std::holds_alternative<problem>(result)) << text;
    const auto& refused = std::get<problem>(result);
    EXPECT_EQ(refused.code, problem_code::invalid_body);
    EXPECT_TRUE(mentions(refused.errors.at(0).detail, kind));
    EXPECT_EQ(refused.errors.at(0).pointer, "");
  }
  EXPECT_TRUE(std::holds_alternative<json>(read_json_object("{}")));
}

} // namespace
} // namespace troupe
