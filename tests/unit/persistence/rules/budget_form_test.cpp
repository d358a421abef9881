#include "persistence/rules/budget_form.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <string>

namespace troupe {

namespace {

/// Members as the test has set them; notes what it was asked for.
struct set_members {
  std::optional<double> number(std::string_view name, double min, double max) {
    asked[std::string{name}] = {min, max};
    return cost;
  }
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max) {
    asked[std::string{name}] = {static_cast<double>(min), static_cast<double>(max)};
    return tokens;
  }

  std::optional<double> cost;
  std::optional<std::int64_t> tokens;
  std::map<std::string, std::pair<double, double>> asked;
};

} // namespace

TEST(BudgetForm, HasACostInTheCurrencyTokensOrBoth) {
  set_members both{0.5, 7, {}};
  EXPECT_EQ(take_limits(both), (budget_limit{.cost = 500'000'000, .tokens = 7}));
  set_members cost{0.0, {}, {}};
  EXPECT_EQ(take_limits(cost), (budget_limit{.cost = 0, .tokens = {}}));
  set_members tokens{{}, 0, {}};
  EXPECT_EQ(take_limits(tokens), (budget_limit{.cost = {}, .tokens = 0}));
  set_members none;
  EXPECT_EQ(take_limits(none), std::nullopt);
}

TEST(BudgetForm, BoundsWhatItTakes) {
  set_members members;
  take_limits(members);
  EXPECT_EQ(members.asked,
            (std::map<std::string, std::pair<double, double>>{{"cost", {0, 1e9}}, {"tokens", {0, 1e15}}}));
}

TEST(BudgetForm, IsFoundInASpec) {
  EXPECT_EQ(budget_in_spec(R"({"budget":{"cost":0.5,"tokens":10},"more":1})"),
            (budget_limit{.cost = 500'000'000, .tokens = 10}));
  EXPECT_EQ(budget_in_spec(R"({"budget":{"tokens":1000000000000000}})"),
            (budget_limit{.cost = {}, .tokens = 1'000'000'000'000'000}));
  // An integer is a number, too.
  EXPECT_EQ(budget_in_spec(R"({"budget":{"cost":2}})"), (budget_limit{.cost = 2'000'000'000, .tokens = {}}));
}

TEST(BudgetForm, IsNotFoundWhereThereIsNone) {
  for (const auto* spec :
       {"", "{}", "[]", "{", R"({"budget":null})", R"({"budget":5})", R"({"budget":[]})", R"({"budget":{}})",
        R"({"budget":{"cost":null,"tokens":null}})", R"({"bot":{"budget":{"cost":1}}})"})
    EXPECT_EQ(budget_in_spec(spec), std::nullopt) << spec;
}

TEST(BudgetForm, WhatACheckWouldHaveRefusedIsNoLimit) {
  for (const auto* spec :
       {R"({"budget":{"cost":"1"}})", R"({"budget":{"cost":-0.5}})", R"({"budget":{"cost":1e10}})",
        R"({"budget":{"tokens":1.5}})", R"({"budget":{"tokens":-1}})", R"({"budget":{"tokens":1000000000000001}})",
        R"({"budget":{"tokens":18446744073709551615}})", R"({"budget":{"tokens":99999999999999999999}})"})
    EXPECT_EQ(budget_in_spec(spec), std::nullopt) << spec;
}

TEST(BudgetForm, InASpecMayBeOfAnyFormBeforeItIsChecked) {
  const auto spec = nlohmann::json::parse(R"({"budget":"much"})");
  ASSERT_NE(find_budget(spec), nullptr);
  EXPECT_EQ(*find_budget(spec), "much");
  EXPECT_EQ(find_budget(nlohmann::json::parse(R"({"budget":null})")), nullptr);
  EXPECT_EQ(find_budget(nlohmann::json::object()), nullptr);
}

} // namespace troupe
