#include "tests/simulation/memory/chance_fixture.hpp"

#include <gmock/gmock.h>

/// Commits are taken back exactly: whatever was done, readers show what they showed, and what is done again is answered
/// as it was.
namespace troupe {

namespace {

using MemoryUndo = chance_fixture;

} // namespace

TEST_F(MemoryUndo, ShowsAfterwardsWhatWasShownBefore) {
  struct place {
    std::uint64_t commits;
    timestamp at;
    std::string shown;
  };
  std::vector<place> places;
  for (int i = 0; i < 600; ++i) {
    act();
    if (i % 20 == 0)
      places.push_back({server.commits(), clock, shown()});
  }
  EXPECT_EQ(asked_for.size(), std::variant_size_v<operation>);
  EXPECT_EQ(answered.size(), std::variant_size_v<outcome>);
  // Deep enough to have met what is rare.
  EXPECT_GT(places.back().shown.size(), 100'000U);
  for (; !places.empty(); places.pop_back()) {
    server.undo_to(places.back().commits);
    clock = places.back().at;
    ASSERT_EQ(first_difference(shown(), places.back().shown), "") << "at commit " << places.back().commits;
  }
}

TEST_F(MemoryUndo, WhatIsDoneAgainIsAnsweredAsBefore) {
  for (int i = 0; i < 200; ++i)
    act();
  for (int round = 0; round < 5; ++round) {
    reopen_all();
    const auto commits = server.commits();
    std::vector<done_batch> done_since;
    for (int i = 0; i < 60; ++i)
      done_since.push_back(act());
    const auto end = shown();
    const auto all_commits = server.commits();

    server.undo_to(commits);
    reopen_all();
    for (const auto& one : done_since)
      ASSERT_EQ(first_difference(answer(one), one.answer), "");
    EXPECT_EQ(server.commits(), all_commits);
    EXPECT_EQ(first_difference(shown(), end), "");
  }
}

TEST_F(MemoryUndo, IsExactWhereTheOldIsForgotten) {
  for (int round = 0; round < 20; ++round) {
    const auto commits = server.commits();
    server.keep_undo_behind(commits);
    const auto at = clock;
    const auto before = shown();
    for (int i = 0; i < 15; ++i)
      act();
    server.undo_to(commits);
    const auto later = std::exchange(clock, at);
    ASSERT_EQ(first_difference(shown(), before), "");
    clock = later;
    for (int i = 0; i < 15; ++i)
      act();
  }
}

TEST_F(MemoryUndo, AViewIsExactWhateverOthersDo) {
  for (int i = 0; i < 200; ++i)
    act();
  auto reader = value_of<std::unique_ptr<store_reader>>(nodes[1]->db->open_reader());
  for (int round = 0; round < 5; ++round) {
    reader->begin();
    const auto at = clock;
    const auto before = shown();
    for (int i = 0; i < 40; ++i)
      act();
    const auto later = std::exchange(clock, at);
    ASSERT_EQ(first_difference(shown_by(*reader), before), "");
    clock = later;
    const auto latest = shown();
    reader->end();
    ASSERT_EQ(first_difference(shown_by(*reader), latest), "");
  }
}

} // namespace troupe
