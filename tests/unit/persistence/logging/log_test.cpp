#include "persistence/logging/log.hpp"
#include "persistence/logging/log_lines.hpp"
#include "persistence/logging/say.hpp"
#include "tests/captured_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <string>

/// What a line of the log looks like, whatever it is about.
namespace troupe {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string clean(std::string_view text) {
  std::string out;
  logging::append_clean(out, text);
  return out;
}

std::string value(std::string_view text) {
  std::string out;
  logging::append_value(out, text);
  return out;
}

} // namespace

TEST(Log, ALineHasItsFieldsBehindWhatItSays) {
  const captured_log log{logging::level::info};
  logging::info("task failed", [](auto& line) {
    line.add("task", "0190").add("attempts", 3).add("charged", true).add("error", "It said no.");
    line.add("took_ms", std::chrono::microseconds{1'234'005}).add_if_any("model", "").add_if_any("bot", "b");
  });
  EXPECT_THAT(log.text(),
              EndsWith(" info  task failed task=0190 attempts=3 charged=true error=\"It said no.\" took_ms=1234.005 "
                       "bot=b\n"));
}

TEST(Log, InJsonTheFieldsAreMembers) {
  const captured_log log{logging::level::info, logging::style::json};
  logging::info("task failed", [](auto& line) {
    line.add("task", "0190")
      .add("attempts", 3)
      .add("error", "It said \"no\"\n.")
      .add("took_ms", std::chrono::microseconds{5});
  });
  say::info("a line without fields, with \"quotes\"");
  const auto lines = log.lines();
  ASSERT_EQ(lines.size(), 2U);
  auto first = nlohmann::json::parse(lines[0]);
  EXPECT_TRUE(first.erase("at"));
  EXPECT_EQ(first, (nlohmann::json{{"level", "info"},
                                   {"node", "n"},
                                   {"message", "task failed"},
                                   {"task", "0190"},
                                   {"attempts", 3},
                                   {"error", "It said \"no\"\n."},
                                   {"took_ms", 0.005}}));
  EXPECT_EQ(nlohmann::json::parse(lines[1])["message"], "a line without fields, with \"quotes\"");
}

TEST(Log, NothingIsEvaluatedForALevelThatIsOff) {
  const captured_log log{logging::level::info};
  logging::debug("attempt started", [](auto&) { ADD_FAILURE() << "evaluated"; });
  EXPECT_EQ(log.text(), "");
}

TEST(Log, ASentenceHasItsValuesInIt) {
  const captured_log log{logging::level::info};
  say::info("{} of {:.1f} s: {}", std::size_t{3}, 2.25, std::string{"late"});
  say::warn("nothing to put in");
  say::error("{}", "{braces} of a value stay");
  say::critical("{}", std::string_view{"the end"});
  const auto lines = log.lines();
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_THAT(lines[0], EndsWith(" info  3 of 2.2 s: late"));
  EXPECT_THAT(lines[1], EndsWith(" warning nothing to put in"));
  EXPECT_THAT(lines[2], EndsWith(" error {braces} of a value stay"));
  EXPECT_THAT(lines[3], EndsWith(" critical the end"));
}

TEST(Log, ASentenceBelowTheLevelIsNotWritten) {
  const captured_log log{logging::level::error};
  say::warn("the database is lost: {}", "no route");
  say::error("the database does not answer");
  EXPECT_EQ(log.lines().size(), 1U) << log.text();
}

// -- what strangers wrote -----------------------------------------------------------

