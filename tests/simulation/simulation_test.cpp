#include "tests/simulation/plan.hpp"
#include "tests/simulation/shrink.hpp"
#include "tests/simulation/trial.hpp"

#include <gmock/gmock.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>

/// The simulation of a whole cluster: what it must find, and that it finds nothing where nothing is.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

/// What dying nodes have to say is of no interest, and there is much of it.
class quiet final : public testing::Environment {
  void SetUp() override { spdlog::set_level(spdlog::level::off); }
};
const auto* const silence = testing::AddGlobalTestEnvironment(new quiet);

TEST(Plan, IsTheSameForTheSameSeed) {
  EXPECT_EQ(make_plan(7, 1min), make_plan(7, 1min));
  EXPECT_NE(make_plan(7, 1min), make_plan(8, 1min));
}

TEST(Plan, ComesBackFromItsText) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const auto p = make_plan(seed, 2min);
    EXPECT_EQ(parse_plan(to_text(p)), p) << to_text(p);
  }
  EXPECT_EQ(parse_plan("seed x"), std::nullopt);
  EXPECT_EQ(parse_plan("seed 1 nodes 3 lease 2000 length 1000\nsoon kill: 1"), std::nullopt);
}

TEST(Shrinking, LeavesTheStepsThatMatter) {
  auto p = make_plan(3, 5min);
  ASSERT_GT(p.steps.size(), 20U);
  const auto first = p.steps[4];
  const auto second = p.steps[p.steps.size() - 3];
  const auto holds
    = [](const plan& q, const plan_step& s) { return std::find(q.steps.begin(), q.steps.end(), s) != q.steps.end(); };
  const auto shortest = shrink(p, [&](const plan& q) { return holds(q, first) && holds(q, second); });
  EXPECT_EQ(shortest.steps.size(), 2U) << to_text(shortest);
}

TEST(Simulation, IsTheSameForTheSameSeed) {
  const auto p = make_plan(5, 1min);
  const auto once = run_trial(p);
  const auto again = run_trial(p);
  EXPECT_EQ(once.digest, again.digest);
  EXPECT_EQ(once.steps, again.steps);
}

/// As many seeds as two minutes allow; `./dev simulate` runs as many as one likes.
TEST(Simulation, FindsNothing) {
  const auto end = std::chrono::steady_clock::now() + 2min;
  std::uint64_t seed = 1;
  for (; seed <= 20 || std::chrono::steady_clock::now() < end; ++seed) {
    const auto p = make_plan(seed, 5min);
    const auto result = run_trial(p);
    ASSERT_THAT(result.flaws, IsEmpty()) << "./dev simulate --seed " << seed << " --seeds 1 shows the same";
  }
  RecordProperty("seeds", std::to_string(seed - 1));
}

// -- what was found ---------------------------------------------------------------------

/// A plan that does two things again and again.
plan hammering(std::uint64_t seed, const std::string& input, std::vector<plan_step> often) {
  plan p;
  p.seed = seed;
  p.nodes = 4;
  p.lease = 3s;
  p.length = 2min;
  const auto& inputs = simulated_inputs();
  const auto which = std::find(inputs.begin(), inputs.end(), input) - inputs.begin();
  for (int i = 0; i < 400; ++i)
    p.steps.push_back({std::chrono::milliseconds{500 + i * 270}, "task", {which, i % 4, 4, i % 4}});
  for (int i = 0; i < 10; ++i)
    for (auto step : often) {
      step.at += std::chrono::milliseconds{1000 + i * 11'000};
      p.steps.push_back(std::move(step));
    }
  return p;
}

/// The one after a broadcaster that died told an event before it was known what had been missed.
TEST(Simulation, NoSubscriberHasAHoleWhereABroadcasterDies) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const auto p = hammering(seed, "@words=20 @pace=300",
                             {{0ms, "slow", {400}},
                              {10ms, "follow", {3, 0}},
                              {5000ms, "crash", {0, 0}},
                              {5000ms, "crash", {1, 0}},
                              {5000ms, "crash", {2, 0}}});
    ASSERT_THAT(run_trial(p).flaws, IsEmpty()) << "seed " << seed;
  }
}

/// A database that says nothing for longer than a lease, and answers again: whoever asked for the tasks of a node that
/// it could not reach was given those of all others.
TEST(Simulation, ANodeThatIsLateItselfTakesNothingOver) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    // Each lease is renewed at whole seconds: here one waits behind the question for the other node's tasks.
    const auto p = hammering(seed, "@delay=6000 longer", {{2300ms, "cut", {0, 1, 6000}}, {7100ms, "stall", {4000}}});
    ASSERT_THAT(run_trial(p).flaws, IsEmpty()) << "seed " << seed;
  }
}

// -- what it has to find ------------------------------------------------------------------

struct known_fault {
  const char* name;
  mutation fault;
  /// It is found by one of so many seeds.
  std::uint64_t seeds;
};

class Mutation : public testing::TestWithParam<known_fault> {};

TEST_P(Mutation, IsFound) {
  const auto [name, fault, seeds] = GetParam();
  for (std::uint64_t seed = 1; seed <= seeds; ++seed)
    if (!run_trial(make_plan(seed, 5min), fault).flaws.empty())
      return;
  ADD_FAILURE() << "no seed up to " << seeds << " finds it";
}

INSTANTIATE_TEST_SUITE_P(
  Each, Mutation,
  testing::Values(known_fault{"ACommitWithoutStandby", mutation::acknowledged_without_standby, 40},
                  known_fault{"SessionsThatNobodySees", mutation::blind_to_sessions, 40},
                  known_fault{"ClocksOfTheNodes", mutation::own_clocks, 3},
                  known_fault{"NoGrace", mutation::no_grace, 60}, known_fault{"NoFence", mutation::no_fence, 60},
                  known_fault{"NoKeys", mutation::no_keys, 3},
                  known_fault{"NoOrderInThreads", mutation::no_thread_order, 10}),
  [](const auto& one) { return one.param.name; });

} // namespace

} // namespace troupe
