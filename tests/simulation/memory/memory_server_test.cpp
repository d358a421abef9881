#include "tests/simulation/memory/memory_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <stdexcept>

/// What the store in memory promises besides what every database does: processes that share it, leases on simulated
/// time, and commits that are taken back.
namespace troupe {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using MemoryServer = memory_fixture;
using MemoryLeases = memory_fixture;

} // namespace

// -- processes --------------------------------------------------------------------

TEST_F(MemoryServer, EachTaskIsClaimedByOneProcess) {
  const auto one = join("one");
  const auto other = join("other");
  std::vector<uuid> created;
  for (int i = 0; i < 10; ++i)
    created.push_back(execute(i % 2 == 0 ? *one : *other));
  std::vector<uuid> claimed;
  for (int i = 0; i < 5; ++i)
    for (auto* each : {one.get(), other.get()})
      for (const auto& task : each->claim(1))
        claimed.push_back(task.id);
  EXPECT_EQ(claimed, created);
  EXPECT_THAT(one->claim(), IsEmpty());
}

TEST_F(MemoryServer, WhatOneProcessCommitsTheOthersSeeAtOnce) {
  const auto one = join("one");
  const auto other = join("other");
  const auto before = one->last.to_position;
  const auto id = execute(*one);
  EXPECT_EQ(one->last.from_position, before);
  EXPECT_EQ(other->task(id).status, task_status::pending);
  const auto claimed = other->claim();
  ASSERT_THAT(claimed, SizeIs(1));
  EXPECT_EQ(other->last.from_position, one->last.to_position);
  EXPECT_EQ(refusal(one->apply(one->make_completion(claimed[0]))), errc::fenced);
  other->must(other->make_completion(claimed[0]));
  EXPECT_EQ(one->task(id).output, "by other");
}

TEST_F(MemoryServer, AChangedBotIsTheOneThatEveryProcessUses) {
  const auto one = join("one");
  const auto other = join("other");
  execute(*one);
  EXPECT_EQ(one->claim().at(0).bot->max_iterations, 10);
  auto bot = value_of<bot_record>(other->reader->get_bot("default", "default"));
  bot.max_iterations = 3;
  other->must(put_bot{bot, clock});
  execute(*other);
  EXPECT_EQ(one->claim().at(0).bot->max_iterations, 3);
}

TEST_F(MemoryServer, AProcessHasOneWriter) {
  const auto one = join("one");
  EXPECT_EQ(refusal(one->db->open_writer()), errc::unavailable);
  one->writer.reset();
  EXPECT_EQ(refusal(one->db->open_writer()), std::nullopt);
}

TEST_F(MemoryServer, SaysWhatItIs) {
  const auto first = join("first");
  const auto second = join("second");
  EXPECT_TRUE(first->db->info().is_new);
  EXPECT_FALSE(second->db->info().is_new);
  EXPECT_TRUE(second->db->info().shared);
  EXPECT_EQ(first->db->info().id, second->db->info().id);
  EXPECT_EQ(first->db->now(), clock);
  advance(1h);
  EXPECT_EQ(first->db->now(), clock);
}

TEST_F(MemoryServer, NodesAreListedWhileTheyAreHeardOf) {
  const auto one = join("b");
  const auto other = join("a");
  const auto announce = [&](process& by, bool draining = false) {
    node_record node;
    node.id = by.id;
    node.name = by.name;
    node.lease = by.owner;
    node.health = draining ? node_health::draining : node_health::alive;
    return by.must(announce_node{node, false});
  };
  other->take_lease(10s);
  announce(*one);
  const auto both = announce(*other, true);
  ASSERT_THAT(both.nodes, SizeIs(2));
  EXPECT_EQ(both.nodes[0].name, "a");
  EXPECT_EQ(both.nodes[0].health, node_health::draining);
  EXPECT_EQ(both.nodes[0].lease_expires_at, clock + 10s);
  EXPECT_EQ(both.nodes[1].health, node_health::alive);
  EXPECT_EQ(both.nodes[1].lease_expires_at, std::nullopt);
  EXPECT_FALSE(both.database.empty());
  EXPECT_EQ(announce(*one).database, both.database);
  advance(11s);
  EXPECT_EQ(announce(*one).nodes.at(0).health, node_health::lost);
  advance(10min);
  EXPECT_THAT(announce(*one).nodes, SizeIs(2));
  EXPECT_THAT(announce(*one).nodes, SizeIs(1));
}

