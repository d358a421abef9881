#include "actors/background.hpp"

#include <gtest/gtest.h>

#include <sys/resource.h>
#include <thread>

namespace troupe {
namespace {

TEST(Background, IsWhereAThreadGoesByItself) {
  const auto before = ::getpriority(PRIO_PROCESS, 0);
  int there = 0;
  std::thread{[&] {
    give_way_to_others();
    there = ::getpriority(PRIO_PROCESS, 0);
  }}.join();
  EXPECT_GE(there, 10);
  EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), before);
}

} // namespace
} // namespace troupe
