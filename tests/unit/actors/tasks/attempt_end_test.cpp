#include "actors/tasks/attempt_end.hpp"

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <gtest/gtest.h>

#include <stdexcept>

namespace troupe {

namespace {

attempt_failure make_failure() {
  attempt_failure failure;
  failure.kind = error_class::throttled;
  failure.error = "Not now.";
  failure.retry_after = std::chrono::seconds{7};
  failure.usage = token_usage{};
  failure.model = "gpt";
  failure.own_words = 3;
  return failure;
}

attempt_crash crash_of(const caf::error& reason) {
  return std::get<attempt_crash>(attempt_end_of(reason, false));
}

} // namespace

TEST(AttemptEnd, OfAnActorThatHasStoredItIsDone) {
  EXPECT_TRUE(std::holds_alternative<attempt_done>(attempt_end_of({}, false)));
  EXPECT_TRUE(std::holds_alternative<attempt_done>(attempt_end_of(caf::exit_reason::normal, false)));
}

TEST(AttemptEnd, OfAnActorThatWasAskedToStopIsAStop) {
  EXPECT_TRUE(std::holds_alternative<attempt_stopped>(attempt_end_of({}, true)));
  EXPECT_TRUE(std::holds_alternative<attempt_stopped>(attempt_end_of(caf::exit_reason::normal, true)));
}

TEST(AttemptEnd, CarriesAFailureAsTheActorHasToldIt) {
  for (const bool was_asked_to_stop : {false, true}) {
    const auto read = std::get<attempt_failure>(attempt_end_of(exit_reason_of(make_failure()), was_asked_to_stop));
    EXPECT_EQ(read.kind, error_class::throttled);
    EXPECT_EQ(read.error, "Not now.");
    EXPECT_EQ(read.retry_after, std::chrono::seconds{7});
    EXPECT_TRUE(read.usage);
    EXPECT_EQ(read.model, "gpt");
    EXPECT_EQ(read.own_words, 3U);
  }
}

TEST(AttemptEnd, OfAnActorThatWasKilledIsACrash) {
  EXPECT_TRUE(crash_of(caf::exit_reason::kill).why.text.starts_with("The task's actor crashed: "));
  EXPECT_TRUE(crash_of(caf::sec::request_timeout).why.text.starts_with("The task's actor crashed: "));
}

TEST(AttemptEnd, AFailureWithoutItsContextIsACrash) {
  EXPECT_TRUE(crash_of(caf::make_error(errc::attempt_failed)).why.text.starts_with("The task's actor crashed: "));
}

TEST(AttemptEnd, ACrashIsATransientFailureThatSaysNothingOfItsUsage) {
  const auto thrown = to_error(std::make_exception_ptr(std::runtime_error{"a prompt"}));
  const auto failure = failure_of(crash_of(thrown));
  EXPECT_EQ(failure.kind, error_class::transient);
  EXPECT_FALSE(failure.usage) << "what the attempt had reported counts";
  EXPECT_TRUE(failure.error.ends_with(": a prompt"));
  EXPECT_EQ(failure.error.substr(failure.own_words), ": a prompt") << "which is never logged";
}

TEST(AttemptEnd, IsCalledByItsKind) {
  EXPECT_EQ(outcome_of(attempt_done{}), "done");
  EXPECT_EQ(outcome_of(attempt_stopped{}), "stopped");
  EXPECT_EQ(outcome_of(make_failure()), "throttled");
  EXPECT_EQ(outcome_of(attempt_crash{}), "transient");
}

} // namespace troupe
