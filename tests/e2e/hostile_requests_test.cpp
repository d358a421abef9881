#include "tests/address_space.hpp"
#include "tests/e2e/hostile_test.hpp"

/// Hostile HTTP clients. Each was seen at Troupe 0.1.0. Of the same kind: oven-sh/bun#32469 (answers that
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
  // Of which a thread's stack and an arena of malloc take their part before anything is done.
  {
    const small_address_space machine{std::size_t{1} << 30U};
    start();
  }
  const auto task = set_scene(server().port(), {40, 250'000, true});
  EXPECT_EQ(http().get("/api/v1/tasks?limit=500").status, 200U);
  EXPECT_EQ(http().get("/api/v1/threads/" + task + "/messages?limit=500").status, 200U);
  EXPECT_THAT(http().get("/metrics").body,
              testing::Not(testing::ContainsRegex("troupe_service_restarts_total[^\n]* [1-9]")));
}

} // namespace troupe
