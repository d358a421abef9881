#include "tests/bench/sockets.hpp"
#include "tests/e2e/hostile_test.hpp"

#include <cstdint>

/// Hostile HTTP clients. Each was seen at Troupe 0.1.0 (issue 10). Of the same kind: oven-sh/bun#32469 (answers that
/// nobody reads), spray/spray-can#23 (requests in a row); requests that are never finished are known as slowloris.
namespace troupe {

namespace {

using HostileRequests = hostile_test;

/// 40 MB in all, so that a page without a bound in bytes is seen in the server's memory.
constexpr std::size_t tasks = 150;

} // namespace

// -- answers that nobody reads -----------------------------------------------------------

TEST_F(HostileRequests, ForLongListsThatNobodyReadsHarmNobody) {
  expect_harmless("unread-lists", {8, 8}, tasks);
}

TEST_F(HostileRequests, InARowForLongListsThatNobodyReadsHarmNobody) {
  expect_harmless("pipelined-lists", {400, 8}, tasks);
}

TEST_F(HostileRequests, OnManyConnectionsThatNobodyReadsHarmNobody) {
  expect_harmless("unread-connections", {200, 200}, tasks);
}

TEST_F(HostileRequests, ForPagesOfAThreadThatNobodyReadsHarmNobody) {
  expect_harmless("unread-threads", {200, 200});
}

TEST_F(HostileRequests, ForSingleTasksThatNobodyReadsHarmNobody) {
  expect_harmless("unread-tasks", {500, 500}, 2);
}

TEST_F(HostileRequests, ForLongListsAllTheTimeHarmNobody) {
  expect_harmless("lists", {400, 8}, tasks);
}

TEST_F(HostileRequests, WhoseAskersAreGoneHarmNobody) {
  expect_harmless("left-lists", {2'000, 8}, tasks);
}

TEST_F(HostileRequests, ForEventsWhoseAskersAreGoneHarmNobody) {
  expect_harmless("left-streams", {2'000, 8});
}

// -- what is never finished -----------------------------------------------------------------

TEST_F(HostileRequests, WhoseBodyNeverEndsHarmNobody) {
  expect_harmless("partial-bodies", {0, 200, 1'000'000});
}

TEST_F(HostileRequests, WhoseChunksNeverEndHarmNobody) {
  expect_harmless("partial-chunks", {0, 200, 1'000'000});
}

TEST_F(HostileRequests, WhoseHeaderNeverEndsHarmNobody) {
  expect_harmless("slow-headers", {0, 500, 15'000});
}

// -- how small the machine may be --------------------------------------------------------------

TEST_F(HostileRequests, AreServedWithinAGigabyteOfAddressSpace) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // Of which a thread's stack and an arena of malloc take their part before anything is done.
  const temporary_folder data;
  child_process small{{"/usr/bin/prlimit", "--as=1073741824", troupe_binary(), "serve", "--data-dir",
                       data.path().string(), "--http-port", "0"}};
  const auto line = small.wait_for_line("listening on http://127.0.0.1:");
  const auto port = static_cast<std::uint16_t>(std::stoul(line.substr(line.rfind(':') + 1)));
  http_client client{port};
  ASSERT_TRUE(eventually([&] { return client.get("/readyz").status == 200; }));
  const auto task = set_scene(port, {120, 250'000, true});
  EXPECT_EQ(client.get("/api/v1/tasks?limit=500").status, 200U);
  EXPECT_EQ(client.get("/api/v1/threads/" + task + "/messages?limit=500").status, 200U);
  const auto metrics = client.get("/metrics").body;
  EXPECT_THAT(metrics, testing::Not(testing::ContainsRegex("troupe_service_restarts_total[^\n]* [1-9]")));
#endif
}

} // namespace troupe
