#include "tests/e2e/hostile_test.hpp"

#include "tests/address_space.hpp"
#include "tests/bench/honest_clients.hpp"

namespace troupe {

namespace {

constexpr std::size_t honest_count = 8;
/// Answers that each of them waits for, before, and behind the worst.
constexpr std::size_t honest_rounds = 10;
/// Longer than an answer may take on a busy machine, and much shorter than the silences that were seen.
constexpr auto answer_limit = 10s;
/// How long a hostile client that is never done is borne with.
constexpr auto hostile_limit = 10s;

void expect_all_answered(honest_clients& honest, std::string_view when) {
  const auto seen = honest.take();
  EXPECT_EQ(seen.failed, 0U) << when << ": " << (seen.failures.empty() ? "" : seen.failures.front());
  EXPECT_GT(seen.answered, honest_count) << when;
}

} // namespace

void hostile_test::expect_harmless(std::string_view name, hostile_amounts amounts, std::size_t tasks) {
  const auto& kind = hostile_kind_named(name);
  {
    const small_address_space machine{std::size_t{1} << 30U};
    start();
  }
  const auto port = server().port();
  auto scene = kind.scene;
  scene.tasks = tasks == 0 ? scene.tasks : tasks;
  const auto task = set_scene(port, scene);
  honest_clients honest{port, honest_count, 20ms, answer_limit};
  ASSERT_TRUE(eventually([&] { return honest.rounds() >= honest_rounds; }));
  expect_all_answered(honest, "before");

  const auto before = server().resident_bytes();
  server().reset_peak();
  {
    const hostile_client hostile{kind, port, amounts, task};
    eventually([&] { return hostile.spent(); }, hostile_limit);
    const auto rounds = honest.rounds();
    EXPECT_TRUE(eventually([&] { return honest.rounds() >= rounds + honest_rounds; })) << "honest clients wait";
    expect_all_answered(honest, "beside it");
    EXPECT_GT(hostile.taken(), 0U) << "it has done nothing";
  }
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(server().peak_resident_bytes(), before + 64'000'000) << "of which " << before << " were there before";
#endif
  // What it leaves behind harms nobody either.
  const auto rounds = honest.rounds();
  EXPECT_TRUE(eventually([&] { return honest.rounds() >= rounds + honest_rounds; })) << "honest clients still wait";
  expect_all_answered(honest, "after it");
}

} // namespace troupe
