#include "gateway/forms/cursor.hpp"
#include "gateway/forms/parse_frame.hpp"
#include "persistence/values/limits.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;

constexpr auto id_text = "01890a5d-ac96-774b-bcce-b302099a8057";
const auto id = *uuid::parse(id_text);

template <class Frame>
Frame read(const std::string& text) {
  auto result = parse_frame(text);
  if (const auto* error = std::get_if<frame_error>(&result)) {
    ADD_FAILURE() << text << ": " << error->detail;
    return {};
  }
  auto* frame = std::get_if<Frame>(&std::get<client_frame>(result));
  if (frame == nullptr) {
    ADD_FAILURE() << text << " became another frame";
    return {};
  }
  return std::move(*frame);
}

std::string code_of(const std::string& text) {
  auto result = parse_frame(text);
  const auto* error = std::get_if<frame_error>(&result);
  if (error == nullptr)
    return "taken";
  EXPECT_FALSE(error->detail.empty());
  EXPECT_LT(error->detail.size(), 500U);
  return std::string{error->code};
}

TEST(ParseFrame, ReadsATurn) {
  const auto frame = read<chat_send_frame>(R"({"type":"chat:send","message":"Hi","metadata":{"a":1}})");
  EXPECT_EQ(frame.message, "Hi");
  EXPECT_EQ(frame.metadata, R"({"a":1})");
  EXPECT_EQ(read<chat_send_frame>(R"({"message":"Hi","type":"chat:send"})").metadata, "");
}

TEST(ParseFrame, ReadsFramesWithoutMembers) {
  read<chat_cancel_frame>(R"({"type":"chat:cancel"})");
  read<ping_frame>(R"({"type":"ping"})");
}

TEST(ParseFrame, ReadsSubscriptionsToEveryKindOfRoom) {
  const auto task = read<subscribe_frame>(json{{"type", "subscribe"}, {"room", std::string{"task:"} + id_text}}.dump());
  EXPECT_EQ(task.target, (room{.type = room::kind::task, .id = id, .name = {}}));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(task.after));
  const auto user = read<subscribe_frame>(R"({"type":"subscribe","room":"user:ada:lovelace ü"})");
  EXPECT_EQ(user.target, (room{.type = room::kind::user, .id = {}, .name = "ada:lovelace ü"}));
  const auto ns = read<unsubscribe_frame>(R"({"type":"unsubscribe","room":"namespace:prod"})");
  EXPECT_EQ(ns.target, (room{.type = room::kind::ns, .id = {}, .name = "prod"}));
}

TEST(ParseFrame, ReadsJoinAndLeaveAsTheTasksRoom) {
  const auto join = read<subscribe_frame>(json{{"type", "task:join"}, {"task_id", id_text}, {"after", 3}}.dump());
  EXPECT_EQ(join.target, (room{.type = room::kind::task, .id = id, .name = {}}));
  EXPECT_EQ(join.after, resume_point{after_seq{3}});
  const auto leave = read<unsubscribe_frame>(json{{"type", "task:leave"}, {"task_id", id_text}}.dump());
  EXPECT_EQ(leave.target.id, id);
}

TEST(ParseFrame, TakesASequenceNumberInTaskRoomsAndACursorInAny) {
  const auto cursor = number_cursor(cursor_kind::events, 99);
  const auto after = [](const std::string& where, const json& value) {
    return read<subscribe_frame>(json{{"type", "subscribe"}, {"room", where}, {"after", value}}.dump()).after;
  };
  const auto task_room = std::string{"task:"} + id_text;
  EXPECT_EQ(after(task_room, 0), resume_point{after_seq{0}});
  EXPECT_EQ(after(task_room, "17"), resume_point{after_seq{17}});
  EXPECT_EQ(after(task_room, cursor), resume_point{after_position{99}});
  EXPECT_EQ(after("user:ada", cursor), resume_point{after_position{99}});
  EXPECT_EQ(after("user:ada", nullptr), resume_point{});
}

