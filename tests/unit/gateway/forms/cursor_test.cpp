#include "gateway/forms/cursor.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

constexpr auto number_kinds = {cursor_kind::messages, cursor_kind::journal, cursor_kind::events};

template <class T>
testing::AssertionResult is_refused(const parsed<T>& result) {
  const auto* refused = std::get_if<problem>(&result);
  if (refused == nullptr)
    return testing::AssertionFailure() << "it was taken";
  if (refused->code != problem_code::invalid_cursor || refused->detail.empty())
    return testing::AssertionFailure() << to_string(refused->code) << ": " << refused->detail;
  return testing::AssertionSuccess();
}

TEST(Cursor, ReadsWhatItWrote) {
  const auto id = make_uuid();
  EXPECT_EQ(std::get<uuid>(read_task_cursor(task_cursor(id))), id);
  for (const std::string name : {"a", "default", "x.y_z-9"})
    EXPECT_EQ(std::get<std::string>(read_name_cursor(cursor_kind::bots, name_cursor(cursor_kind::bots, name))), name);
  for (const auto kind : number_kinds)
    for (const std::int64_t number : {std::int64_t{0}, std::int64_t{1}, std::int64_t{1} << 40, INT64_MAX})
      EXPECT_EQ(std::get<std::int64_t>(read_number_cursor(kind, number_cursor(kind, number))), number);
}

TEST(Cursor, HoldsTheLongestName) {
  const std::string name(100, 'z');
  EXPECT_EQ(std::get<std::string>(read_name_cursor(cursor_kind::models, name_cursor(cursor_kind::models, name))), name);
}

TEST(Cursor, HoldsThePlaceOfAnApproval) {
  const auto id = make_uuid();
  for (const std::string call_id : {"c", "call_1", "call_1000000", "a/b ü\n"}) {
    const auto read = std::get<approval_place>(
      read_approval_cursor(cursor_kind::approvals, approval_cursor(cursor_kind::approvals, {id, call_id})));
    EXPECT_EQ(read.task_id, id);
    EXPECT_EQ(read.call_id, call_id);
  }
  EXPECT_LE(approval_cursor(cursor_kind::approvals, {id, std::string(64, 'c')}).size(), 200U)
    << "as long as a parameter may be";
}

TEST(Cursor, NeedsNoEscapeInAUrlOrInJson) {
  for (std::int64_t number = 0; number < 5000; ++number)
    EXPECT_EQ(number_cursor(cursor_kind::events, number * 7919)
                .find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
              std::string::npos);
}

TEST(Cursor, WritesAnEventsCursorBehindOtherText) {
  std::string out = "x";
  append_event_cursor(out, 77);
  EXPECT_EQ(out, "x" + number_cursor(cursor_kind::events, 77));
}

TEST(Cursor, RefusesThoseOfAnotherList) {
  const auto number = number_cursor(cursor_kind::messages, 5);
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::events, number)));
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::journal, number)));
  EXPECT_TRUE(is_refused(read_task_cursor(number)));
  EXPECT_TRUE(is_refused(read_name_cursor(cursor_kind::bots, name_cursor(cursor_kind::models, "a"))));
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::events, task_cursor(make_uuid()))));
  EXPECT_TRUE(is_refused(read_approval_cursor(cursor_kind::approvals, task_cursor(make_uuid()))));
  EXPECT_TRUE(is_refused(read_approval_cursor(cursor_kind::approvals, number)));
  EXPECT_TRUE(is_refused(read_task_cursor(approval_cursor(cursor_kind::approvals, {make_uuid(), "call_1"}))));
  EXPECT_TRUE(is_refused(read_approval_cursor(cursor_kind::task_approvals,
                                              approval_cursor(cursor_kind::approvals, {make_uuid(), "call_1"}))));
}

TEST(Cursor, RefusesAnyChangedCharacter) {
  const auto good = task_cursor(make_uuid());
  const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char digit : digits) {
      auto bad = good;
      bad[at] = digit;
      if (bad != good) {
        EXPECT_TRUE(is_refused(read_task_cursor(bad))) << bad;
      }
    }
  }
}

TEST(Cursor, RefusesCutAndPaddedOnes) {
  const auto good = number_cursor(cursor_kind::messages, 123456);
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::messages, good.substr(0, length)))) << length;
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::messages, good + "=")));
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::messages, good + "A")));
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::messages, good + good)));
}

TEST(Cursor, RefusesOtherText) {
  using namespace std::string_literals;
  for (const auto& text :
       {""s, "x"s, "12"s, "null"s, "{}"s, "a b"s, "\xff\xfe"s, "A\0B"s, std::string(1'000'000, 'A')}) {
    EXPECT_TRUE(is_refused(read_task_cursor(text)));
    EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::events, text)));
    EXPECT_TRUE(is_refused(read_name_cursor(cursor_kind::bots, text)));
    EXPECT_TRUE(is_refused(read_approval_cursor(cursor_kind::approvals, text)));
  }
}

TEST(Cursor, RefusesAPayloadThatTheListCannotHave) {
  // Whole and well-guarded, but no number, no name and no place.
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::bots, name_cursor(cursor_kind::bots, "abc"))));
  EXPECT_TRUE(is_refused(read_number_cursor(cursor_kind::events, number_cursor(cursor_kind::events, -1))));
  EXPECT_TRUE(is_refused(read_name_cursor(cursor_kind::bots, name_cursor(cursor_kind::bots, "../x"))));
  const auto id = make_uuid().to_string();
  for (const auto& place : {std::string{}, std::string{"call_1"}, id, id.substr(1) + "call_1", std::string(100, 'a')})
    EXPECT_TRUE(is_refused(read_approval_cursor(cursor_kind::approvals, name_cursor(cursor_kind::approvals, place))))
      << place;
}

} // namespace
} // namespace troupe
