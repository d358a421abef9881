#include "gateway/forms/url.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using strings = std::vector<std::string>;

std::string refused_path(std::string_view path) {
  auto result = split_path(path);
  const auto* refused = std::get_if<problem>(&result);
  if (refused == nullptr)
    return {};
  EXPECT_EQ(refused->code, problem_code::invalid_parameter);
  return refused->detail;
}

TEST(SplitPath, GivesTheDecodedParts) {
  EXPECT_THAT(std::get<strings>(split_path("/api/v1/bots/a%20b%C3%BC")), ElementsAre("api", "v1", "bots", "a bü"));
  EXPECT_THAT(std::get<strings>(split_path("/")), ElementsAre(""));
  EXPECT_THAT(std::get<strings>(split_path("/a/")), ElementsAre("a", ""));
  EXPECT_THAT(std::get<strings>(split_path("//a")), ElementsAre("", "a"));
}

TEST(SplitPath, DecodesASlashWithinAPartWithoutSplittingThere) {
  EXPECT_THAT(std::get<strings>(split_path("/a%2Fb/c")), ElementsAre("a/b", "c"));
}

TEST(SplitPath, LeavesAPlusAlone) {
  EXPECT_THAT(std::get<strings>(split_path("/a+b")), ElementsAre("a+b"));
}

TEST(SplitPath, DecodesOnceOnly) {
  EXPECT_THAT(std::get<strings>(split_path("/%2541")), ElementsAre("%41"));
}

TEST(SplitPath, RefusesBrokenEscapesAndNamesThePart) {
  for (const auto* path : {"/a/%", "/a/%4", "/a/%zz", "/a/%4g", "/a/%%41", "/a/%+1"})
    EXPECT_THAT(refused_path(path), HasSubstr("Part 2 of the path has a '%'")) << path;
}

TEST(SplitPath, RefusesNulAndInvalidUtf8) {
  EXPECT_THAT(refused_path("/%00"), HasSubstr("NUL"));
  for (const auto* path : {"/%ff", "/%C0%AF", "/%ED%A0%80", "/%F4%90%80%80", "/%E2%82", "/\xff"})
    EXPECT_THAT(refused_path(path), HasSubstr("UTF-8")) << path;
}

TEST(SplitPath, RefusesATargetThatIsNoPath) {
  EXPECT_FALSE(refused_path("").empty());
  EXPECT_FALSE(refused_path("*").empty());
  EXPECT_FALSE(refused_path("http://x/").empty());
}

TEST(PathId, TakesAUuidAndNamesAnythingElse) {
  EXPECT_TRUE(std::holds_alternative<uuid>(path_id("01890a5d-ac96-774b-bcce-b302099a8057", "task id")));
  for (const auto* text : {"", "1", "01890a5dac96774bbcceb302099a8057", "{01890a5d-ac96-774b-bcce-b302099a8057}"}) {
    auto result = path_id(text, "task id");
    ASSERT_TRUE(std::holds_alternative<problem>(result)) << text;
    EXPECT_EQ(std::get<problem>(result).code, problem_code::invalid_id);
    EXPECT_THAT(std::get<problem>(result).detail, HasSubstr("task id"));
  }
}

/// What a path knows, in these tests.
constexpr std::string_view known = "namespace limit status thread_id created_after after created_by bot cursor";

TEST(QueryParameters, ReadEveryType) {
  query_parameters query{"namespace=prod&limit=7&status=FAILED&thread_id=01890a5d-ac96-774b-bcce-b302099a8057&"
                         "created_after=2026-01-02T03:04:05%2B00:00&after=12&created_by=J%C3%B6rg+M&bot=echo&cursor=",
                         known};
  EXPECT_EQ(query.ns(), "prod");
  EXPECT_EQ(query.limit(), 7);
  EXPECT_EQ(query.status("status"), task_status::failed);
  EXPECT_TRUE(query.id("thread_id").has_value());
  EXPECT_EQ(query.time("created_after"), parse_rfc3339("2026-01-02T03:04:05Z"));
  EXPECT_EQ(query.count("after"), 12);
  EXPECT_EQ(query.text("created_by"), "Jörg M");
  EXPECT_EQ(query.name("bot"), "echo");
  ASSERT_NE(query.raw("cursor"), nullptr);
  EXPECT_EQ(*query.raw("cursor"), "");
  EXPECT_FALSE(query.finish().has_value());
}

TEST(QueryParameters, HaveDefaults) {
  query_parameters query{"", known};
  EXPECT_EQ(query.ns(), "default");
  EXPECT_EQ(query.limit(), 50);
  EXPECT_FALSE(query.status("status"));
  EXPECT_EQ(query.raw("cursor"), nullptr);
  EXPECT_FALSE(query.finish().has_value());
}

TEST(QueryParameters, RefuseUnknownOnesByName) {
  query_parameters query{"limt=3&limit=2", known};
  EXPECT_EQ(query.limit(), 2);
  const auto refused = query.finish();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, problem_code::unknown_parameter);
  EXPECT_EQ(refused->errors.at(0).parameter, "limt");
}

