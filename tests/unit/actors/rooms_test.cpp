#include "actors/rooms.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <random>

namespace troupe {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

room thread_room(const uuid& id) {
  return {room::kind::task, id, {}};
}

room user_room(std::string name) {
  return {room::kind::user, {}, std::move(name)};
}

room ns_room(std::string name) {
  return {room::kind::ns, {}, std::move(name)};
}

std::vector<int> members_of(const room_directory<int>& rooms, const event_source& source) {
  std::vector<int> found;
  rooms.for_each_member(source, [&](int member) { found.push_back(member); });
  return found;
}

} // namespace

TEST(RoomDirectory, FindsTheMembersOfAllRoomsOfAnEvent) {
  const auto thread = make_uuid();
  room_directory<int> rooms;
  rooms.join(thread_room(thread), 1);
  rooms.join(user_room("ada"), 2);
  rooms.join(ns_room("lab"), 3);
  EXPECT_THAT(members_of(rooms, {make_uuid(), thread, "lab", "ada"}), UnorderedElementsAre(1, 2, 3));
  EXPECT_THAT(members_of(rooms, {make_uuid(), thread, "x", "x"}), ElementsAre(1));
  EXPECT_THAT(members_of(rooms, {make_uuid(), make_uuid(), "x", "ada"}), ElementsAre(2));
  EXPECT_THAT(members_of(rooms, {make_uuid(), make_uuid(), "lab", "x"}), ElementsAre(3));
}

TEST(RoomDirectory, AUserIsNotANamespaceOfThatName) {
  room_directory<int> rooms;
  rooms.join(user_room("ada"), 1);
  EXPECT_THAT(members_of(rooms, {make_uuid(), make_uuid(), "ada", "eve"}), IsEmpty());
}

TEST(RoomDirectory, ATaskThatIsNotTheThreadIsNoRoom) {
  const auto task = make_uuid();
  room_directory<int> rooms;
  rooms.join(thread_room(task), 1);
  EXPECT_THAT(members_of(rooms, {task, make_uuid(), "lab", "ada"}), IsEmpty());
}

TEST(RoomDirectory, NamesAMemberOncePerRoomHoweverOftenItJoined) {
  room_directory<int> rooms;
  rooms.join(user_room("ada"), 1);
  rooms.join(user_room("ada"), 1);
  rooms.join(ns_room("lab"), 1);
  EXPECT_THAT(members_of(rooms, {make_uuid(), make_uuid(), "lab", "ada"}), ElementsAre(1, 1));
  EXPECT_THAT(members_of(rooms, {make_uuid(), make_uuid(), "x", "ada"}), ElementsAre(1));
}

TEST(RoomDirectory, WhoJoinedTwiceLeavesTwice) {
  room_directory<int> rooms;
  const event_source source{make_uuid(), make_uuid(), "lab", "ada"};
  rooms.join(user_room("ada"), 1);
  rooms.join(user_room("ada"), 1);
  rooms.leave(user_room("ada"), 1);
  EXPECT_THAT(members_of(rooms, source), ElementsAre(1));
  rooms.leave(user_room("ada"), 1);
  EXPECT_THAT(members_of(rooms, source), IsEmpty());
  EXPECT_TRUE(rooms.empty());
}

TEST(RoomDirectory, LeavingWhereOneIsNotLeavesNoTrace) {
  room_directory<int> rooms;
  rooms.leave(user_room("ada"), 1);
  rooms.leave(ns_room("lab"), 1);
  rooms.leave(thread_room(make_uuid()), 1);
  EXPECT_TRUE(rooms.empty());
}

TEST(RoomDirectory, RemovesAMemberFromEveryRoom) {
  const auto thread = make_uuid();
  const event_source source{make_uuid(), thread, "lab", "ada"};
  room_directory<int> rooms;
  for (const auto& where : {thread_room(thread), user_room("ada"), ns_room("lab")}) {
    rooms.join(where, 1);
    rooms.join(where, 1);
  }
  rooms.join(ns_room("lab"), 2);
  rooms.remove(1);
  EXPECT_THAT(members_of(rooms, source), ElementsAre(2));
  rooms.remove(2);
  EXPECT_TRUE(rooms.empty());
}

TEST(RoomDirectory, AgreesWithASimpleModelAfterManyRandomSteps) {
  std::mt19937 random{7};
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  const std::vector<uuid> threads{make_uuid(), make_uuid()};
  const std::vector<std::string> names{"a", "b"};
  std::vector<room> all;
  for (std::size_t i = 0; i < 2; ++i)
    all.insert(all.end(), {thread_room(threads[i]), user_room(names[i]), ns_room(names[i])});
  room_directory<int> rooms;
  std::map<std::pair<room, int>, int> model;
  for (int step = 0; step < 5000; ++step) {
    const auto& where = all[below(all.size())];
    const auto who = static_cast<int>(below(4));
    const auto what = below(20);
    if (what < 10) {
      rooms.join(where, who);
      ++model[{where, who}];
    } else if (what < 19) {
      rooms.leave(where, who);
      if (const auto found = model.find({where, who}); found != model.end() && --found->second == 0)
        model.erase(found);
    } else {
      rooms.remove(who);
      std::erase_if(model, [&](const auto& entry) { return entry.first.second == who; });
    }
    const event_source source{make_uuid(), threads[below(2)], names[below(2)], names[below(2)]};
    std::vector<int> expected;
    for (const auto& [place, times] : model)
      if (place.first == thread_room(source.thread_id) || place.first == user_room(source.created_by)
          || place.first == ns_room(source.ns))
        expected.push_back(place.second);
    ASSERT_THAT(members_of(rooms, source), testing::UnorderedElementsAreArray(expected)) << "step " << step;
    ASSERT_EQ(rooms.empty(), model.empty()) << "step " << step;
  }
}

TEST(RoomDirectory, SaysWhenARoomGetsItsFirstMemberAndLosesItsLast) {
  room_directory<int> rooms;
  EXPECT_TRUE(rooms.join(user_room("ada"), 1));
  EXPECT_FALSE(rooms.join(user_room("ada"), 1));
  EXPECT_FALSE(rooms.join(user_room("ada"), 2));
  EXPECT_FALSE(rooms.leave(user_room("ada"), 1));
  EXPECT_FALSE(rooms.leave(user_room("ada"), 1));
  EXPECT_TRUE(rooms.leave(user_room("ada"), 2));
}

TEST(RoomDirectory, SaysWhichRoomsAMemberLeavesEmpty) {
  const auto thread = make_uuid();
  room_directory<int> rooms;
  rooms.join(thread_room(thread), 1);
  rooms.join(user_room("ada"), 1);
  rooms.join(ns_room("lab"), 1);
  rooms.join(user_room("ada"), 2);
  EXPECT_THAT(rooms.all(), UnorderedElementsAre(thread_room(thread), user_room("ada"), ns_room("lab")));
  EXPECT_THAT(rooms.remove(1), UnorderedElementsAre(thread_room(thread), ns_room("lab")));
  EXPECT_THAT(rooms.all(), ElementsAre(user_room("ada")));
}

} // namespace troupe
