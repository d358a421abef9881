#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <thread>
#include <unordered_set>
#include <vector>

namespace troupe {
namespace {

constexpr const char* example = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";

TEST(Uuid, ReadsAndWritesTheCanonicalForm) {
  const auto id = uuid::parse(example);
  ASSERT_TRUE(id);
  EXPECT_EQ(id->bytes[0], 0x01);
  EXPECT_EQ(id->bytes[15], 0x8f);
  EXPECT_EQ(id->to_string(), example);
}

TEST(Uuid, ReadsDigitsOfEitherCase) {
  EXPECT_EQ(uuid::parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F"), uuid::parse(example));
}

TEST(Uuid, RefusesEveryOtherForm) {
  for (const char* text : {"", "017f22e279b07cc398c4dc0c0c07398f", "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
                           "017f22e2-79b0-7cc3-98c4-dc0c0c07398", "017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
                           "017f22e2079b0-7cc3-98c4-dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
                           "017f22e2-79b0-7cc3-98c4_dc0c0c07398f", " 17f22e2-79b0-7cc3-98c4-dc0c0c07398f"})
    EXPECT_FALSE(uuid::parse(text)) << text;
}

TEST(Uuid, OnlyTheZeroOneIsNil) {
  EXPECT_TRUE(uuid{}.is_nil());
  EXPECT_FALSE(make_uuid().is_nil());
}

TEST(Uuid, IsOfVersionSevenAndItsVariant) {
  for (int i = 0; i < 1000; ++i) {
    const auto id = make_uuid();
    EXPECT_EQ(id.bytes[6] >> 4, 7);
    EXPECT_EQ(id.bytes[8] >> 6, 2);
  }
}

TEST(Uuid, BeginsWithTheMillisecondsOfItsMaking) {
  const auto before = now().time_since_epoch().count() / 1000;
  const auto id = make_uuid();
  const auto after = now().time_since_epoch().count() / 1000;
  std::int64_t stamp = 0;
  for (std::size_t i = 0; i < 6; ++i)
    stamp = stamp << 8 | id.bytes[i];
  EXPECT_GE(stamp, before);
  // The counter may run ahead of the clock when many are made.
  EXPECT_LE(stamp, after + 1000);
}

TEST(Uuid, GrowsWithEachCall) {
  auto before = make_uuid();
  for (int i = 0; i < 20'000; ++i) {
    const auto next = make_uuid();
    ASSERT_LT(before, next);
    before = next;
  }
}

TEST(Uuid, GrowsInEachThreadAndNeverRepeats) {
  constexpr std::size_t threads = 4;
  constexpr std::size_t each = 5000;
  std::vector<std::vector<uuid>> made(threads);
  std::vector<std::thread> makers;
  for (auto& ids : made)
    makers.emplace_back([&ids] {
      for (std::size_t i = 0; i < each; ++i)
        ids.push_back(make_uuid());
    });
  for (auto& maker : makers)
    maker.join();
  std::unordered_set<uuid> all;
  for (const auto& ids : made) {
    EXPECT_TRUE(std::is_sorted(ids.begin(), ids.end()));
    all.insert(ids.begin(), ids.end());
  }
  EXPECT_EQ(all.size(), threads * each);
}

} // namespace
} // namespace troupe