// -- leases -----------------------------------------------------------------------

TEST_F(MemoryLeases, ATaskTakenOverIsBeyondTheReachOfItsFormerNode) {
  const auto frozen = join("frozen");
  const auto survivor = join("survivor");
  frozen->take_lease();
  survivor->take_lease();
  const auto id = execute(*frozen);
  const auto before = frozen->claim().at(0);
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(survivor->renew().others_expired);
    EXPECT_EQ(survivor->recover(), 0);
    advance(3s);
  }
  advance(2s);
  EXPECT_TRUE(survivor->renew().others_expired);
  EXPECT_EQ(survivor->recover(), 1);
  const auto after = survivor->claim().at(0);
  EXPECT_EQ(after.id, id);
  EXPECT_EQ(refusal(frozen->apply(frozen->make_completion(before))), errc::fenced);
  EXPECT_EQ(refusal(frozen->apply(frozen->make_renewal())), errc::fenced);
  EXPECT_EQ(refusal(frozen->apply(frozen->make_renewal(true))), errc::fenced);
  survivor->must(survivor->make_completion(after));
  EXPECT_EQ(survivor->task(id).output, "by survivor");
  // Nothing runs under the lease any more: the next look forgets it.
  EXPECT_EQ(survivor->recover(), 0);
  EXPECT_FALSE(survivor->renew().others_expired);
}

TEST_F(MemoryLeases, OneThatHasRunOutMayStillBeRenewed) {
  const auto late = join("late");
  const auto other = join("other");
  late->take_lease();
  other->take_lease();
  advance(6s);
  other->renew();
  advance(6s);
  EXPECT_FALSE(late->renew().others_expired);
  EXPECT_FALSE(other->renew().others_expired);
}

TEST_F(MemoryLeases, ASuspectKeepsItsTasksWhileItHasASession) {
  const auto alive = join("alive");
  const auto other = join("other");
  alive->take_lease();
  other->take_lease();
  execute(*alive);
  ASSERT_THAT(alive->claim(), SizeIs(1));
  EXPECT_EQ(other->recover({alive->owner}), 0);
  EXPECT_EQ(other->recover({alive->id}), 0);
  server.end_session(alive->id);
  EXPECT_EQ(other->recover(), 0);
  EXPECT_EQ(other->recover({alive->id}), 1);
}

TEST_F(MemoryLeases, ARenewalWithFirstShowsLifeAgain) {
  const auto node = join("node");
  const auto other = join("other");
  node->take_lease();
  other->take_lease();
  execute(*node);
  ASSERT_THAT(node->claim(), SizeIs(1));
  server.end_session(node->id);
  node->renew();
  node->must(node->make_renewal(true));
  EXPECT_EQ(other->recover({node->owner}), 0);
}

TEST_F(MemoryLeases, ASessionEndsWithItsProcess) {
  auto dead = join("dead");
  const auto other = join("other");
  dead->take_lease();
  other->take_lease();
  execute(*dead);
  ASSERT_THAT(dead->claim(), SizeIs(1));
  const auto owner = dead->owner;
  dead.reset();
  EXPECT_EQ(other->recover(), 0);
  EXPECT_EQ(other->recover({owner}), 1);
}

TEST_F(MemoryLeases, ANodeThatComesBackUnderItsNameEndsItsFormerLease) {
  auto first = join("phoenix");
  const auto twin = join("phoenix");
  first->take_lease();
  execute(*first);
  ASSERT_THAT(first->claim(), SizeIs(1));
  // Of the same name, and alive: two nodes.
  twin->take_lease();
  EXPECT_EQ(twin->recover(), 0);
  first.reset();
  const auto again = join("phoenix");
  again->take_lease();
  EXPECT_EQ(again->recover(), 1);
  EXPECT_EQ(again->recover(), 0);
  twin->renew();
}

TEST_F(MemoryLeases, OneGivenUpLeavesItsTasksToOthersAtOnce) {
  const auto leaving = join("leaving");
  const auto other = join("other");
  leaving->take_lease();
  other->take_lease();
  execute(*leaving);
  ASSERT_THAT(leaving->claim(), SizeIs(1));
  leaving->must(end_lease{leaving->owner});
  EXPECT_TRUE(other->renew().others_expired);
  EXPECT_EQ(other->recover(), 1);
}

