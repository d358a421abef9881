#include "gateway/questions/long_records.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

constexpr std::size_t much = long_records::long_from;

class LongRecords : public testing::Test {
protected:
  const uuid id_ = make_uuid();
  long_records known_;
};

TEST_F(LongRecords, AreThoseThatWereFoundToBe) {
  known_.note(get_task{id_}, much);
  const auto other = make_uuid();
  known_.note(get_task{other}, much - 1);
  EXPECT_TRUE(known_.contains(get_task{id_}));
  EXPECT_FALSE(known_.contains(get_task{other}));
}

TEST_F(LongRecords, AreSoForAllThatIsAskedAboutThem) {
  const room thread{room::kind::task, id_, {}};
  known_.note(get_room_events{thread}, much);
  EXPECT_TRUE(known_.contains(get_task{id_}));
  EXPECT_TRUE(known_.contains(get_outline{id_}));
  EXPECT_TRUE(known_.contains(get_room_start{thread, {}, {}}));
  EXPECT_TRUE(known_.contains(get_room_events{thread}));
}

TEST_F(LongRecords, OfARoomAreNotThoseOfAnotherOneOfItsName) {
  known_.note(get_room_events{{room::kind::user, {}, "alice"}}, much);
  EXPECT_TRUE(known_.contains(get_room_events{{room::kind::user, {}, "alice"}}));
  EXPECT_FALSE(known_.contains(get_room_events{{room::kind::ns, {}, "alice"}}));
  EXPECT_FALSE(known_.contains(get_room_events{{room::kind::user, {}, "bob"}}));
}

TEST_F(LongRecords, AreForgottenFromTheOldestOn) {
  known_.note(get_task{id_}, much);
  const auto second = make_uuid();
  known_.note(get_task{second}, much);
  for (int i = 0; i < 4095; ++i)
    known_.note(get_task{make_uuid()}, much);
  EXPECT_FALSE(known_.contains(get_task{id_}));
  EXPECT_TRUE(known_.contains(get_task{second}));
}

} // namespace
} // namespace troupe