TEST(Log, AValueIsQuotedWhereItCouldBeMistaken) {
  EXPECT_EQ(value("gpt-4.1_mini"), "gpt-4.1_mini");
  EXPECT_EQ(value("/api/v1/tasks/{id}"), "/api/v1/tasks/{id}");
  EXPECT_EQ(value(""), "\"\"");
  EXPECT_EQ(value("a b"), "\"a b\"");
  EXPECT_EQ(value("x status=200"), "\"x status=200\"");
  EXPECT_EQ(value("a=b"), "\"a=b\"");
  EXPECT_EQ(value("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(value("gr\xc3\xbcn"), "\"gr\xc3\xbcn\"");
}

TEST(Log, NoLineIsBrokenOrForged) {
  for (const auto style : {logging::style::text, logging::style::json}) {
    const captured_log log{logging::level::info, style};
    const std::string forged = "no\n2026-01-01T00:00:00.000+00:00 info  all is well\r\n{\"level\":\"info\"}";
    logging::info("one", [&](auto& line) { line.add("error", forged); });
    say::info("two {}", forged);
    logging::info(forged, [](auto&) {});
    EXPECT_EQ(log.lines().size(), 3U) << log.text();
    EXPECT_THAT(log.text(), Not(HasSubstr("\r")));
  }
}

TEST(Log, ATerminalHasNothingToObey) {
  EXPECT_EQ(clean("a\x1b[2Jb"), "a\\u001b[2Jb");
  EXPECT_EQ(clean("a\x07\x08\x7f"), "a\\u0007\\b\\u007f");
  // C1 controls, one of which begins a sequence too, as UTF-8 and as the bare byte.
  EXPECT_EQ(clean("a\xc2\x9b"
                  "2J"),
            "a\\u009b2J");
  EXPECT_EQ(clean("a\x9b"
                  "2J"),
            "a\xef\xbf\xbd"
            "2J");
  // Line and paragraph separators, and what turns the direction of text.
  EXPECT_EQ(clean("a\xe2\x80\xa8\xe2\x80\xa9"), "a\\u2028\\u2029");
  EXPECT_EQ(clean("a\xe2\x80\xae"
                  "b\xe2\x81\xa6"),
            "a\\u202eb\\u2066");
  EXPECT_EQ(clean("a\xef\xbb\xbf"), "a\\ufeff");
}

TEST(Log, OtherTextStaysAsItIs) {
  for (const std::string_view text :
       {"plain", "with \"quotes\" and a \\ in it", "gr\xc3\xbcn \xe2\x82\xac \xf0\x9f\x8e\xad", "\xe2\x80\xa6",
        "ends with \\", "\"\xc3\xbc\\\""})
    EXPECT_EQ(clean(text), text);
}

TEST(Log, ALongValueIsCutAtACharactersEnd) {
  const captured_log log{logging::level::info, logging::style::json};
  std::string text;
  while (text.size() < 2000)
    text += "\xe2\x82\xac";
  logging::info("long", [&](auto& line) { line.add("error", text); });
  const auto shown = nlohmann::json::parse(log.text())["error"].get<std::string>();
  EXPECT_LE(shown.size(), 503U);
  EXPECT_THAT(shown, EndsWith("\xe2\x82\xac\xe2\x80\xa6"));
}

TEST(Log, OfAnErrorItsOwnPartIsKnown) {
  const std::string error = "The provider answered 400: secret";
  EXPECT_EQ(logging::own_part(error, 25), "The provider answered 400");
  EXPECT_EQ(logging::own_part(error, 27), "The provider answered 400");
  EXPECT_EQ(logging::own_part(error, 0), "");
  EXPECT_EQ(logging::own_part("All is ours.", logging::all_own), "All is ours.");
}

TEST(Log, OfAUrlItsHostIsKnown) {
  EXPECT_EQ(logging::host_of("https://api.openai.com/v1/chat?key=x"), "api.openai.com");
  EXPECT_EQ(logging::host_of("http://127.0.0.1:11434"), "127.0.0.1:11434");
  EXPECT_EQ(logging::host_of("http://user:word@[::1]:80/x@y"), "[::1]:80");
  EXPECT_EQ(logging::host_of("https://a.test?x=@b"), "a.test");
}

} // namespace troupe