TEST_F(MemoryLeases, WhereNoneHoldsEverybodyGetsOneLeasesTime) {
  const auto one = join("one");
  const auto other = join("other");
  const auto gone = join("gone");
  for (auto* each : {one.get(), other.get(), gone.get()}) {
    each->take_lease();
    execute(*each);
    ASSERT_THAT(each->claim(), SizeIs(1));
  }
  // Nobody could write for a minute.
  advance(1min);
  EXPECT_FALSE(one->renew().others_expired);
  EXPECT_EQ(one->recover(), 0);
  // Not by the pause of whoever was late alone: a new process has none.
  const auto fresh = join("fresh");
  fresh->take_lease();
  EXPECT_EQ(fresh->recover({gone->owner}), 0);
  advance(5s);
  EXPECT_FALSE(one->renew().others_expired);
  EXPECT_FALSE(other->renew().others_expired);
  for (int i = 0; i < 2; ++i) {
    advance(3s);
    one->renew();
    other->renew();
  }
  EXPECT_TRUE(one->renew().others_expired);
  EXPECT_EQ(one->recover(), 1);
}

TEST_F(MemoryLeases, WhoeverRenewsLateTakesNothingOverForALeasesTime) {
  const auto late = join("late");
  const auto other = join("other");
  const auto gone = join("gone");
  late->take_lease();
  other->take_lease();
  gone->take_lease();
  execute(*gone);
  ASSERT_THAT(gone->claim(), SizeIs(1));
  const auto both_renew = [&] {
    advance(3s);
    other->renew();
  };
  both_renew();
  both_renew();
  both_renew();
  advance(2s);
  EXPECT_FALSE(late->renew().others_expired);
  EXPECT_EQ(late->recover(), 0);
  EXPECT_TRUE(other->renew().others_expired);
  for (int i = 0; i < 4; ++i) {
    advance(3s);
    late->renew();
  }
  EXPECT_TRUE(late->renew().others_expired);
  EXPECT_EQ(late->recover(), 1);
}

TEST_F(MemoryLeases, OfAnExclusiveDatabaseAreItsLatestOwners) {
  memory_server alone{[this] { return clock; }, memory_server::access::exclusive};
  const auto db = alone.open([] { return std::chrono::steady_clock::time_point{}; });
  EXPECT_FALSE(db->info().shared);
  const auto writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  const auto must = [&]<class Op>(Op op) {
    const operation one{std::move(op)};
    return value_of<typename Op::result_type>(writer->apply(std::span{&one, 1}).outcomes.at(0));
  };
  const auto former = make_uuid();
  const auto latter = make_uuid();
  const auto node = make_uuid();
  must(renew_lease{former, node, "node", 10s, true});
  must(make_task());
  ASSERT_THAT(must(claim_tasks{former, "node", 1, clock}).tasks, SizeIs(1));
  advance(1h);
  EXPECT_EQ(must(recover_tasks{5, clock, {}}).requeued, 0);
  must(renew_lease{latter, make_uuid(), "other", 10s, true});
  EXPECT_EQ(must(recover_tasks{5, clock, {}}).requeued, 1);
  EXPECT_EQ(must(announce_node{{}, false}).database, "");
}

// -- taking back ------------------------------------------------------------------

TEST_F(MemoryServer, ACommitThatChangesNothingIsNone) {
  const auto one = join("one");
  const auto before = server.commits();
  execute(*one);
  EXPECT_EQ(server.commits(), before + 1);
  EXPECT_THAT(one->claim(), SizeIs(1));
  EXPECT_EQ(server.commits(), before + 2);
  EXPECT_THAT(one->claim(), IsEmpty());
  EXPECT_EQ(refusal(one->apply(delete_task{make_uuid(), clock})), errc::not_found);
  EXPECT_EQ(server.commits(), before + 2);
}

