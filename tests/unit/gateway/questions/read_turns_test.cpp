#include "gateway/questions/read_turns.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>

namespace troupe {
namespace {

constexpr auto page = read_turns::kind::page;
constexpr auto record = read_turns::kind::record;

class ReadTurns : public testing::Test {
protected:
  /// Asks, or waits.
  std::uint64_t ask(read_turns::kind what, const std::string& name) {
    const auto number = ++last_;
    if (turns_.try_begin(what))
      asked_ += name;
    else
      turns_.wait(what, number, [this, name] { asked_ += name; });
    return number;
  }
  void ask_waiting() {
    while (auto f = turns_.next())
      (*f)();
  }

  read_turns turns_;
  std::uint64_t last_ = 0;
  std::string asked_;
};

TEST_F(ReadTurns, AreTakenByFewPagesAtATime) {
  std::uint64_t first = ask(page, "a");
  for (const auto* name : {"b", "c", "d", "e", "f"})
    ask(page, name);
  ask_waiting();
  EXPECT_EQ(asked_, "abcd");
  turns_.end(page, first);
  ask_waiting();
  EXPECT_EQ(asked_, "abcde");
}

TEST_F(ReadTurns, AreTakenByFewRecordsAtATimeOnceTheseAreLong) {
  turns_.end(record, ask(record, "a"), std::size_t{1024} * 1024);
  // Each is likely to have half a mebibyte.
  const auto first = ask(record, "b");
  for (const auto* name : {"c", "d"})
    ask(record, name);
  EXPECT_EQ(asked_, "abc");
  turns_.end(record, first, 500);
  ask_waiting();
  EXPECT_EQ(asked_, "abcd");
}

TEST_F(ReadTurns, AreTakenByManyAgainOnceTheyAreShort) {
  turns_.end(record, ask(record, "a"), std::size_t{1024} * 1024);
  for (int i = 0; i < 40; ++i)
    turns_.end(record, ask(record, "b"), 500);
  asked_.clear();
  for (int i = 0; i < 64; ++i)
    ask(record, "c");
  EXPECT_EQ(asked_, std::string(64, 'c'));
}

TEST_F(ReadTurns, AreTakenByOneHoweverLongItIs) {
  turns_.end(page, ask(page, "a"), std::size_t{64} * 1024 * 1024);
  const auto first = ask(page, "b");
  ask(page, "c");
  EXPECT_EQ(asked_, "ab");
  turns_.end(page, first);
  ask_waiting();
  EXPECT_EQ(asked_, "abc");
}

TEST_F(ReadTurns, LetRecordsPassPages) {
  for (int i = 0; i < 10; ++i)
    ask(page, "p");
  ask(record, "r");
  EXPECT_EQ(asked_, "ppppr");
}

TEST_F(ReadTurns, AreInOrderAlsoWhenOneIsFree) {
  const auto first = ask(page, "a");
  for (const auto* name : {"b", "c", "d", "e"})
    ask(page, name);
  turns_.end(page, first);
  // Whoever comes now stands behind the one that waits.
  ask(page, "f");
  ask_waiting();
  EXPECT_EQ(asked_, "abcde");
}

TEST_F(ReadTurns, OfThoseWhoGaveUpWaitingAreNotCountedTwice) {
  std::array<std::uint64_t, 6> numbers{};
  for (std::size_t i = 0; i < 6; ++i)
    numbers[i] = ask(page, std::to_string(i));
  // Refused while it waited: it was never asked.
  turns_.end(page, numbers[4]);
  ask_waiting();
  EXPECT_EQ(asked_, "0123");
  // Refused after it was asked.
  turns_.end(page, numbers[0]);
  ask_waiting();
  EXPECT_EQ(asked_, "01234") << "its turn comes, and it is for the asker to pass it on";
  turns_.end(page, numbers[4]);
  ask_waiting();
  EXPECT_EQ(asked_, "012345");
}

TEST_F(ReadTurns, WaitWhileTooMuchIsOnItsWayToClients) {
  turns_.note_given(std::size_t{9} * 1024 * 1024);
  ask(record, "r");
  ask(page, "p");
  ask_waiting();
  EXPECT_EQ(asked_, "");
  turns_.note_taken(std::size_t{9} * 1024 * 1024);
  ask_waiting();
  EXPECT_EQ(asked_, "rp");
}

} // namespace
} // namespace troupe
