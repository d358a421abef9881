#include "tests/store/postgres_fixture.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <thread>

/// Approvals and sums of usage that several nodes change at the same time.
namespace troupe {
namespace {

using testing::AnyOf;
using testing::EndsWith;

class PostgresApprovals : public postgres_fixture {
protected:
  /// Does both at the same time.
  template <class One, class Other>
  void race(One one, Other other) {
    std::atomic<int> ready{0};
    const auto meet = [&ready] {
      ++ready;
      while (ready < 2)
        std::this_thread::yield();
    };
    std::thread rival{[&] {
      meet();
      other();
    }};
    meet();
    one();
    rival.join();
  }

  uuid asking() {
    const auto id = execute();
    claimed = claim_one();
    must(make_request(claimed, {"call_1"}, clock + 1h));
    return id;
  }

  int decided(const uuid& id) {
    int count = 0;
    for (const auto& event : journal(id))
      count += event.type == event_type::approval_decided ? 1 : 0;
    return count;
  }

  claimed_task claimed;
};

TROUPE_ON_SHARED_DATABASES(PostgresApprovals);

// -- approvals ----------------------------------------------------------------------

TEST_P(PostgresApprovals, ADecisionOnAnotherNodeWakesTheTask) {
  const auto other = join();
  const auto id = asking();
  must(make_wait(claimed));
  other->must(make_decision(id, "call_1"));
  EXPECT_TRUE(other->last.work_ready);
  EXPECT_EQ(claim_one().id, id);
  expect_no_holes(id);
}

TEST_P(PostgresApprovals, ADecisionOnAnotherNodeLeavesTheAttemptItsHolders) {
  const auto other = join();
  const auto id = asking();
  other->must(make_decision(id, "call_1"));
  must(make_intent(claimed, "call_2"));
  must(make_completion(claimed));
  EXPECT_THAT(story(id), EndsWith("approval:requested approval:decided chat:tool_start chat:tool_result "
                                  "chat:tool_result task:completed"));
  expect_whole_journal(id);
}

TEST_P(PostgresApprovals, OfTwoContraryDecisionsExactlyOneIsTaken) {
  const auto other = join();
  for (int i = 0; i < 30; ++i) {
    const auto id = asking();
    must(make_wait(claimed));
    std::optional<errc> here;
    std::optional<errc> there;
    race([&] { here = refused(make_decision(id, "call_1", true)); },
         [&] { there = refusal(other->apply(make_decision(id, "call_1", false))); });
    ASSERT_NE(here.has_value(), there.has_value());
    EXPECT_EQ(here.value_or(there.value_or(errc::unavailable)), errc::illegal_transition);
    EXPECT_EQ(decisions(id), here ? "call_1:rejected" : "call_1:approved");
    EXPECT_EQ(decided(id), 1);
    must(make_completion(claim_one()));
    expect_whole_journal(id);
  }
}

TEST_P(PostgresApprovals, TwoEqualDecisionsAreOne) {
  const auto other = join();
  for (int i = 0; i < 20; ++i) {
    const auto id = asking();
    must(make_wait(claimed));
    race([&] { must(make_decision(id, "call_1")); }, [&] { other->must(make_decision(id, "call_1")); });
    EXPECT_EQ(decided(id), 1);
    must(make_completion(claim_one()));
    expect_whole_journal(id);
  }
}

TEST_P(PostgresApprovals, ADecisionDuringTheWaitsBeginningIsNeverLost) {
  const auto other = join();
  for (int i = 0; i < 30; ++i) {
    const auto id = asking();
    race([&] { must(make_wait(claimed)); }, [&] { other->must(make_decision(id, "call_1")); });
    const auto next = claim_one();
    EXPECT_EQ(next.id, id);
    must(make_completion(next));
    EXPECT_EQ(decisions(id), "call_1:approved");
    expect_whole_journal(id);
  }
}

TEST_P(PostgresApprovals, ADecisionAndACancelLeaveNothingOpen) {
  const auto other = join();
  for (int i = 0; i < 30; ++i) {
    const auto id = asking();
    must(make_wait(claimed));
    std::optional<errc> there;
    race([&] { must(make_cancel(id)); }, [&] { there = refusal(other->apply(make_decision(id, "call_1"))); });
    EXPECT_THAT(there, AnyOf(std::nullopt, std::optional{errc::illegal_transition}));
    EXPECT_EQ(decisions(id), there ? "call_1:closed" : "call_1:approved");
    EXPECT_EQ(roles(messages(id)), "user assistant tool");
    EXPECT_TRUE(claim().empty());
    expect_whole_journal(id);
  }
}

TEST_P(PostgresApprovals, DecisionsOfTwoCallsWakeTheTaskWhicheverIsLast) {
  const auto other = join();
  for (int i = 0; i < 30; ++i) {
    const auto id = execute();
    claimed = claim_one();
    must(make_request(claimed, {"call_1", "call_2"}, clock + 1h));
    must(make_wait(claimed));
    race([&] { must(make_decision(id, "call_1")); }, [&] { other->must(make_decision(id, "call_2", false)); });
    EXPECT_EQ(decisions(id), "call_1:approved call_2:rejected");
    must(make_completion(claim_one()));
    expect_whole_journal(id);
  }
}

// -- usage --------------------------------------------------------------------------

TEST_P(PostgresApprovals, SumsThatManyNodesAddToLoseNothing) {
  constexpr int nodes = 3;
  constexpr int rounds = 40;
  // Each batch adds to several sums, in whatever order its tasks come.
  const std::vector<std::string> creators{"alice", "bob", "carol", "dave"};
  std::vector<std::unique_ptr<node>> writers;
  for (int i = 0; i < nodes; ++i)
    writers.push_back(join());
  std::vector<std::thread> threads;
  for (int i = 0; i < nodes; ++i)
    threads.emplace_back([&, n = writers[static_cast<std::size_t>(i)].get(), i] {
      for (int round = 0; round < rounds; ++round) {
        std::vector<operation> batch;
        for (std::size_t k = 0; k < creators.size(); ++k) {
          auto op = make_task();
          op.task.created_by = creators[(k + static_cast<std::size_t>(i)) % creators.size()];
          op.execute = true;
          batch.emplace_back(op);
        }
        // What a batch brings and claims is its own.
        batch.emplace_back(claim_tasks{n->owner, "node", 4, clock});
        const auto begun = n->writer->apply(batch);
        batch.clear();
        for (const auto& task : value_of<claimed_tasks>(outcome{begun.outcomes.back()}).tasks) {
          complete_task end;
          end.fence = n->fence_of(task);
          end.usage = {1, 2, 3};
          end.at = clock;
          batch.emplace_back(end);
        }
        n->writer->apply(batch);
      }
    });
  for (auto& thread : threads)
    thread.join();
  for (const auto& left : claim(1000)) {
    auto end = make_completion(left);
    end.usage = {1, 2, 3};
    must(end);
  }
  EXPECT_EQ(sums(usage_group::bot), "default:480/480/960/1440");
  EXPECT_EQ(sums(usage_group::created_by),
            "alice:120/120/240/360 bob:120/120/240/360 carol:120/120/240/360 dave:120/120/240/360");
}

TEST_P(PostgresApprovals, SumsOfACommitWhoseAnswerWasLostAreAddedOnce) {
  constexpr int tasks = 40;
  under_cuts([&](std::atomic<int>& steps) {
    for (int i = 0; i < tasks; ++i) {
      execute();
      ++steps;
      for (const auto& one : claim()) {
        ++steps;
        must(make_completion(one));
      }
      ++steps;
    }
  });
  for (const auto& one : claim())
    must(make_completion(one));
  // The first question after a cut may meet the dead connection.
  for (int i = 0; i < 50 && refusal(reader->usage({}, usage_group::bot)); ++i)
    continue;
  EXPECT_EQ(sums(usage_group::bot), "default:40/120/200/0");
}

} // namespace
} // namespace troupe
