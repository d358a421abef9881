#include "persistence/values/json_text.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <random>

namespace troupe {
namespace {

std::string as_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

TEST(JsonString, LeavesPlainTextAsItIs) {
  EXPECT_EQ(as_string(""), R"("")");
  EXPECT_EQ(as_string("a longer text without anything special in it"),
            R"("a longer text without anything special in it")");
  EXPECT_EQ(as_string("Grüße 世界 🙂"), R"("Grüße 世界 🙂")");
  EXPECT_EQ(as_string("\x7f/"), "\"\x7f/\"");
}

TEST(JsonString, EscapesWhatJsonDemands) {
  EXPECT_EQ(as_string("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(as_string(std::string_view{"\0\x01\x1f", 3}), R"("\u0000\u0001\u001f")");
}

TEST(JsonString, EscapesAtEveryPlaceOfALongText) {
  for (const char special : {'"', '\\', '\n', '\x01'})
    for (std::size_t i = 0; i < 20; ++i) {
      std::string text(20, 'a');
      text[i] = special;
      EXPECT_EQ(nlohmann::json::parse(as_string(text)).get<std::string>(), text);
    }
}

TEST(JsonString, ReplacesWhatIsNotUtf8) {
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(as_string("a\x80z"), "\"a" + mark + "z\"");
  EXPECT_EQ(as_string("cut\xe4\xb8"), "\"cut" + mark + mark + "\"");
  EXPECT_EQ(as_string("\xc0\xaf"), "\"" + mark + mark + "\"");
  EXPECT_EQ(as_string("\xed\xa0\x80"), "\"" + mark + mark + mark + "\"");
  EXPECT_EQ(as_string("\xf4\x90\x80\x80"), "\"" + mark + mark + mark + mark + "\"");
  EXPECT_EQ(as_string("\xff"), "\"" + mark + "\"");
}

TEST(JsonString, IsValidWhateverTheBytes) {
  std::mt19937 random{42};
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 40, '\0');
    for (auto& c : text)
      c = static_cast<char>(random());
    EXPECT_TRUE(nlohmann::json::accept(as_string(text)));
  }
}

TEST(JsonString, ReadsBackAsTheSameText) {
  std::mt19937 random{7};
  const std::string pieces[] = {"a", "\"", "\\", "\n", "é", "世", "🙂", "\x1f", " ", "longer run of text"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto n = random() % 12; n > 0; --n)
      text += pieces[random() % std::size(pieces)];
    EXPECT_EQ(nlohmann::json::parse(as_string(text)).get<std::string>(), text);
  }
}

TEST(JsonString, IsAsLongAsWasSaidBefore) {
  std::mt19937 random{11};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (auto n = random() % 40; n > 0; --n)
      text += static_cast<char>(round % 2 == 0 ? random() % 256 : random() % 128);
    std::string out;
    append_json_string(out, text);
    EXPECT_EQ(json_string_size(text) + 2, out.size()) << out;
  }
}

TEST(JsonNumber, CoversTheWholeRange) {
  std::string out;
  append_json_integer(out, std::numeric_limits<std::int64_t>::min());
  out += ' ';
  append_json_integer(out, std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(out, "-9223372036854775808 9223372036854775807");
}

TEST(JsonNumber, OfAFractionIsShortestAndExact) {
  for (const double value : {0.1, -2.5, 1e300, 0.0, 123456789.0}) {
    std::string out;
    append_json_number(out, value);
    EXPECT_EQ(nlohmann::json::parse(out).get<double>(), value);
  }
  std::string out;
  append_json_number(out, 0.1);
  EXPECT_EQ(out, "0.1");
}

TEST(JsonNumber, ThatIsNoneBecomesNull) {
  std::string out;
  append_json_number(out, std::numeric_limits<double>::infinity());
  append_json_number(out, std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(out, "nullnull");
}

TEST(JsonObject, WritesEveryKindOfMember) {
  std::string out;
  {
    json_object o{out};
    o.add("text", "a\"b").add("number", 7).add("truth", true).add("fraction", 0.5).add("nothing", nullptr);
    o.add("id", uuid{}).add("at", timestamp{}).add_raw("raw", R"([1])");
    o.add("none", std::optional<int>{}).add("some", std::optional<std::string>{"x"});
    {
      json_object inner{o.open("inner")};
      inner.add("n", std::size_t{1});
    }
    {
      json_array items{o.open("items")};
      items.add("a").add("b");
      json_object{items.open()}.add("c", 3);
    }
  }
  EXPECT_EQ(out, R"({"text":"a\"b","number":7,"truth":true,"fraction":0.5,"nothing":null,)"
                 R"("id":"00000000-0000-0000-0000-000000000000","at":"1970-01-01T00:00:00.000000Z","raw":[1],)"
                 R"("none":null,"some":"x","inner":{"n":1},"items":["a","b",{"c":3}]})");
}

TEST(JsonObject, MayBeEmpty) {
  std::string out;
  { json_object o{out}; }
  { json_array a{out}; }
  EXPECT_EQ(out, "{}[]");
}

} // namespace
} // namespace troupe
