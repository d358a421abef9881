#include "persistence/rules/budgets.hpp"
#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// What may be used: reserved before a call, settled with its attempt.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Budgets : public store_fixture {
protected:
  void SetUp() override {
    store_fixture::SetUp();
    clock = *parse_rfc3339("2026-01-31T12:00:00Z");
  }

  void put_bot_with(std::optional<budget_limit> limit) {
    put_bot op;
    op.bot.ns = "default";
    op.bot.name = "default";
    op.bot.model = "builtin";
    op.bot.budget = limit;
    op.at = clock;
    must(op);
  }
  void put_namespace(budget_limit limit) { must(put_budget{"default", limit, clock}); }

  budget_answer reserve(const claimed_task& task, budget_amount wanted, budget_amount used = {}) {
    return must(reserve_budget{fence_of(task), used, wanted, clock});
  }
  void complete(const claimed_task& task, std::int64_t tokens, std::int64_t cost = 0) {
    auto end = make_completion(task);
    end.usage = {tokens, 0, cost};
    must(end);
  }
  claimed_task claimed() {
    execute();
    return claim_one();
  }
  budget_record bots() { return value_of<budget_record>(reader->get_budget(bot_scope("default", "default"))); }
  budget_record namespaces() { return value_of<budget_record>(reader->get_budget(namespace_scope("default"))); }
};

} // namespace

TEST_P(Budgets, TasksAreToldWhetherThereAreAny) {
  EXPECT_FALSE(claimed().budgeted);
  put_bot_with(budget_limit{.cost = {}, .tokens = 100});
  EXPECT_TRUE(claimed().budgeted);
  put_bot_with(std::nullopt);
  EXPECT_FALSE(claimed().budgeted);
  put_namespace({.cost = {}, .tokens = 100});
  EXPECT_TRUE(claimed().budgeted);
  must(delete_budget{"default"});
  EXPECT_FALSE(claimed().budgeted);
  EXPECT_EQ(refused(delete_budget{"default"}), errc::not_found);
}

TEST_P(Budgets, AreReservedBeforeACallAndSettledWithTheAttempt) {
  put_bot_with(budget_limit{.cost = 1000, .tokens = 100});
  const auto task = claimed();
  EXPECT_TRUE(reserve(task, {400, 40}).granted);
  EXPECT_EQ(bots().reserved, (budget_amount{400, 40}));
  // The next call of the attempt: what it has used stays reserved.
  EXPECT_TRUE(reserve(task, {200, 20}, {300, 30}).granted);
  EXPECT_EQ(bots().reserved, (budget_amount{500, 50}));
  complete(task, 45, 450);
  EXPECT_EQ(bots().reserved, (budget_amount{}));
  EXPECT_EQ(bots().spent, (budget_amount{450, 45}));
}

TEST_P(Budgets, TasksSideBySideDoNotUseTheSameRoomTwice) {
  put_bot_with(budget_limit{.cost = {}, .tokens = 100});
  const auto first = claimed();
  const auto second = claimed();
  EXPECT_TRUE(reserve(first, {0, 60}).granted);
  const auto answer = reserve(second, {0, 60});
  EXPECT_FALSE(answer.granted);
  EXPECT_THAT(answer.refusal, HasSubstr("bot 'default/default'"));
  EXPECT_THAT(answer.refusal, HasSubstr("100 tokens"));
  complete(first, 10);
  EXPECT_TRUE(reserve(second, {0, 60}).granted);
}

TEST_P(Budgets, OfANamespaceHoldForAllItsBots) {
  put_bot_with(budget_limit{.cost = {}, .tokens = 1000});
  put_namespace({.cost = {}, .tokens = 50});
  const auto task = claimed();
  const auto answer = reserve(task, {0, 60});
  EXPECT_FALSE(answer.granted);
  EXPECT_THAT(answer.refusal, HasSubstr("namespace 'default'"));
  // A refusal reserves nothing, of the bot's neither.
  EXPECT_EQ(bots().reserved, (budget_amount{}));
  EXPECT_TRUE(reserve(task, {0, 40}).granted);
  EXPECT_EQ(namespaces().reserved.tokens, 40);
  EXPECT_EQ(bots().reserved.tokens, 40);
}

