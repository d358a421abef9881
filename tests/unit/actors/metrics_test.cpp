#include "actors/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

model_record model_named(std::string name) {
  model_record model;
  model.ns = "prod";
  model.name = std::move(name);
  return model;
}

class ModelMetrics : public testing::Test {
protected:
  void ask(const std::string& name) { measured.model_asked(model_named(name), "answered", token_usage{}); }
  std::string shown(timestamp when) { return measured.render(queue_stats{}, when); }
  std::string shown() { return shown(at); }

  timestamp at{timestamp::duration{std::chrono::hours{1000}}};
  metrics measured;
};

// Three series for each model there ever was (issue 10 of this project).
TEST_F(ModelMetrics, GoWithTheirModel) {
  ask("old");
  measured.model_asked(model_named("old"), "transient", token_usage{});
  ask("new");
  EXPECT_THAT(shown(), HasSubstr("model=\"old\""));
  measured.forget_model("prod", "old");
  measured.forget_model("prod", "never-there");
  EXPECT_THAT(shown(), Not(HasSubstr("model=\"old\"")));
  EXPECT_THAT(shown(), HasSubstr("model=\"new\""));
  ask("old");
  EXPECT_THAT(shown(), HasSubstr("troupe_model_turns_total{model=\"old\",namespace=\"prod\",outcome=\"answered\"} 1"));
}

TEST_F(ModelMetrics, AreBoundedHoweverManyModelsThereAre) {
  for (int i = 0; i < 5000; ++i) {
    ask("steady");
    ask("m" + std::to_string(i));
  }
  EXPECT_EQ(measured.counted_models(), 1000U);
  EXPECT_THAT(shown(), HasSubstr("model=\"steady\",namespace=\"prod\",outcome=\"answered\"} 5000"));
  EXPECT_THAT(shown(), HasSubstr("model=\"m4999\""));
  EXPECT_THAT(shown(), Not(HasSubstr("model=\"m0\"")));
}

TEST_F(ModelMetrics, GoWhenNobodyHasAskedForAnHour) {
  ask("idle");
  ask("used");
  shown(at);
  ask("used");
  shown(at + 50min);
  EXPECT_EQ(measured.counted_models(), 2U);
  shown(at + 61min);
  EXPECT_EQ(measured.counted_models(), 1U);
  EXPECT_THAT(shown(at + 61min), HasSubstr("model=\"used\""));
  shown(at + 120min);
  EXPECT_EQ(measured.counted_models(), 0U);
}

} // namespace

} // namespace troupe
