#include "gateway/live/admission.hpp"

#include <gtest/gtest.h>

#include <array>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr std::array all_needs{need::process, need::gateway, need::commit, need::new_work};

TEST(Admission, TakesEverythingOnAHealthyGateway) {
  for (const auto what : all_needs)
    EXPECT_FALSE(refusal_of(what, {}));
}

TEST(Admission, AsksNothingOfANodeThatIsAskedAboutItself) {
  EXPECT_FALSE(refusal_of(need::process, {.serves_api = false, .draining = true, .store_available = false}));
}

TEST(Admission, SendsClientsOfAWorkerToAGateway) {
  for (const auto what : {need::gateway, need::commit, need::new_work}) {
    const auto refused = refusal_of(what, {.serves_api = false, .draining = true, .store_available = false});
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, problem_code::not_a_gateway);
    EXPECT_NE(refused->detail.find("only runs tasks"), std::string::npos);
    EXPECT_NE(refused->detail.find("gateway"), std::string::npos);
    EXPECT_FALSE(refused->retry_after) << "it will not be another node by then";
  }
}

TEST(Admission, TakesNoNewWorkWhileTheNodeDrains) {
  const node_condition draining{.draining = true};
  const auto refused = refusal_of(need::new_work, draining);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, problem_code::unavailable);
  EXPECT_EQ(refused->retry_after, 2s);
  EXPECT_FALSE(refusal_of(need::gateway, draining));
  EXPECT_FALSE(refusal_of(need::commit, draining)) << "a cancel is no new work";
}

TEST(Admission, TakesNothingThatMustBeCommittedWhileTheStoreIsAway) {
  const node_condition alone{.store_available = false};
  for (const auto what : {need::commit, need::new_work}) {
    const auto refused = refusal_of(what, alone);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->code, problem_code::store_unavailable);
    EXPECT_EQ(refused->retry_after, 1s);
  }
  EXPECT_FALSE(refusal_of(need::gateway, alone)) << "a reader may still have a connection";
}

TEST(Admission, NamesTheReasonThatDoesNotPass) {
  const auto refused = refusal_of(need::new_work, {.draining = true, .store_available = false});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code, problem_code::unavailable);
}

} // namespace
} // namespace troupe