TEST(QueryParameters, RefuseWordsThatAreOnlyPartOfAKnownOne) {
  // A name that has a space, or is the beginning or the end of one, is not one.
  for (const auto* text : {"name=a", "space=a", "namespace+limit=1", "Namespace=a", "limit%00=1", "=1", "=", "%20=1"}) {
    query_parameters query{text, known};
    EXPECT_TRUE(query.finish().has_value()) << text;
  }
}

TEST(QueryParameters, RefuseAllOnAPathThatKnowsNone) {
  for (const auto* text : {"limit=1", "=1", "a", "%61"}) {
    query_parameters query{text, ""};
    const auto refused = query.finish();
    ASSERT_TRUE(refused.has_value()) << text;
    EXPECT_EQ(refused->code, problem_code::unknown_parameter) << text;
  }
  EXPECT_FALSE(query_parameters("&&", "").finish().has_value());
}

TEST(QueryParameters, RefuseOnesGivenTwice) {
  // However the second one is written, and whether or not the values agree.
  for (const auto* text : {"limit=3&limit=3", "limit=3&lim%69t=4", "limit&limit=5", "limit=3&limit=%zz"}) {
    query_parameters query{text, known};
    const auto refused = query.finish();
    ASSERT_TRUE(refused.has_value()) << text;
    EXPECT_EQ(refused->code, problem_code::unknown_parameter) << text;
    EXPECT_THAT(refused->errors.at(0).detail, HasSubstr("twice")) << text;
  }
}

TEST(QueryParameters, TellEachMistakeOnce) {
  query_parameters query{"zebra=1", known};
  EXPECT_TRUE(query.finish().has_value());
  EXPECT_FALSE(query.finish().has_value());
}

/// The one error of a query that `ask` reads.
template <class Ask>
field_error only_error(std::string_view text, Ask ask) {
  query_parameters query{text, known};
  ask(query);
  const auto refused = query.finish();
  if (!refused) {
    ADD_FAILURE() << text << " was taken";
    return {};
  }
  EXPECT_EQ(refused->code, problem_code::invalid_parameter) << text;
  EXPECT_EQ(refused->errors.size(), 1U) << text;
  return refused->errors.front();
}

TEST(QueryParameters, RefuseLimitsThatAreNoIntegersOrOutOfBounds) {
  for (const auto* text : {"limit=0", "limit=501", "limit=-1", "limit=", "limit", "limit=1.5", "limit=+5", "limit=5x",
                           "limit=0x10", "limit=99999999999999999999"})
    EXPECT_EQ(only_error(text, [](auto& query) { EXPECT_EQ(query.limit(), 50); }).parameter, "limit");
}

TEST(QueryParameters, RefuseCountsBelowZeroOrTooLarge) {
  for (const auto* text : {"after=-1", "after=9223372036854775808", "after=1e3", "after=%31%20"})
    EXPECT_EQ(only_error(text, [](auto& query) { query.count("after"); }).parameter, "after");
  query_parameters largest{"after=9223372036854775807", known};
  EXPECT_EQ(largest.count("after"), INT64_MAX);
}

TEST(QueryParameters, RefuseOtherBadValues) {
  only_error("status=completed", [](auto& query) { query.status("status"); });
  only_error("thread_id=1", [](auto& query) { query.id("thread_id"); });
  only_error("namespace=a/b", [](auto& query) { query.ns(); });
  only_error("namespace=", [](auto& query) { query.ns(); });
  only_error("created_by=", [](auto& query) { query.text("created_by"); });
  only_error("created_by=a%0Ab", [](auto& query) { query.text("created_by"); });
  only_error("created_by=" + std::string(201, 'a'), [](auto& query) { query.text("created_by"); });
  only_error("created_after=yesterday", [](auto& query) { query.time("created_after"); });
}

TEST(QueryParameters, HintAtThePlusThatBecameASpace) {
  const auto error
    = only_error("created_after=2026-01-02T03:04:05+01:00", [](auto& query) { query.time("created_after"); });
  EXPECT_THAT(error.detail, HasSubstr("%2B"));
}

TEST(QueryParameters, NameTheParameterWhoseEscapesAreBroken) {
  for (const auto* text : {"limit=%", "limit=%4", "limit=%00", "limit=%ff"})
    EXPECT_EQ(only_error(text, [](auto& query) { query.limit(); }).parameter, "limit") << text;
  EXPECT_THAT(only_error("%zz=1", [](auto&) {}).detail, HasSubstr("name of a parameter"));
}

TEST(QueryParameters, TellEverythingThatIsWrongAtOnce) {
  query_parameters query{"limit=x&status=y&zebra=1", known};
  query.limit();
  query.status("status");
  const auto refused = query.finish();
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->code, problem_code::invalid_parameter);
  EXPECT_EQ(refused->errors.size(), 3U);
  EXPECT_THAT(refused->detail, HasSubstr("2 more"));
}

TEST(QueryParameters, PassOverEmptyPairs) {
  query_parameters query{"&&limit=5&", known};
  EXPECT_EQ(query.limit(), 5);
  EXPECT_FALSE(query.finish().has_value());
}

} // namespace
} // namespace troupe
