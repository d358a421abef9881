#include "persistence/postgres/failover/identity.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

TEST(PgIdentity, ACopyBesideTheOriginalIsAnother) {
  const pg_identity original{"7713802291141893433", 16385, 1};
  const pg_identity copy{"7713802291141893433", 16390, 1};
  EXPECT_NE(original.text(), copy.text());
}

TEST(PgIdentity, APromotedStandbyIsAnotherThanItsPrimaryWas) {
  const pg_identity primary{"7713802291141893433", 16385, 1};
  const pg_identity promoted{"7713802291141893433", 16385, 2};
  EXPECT_NE(primary.text(), promoted.text());
}

TEST(PgIdentity, AFormerPrimaryIsBehindTheOneThatReplacedIt) {
  const pg_identity former{"1", 5, 1};
  const pg_identity now{"1", 5, 2};
  EXPECT_TRUE(former.is_behind(now));
  EXPECT_FALSE(now.is_behind(former));
  EXPECT_FALSE(now.is_behind(now));
}

TEST(PgIdentity, AnotherServersTimelineSaysNothing) {
  const pg_identity restored{"2", 5, 1};
  EXPECT_FALSE(restored.is_behind({"1", 5, 9}));
}

TEST(PgIdentity, TimelinesAreHexadecimal) {
  EXPECT_EQ(pg_identity::parse_timeline("0000001A"), 26U);
  EXPECT_EQ(pg_identity::parse_timeline(""), 0U);
}

} // namespace
} // namespace troupe
