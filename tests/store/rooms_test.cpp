#include "store_fixture.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <thread>

/// Events as subscribers read them: by room, from any position on, while others
/// write.
namespace troupe {
namespace {

class Rooms : public store_fixture {
protected:
  static room of_namespace(std::string name) { return {room::kind::ns, {}, std::move(name)}; }
  static room of_user(std::string name) { return {room::kind::user, {}, std::move(name)}; }
  room of_task(const uuid& id) { return value_of<room>(reader->resolve({room::kind::task, id, {}})); }

  /// Follows a room from `position` to its end.
  std::vector<event_record> follow(const room& r, std::int64_t position = 0, int limit = 7) {
    std::vector<event_record> all;
    room_events part;
    do {
      part = value_of<room_events>(reader->room_events_after(r, position, limit));
      EXPECT_TRUE(part.at_end || part.position > position);
      position = part.position;
      std::move(part.events.begin(), part.events.end(), std::back_inserter(all));
    } while (!part.at_end);
    EXPECT_EQ(position, value_of<std::int64_t>(reader->last_position()));
    return all;
  }

  /// Task and number of each event.
  static std::vector<std::pair<uuid, std::int64_t>> places(const std::vector<event_record>& events) {
    std::vector<std::pair<uuid, std::int64_t>> result;
    for (const auto& event : events)
      result.emplace_back(event.source->task_id, event.seq);
    return result;
  }

