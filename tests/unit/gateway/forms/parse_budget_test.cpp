#include "gateway/forms/parse_bot.hpp"
#include "gateway/forms/parse_budget.hpp"
#include "gateway/forms/parse_task.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {

namespace {

const timestamp at{};

parsed<put_budget> parse(std::string_view body) {
  return parse_budget(body, "team", at);
}

std::string wrong_with(std::string_view body) {
  auto read = parse(body);
  return std::get<problem>(read).errors.at(0).pointer;
}

} // namespace

TEST(ParseBudget, ReadsACostTokensOrBoth) {
  const auto month = std::get<put_budget>(parse(R"({"cost": 0.5, "period": "month"})"));
  EXPECT_EQ(month.ns, "team");
  EXPECT_EQ(month.limit, (budget_limit{.cost = 500'000'000, .tokens = {}, .period = budget_period::month}));
  EXPECT_EQ(std::get<put_budget>(parse(R"({"tokens": 7})")).limit, (budget_limit{.cost = {}, .tokens = 7}));
}

TEST(ParseBudget, RefusesOneThatLimitsNothing) {
  EXPECT_EQ(wrong_with("{}"), "/cost");
  EXPECT_EQ(wrong_with(R"({"cost": -1, "tokens": 1})"), "/cost");
  EXPECT_EQ(wrong_with(R"({"cost": 1, "period": "week"})"), "/period");
}

TEST(ParseBudget, TakesBackWhatWasShown) {
  EXPECT_TRUE(std::holds_alternative<put_budget>(
    parse(R"({"scope": "namespace:team", "cost": 1, "tokens": null, "period": "total", "window": "",
              "spent": {"cost": 0, "tokens": 0}, "reserved": {}, "updated_at": "2026-01-02T03:04:05Z"})")));
}

TEST(ParseBudget, OfABotStandsInItsBody) {
  auto read = parse_bot(R"({"model": "m", "budget": {"tokens": 5, "period": "day"}})", "default", "b", at);
  EXPECT_EQ(std::get<put_bot>(read).bot.budget, (budget_limit{.cost = {}, .tokens = 5, .period = budget_period::day}));
  read = parse_bot(R"({"model": "m", "budget": {}})", "default", "b", at);
  EXPECT_EQ(std::get<problem>(read).errors.at(0).pointer, "/budget/cost");
}

TEST(ParseBudget, OfATaskStandsInItsSpecAndHasNoPeriod) {
  auto read = parse_new_task(R"({"input": "x", "spec": {"budget": {"cost": 1}}})", "default", std::nullopt, at);
  EXPECT_TRUE(std::holds_alternative<create_task>(read));
  read = parse_new_task(R"({"input": "x", "spec": {"budget": {"cost": 1, "period": "day"}}})", "default", std::nullopt,
                        at);
  EXPECT_EQ(std::get<problem>(read).errors.at(0).pointer, "/spec/budget/period");
  read = parse_new_task(R"({"input": "x", "spec": {"budget": 5}})", "default", std::nullopt, at);
  EXPECT_EQ(std::get<problem>(read).errors.at(0).pointer, "/spec/budget");
}

} // namespace troupe
