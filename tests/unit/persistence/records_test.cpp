#include "persistence/records.hpp"

#include <gtest/gtest.h>

#include <string>

namespace troupe {
namespace {

/// Every value from zero to `last` has a name, which reads back as the value.
template <class Enum, class Parse>
void expect_round_trip(Enum last, Parse parse) {
  for (int i = 0; i <= static_cast<int>(last); ++i) {
    const auto value = static_cast<Enum>(i);
    EXPECT_FALSE(to_string(value).empty());
    EXPECT_EQ(parse(to_string(value)), value);
  }
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("something else"));
}

TEST(Names, ReadBackAsTheirValues) {
  expect_round_trip(task_status::cancelled, parse_task_status);
  expect_round_trip(error_class::cancelled, parse_error_class);
  expect_round_trip(model_kind::anthropic, parse_model_kind);
  expect_round_trip(tool_kind::mcp, parse_tool_kind);
  expect_round_trip(repeat_rule::never, parse_repeat_rule);
  expect_round_trip(backoff_kind::exponential, parse_backoff_kind);
  expect_round_trip(on_busy_rule::interrupt, parse_on_busy_rule);
  expect_round_trip(attempt_outcome::lost, parse_attempt_outcome);
  expect_round_trip(message_role::tool, parse_message_role);
}

TEST(Names, AreThoseOfTheContract) {
  EXPECT_EQ(to_string(task_status::running), "RUNNING");
  EXPECT_EQ(to_string(error_class::throttled), "throttled");
  EXPECT_EQ(to_string(model_kind::openai), "openai");
  EXPECT_EQ(to_string(tool_kind::http), "http");
  EXPECT_EQ(to_string(repeat_rule::with_key), "with_key");
  EXPECT_EQ(to_string(backoff_kind::linear), "linear");
  EXPECT_EQ(to_string(on_busy_rule::reject), "reject");
  EXPECT_EQ(to_string(attempt_outcome::released), "released");
  EXPECT_EQ(to_string(message_role::assistant), "assistant");
  EXPECT_EQ(to_string(event_type::task_created), "task:created");
  EXPECT_EQ(to_string(event_type::task_deleted), "task:deleted");
  EXPECT_EQ(to_string(event_type::chat_start), "chat:start");
  EXPECT_EQ(to_string(event_type::chat_tool_result), "chat:tool_result");
  EXPECT_EQ(to_string(event_type::chat_cancelled), "chat:cancelled");
}

TEST(Names, AreMatchedExactly) {
  EXPECT_FALSE(parse_task_status("running"));
  EXPECT_FALSE(parse_error_class("Transient"));
  EXPECT_FALSE(parse_message_role("user "));
}

TEST(TaskStatus, MovesOnlyForward) {
  using enum task_status;
  const auto moves = [](task_status from) {
    std::string targets;
    for (const auto to : {pending, running, completed, failed, cancelled})
      if (may_become(from, to))
        targets += std::string{to_string(to)} + " ";
    return targets;
  };
  EXPECT_EQ(moves(pending), "RUNNING FAILED CANCELLED ");
  EXPECT_EQ(moves(running), "COMPLETED FAILED CANCELLED ");
  EXPECT_EQ(moves(completed), "");
  EXPECT_EQ(moves(failed), "");
  EXPECT_EQ(moves(cancelled), "");
}

TEST(TaskStatus, IsTerminalOnceNothingFollows) {
  EXPECT_FALSE(is_terminal(task_status::pending));
  EXPECT_FALSE(is_terminal(task_status::running));
  EXPECT_TRUE(is_terminal(task_status::completed));
  EXPECT_TRUE(is_terminal(task_status::failed));
  EXPECT_TRUE(is_terminal(task_status::cancelled));
}

TEST(EventType, EndsARunInThreeWays) {
  int terminal = 0;
  for (int i = 0; i <= static_cast<int>(event_type::chat_cancelled); ++i)
    terminal += is_terminal(static_cast<event_type>(i)) ? 1 : 0;
  EXPECT_EQ(terminal, 3);
  EXPECT_TRUE(is_terminal(event_type::task_completed));
  EXPECT_TRUE(is_terminal(event_type::task_failed));
  EXPECT_TRUE(is_terminal(event_type::task_cancelled));
}

TEST(TokenUsage, AddsUp) {
  token_usage sum{1, 2, 3};
  sum += {10, 20, 30};
  EXPECT_EQ(sum, (token_usage{11, 22, 33}));
}

TEST(TokenUsage, IsAnEstimateIfAPartOfItIs) {
  token_usage sum{1, 2, 3, true};
  sum += {10, 20, 30, false};
  EXPECT_TRUE(sum.estimated);
  token_usage exact;
  exact += sum;
  EXPECT_TRUE(exact.estimated);
}

} // namespace
} // namespace troupe
