#include "persistence/values/time.hpp"
#include "tests/cluster/cluster_test.hpp"
#include "tests/providers/faketime.hpp"
#include "tests/providers/needs.hpp"

#include <gmock/gmock.h>

/// A node whose clock is wrong, by libfaketime (faketime 0.9.10-2.1): all nodes go by the database's.
namespace troupe {

class WrongClock : public cluster_test {
protected:
  node& add_node_with_clock(const std::string& name, const std::string& ahead) {
    const faketime shifted{ahead};
    return nodes().add(name);
  }

  static json readiness(const node& one) {
    http_client http{one.port()};
    return http.get("/readyz").document();
  }
};

// Seen: a node an hour ahead ran the whole cluster's tasks an hour early.
TEST_F(WrongClock, RunsNothingEarly) {
  TROUPE_NEEDS(faketime);
  start_empty();
  const auto& ahead = add_node_with_clock("n1", "+1h");
  become_ready();
  const auto in_half_an_hour = to_rfc3339(now() + std::chrono::minutes{30});
  const std::string later = start_task("later", {{"run_at", in_half_an_hour}}).at("id");
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(wait_for_end_of(start_task("now").at("id")).at("node"), "n1");
  EXPECT_EQ(task(later).at("status"), "PENDING");
  EXPECT_NEAR(readiness(ahead).at("clock_ahead_ms").get<double>(), 3'600'000, 2'000);
  EXPECT_NEAR(ahead.metric("troupe_store_clock_ahead_seconds"), 3600, 2);
  EXPECT_THAT(ahead.output(), testing::HasSubstr("ahead of the database's"));
}

TEST_F(WrongClock, KeepsNothingWaiting) {
  TROUPE_NEEDS(faketime);
  start_empty();
  const auto& behind = add_node_with_clock("n1", "-1h");
  become_ready();
  const std::string soon = start_task("soon", {{"run_at", to_rfc3339(now() + std::chrono::seconds{1})}}).at("id");
  EXPECT_EQ(wait_for_end_of(soon).at("status"), "COMPLETED");
  // Its retries do not wait for an hour either.
  put_bot("patient", {{"restart", {{"max_attempts", 3}, {"delay_ms", 10}, {"backoff", "fixed"}}}});
  const std::string failing = start_task("@fail=3:transient", {{"spec", {{"bot_name", "patient"}}}}).at("id");
  EXPECT_EQ(wait_for_end_of(failing).at("status"), "FAILED");
  EXPECT_EQ(attempts(failing).size(), 3U);
  EXPECT_THAT(behind.output(), testing::HasSubstr("behind the database's"));
}

TEST_F(WrongClock, AmongRightOnesMakesNoDifference) {
  TROUPE_NEEDS(faketime);
  start_empty();
  nodes().add("n1");
  add_node_with_clock("n2", "+1h");
  become_ready();
  for (int i = 0; i < 20; ++i)
    EXPECT_EQ(wait_for_end_of(start_task("Hello").at("id")).at("status"), "COMPLETED");
  EXPECT_FALSE(readiness(nodes().at("n1")).contains("clock_ahead_ms"));
}

} // namespace troupe
