#include "tests/cluster/cluster_test.hpp"
#include "tests/private_volume.hpp"
#include "tests/providers/needs.hpp"

#include <gmock/gmock.h>

/// The volume of the PostgreSQL server is full for a while (SQLSTATE 53100).
namespace troupe {

class FullServer : public cluster_test {
protected:
  void SetUp() override {
    TROUPE_NEEDS(private_volume);
    volume_.emplace(std::size_t{64} * 1024 * 1024);
    start_empty();
    nodes().database().move_to(volume_->path() / "tables");
    for (const std::string name : {"n1", "n2"}) {
      nodes().add(name);
    }
    become_ready();
  }

  private_volume& volume() { return volume_.value(); }

  /// Text that the database cannot make smaller.
  std::string long_input() {
    std::string text(100'000, ' ');
    for (auto& c : text) {
      c = static_cast<char>('a' + random_() % 26);
    }
    return text;
  }

  /// Creates tasks until one is refused; those that were acknowledged.
  std::vector<std::string> fill_with_tasks() {
    std::vector<std::string> acknowledged;
    http_client http{nodes().any_port()};
    volume().fill();
    for (int i = 0; i < 1000; ++i) {
      volume().fill();
      const auto reply = http.post("/api/v1/tasks", json{{"input", long_input()}});
      if (reply.status != 201) {
        expect_problem(reply, 503, "store_unavailable");
        return acknowledged;
      }
      acknowledged.push_back(reply.document().at("id"));
    }
    ADD_FAILURE() << "the volume does not become full";
    return acknowledged;
  }

private:
  std::optional<private_volume> volume_;
  std::mt19937_64 random_{1};
};

TEST_F(FullServer, IsSaidToBeFullAndCostsNothingThatWasAcknowledged) {
  std::vector<std::string> running;
  for (int i = 0; i < 6; ++i) {
    running.push_back(start_task("@words=150 @pace=20").at("id"));
  }
  for (const auto& id : running) {
    wait_for_status(id, "RUNNING");
  }
  const auto acknowledged = fill_with_tasks();
  const auto& first = nodes().at("n1");
  EXPECT_TRUE(eventually([&] { return first.readiness() == 503; })) << first.output();
  EXPECT_THAT(first.output(), testing::HasSubstr("disk is full"));
  EXPECT_GE(first.metric("troupe_store_outages_total"), 1);
  // For longer than a lease.
  EXPECT_FALSE(eventually(
    [&] {
      volume().fill();
      return first.readiness() == 200;
    },
    std::chrono::seconds{5}));
  volume().release();
  for (const auto* one : nodes().nodes()) {
    EXPECT_TRUE(eventually([&] { return one->readiness() == 200; })) << one->output();
  }
  for (const auto& id : running) {
    EXPECT_EQ(wait_for_end_of(id).at("status"), "COMPLETED");
    EXPECT_EQ(task(id).at("attempt"), 1);
    expect_sound(id);
  }
  for (const auto& id : acknowledged) {
    EXPECT_EQ(task(id).at("status"), "PENDING");
  }
}

TEST_F(FullServer, DoesNotHoldUpTheEndOfANodeNorCallItGood) {
  const auto id = start_task("@words=1000 @pace=20").at("id");
  wait_for_status(id, "RUNNING");
  fill_with_tasks();
  auto& runner = nodes().at(task(id).at("node"));
  EXPECT_TRUE(eventually([&] {
    volume().fill();
    return runner.readiness() == 503;
  }))
    << runner.output();
  runner.drain();
  EXPECT_EQ(runner.wait_for_end(), 1) << runner.output();
  volume().release();
  wait_for_status(id, "RUNNING");
}

} // namespace troupe
