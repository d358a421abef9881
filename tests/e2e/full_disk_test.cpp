#include "tests/e2e/server_test.hpp"
#include "tests/private_volume.hpp"
#include "tests/providers/needs.hpp"

#include <algorithm>
#include <sstream>

/// The volume of a SQLite database is full for a while: on small volumes and larger ones,
/// filled by others and by Troupe itself.
namespace troupe {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr std::size_t megabyte = 1024 * 1024;

class FullDisk : public testing::TestWithParam<std::size_t> {
protected:
  void SetUp() override {
    TROUPE_NEEDS(private_volume);
    volume_.emplace(GetParam() * megabyte);
  }
  void TearDown() override {
    http_.reset();
    server_.reset();
    volume_.reset();
  }

  private_volume& volume() { return volume_.value(); }
  [[nodiscard]] std::filesystem::path data_dir() { return volume().path() / "var"; }

  void start(const std::vector<std::string>& flags = {}) {
    http_.reset();
    server_.reset();
    server_.emplace(data_dir(), flags);
    http_.emplace(server_->port());
  }
  server_process& server() { return server_.value(); }
  http_client& http() { return http_.value(); }

  json start_task(const std::string& input) { return create_task_from(http(), {{"input", input}, {"execute", true}}); }
  std::vector<json> start_tasks(int count, const std::string& input) {
    std::vector<json> tasks;
    for (int i = 0; i < count; ++i)
      tasks.push_back(start_task(input + " " + std::to_string(i)));
    return tasks;
  }

  bool is_ready() { return http().get("/readyz").status == 200; }
  /// Fills the volume until the server has noticed.
  void fill_until_noticed() {
    EXPECT_TRUE(eventually([&] {
      volume().fill();
      return !is_ready();
    }))
      << server().output();
  }
  int lines_with(const std::string& text) {
    std::istringstream lines{server().output()};
    int count = 0;
    for (std::string line; std::getline(lines, line);)
      count += line.find(text) != std::string::npos ? 1 : 0;
    return count;
  }
  void expect_completed_at_once(const std::vector<json>& tasks) {
    for (const auto& one : tasks) {
      const auto done = wait_for_end(http(), one.at("id"));
      EXPECT_EQ(done.at("status"), "COMPLETED") << done;
      EXPECT_EQ(done.at("attempt"), 1) << done;
      expect_whole(http(), done);
    }
  }

private:
  std::optional<private_volume> volume_;
  std::optional<server_process> server_;
  std::optional<http_client> http_;
};

INSTANTIATE_TEST_SUITE_P(Of, FullDisk, testing::Values(8, 32),
                         [](const auto& size) { return std::to_string(size.param) + "Megabytes"; });

} // namespace

// Issue 10, row 10: five seconds of a full disk failed running tasks for good.
TEST_P(FullDisk, CostsRunningTasksNothingButTheTime) {
  start();
  const auto tasks = start_tasks(20, "@words=200 @pace=20");
  for (const auto& one : tasks)
    EXPECT_TRUE(eventually([&] { return http().get(task_path(one)).document().at("status") == "RUNNING"; }));
  fill_until_noticed();

  const auto unready = http().get("/readyz");
  EXPECT_EQ(unready.status, 503U);
  EXPECT_EQ(unready.document().at("status"), "store_unavailable");
  const auto refused = http().post("/api/v1/tasks", {{"input", "no room"}});
  expect_problem(refused, 503, "store_unavailable");
  EXPECT_EQ(refused.header("Retry-After"), "1");
  expect_problem(http().put("/api/v1/bots/none", {{"model", "builtin"}}), 503, "store_unavailable");
  expect_problem(http().post(task_path(tasks[0]) + "/cancel"), 503, "store_unavailable");
  EXPECT_EQ(http().get("/healthz").status, 200U);
  EXPECT_EQ(http().get(task_path(tasks[0])).document().at("status"), "RUNNING") << "what is there can be read";
  EXPECT_THAT(http().get("/metrics").body, AllOf(HasSubstr("troupe_store_available 0"),
                                                 HasSubstr("troupe_store_outages_total{reason=\"disk_full\"} 1"),
                                                 HasSubstr("troupe_store_free_bytes 0")));

  // Longer than all its tasks would have taken, and than many tries of the writer.
  const auto until = std::chrono::steady_clock::now() + 3s;
  EXPECT_TRUE(eventually([&] { return std::chrono::steady_clock::now() > until && !is_ready(); }));
  EXPECT_EQ(lines_with("cannot be written"), 1) << server().output();
  volume().release();
  expect_completed_at_once(tasks);
  EXPECT_TRUE(is_ready());
  EXPECT_THAT(http().get("/metrics").body, HasSubstr("troupe_store_available 1"));
  EXPECT_EQ(create_task_from(http(), {{"input", "room again"}}).at("status"), "PENDING");

  // What the log alone tells.
  const auto log = server().output();
  EXPECT_EQ(lines_with("is written again"), 1) << log;
  EXPECT_THAT(
    log, AllOf(HasSubstr("no room is left on its volume (0 of"), HasSubstr("running task"), Not(HasSubstr("died"))));
}

