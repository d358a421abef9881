#include "persistence/rules/budgets.hpp"
#include "tests/actors/remote_fixture.hpp"

#include <gmock/gmock.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class TaskBudgets : public remote_fixture {
protected:
  void SetUp() override {
    remote_fixture::SetUp();
    put_model_named("gpt", [](auto& model) { model.price = {1, 1}; });
    budgeted_bot({.cost = {}, .tokens = 1000});
  }

  void budgeted_bot(budget_limit limit) {
    put_bot_named("frugal", [&](auto& bot) {
      bot.model = "gpt";
      bot.max_tokens = 500;
      bot.budget = limit;
    });
  }
  uuid ask_frugal() { return execute_with("frugal", "Hello"); }
  budget_record budget() {
    return value_of(ask<budget_record>(peers()->readers.front(), get_budget{bot_scope("default", "frugal")}));
  }
};

} // namespace

TEST_F(TaskBudgets, ACallThatFitsIsMadeAndSettled) {
  const auto id = ask_frugal();
  ASSERT_EQ(outbound_->calls.size(), 1U);
  EXPECT_GE(budget().reserved.tokens, 500);
  outbound_->say(0, "Hi");
  outbound_->finish(0, 20, 10);
  run();
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(budget().reserved, (budget_amount{}));
  EXPECT_EQ(budget().spent.tokens, 30);
}

TEST_F(TaskBudgets, ATaskWithoutRoomFailsAndGoesOnOnceTheBudgetIsRaised) {
  ask_frugal();
  const auto late = ask_frugal();
  // The first one's reservation leaves no room for another.
  EXPECT_EQ(outbound_->calls.size(), 1U);
  EXPECT_EQ(status(late), task_status::failed);
  EXPECT_EQ(task(late).error_kind, error_class::budget_exceeded);
  EXPECT_THAT(*task(late).error, HasSubstr("frugal"));
  EXPECT_THAT(data_of(late, event_type::task_failed), HasSubstr("budget_exceeded"));
  budgeted_bot({.cost = {}, .tokens = 5000});
  value_of(ask_writer(retry_task{late, wall_clock(), {}}));
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  outbound_->reply(1, "Hi");
  run();
  EXPECT_EQ(status(late), task_status::completed);
}

TEST_F(TaskBudgets, ATaskMayHaveOneOfItsOwn) {
  auto poor = make_task("Hello");
  poor.task.bot = "remote";
  poor.task.spec = R"({"budget":{"tokens":10}})";
  const auto id = execute(poor);
  EXPECT_TRUE(outbound_->calls.empty());
  EXPECT_EQ(task(id).error_kind, error_class::budget_exceeded);
  auto rich = make_task("Hello");
  rich.task.bot = "remote";
  rich.task.spec = R"({"budget":{"cost":1}})";
  execute(rich);
  EXPECT_EQ(outbound_->calls.size(), 1U);
}

TEST_F(TaskBudgets, EachTurnNeedsItsOwnRoom) {
  put_bot_named("frugal", [&](auto& bot) {
    bot.model = "gpt";
    bot.max_tokens = 500;
    bot.budget = budget_limit{.cost = {}, .tokens = 1000};
    bot.tools = builtin_tools_named({"now"});
  });
  const auto id = ask_frugal();
  outbound_->event(0, R"({"choices":[],"usage":{"prompt_tokens":400,"completion_tokens":200}})");
  outbound_->call_tools(0, {{"now", "{}"}});
  run();
  if (outbound_->calls.size() > 1)
    outbound_->reply(1, "late");
  run();
  EXPECT_EQ(status(id), task_status::failed) << "600 are used, and 500 more do not fit into 1,000";
  EXPECT_EQ(roles(id), "user assistant tool");
}

} // namespace troupe