  /// Commits `count` entries that belong to nobody's room but their own.
  void add_noise(int count) {
    auto op = make_task();
    op.task.ns = "noise";
    op.task.created_by = "noise";
    op.execute = true;
    const auto id = execute(op);
    const auto claimed = claim_one();
    EXPECT_EQ(claimed.id, id);
    append_journal entries;
    entries.fence = fence_of(claimed);
    entries.events.assign(static_cast<std::size_t>(count), {event_type::chat_chunk, "{}"});
    must(entries);
    must(make_completion(claimed));
  }
};
TROUPE_ON_EVERY_DATABASE(Rooms);

TEST_P(Rooms, ACommitTellsItsEventsAsTheyAreStored) {
  const auto id = execute();
  const auto told = last.events;
  const auto stored = journal(id);
  ASSERT_EQ(told.size(), stored.size());
  for (std::size_t i = 0; i < told.size(); ++i) {
    EXPECT_EQ(told[i].seq, stored[i].seq);
    EXPECT_EQ(told[i].position, stored[i].position);
    EXPECT_EQ(told[i].type, stored[i].type);
    EXPECT_EQ(told[i].attempt, stored[i].attempt);
    EXPECT_EQ(told[i].at, stored[i].at);
    EXPECT_EQ(told[i].data, stored[i].data);
    EXPECT_EQ(told[i].source->task_id, id);
    EXPECT_EQ(stored[i].source->thread_id, id);
    EXPECT_EQ(told[i].source->ns, "default");
    EXPECT_EQ(stored[i].source->created_by, "alice");
  }
}

TEST_P(Rooms, EntriesCarryTheirAttempt) {
  const auto id = execute();
  must(make_retry(claim_one(), clock));
  must(make_completion(claim_one()));
  std::vector<int> numbers;
  for (const auto& event : journal(id))
    numbers.push_back(event.attempt);
  EXPECT_THAT(numbers, testing::ElementsAre(0, 0, 1, 1, 1, 1, 2, 2, 2));
}

TEST_P(Rooms, EachRoomHearsItsOwn) {
  const auto root = completed_task();
  auto op = make_turn(root);
  op.task.created_by = "bob";
  const auto turn = must(op).task.id;
  op = make_task();
  op.task.ns = "team";
  const auto other = must(op).task.id;
  auto of_default = places(follow(of_namespace("default")));
  EXPECT_EQ(of_default.size(), 6u);
  EXPECT_EQ(of_default.back(), std::pair(turn, std::int64_t{1}));
  EXPECT_THAT(places(follow(of_namespace("team"))), testing::ElementsAre(std::pair(other, 1)));
  EXPECT_THAT(places(follow(of_user("bob"))), testing::ElementsAre(std::pair(turn, 1)));
  EXPECT_EQ(follow(of_user("alice")).size(), 6u);
  EXPECT_EQ(places(follow(of_task(turn))), of_default);
  EXPECT_EQ(of_task(turn), of_task(root));
  EXPECT_THAT(follow(of_user("nobody")), testing::IsEmpty());
}

TEST_P(Rooms, AFarPlaceIsReadInBoundedSteps) {
  const auto root = completed_task();
  add_noise(5000);
  execute(make_turn(root));
  const auto part = value_of<room_events>(reader->room_events_after(of_namespace("default"), 0, 100));
  EXPECT_FALSE(part.at_end);
  EXPECT_EQ(part.events.size(), 5u);
  for (const auto& r : {of_namespace("default"), of_user("alice"), of_task(root)}) {
    const auto all = follow(r);
    EXPECT_EQ(all.size(), 7u);
    for (std::size_t i = 1; i < all.size(); ++i)
      EXPECT_LT(all[i - 1].position, all[i].position);
    // From any place in between, exactly the rest.
    for (std::size_t i = 0; i < all.size(); ++i)
      EXPECT_EQ(places(follow(r, all[i].position, 2)),
                places({all.begin() + static_cast<std::ptrdiff_t>(i) + 1, all.end()}));
  }
}

TEST_P(Rooms, ALimitCutsWithoutLoss) {
  for (int i = 0; i < 10; ++i)
    completed_task();
  const auto whole = places(follow(of_namespace("default"), 0, 1000));
  EXPECT_EQ(whole.size(), 50u);
  for (const int limit : {1, 3, 50})
    EXPECT_EQ(places(follow(of_namespace("default"), 0, limit)), whole);
}

TEST_P(Rooms, PositionsNameJournalEntries) {
  add_noise(3);
  const auto id = completed_task();
  const auto entries = journal(id);
  EXPECT_EQ(value_of<std::int64_t>(reader->position_of(id, 0)), entries.front().position - 1);
  for (const auto& entry : entries)
    EXPECT_EQ(value_of<std::int64_t>(reader->position_of(id, entry.seq)), entry.position);
  EXPECT_EQ(value_of<std::int64_t>(reader->position_of(id, 99)), entries.back().position);
  EXPECT_EQ(refusal(reader->position_of(make_uuid(), 0)), errc::not_found);
  EXPECT_EQ(value_of<std::int64_t>(reader->last_position()), entries.back().position);
  EXPECT_EQ(places(follow(of_task(id), value_of<std::int64_t>(reader->position_of(id, 2)))).front(),
            std::pair(id, std::int64_t{3}));
}

TEST_P(Rooms, OnlyATaskThatNeverWasHasNoRoom) {
  const auto id = completed_task();
  must(delete_task{id, clock});
  EXPECT_EQ(of_task(id).id, id);
  EXPECT_EQ(follow(of_task(id)).back().type, event_type::task_deleted);
  EXPECT_EQ(follow(of_namespace("default")).back().type, event_type::task_deleted);
  EXPECT_EQ(refusal(reader->resolve({room::kind::task, make_uuid(), {}})), errc::not_found);
  EXPECT_EQ(refusal(reader->events_after(make_uuid(), 0, 1)), errc::not_found);
}

TEST_P(Rooms, AViewStaysAsItWasUntilItEnds) {
  const auto id = execute();
  reader->begin();
  EXPECT_EQ(journal(id).size(), 2u);
  claim_one();
  EXPECT_EQ(journal(id).size(), 2u);
  EXPECT_EQ(status(id), task_status::pending);
  reader->end();
  EXPECT_EQ(journal(id).size(), 4u);
}

TEST_P(Rooms, AFollowerBesideAWriterSeesNeitherHoleNorRepeat) {
  const auto watched = execute();
  const auto claimed = claim_one();
  constexpr std::int64_t chunks = 600;
  std::atomic<bool> finished{false};
  std::vector<event_record> from_journal;
  std::map<uuid, std::int64_t> from_room;
  std::string broken;
  auto followed = value_of<std::unique_ptr<store_reader>>(db->open_reader());

  std::thread follower{[&] {
    std::int64_t seq = 0;
    std::int64_t position = 0;
    for (;;) {
      // Looked at first: what was committed before it is seen by this round.
      const bool last_round = finished.load();
      auto entries = value_of<page<event_record, std::int64_t>>(followed->events_after(watched, seq, 5)).items;
      auto part = value_of<room_events>(followed->room_events_after(of_namespace("default"), position, 5));
      if (last_round && entries.empty() && part.events.empty() && part.at_end)
        return;
      for (auto& event : entries) {
        seq = event.seq;
        from_journal.push_back(std::move(event));
      }
      position = part.position;
      for (const auto& event : part.events)
        if (event.seq != ++from_room[event.source->task_id])
          broken = "task " + event.source->task_id.to_string() + " at " + std::to_string(event.seq);
    }
  }};

  for (std::int64_t i = 0; i < chunks; ++i) {
    std::vector<operation> batch{append_journal{fence_of(claimed), {{event_type::chat_chunk, "{}"}}, {}, {}, {}, clock},
                                 make_task()};
    writer->apply(batch);
  }
  finished = true;
  follower.join();

  EXPECT_EQ(broken, "");
  ASSERT_EQ(from_journal.size(), static_cast<std::size_t>(chunks + 4));
  for (std::size_t i = 0; i < from_journal.size(); ++i)
    ASSERT_EQ(from_journal[i].seq, static_cast<std::int64_t>(i) + 1);
  EXPECT_EQ(from_room.size(), static_cast<std::size_t>(chunks + 1));
  EXPECT_EQ(from_room[watched], chunks + 4);
}

} // namespace
} // namespace troupe
