#include "tests/store/store_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <iterator>
#include <random>

/// Batches that do several things to the same tasks: what one operation has done holds
/// for the next, and no task is left behind.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<uuid> ids_of(const std::vector<claimed_task>& tasks) {
  std::vector<uuid> ids;
  std::transform(tasks.begin(), tasks.end(), std::back_inserter(ids), [](const auto& task) { return task.id; });
  return ids;
}

} // namespace

class MixedBatches : public store_fixture {
protected:
  std::vector<outcome> together(const std::vector<operation>& batch) {
    last = writer->apply(batch);
    return last.outcomes;
  }

  [[nodiscard]] operation make_claim(int limit = 100) const { return claim_tasks{owner, "node-1", limit, clock}; }

  [[nodiscard]] operation make_execution(const uuid& id) const {
    enqueue_task op;
    op.id = id;
    op.at = clock;
    return op;
  }

  /// Completes whatever runs or can be run, until there is nothing left.
  void finish_all(std::vector<claimed_task> running) {
    for (int rounds = 0; rounds < 1000; ++rounds) {
      for (const auto& task : running)
        apply(make_completion(task));
      advance(1h);
      running = claim();
      if (running.empty())
        return;
    }
    FAIL() << "there is always something to claim";
  }
};

TEST_P(MixedBatches, ATurnThatJoinsATaskWhichIsClaimedAtOnceRunsBehindIt) {
  const auto first = execute();
  auto second = make_turn(first);
  second.execute = true;
  const auto outcomes = together({second, make_claim()});
  const auto claimed = value_of<claimed_tasks>(outcomes[1]).tasks;
  ASSERT_THAT(ids_of(claimed), ElementsAre(first));
  must(make_completion(claimed[0]));
  EXPECT_TRUE(last.work_ready);
  EXPECT_THAT(ids_of(claim()), ElementsAre(second.task.id));
}

TEST_P(MixedBatches, ATaskThatIsCancelledIsNotClaimedAnyMore) {
  const auto cancelled = execute();
  const auto other = execute();
  const auto outcomes = together({make_cancel(cancelled), make_claim()});
  EXPECT_EQ(value_of<task_result>(outcomes[0]).task.status, task_status::cancelled);
  EXPECT_THAT(ids_of(value_of<claimed_tasks>(outcomes[1]).tasks), ElementsAre(other));
  EXPECT_EQ(story(cancelled), "task:created task:queued task:cancelled");
  finish_all({});
  EXPECT_EQ(status(cancelled), task_status::cancelled);
}

TEST_P(MixedBatches, ATaskThatIsStartedByHandIsNotClaimedAnyMore) {
  const auto id = execute();
  const auto outcomes = together({make_status(id, task_status::running), make_claim()});
  EXPECT_EQ(value_of<task_result>(outcomes[0]).task.status, task_status::running);
  EXPECT_THAT(value_of<claimed_tasks>(outcomes[1]).tasks, IsEmpty());
}

TEST_P(MixedBatches, LeaveNoTaskBehindWhateverTheyMix) {
  std::mt19937 random{20261125};
  std::vector<create_task> created;
  std::vector<claimed_task> running;
  // One of the latest, perhaps of this very batch.
  const auto pick = [&]() -> const task_record& {
    return created[created.size() - 1 - random() % std::min<std::size_t>(created.size(), 6)].task;
  };
  for (int round = 0; round < 150; ++round) {
    advance(10ms);
    std::vector<operation> batch;
    std::vector<uuid> ended;
    const auto size = 1 + random() % 6;
    while (batch.size() < size) {
      const auto dice = random() % 14;
      if (created.empty() || dice < 2) {
        auto op = make_task();
        op.execute = dice == 0;
        created.push_back(op);
        batch.emplace_back(op);
      } else if (dice < 6) {
        auto op = make_turn(pick().thread_id);
        op.execute = dice < 5;
        created.push_back(op);
        batch.emplace_back(op);
      } else if (dice == 6) {
        batch.push_back(make_execution(pick().id));
      } else if (dice == 7) {
        batch.emplace_back(make_cancel(pick().id));
      } else if (dice == 12) {
        batch.emplace_back(make_decision(pick().id, "call_1", random() % 2 == 0));
      } else if (!running.empty()) {
        const auto at = random() % running.size();
        const auto victim = running[at];
        if (std::find(ended.begin(), ended.end(), victim.id) != ended.end())
          continue;
        ended.push_back(victim.id);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
        if (dice == 8)
          batch.emplace_back(make_completion(victim));
        else if (dice == 9)
          batch.emplace_back(make_retry(victim, clock + 20ms));
        else if (dice == 10)
          batch.emplace_back(release_tasks{{fence_of(victim)}, "drain", clock});
        else {
          batch.emplace_back(make_request(victim, {"call_1"}, clock + 30ms));
          batch.emplace_back(make_wait(victim));
        }
      }
    }
    if (round % 3 != 0)
      batch.push_back(make_claim(1 + static_cast<int>(random() % 4)));
    for (const auto& result : together(batch))
      if (const auto* claimed = std::get_if<claimed_tasks>(&result))
        running.insert(running.end(), claimed->tasks.begin(), claimed->tasks.end());
  }
  finish_all(running);
  for (const auto& op : created) {
    const auto found = task(op.task.id);
    EXPECT_TRUE(!found.queued || is_terminal(found.status)) << "left behind: " << story(found.id);
    EXPECT_EQ(found.waits_for, wait_reason::none);
    EXPECT_THAT(decisions(found.id), Not(HasSubstr("pending")));
    expect_no_holes(found.id);
  }
  const auto left = queue_of();
  EXPECT_EQ(left.ready + left.running + left.blocked + left.scheduled, 0);
}

TROUPE_ON_EVERY_DATABASE(MixedBatches);

} // namespace troupe