TEST_F(MemoryServer, WhatIsTakenBackNeverWas) {
  const auto one = join("one");
  const auto other = join("other");
  one->take_lease();
  other->take_lease();
  const auto kept = execute(*one);
  const auto position = one->last.to_position;
  const auto commits = server.commits();
  auto lost = make_task();
  lost.key = {"key", "fingerprint"};
  one->must(lost);
  EXPECT_TRUE(one->must(lost).replayed);
  const auto claimed = other->claim();
  ASSERT_THAT(claimed, SizeIs(2));
  other->must(other->make_completion(claimed[0]));

  server.undo_to(commits);
  EXPECT_EQ(server.commits(), commits);
  EXPECT_EQ(one->task(kept).status, task_status::pending);
  EXPECT_EQ(refusal(one->reader->get_task(lost.task.id)), errc::not_found);
  EXPECT_EQ(value_of<std::int64_t>(one->reader->last_position()), position);
  EXPECT_EQ(refusal(other->apply(other->make_completion(claimed[1]))), errc::fenced);
  // The key is free again, and positions go on from the last that is left.
  EXPECT_FALSE(one->must(lost).replayed);
  EXPECT_EQ(one->last.from_position, position);
}

TEST_F(MemoryServer, AfterAFailoverNobodyIsTakenForLostAtOnce) {
  const auto one = join("one");
  const auto other = join("other");
  one->take_lease();
  const auto commits = server.commits();
  advance(4s);
  other->take_lease();
  one->renew();
  advance(4s);
  one->renew();
  other->renew();
  execute(*other);
  const auto held = other->claim();
  ASSERT_THAT(held, SizeIs(1));
  server.undo_to(commits);
  advance(1s);
  // The lease is one of those that were lost.
  EXPECT_EQ(refusal(other->apply(other->make_renewal())), errc::fenced);
  other->owner = make_uuid();
  other->take_lease();
  execute(*other);
  ASSERT_THAT(other->claim(), SizeIs(1));
  one->renew();
  other->must(end_lease{other->owner});
  EXPECT_FALSE(one->renew().others_expired);
  for (int i = 0; i < 3; ++i) {
    advance(4s);
    one->renew();
  }
  EXPECT_TRUE(one->renew().others_expired);
  EXPECT_EQ(one->recover(), 1);
}

TEST_F(MemoryServer, WhatIsForgottenIsNotTakenBack) {
  const auto one = join("one");
  for (int i = 0; i < 5; ++i)
    execute(*one);
  const auto commits = server.commits();
  server.keep_undo_behind(commits - 2);
  EXPECT_EQ(server.commits(), commits);
  EXPECT_THROW(server.undo_to(commits - 3), std::out_of_range);
  EXPECT_THROW(server.undo_to(commits + 1), std::out_of_range);
  EXPECT_THROW(server.keep_undo_behind(commits - 3), std::out_of_range);
  EXPECT_THAT(one->claim(), SizeIs(5));
  server.undo_to(commits - 2);
  EXPECT_THAT(one->claim(), SizeIs(3));
}

TEST_F(MemoryServer, AnOpenViewOutlivesWhatIsForgotten) {
  const auto one = join("one");
  const auto id = execute(*one);
  one->reader->begin();
  one->must(one->make_completion(one->claim().at(0)));
  server.keep_undo_behind(server.commits());
  EXPECT_EQ(one->task(id).status, task_status::pending);
  EXPECT_THROW(server.undo_to(server.commits()), std::logic_error);
  one->reader->end();
  EXPECT_EQ(one->task(id).status, task_status::completed);
  server.undo_to(server.commits());
}

TEST_F(MemoryServer, ViewsOfSeveralTimesAreEachAsTheyWere) {
  const auto one = join("one");
  const auto id = execute(*one);
  std::vector<std::unique_ptr<store_reader>> readers;
  std::vector<std::string> seen;
  const auto look = [&](store_reader& reader) { return dump_of(reader, {{"default"}, {"alice"}}); };
  const auto open_view = [&] {
    readers.push_back(value_of<std::unique_ptr<store_reader>>(one->db->open_reader()));
    readers.back()->begin();
    seen.push_back(look(*readers.back()));
  };
  open_view();
  const auto claimed = one->claim().at(0);
  open_view();
  one->must(one->make_completion(claimed));
  open_view();
  one->must(delete_task{id, clock});
  const auto latest = look(*one->reader);
  for (std::size_t i = 0; i < readers.size(); ++i)
    EXPECT_EQ(first_difference(look(*readers[i]), seen[i]), "");
  EXPECT_EQ(first_difference(look(*one->reader), latest), "");
  EXPECT_NE(seen[0], seen[1]);
  EXPECT_NE(seen[2], latest);
}

} // namespace troupe
