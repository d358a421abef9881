#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// What was used: sums over all attempts, and of a thread.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Usage : public store_fixture {
protected:
  void SetUp() override {
    store_fixture::SetUp();
    clock = *parse_rfc3339("2026-01-31T12:00:00Z");
    put_bot op;
    op.bot.ns = "default";
    op.bot.name = "poet";
    op.bot.model = "builtin";
    must(op);
  }

  struct work {
    std::string ns = "default";
    std::string bot = "default";
    std::string created_by = "alice";
    std::string model{};
    token_usage usage{};
  };

  create_task task_for(const work& w) {
    auto op = make_task();
    op.task.ns = w.ns;
    op.task.bot = w.bot;
    op.task.created_by = w.created_by;
    return op;
  }

  uuid done_by(const work& w) {
    const auto id = execute(task_for(w));
    auto end = make_completion(claim_one());
    end.model = w.model;
    end.usage = w.usage;
    must(end);
    return id;
  }

  void some_work() {
    done_by({"default", "default", "alice", "large", {10, 1, 5}});
    done_by({"default", "poet", "alice", "small", {20, 2, 3}});
    advance(24h);
    done_by({"default", "poet", "bob", "large", {40, 4, 100}});
    done_by({"team", "default", "bob", "small", {80, 8, 1}});
    advance(24h);
    done_by({"team", "default", "", "", {160, 16, 0, true}});
  }

  static usage_filter between(std::optional<std::string> from, std::optional<std::string> to,
                              std::optional<std::string> ns = {}) {
    return {std::move(ns), std::move(from), std::move(to)};
  }
};
TROUPE_ON_EVERY_DATABASE(Usage);

// -- groups and filters -----------------------------------------------------------------

TEST_P(Usage, IsSummedByEachGroupMostCostlyFirst) {
  some_work();
  EXPECT_EQ(sums(usage_group::bot), "poet:2/60/6/103 default:3/250/25/6~");
  EXPECT_EQ(sums(usage_group::model), "large:2/50/5/105 small:2/100/10/4 builtin:1/160/16/0~");
  EXPECT_EQ(sums(usage_group::ns), "default:3/70/7/108 team:2/240/24/1~");
  EXPECT_EQ(sums(usage_group::created_by), "bob:2/120/12/101 alice:2/30/3/8 :1/160/16/0~");
  EXPECT_EQ(sums(usage_group::day), "2026-01-31:2/30/3/8 2026-02-01:2/120/12/101 2026-02-02:1/160/16/0~");
}

TEST_P(Usage, OfEqualCostIsSortedByTokensThenByName) {
  done_by({"default", "default", "b", "", {1, 1}});
  done_by({"default", "default", "c", "", {2, 1}});
  done_by({"default", "default", "a", "", {1, 9}});
  EXPECT_EQ(sums(usage_group::created_by), "c:1/2/1/0 a:1/1/9/0 b:1/1/1/0");
}

TEST_P(Usage, IsFilteredByNamespaceAndDays) {
  some_work();
  EXPECT_EQ(sums(usage_group::bot, between({}, {}, "default")), "poet:2/60/6/103 default:1/10/1/5");
  EXPECT_EQ(sums(usage_group::day, between("2026-02-01", {})), "2026-02-01:2/120/12/101 2026-02-02:1/160/16/0~");
  EXPECT_EQ(sums(usage_group::day, between({}, "2026-02-01")), "2026-01-31:2/30/3/8 2026-02-01:2/120/12/101");
  EXPECT_EQ(sums(usage_group::created_by, between("2026-02-01", "2026-02-01")), "bob:2/120/12/101");
  EXPECT_EQ(sums(usage_group::model, between("2026-02-01", "2026-02-28", "team")),
            "small:1/80/8/1 builtin:1/160/16/0~");
  EXPECT_EQ(sums(usage_group::ns, between("2026-02-03", {})), "");
  EXPECT_EQ(sums(usage_group::ns, between({}, {}, "nowhere")), "");
}

TEST_P(Usage, CountsForTheDayOnWhichTheAttemptEnds) {
  clock = *parse_rfc3339("2026-01-31T23:59:59.999999Z");
  execute();
  const auto claimed = claim_one();
  advance(1us);
  must(make_completion(claimed));
  EXPECT_EQ(sums(usage_group::day), "2026-02-01:1/3/5/0");
}