TEST_P(FullDisk, OverAndOverLosesNothing) {
  start();
  std::vector<json> tasks;
  for (int round = 0; round < 4; ++round) {
    const auto more = start_tasks(5, "@words=20 @pace=20 round " + std::to_string(round));
    tasks.insert(tasks.end(), more.begin(), more.end());
    fill_until_noticed();
    // A little room, as somebody else would leave it, then all.
    volume().release(20'000);
    volume().release();
    EXPECT_TRUE(eventually([&] { return is_ready(); })) << server().output();
  }
  expect_completed_at_once(tasks);
  EXPECT_LE(lines_with("cannot be written"), 2) << "the log is flooded: " << server().output();
}

TEST_P(FullDisk, ThatTroupeHasFilledItselfIsOverOnceItIsLarger) {
  start();
  const std::string input(200'000, 'x');
  std::vector<std::string> acknowledged;
  for (;;) {
    const auto reply = http().post("/api/v1/tasks", {{"input", input}});
    if (reply.status != 201) {
      expect_problem(reply, 503, "store_unavailable");
      break;
    }
    acknowledged.push_back(reply.document().at("id"));
    ASSERT_LT(acknowledged.size(), 2000U);
  }
  // Most of the volume holds tasks, not the log.
  EXPECT_GT(acknowledged.size() * input.size(), GetParam() * megabyte / 3);
  volume().resize(2 * GetParam() * megabyte);
  EXPECT_TRUE(eventually([&] { return is_ready(); })) << server().output();
  EXPECT_EQ(create_task_from(http(), {{"input", input}}).at("status"), "PENDING");
  for (const auto& id : acknowledged)
    EXPECT_EQ(http().get(task_path(id)).document().at("input").get<std::string>().size(), input.size());
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0) << server().output();
}

TEST_P(FullDisk, DoesNotHoldUpTheEndNorCallItGood) {
  start({"--drain-timeout", "10m"});
  const auto tasks = start_tasks(3, "@words=1000 @pace=20");
  for (const auto& one : tasks)
    EXPECT_TRUE(eventually([&] { return http().get(task_path(one)).document().at("status") == "RUNNING"; }));
  fill_until_noticed();
  const auto asked = std::chrono::steady_clock::now();
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 1) << server().output();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 25s) << server().output();
  EXPECT_THAT(server().output(), HasSubstr("not waiting for it"));

  volume().release();
  start();
  for (const auto& one : tasks) {
    EXPECT_TRUE(eventually([&] { return http().get(task_path(one)).document().at("attempt") == 2; }));
    EXPECT_EQ(http().get(task_path(one)).document().at("status"), "RUNNING");
  }
}

TEST_P(FullDisk, ThatHasRoomAgainBeforeTheDrainIsOverCostsTheDrainNothing) {
  start();
  const auto tasks = start_tasks(3, "@words=100 @pace=20");
  for (const auto& one : tasks)
    EXPECT_TRUE(eventually([&] { return http().get(task_path(one)).document().at("status") == "RUNNING"; }));
  fill_until_noticed();
  server().signal(SIGTERM);
  server().wait_for_line("draining");
  volume().release();
  EXPECT_EQ(server().wait(), 0) << server().output();
  start();
  expect_completed_at_once(tasks);
}

TEST_P(FullDisk, DoesNotCostWhatWasAcknowledgedWhenTheProcessIsKilled) {
  start();
  std::vector<json> tasks = start_tasks(10, "@words=100 @pace=20");
  fill_until_noticed();
  server().signal(SIGKILL);
  EXPECT_EQ(server().wait(), 128 + SIGKILL);
  volume().release();
  start();
  for (const auto& one : tasks) {
    const auto done = wait_for_end(http(), one.at("id"));
    EXPECT_EQ(done.at("status"), "COMPLETED") << done;
    expect_whole(http(), done);
  }
}

TEST_P(FullDisk, IsSaidAtTheStart) {
  volume().fill();
  const auto first = run_troupe({"serve", "--http-port", "0", "--data-dir", data_dir().string()});
  EXPECT_EQ(first.exit_code, 1);
  EXPECT_THAT(first.output, testing::AnyOf(HasSubstr("no room is left"), HasSubstr("No space left on device")));
  EXPECT_THAT(first.output, HasSubstr("troupe.db"));
  const auto migration = run_troupe({"migrate", "--data-dir", data_dir().string()});
  EXPECT_EQ(migration.exit_code, 1);
  EXPECT_THAT(migration.output, testing::AnyOf(HasSubstr("no room is left"), HasSubstr("No space left on device")));

  volume().release();
  start();
  const auto kept = start_task("kept");
  wait_for_end(http(), kept.at("id"));
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0);
  volume().fill();
  const auto second = run_troupe({"serve", "--http-port", "0", "--data-dir", data_dir().string()});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.output, HasSubstr("no room is left"));
  volume().release();
  start();
  EXPECT_EQ(http().get(task_path(kept)).document().at("status"), "COMPLETED");
}

TEST_P(FullDisk, AfterAKillDoesNotKeepWhatIsThereFromBeingRead) {
  start();
  const auto kept = start_task("kept");
  wait_for_end(http(), kept.at("id"));
  server().signal(SIGKILL);
  server().wait();
  volume().fill();
  start();
  EXPECT_EQ(http().get(task_path(kept)).document().at("status"), "COMPLETED");
  // The log may have some room left that it had before.
  EXPECT_TRUE(eventually([&] {
    return http().post("/api/v1/tasks", {{"input", std::string(100'000, 'x')}}).status == 503;
  }));
  EXPECT_FALSE(is_ready());
  EXPECT_EQ(http().get(task_path(kept)).document().at("status"), "COMPLETED");
  volume().release();
  EXPECT_TRUE(eventually([&] { return is_ready(); }));
  EXPECT_EQ(create_task_from(http(), {{"input", "room"}}).at("status"), "PENDING");
}

} // namespace troupe
