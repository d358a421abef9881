#include "persistence/values/exact_json.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

std::string there_and_back(std::string_view text) {
  const auto tree = parse_exact(text);
  return tree ? dump_exact(*tree) : "refused";
}

// earendil-works/pi#8943, NousResearch/hermes-agent#55315: ids and amounts of 19 digits and more.
TEST(ExactJson, KeepsEachDigit) {
  for (const std::string text :
       {"1000000000000000000001", "-170141183460469231731687303715884105728", "9223372036854775807",
        "18446744073709551615", "0.1234567890123456789012345", "-0.0", "1.10", "12E+3", "7"}) {
    EXPECT_EQ(there_and_back(text), text);
    EXPECT_EQ(there_and_back("[" + text + "]"), "[" + text + "]");
    EXPECT_EQ(there_and_back(R"({"a":{"b":[1,)" + text + "]}}"), R"({"a":{"b":[1,)" + text + "]}}");
  }
}

TEST(ExactJson, ReadsWhatJsonIs) {
  EXPECT_EQ(there_and_back(R"( {"b":[true,false,null,"ä\u00e4\n"],"a":{}} )"),
            R"({"a":{},"b":[true,false,null,"ää\n"]})");
  for (const std::string text : {"", "{", "[1,]", "01", "nul", R"({"a":1)", "1 2", "\"\xff\""})
    EXPECT_EQ(there_and_back(text), "refused") << text;
  EXPECT_EQ(there_and_back(std::string(100'000, '[')), "refused");
  EXPECT_FALSE(parse_exact_object("[1]"));
}

TEST(ExactJson, WritesPlacesInUrls) {
  const auto tree = parse_exact(R"({"n":100000000000000000000001,"s":"x y","b":true})");
  ASSERT_TRUE(tree);
  EXPECT_EQ(exact_text((*tree)["n"]), "100000000000000000000001");
  EXPECT_EQ(exact_text((*tree)["s"]), "x y");
  EXPECT_TRUE(is_exact_number((*tree)["n"]));
  EXPECT_FALSE(is_exact_number((*tree)["s"]));
}

} // namespace
} // namespace troupe