TEST_P(Usage, OutlivesItsTaskItsBotAndARestart) {
  const auto id = done_by({"default", "poet", "alice", "large", {10, 1, 5}});
  must(delete_task{id, clock});
  must(delete_bot{"default", "poet"});
  close();
  open();
  EXPECT_EQ(sums(usage_group::bot), "poet:1/10/1/5");
  EXPECT_EQ(sums(usage_group::model), "large:1/10/1/5");
}

// -- ends of attempts -------------------------------------------------------------------

TEST_P(Usage, OfEveryAttemptCountsHoweverItEnds) {
  const auto id = execute();
  const auto report = [&](const claimed_task& claimed, token_usage usage) {
    append_journal step;
    step.fence = fence_of(claimed);
    step.usage = usage;
    step.at = clock;
    must(step);
  };
  auto failure = make_retry(claim_one(), clock);
  failure.usage = {1, 1, 1};
  must(failure);
  auto claimed = claim_one();
  report(claimed, {2, 1, 2});
  must(release_tasks{{fence_of(claimed)}, "draining", clock});
  report(claim_one(), {4, 1, 4});
  must(recover_tasks{5, clock, {}});
  claimed = claim_one();
  must(make_request(claimed, {"call_1"}, clock + 1h));
  auto wait = make_wait(claimed);
  wait.usage = {8, 1, 8};
  must(wait);
  must(make_decision(id, "call_1"));
  report(claim_one(), {16, 1, 16});
  auto cancel = make_cancel(id);
  cancel.usage = {17, 2, 17, true};
  must(cancel);
  // What the end says goes over what was said on the way.
  EXPECT_EQ(sums(usage_group::bot), "default:5/32/6/32~");
  EXPECT_EQ(task(id).usage, (token_usage{32, 6, 32, true}));
  const auto all = attempts(id);
  ASSERT_EQ(all.size(), 5u);
  EXPECT_EQ(all[0].outcome, attempt_outcome::failed);
  EXPECT_EQ(all[1].outcome, attempt_outcome::released);
  EXPECT_EQ(all[2].outcome, attempt_outcome::lost);
  EXPECT_EQ(all[3].outcome, attempt_outcome::waiting);
  EXPECT_EQ(all[4].outcome, attempt_outcome::cancelled);
  EXPECT_EQ(all[0].usage, (token_usage{1, 1, 1}));
  EXPECT_EQ(all[3].usage, (token_usage{8, 1, 8}));
  EXPECT_EQ(all[4].usage, (token_usage{17, 2, 17, true}));
  expect_no_holes(id);
}

TEST_P(Usage, OfTheFinalFailureAndOfAnEndByHandCounts) {
  execute();
  must(make_failure(claim_one()));
  EXPECT_EQ(sums(usage_group::ns), "default:1/2/1/0");
  const auto id = execute();
  const auto claimed = claim_one();
  auto step = make_intent(claimed, "call_1");
  step.usage = {10, 10, 10};
  must(step);
  must(make_status(id, task_status::failed));
  EXPECT_EQ(sums(usage_group::ns), "default:2/12/11/10");
  EXPECT_EQ(task(id).usage, (token_usage{10, 10, 10}));
}

TEST_P(Usage, OfAnAttemptThatUsedNothingIsNotCounted) {
  execute();
  must(release_tasks{{fence_of(claim_one())}, "draining", clock});
  must(make_retry(claim_one(), clock));
  EXPECT_EQ(sums(usage_group::bot), "default:1/2/1/0");
}

TEST_P(Usage, OfARefusedWriteDoesNotCount) {
  execute();
  const auto claimed = claim_one();
  must(make_completion(claimed));
  EXPECT_EQ(refused(make_completion(claimed)), errc::fenced);
  EXPECT_EQ(refused(make_wait(claimed)), errc::fenced);
  EXPECT_EQ(sums(usage_group::bot), "default:1/3/5/0");
}