TEST(ParseFrame, RefusesPlacesToGoOnFromThatAreNone) {
  const auto code = [](const std::string& where, const json& value) {
    return code_of(json{{"type", "subscribe"}, {"room", where}, {"after", value}}.dump());
  };
  const auto task_room = std::string{"task:"} + id_text;
  EXPECT_EQ(code("user:ada", 5), "invalid_cursor");
  EXPECT_EQ(code("user:ada", "5"), "invalid_cursor");
  EXPECT_EQ(code("user:ada", "xyz"), "invalid_cursor");
  EXPECT_EQ(code(task_room, ""), "invalid_cursor");
  EXPECT_EQ(code(task_room, "99999999999999999999"), "invalid_cursor");
  EXPECT_EQ(code(task_room, number_cursor(cursor_kind::messages, 1)), "invalid_cursor");
  EXPECT_EQ(code(task_room, -1), "invalid_frame");
  EXPECT_EQ(code(task_room, 1.5), "invalid_frame");
  EXPECT_EQ(code(task_room, UINT64_MAX), "invalid_frame");
  EXPECT_EQ(code(task_room, json::array()), "invalid_frame");
}

TEST(ParseFrame, RefusesRoomsThatAreNone) {
  for (const auto* where : {"", "task", "task:", "task:1", "user:", "namespace:", "namespace:a b", "namespace:.x",
                            "lobby:x", "User:ada", ":", "user:a\nb"})
    EXPECT_EQ(code_of(json{{"type", "subscribe"}, {"room", where}}.dump()), "invalid_room") << where;
  EXPECT_EQ(code_of(R"({"type":"subscribe","room":7})"), "invalid_room");
  EXPECT_EQ(code_of(R"({"type":"subscribe"})"), "invalid_frame");
  EXPECT_EQ(code_of(json{{"type", "subscribe"}, {"room", "user:" + std::string(201, 'a')}}.dump()), "invalid_room");
}

TEST(ParseFrame, ReadsARequestForHistory) {
  EXPECT_EQ(read<history_sync_frame>(R"({"type":"history:sync"})").after, 0);
  EXPECT_EQ(read<history_sync_frame>(R"({"type":"history:sync"})").limit, 50);
  const auto cursor = number_cursor(cursor_kind::messages, 12);
  const auto frame = read<history_sync_frame>(json{{"type", "history:sync"}, {"after", cursor}, {"limit", 500}}.dump());
  EXPECT_EQ(frame.after, 12);
  EXPECT_EQ(frame.limit, 500);
  EXPECT_EQ(code_of(R"({"type":"history:sync","limit":501})"), "invalid_frame");
  EXPECT_EQ(code_of(R"({"type":"history:sync","limit":0})"), "invalid_frame");
  EXPECT_EQ(code_of(R"({"type":"history:sync","after":-1})"), "invalid_frame");
  EXPECT_EQ(code_of(R"({"type":"history:sync","after":"x"})"), "invalid_cursor");
}

TEST(ParseFrame, RefusesTurnsWithoutText) {
  for (const auto* text :
       {R"({"type":"chat:send"})", R"({"type":"chat:send","message":""})", R"({"type":"chat:send","message":7})",
        R"({"type":"chat:send","message":"x","metadata":"m"})"})
    EXPECT_EQ(code_of(text), "invalid_frame") << text;
  EXPECT_EQ(code_of(json{{"type", "chat:send"}, {"message", std::string(max_input_bytes + 1, 'x')}}.dump()),
            "invalid_frame");
}

TEST(ParseFrame, NamesUnknownTypesAndMembers) {
  EXPECT_EQ(code_of(R"({"type":"shout"})"), "unknown_type");
  EXPECT_EQ(code_of(R"({"type":"pong"})"), "unknown_type");
  EXPECT_EQ(code_of(json{{"type", std::string(100'000, 't')}}.dump()), "unknown_type");
  EXPECT_EQ(code_of(R"({"type":"ping","id":1})"), "unknown_field");
}

TEST(ParseFrame, RefusesWhatIsNoFrame) {
  for (const auto* text : {"[]", "7", "\"ping\"", "null", "{}", R"({"type":7})", R"({"type":null})"})
    EXPECT_EQ(code_of(text), "invalid_frame") << text;
  for (const auto* text : {"", "ping", R"({"type":"ping")", R"({"type":"ping","type":"ping"})"})
    EXPECT_EQ(code_of(text), "invalid_json") << text;
  EXPECT_EQ(code_of(std::string(200'000, '[')), "invalid_json");
}

TEST(ParseRoom, ReadsWhatToStringWrites) {
  for (const auto& text : {std::string{"task:"} + id_text, std::string{"user:ada"}, std::string{"namespace:a.b"}})
    EXPECT_EQ(to_string(*parse_room(text)), text);
}

} // namespace
} // namespace troupe
