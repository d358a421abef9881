#include "persistence/rules/budgets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {

namespace {

using testing::HasSubstr;

const auto evening = *parse_rfc3339("2026-12-31T23:59:59Z");

} // namespace

TEST(Budgets, HaveTheWindowOfTheirPeriod) {
  EXPECT_EQ(window_of(budget_period::total, evening), "");
  EXPECT_EQ(window_of(budget_period::month, evening), "2026-12");
  EXPECT_EQ(window_of(budget_period::day, evening), "2026-12-31");
}

TEST(Budgets, ForgetWhatWasSpentInAnEarlierWindowAndKeepWhatIsReserved) {
  budget_record budget;
  budget.limit.period = budget_period::day;
  budget.window = "2026-12-30";
  budget.spent = {1, 2};
  budget.reserved = {3, 4};
  begin_window(budget, evening);
  EXPECT_EQ(budget.spent, (budget_amount{}));
  EXPECT_EQ(budget.reserved, (budget_amount{3, 4}));
  budget.spent = {1, 2};
  begin_window(budget, evening);
  EXPECT_EQ(budget.spent, (budget_amount{1, 2}));
}

TEST(Budgets, RefuseWhatGoesBeyondThemAndSayWhy) {
  budget_record budget;
  budget.scope = bot_scope("default", "poet");
  budget.limit.cost = 1'000'000'000;
  budget.limit.period = budget_period::month;
  budget.spent.cost = 500'000'000;
  budget.reserved.cost = 250'000'000;
  EXPECT_FALSE(refuse_budget(budget, {250'000'000, 1'000'000}));
  const auto refusal = refuse_budget(budget, {250'000'001, 0});
  ASSERT_TRUE(refusal);
  EXPECT_THAT(*refusal, HasSubstr("the bot 'default/poet' leaves no room: of 1 a month, 0.75 are spent"));
  budget.limit = {.cost = {}, .tokens = 10};
  EXPECT_THAT(refuse_budget(budget, {0, 11}).value_or(""), HasSubstr("10 tokens"));
}

TEST(Budgets, OfATaskCountAllItsAttempts) {
  const budget_limit limit{.cost = {}, .tokens = 100};
  EXPECT_FALSE(refuse_task_budget(limit, {0, 60}, {0, 40}));
  EXPECT_THAT(refuse_task_budget(limit, {0, 61}, {0, 40}).value_or(""), HasSubstr("the task"));
}

} // namespace troupe
