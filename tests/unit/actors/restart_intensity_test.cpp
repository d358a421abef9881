#include "actors/restart_intensity.hpp"

#include <gtest/gtest.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr restart_intensity::clock_time start{};

} // namespace

TEST(RestartIntensity, AllowsAsManyAsItSaysAndNoMore) {
  restart_intensity intensity{3, 10s};
  EXPECT_TRUE(intensity.allow(start));
  EXPECT_TRUE(intensity.allow(start + 1s));
  EXPECT_TRUE(intensity.allow(start + 2s));
  EXPECT_FALSE(intensity.allow(start + 3s));
}

TEST(RestartIntensity, ForgetsWhatIsLongPast) {
  restart_intensity intensity{2, 10s};
  EXPECT_TRUE(intensity.allow(start));
  EXPECT_TRUE(intensity.allow(start + 9s));
  EXPECT_TRUE(intensity.allow(start + 10s + 1ns));
  EXPECT_FALSE(intensity.allow(start + 11s));
}

TEST(RestartIntensity, CountsOneThatIsExactlyAsOldAsTheWindow) {
  restart_intensity intensity{1, 10s};
  EXPECT_TRUE(intensity.allow(start));
  EXPECT_FALSE(intensity.allow(start + 10s));
}

TEST(RestartIntensity, AllowsAnyNumberThatIsFarApart) {
  restart_intensity intensity{1, 10s};
  for (int i = 0; i < 100; ++i)
    EXPECT_TRUE(intensity.allow(start + i * 11s));
}

TEST(RestartIntensity, OfZeroAllowsNone) {
  restart_intensity intensity{0, 10s};
  EXPECT_FALSE(intensity.allow(start));
}

} // namespace troupe
