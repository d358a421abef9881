#include "actors/broadcast/interest.hpp"
#include "actors/cluster/node_address.hpp"
#include "actors/cluster/relay.hpp"

#include <gmock/gmock.h>

namespace troupe {

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

room user_room(std::string name) {
  return {room::kind::user, {}, std::move(name)};
}

room ns_room(std::string name) {
  return {room::kind::ns, {}, std::move(name)};
}

event_record make_event(std::shared_ptr<const event_source> source, std::int64_t position) {
  event_record made;
  made.source = std::move(source);
  made.seq = position * 10;
  made.position = position;
  made.attempt = 2;
  made.type = event_type::chat_chunk;
  made.at = timestamp{std::chrono::microseconds{1234567}};
  made.data = R"({"text":")" + std::to_string(position) + "\"}";
  return made;
}

std::shared_ptr<const event_source> make_source(std::string user, std::string ns) {
  return std::make_shared<const event_source>(event_source{make_uuid(), make_uuid(), std::move(ns), std::move(user)});
}

std::vector<std::int64_t> positions(const event_batch& batch) {
  std::vector<std::int64_t> found;
  for (const auto& event : *batch)
    found.push_back(event.position);
  return found;
}

} // namespace

// -- relay --------------------------------------------------------------------

TEST(Relay, SharesACommitOutByRooms) {
  const auto one = make_uuid();
  const auto two = make_uuid();
  room_directory<uuid> wanted;
  wanted.join(user_room("ada"), one);
  wanted.join(ns_room("lab"), one);
  wanted.join(ns_room("lab"), two);
  const auto both = make_source("ada", "lab");
  const auto neither = make_source("eve", "other");
  const auto mine = make_source("ada", "other");
  auto parts
    = share_out({make_event(both, 1), make_event(neither, 2), make_event(mine, 3), make_event(both, 4)}, wanted);
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_THAT(positions(unpack(parts[one])), ElementsAre(1, 3, 4));
  EXPECT_THAT(positions(unpack(parts[two])), ElementsAre(1, 4));
}

TEST(Relay, AnEventArrivesAsItWas) {
  const auto node = make_uuid();
  room_directory<uuid> wanted;
  wanted.join(user_room("ada"), node);
  const auto sent = make_event(make_source("ada", "lab"), 7);
  auto parts = share_out({sent}, wanted);
  const auto got = unpack(parts[node]);
  ASSERT_EQ(got->size(), 1U);
  const auto& event = got->front();
  EXPECT_EQ(event.source->task_id, sent.source->task_id);
  EXPECT_EQ(event.source->thread_id, sent.source->thread_id);
  EXPECT_EQ(event.source->ns, "lab");
  EXPECT_EQ(event.source->created_by, "ada");
  EXPECT_EQ(event.seq, sent.seq);
  EXPECT_EQ(event.attempt, sent.attempt);
  EXPECT_EQ(event.type, sent.type);
  EXPECT_EQ(event.at, sent.at);
  EXPECT_EQ(event.data, sent.data);
}

TEST(Relay, AnEventOfNoSourceIsPassedOver) {
  events_relayed commit;
  commit.events.push_back({5, 1, 1, 1, event_type::chat_chunk, 0, "{}"});
  EXPECT_THAT(*unpack(commit), IsEmpty());
}

TEST(Relay, WhoeverWantsNothingOfItHasNoPart) {
  room_directory<uuid> wanted;
  wanted.join(user_room("ada"), make_uuid());
  EXPECT_THAT(share_out({make_event(make_source("eve", "lab"), 1)}, wanted), IsEmpty());
}

// -- interest -----------------------------------------------------------------

TEST(Interest, TellsWhatHasChangedAndOnlyOnce) {
  interest rooms;
  EXPECT_FALSE(rooms.has_news());
  rooms.listen(true);
  rooms.join(user_room("ada"));
  rooms.join(user_room("eve"));
  rooms.leave(user_room("eve"));
  auto news = rooms.take_news();
  EXPECT_TRUE(news.listening);
  EXPECT_THAT(news.joined, ElementsAre(user_room("ada")));
  EXPECT_THAT(news.left, ElementsAre(user_room("eve")));
  EXPECT_FALSE(rooms.has_news());
  rooms.leave(user_room("ada"));
  rooms.join(user_room("ada"));
  news = rooms.take_news();
  EXPECT_THAT(news.joined, ElementsAre(user_room("ada")));
  EXPECT_THAT(news.left, IsEmpty());
}

TEST(Interest, TellsANewcomerEverything) {
  interest rooms;
  rooms.listen(true);
  rooms.join(user_room("ada"));
  rooms.take_news();
  rooms.join(ns_room("lab"));
  EXPECT_THAT(rooms.all().joined, testing::UnorderedElementsAre(user_room("ada"), ns_room("lab")));
  EXPECT_TRUE(rooms.all().listening);
  // The others have not been told of the lab all the same.
  EXPECT_TRUE(rooms.has_news());
}

TEST(Interest, ListeningTheSameAsBeforeIsNoNews) {
  interest rooms;
  rooms.listen(false);
  EXPECT_FALSE(rooms.has_news());
  rooms.listen(true);
  rooms.take_news();
  rooms.listen(true);
  EXPECT_FALSE(rooms.has_news());
}

// -- addresses ----------------------------------------------------------------

TEST(NodeAddress, IsReadAsItWasWritten) {
  for (const node_address& where : {node_address{"127.0.0.1", 7000}, {"::1", 1}, {"db-1.example", 65535}})
    EXPECT_EQ(parse_address(to_address(where.host, where.port)), where);
  EXPECT_EQ(to_address("::1", 7000), "[::1]:7000");
}

TEST(NodeAddress, RefusesWhatIsNone) {
  for (const auto* text : {"", "host", ":7000", "host:", "host:0", "host:65536", "host:7x", "host:-1"})
    EXPECT_FALSE(parse_address(text)) << text;
}

} // namespace troupe