TEST_P(Budgets, AreSettledHoweverAnAttemptEnds) {
  put_bot_with(budget_limit{.cost = {}, .tokens = 10'000});
  const auto used = [&](const claimed_task& task) {
    auto step = append_journal{fence_of(task), {}, {}, {5, 0}};
    step.at = clock;
    must(step);
  };
  auto task = claimed();
  reserve(task, {0, 100});
  auto failure = make_failure(task);
  failure.usage = {7, 0};
  must(failure);
  EXPECT_EQ(bots().spent.tokens, 7);
  task = claimed();
  reserve(task, {0, 100});
  used(task);
  must(make_cancel(task.id));
  EXPECT_EQ(bots().spent.tokens, 12);
  task = claimed();
  reserve(task, {0, 100});
  used(task);
  must(release_tasks{{fence_of(task)}, "the node ends", clock});
  EXPECT_EQ(bots().spent.tokens, 17);
  EXPECT_EQ(bots().reserved, (budget_amount{}));
}

TEST_P(Budgets, AStaleAttemptReservesNothing) {
  put_bot_with(budget_limit{.cost = {}, .tokens = 100});
  const auto task = claimed();
  must(make_cancel(task.id));
  EXPECT_EQ(refused(reserve_budget{fence_of(task), {}, {0, 10}, clock}), errc::fenced);
  EXPECT_EQ(bots().reserved, (budget_amount{}));
}

TEST_P(Budgets, OfADayAndAMonthBeginAnew) {
  put_bot_with(budget_limit{.cost = {}, .tokens = 100, .period = budget_period::day});
  put_namespace({.cost = {}, .tokens = 100, .period = budget_period::month});
  auto task = claimed();
  reserve(task, {0, 100});
  complete(task, 100);
  task = claimed();
  EXPECT_FALSE(reserve(task, {0, 1}).granted);
  // The first of February.
  advance(24h);
  EXPECT_TRUE(reserve(task, {0, 90}).granted);
  EXPECT_EQ(bots().window, "2026-02-01");
  EXPECT_EQ(namespaces().window, "2026-02");
  EXPECT_EQ(namespaces().spent.tokens, 0);
}

TEST_P(Budgets, KeepWhatWasSpentWhenTheyAreRaised) {
  put_namespace({.cost = {}, .tokens = 100});
  auto task = claimed();
  reserve(task, {0, 100});
  complete(task, 100);
  put_namespace({.cost = {}, .tokens = 150});
  EXPECT_EQ(namespaces().spent.tokens, 100);
  task = claimed();
  EXPECT_FALSE(reserve(task, {0, 60}).granted);
  EXPECT_TRUE(reserve(task, {0, 50}).granted);
  put_namespace({.cost = {}, .tokens = 150, .period = budget_period::day});
  EXPECT_EQ(namespaces().spent.tokens, 0);
}

TEST_P(Budgets, OutliveARestart) {
  put_namespace({.cost = 5, .tokens = {}});
  close();
  open();
  EXPECT_TRUE(claimed().budgeted);
  EXPECT_EQ(namespaces().limit, (budget_limit{.cost = 5, .tokens = {}}));
}

TEST_P(Budgets, OfABotGoWithIt) {
  put_bot_with(budget_limit{.cost = {}, .tokens = 100});
  must(delete_bot{"default", "default"});
  EXPECT_EQ(refusal(reader->get_budget(bot_scope("default", "default"))), errc::not_found);
}

INSTANTIATE_TEST_SUITE_P(Stores, Budgets, testing::ValuesIn(database_kinds()),
                         [](const auto& tested) { return tested.param.name; });

} // namespace troupe