TEST_P(Usage, OfSeveralEndsInOneBatchAddsUp) {
  for (int i = 0; i < 3; ++i)
    execute();
  execute(task_for({"team", "poet", "bob"}));
  const auto claimed = claim();
  ASSERT_EQ(claimed.size(), 4u);
  std::vector<operation> batch{make_completion(claimed[0]), make_retry(claimed[1], clock + 1h),
                               make_failure(claimed[2]), make_completion(claimed[3]), make_completion(claimed[0])};
  writer->apply(batch);
  EXPECT_EQ(sums(usage_group::bot), "default:3/7/7/0 poet:1/3/5/0");
  EXPECT_EQ(sums(usage_group::ns), "default:3/7/7/0 team:1/3/5/0");
}

TEST_P(Usage, OfABatchThatIsDoneOneByOneCountsOnce) {
  execute();
  execute();
  const auto claimed = claim();
  const auto first = make_task();
  auto twin = first;
  const auto result = writer->apply(
    std::vector<operation>{make_completion(claimed.at(0)), first, twin, make_completion(claimed.at(1))});
  EXPECT_EQ(refusal(result.outcomes.at(2)), errc::unavailable);
  EXPECT_EQ(sums(usage_group::bot), "default:2/6/10/0");
}

TEST_P(Usage, CostAndEstimateAreToldWithTheAnswer) {
  const auto id = done_by({"default", "default", "alice", "large", {10, 1, 2'500'000'000, true}});
  EXPECT_THAT(data_of(id, event_type::task_completed),
              HasSubstr(R"("usage":{"input_tokens":10,"output_tokens":1,"cost":2.5,"estimated":true})"));
}

TEST_P(Usage, TakesNumbersBeyondFourBillion) {
  constexpr std::int64_t large = 3'000'000'000'000'000;
  for (int i = 0; i < 2; ++i)
    done_by({"default", "default", "alice", "large", {large, large, large}});
  EXPECT_EQ(sums(usage_group::bot), "default:2/6000000000000000/6000000000000000/6000000000000000");
}

// -- threads ----------------------------------------------------------------------------

TEST_P(Usage, OfAThreadIsThatOfItsTasks) {
  const auto begun_at = clock;
  const auto root = done_by({"default", "default", "alice", "large", {10, 1, 5}});
  done_by({"default", "default", "alice", "large", {1000, 1000, 1000}});
  advance(1min);
  const auto turn = execute(make_turn(root));
  auto end = make_completion(claim_one());
  end.usage = {20, 2, 7, true};
  must(end);
  const auto ended_at = clock;
  const auto thread = value_of<thread_record>(reader->get_thread(root));
  EXPECT_EQ(thread.id, root);
  EXPECT_EQ(thread.ns, "default");
  EXPECT_EQ(thread.tasks, 2);
  EXPECT_EQ(thread.usage, (token_usage{30, 3, 12, true}));
  EXPECT_EQ(thread.created_at, begun_at);
  EXPECT_EQ(thread.updated_at, ended_at);
  EXPECT_EQ(refusal(reader->get_thread(turn)), errc::not_found);
  EXPECT_EQ(refusal(reader->get_thread(make_uuid())), errc::not_found);
}

TEST_P(Usage, OfAThreadLeavesDeletedTasksOut) {
  const auto root = done_by({"default", "default", "alice", "large", {10, 1, 5}});
  const auto turn = must(make_turn(root)).task.id;
  must(delete_task{root, clock});
  const auto thread = value_of<thread_record>(reader->get_thread(root));
  EXPECT_EQ(thread.tasks, 1);
  EXPECT_EQ(thread.usage, token_usage{});
  must(delete_task{turn, clock});
  EXPECT_EQ(refusal(reader->get_thread(root)), errc::not_found);
}

TEST_P(Usage, OfAThreadThatAClientHasNamedIsFound) {
  const auto thread_id = make_uuid();
  for (int i = 0; i < 2; ++i) {
    execute(make_turn(thread_id));
    must(make_completion(claim_one()));
  }
  const auto thread = value_of<thread_record>(reader->get_thread(thread_id));
  EXPECT_EQ(thread.tasks, 2);
  EXPECT_EQ(thread.usage, (token_usage{6, 10}));
}

} // namespace
} // namespace troupe
