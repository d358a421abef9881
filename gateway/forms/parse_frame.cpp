#include "gateway/forms/parse_frame.hpp"

#include "gateway/forms/body.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/forms/json_guard.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/values/limits.hpp"
#include "persistence/values/names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

namespace troupe {

using json = nlohmann::json;

// -- rooms ------------------------------------------------------------------------

std::optional<room> parse_room(std::string_view text) {
  const auto colon = text.find(':');
  if (colon == text.npos)
    return std::nullopt;
  const auto kind = text.substr(0, colon);
  const auto name = text.substr(colon + 1);
  if (kind == "task") {
    if (const auto id = uuid::parse(name))
      return room{.type = room::kind::task, .id = *id, .name = {}};
    return std::nullopt;
  }
  if (kind == "user" && !name.empty() && count_code_points(name) <= max_label_length && !has_control_character(name))
    return room{.type = room::kind::user, .id = {}, .name = std::string{name}};
  if (kind == "namespace" && is_valid_name(name))
    return room{.type = room::kind::ns, .id = {}, .name = std::string{name}};
  return std::nullopt;
}

std::string to_string(const room& r) {
  switch (r.type) {
  case room::kind::task: return "task:" + r.id.to_string();
  case room::kind::user: return "user:" + r.name;
  case room::kind::ns: return "namespace:" + r.name;
  }
  return {};
}

// -- resume points ----------------------------------------------------------------

parsed<resume_point> parse_resume_point(std::string_view text, bool in_task_room) {
  const bool is_number
    = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (is_number) {
    std::int64_t seq = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seq);
    if (error != std::errc{})
      return problem{.code = problem_code::invalid_cursor, .detail = "\"after\" is larger than any sequence number."};
    if (!in_task_room)
      return problem{.code = problem_code::invalid_cursor,
                     .detail = "A sequence number counts within one task; use the cursor of a frame here."};
    return resume_point{after_seq{seq}};
  }
  auto position = read_number_cursor(cursor_kind::events, text);
  if (auto* refused = std::get_if<problem>(&position))
    return std::move(*refused);
  return resume_point{after_position{std::get<std::int64_t>(position)}};
}

// -- frames -----------------------------------------------------------------------

namespace {

/// Reads the members of one frame; the first error is kept.
class frame_reader {
public:
  explicit frame_reader(const json& frame) : members_{frame, "", errors_} { members_.get("type"); }

  object_reader& members() { return members_; }

  /// A code that tells more than "invalid".
  void refuse(std::string_view code, std::string detail) {
    if (!error_)
      error_ = frame_error{code, std::move(detail)};
  }

  resume_point after(bool in_task_room) {
    const auto* value = members_.get("after");
    if (value == nullptr)
      return {};
    std::string text;
    if (value->is_string()) {
      // Digits in a string are a sequence number too: that is what a URL holds.
      text = value->get<std::string>();
    } else if (const auto seq = members_.integer("after", 0, std::numeric_limits<std::int64_t>::max())) {
      text = std::to_string(*seq);
    } else {
      return {};
    }
    auto result = parse_resume_point(text, in_task_room);
    if (auto* refused = std::get_if<problem>(&result)) {
      refuse("invalid_cursor", std::move(refused->detail));
      return {};
    }
    return std::get<resume_point>(result);
  }

  room target() {
    const auto* value = members_.require("room");
    if (value == nullptr)
      return {};
    if (value->is_string())
      if (auto result = parse_room(value->get_ref<const std::string&>()))
        return std::move(*result);
    refuse("invalid_room",
           "\"room\" must be task:<uuid>, user:<name> or namespace:<name>, got "
             + (value->is_string() ? excerpt(value->get_ref<const std::string&>()) : std::string{kind_of(*value)})
             + ".");
    return {};
  }

  room task() {
    members_.require("task_id");
    return {.type = room::kind::task, .id = members_.id("task_id").value_or(uuid{}), .name = {}};
  }

  std::variant<frame_error, client_frame> finish(client_frame frame) {
    members_.finish();
    if (auto refused = std::move(errors_).to_problem(); refused && !error_) {
      const bool unknown = refused->code == problem_code::unknown_field;
      error_ = frame_error{unknown ? "unknown_field" : "invalid_frame", std::move(refused->detail)};
    }
    if (error_)
      return std::move(*error_);
    return frame;
  }

private:
  body_errors errors_;
  object_reader members_;
  std::optional<frame_error> error_;
};

client_frame read_chat_send(frame_reader& reader) {
  auto& members = reader.members();
  chat_send_frame frame;
  members.require("message");
  frame.message = members.text("message", 1, max_input_bytes).value_or("");
  frame.metadata = members.object_text("metadata", max_metadata_bytes).value_or("");
  return frame;
}

client_frame read_history_sync(frame_reader& reader) {
  auto& members = reader.members();
  history_sync_frame frame;
  const auto* after = members.get("after");
  if (after != nullptr && after->is_string()) {
    auto number = read_number_cursor(cursor_kind::messages, after->get_ref<const std::string&>());
    if (auto* refused = std::get_if<problem>(&number))
      reader.refuse("invalid_cursor", std::move(refused->detail));
    else
      frame.after = std::get<std::int64_t>(number);
  } else {
    frame.after = members.integer("after", 0, std::numeric_limits<std::int64_t>::max()).value_or(0);
  }
  frame.limit = static_cast<int>(members.integer("limit", 1, longest_page).value_or(frame.limit));
  return frame;
}

} // namespace

std::variant<frame_error, client_frame> parse_frame(std::string_view text) {
  auto tree = read_json(text);
  if (auto* refused = std::get_if<problem>(&tree))
    return frame_error{"invalid_json", std::move(refused->detail)};
  const auto& frame = std::get<json>(tree);
  if (!frame.is_object()) {
    std::string detail = "A frame must be a JSON object, got ";
    detail += kind_of(frame);
    return frame_error{"invalid_frame", detail += '.'};
  }
  const auto type_member = frame.find("type");
  if (type_member == frame.end() || !type_member->is_string())
    return frame_error{"invalid_frame", "A frame must have a string \"type\"."};
  const auto& type = type_member->get_ref<const std::string&>();

  frame_reader reader{frame};
  if (type == "chat:send")
    return reader.finish(read_chat_send(reader));
  if (type == "chat:cancel")
    return reader.finish(chat_cancel_frame{});
  if (type == "subscribe") {
    auto target = reader.target();
    const bool in_task_room = target.type == room::kind::task;
    return reader.finish(subscribe_frame{std::move(target), reader.after(in_task_room)});
  }
  if (type == "unsubscribe")
    return reader.finish(unsubscribe_frame{reader.target()});
  if (type == "task:join") {
    auto target = reader.task();
    return reader.finish(subscribe_frame{std::move(target), reader.after(true)});
  }
  if (type == "task:leave")
    return reader.finish(unsubscribe_frame{reader.task()});
  if (type == "history:sync")
    return reader.finish(read_history_sync(reader));
  if (type == "ping")
    return reader.finish(ping_frame{});
  return frame_error{"unknown_type",
                     "There is no frame of type " + excerpt(type)
                       + "; known are chat:send, chat:cancel, subscribe, unsubscribe, task:join, task:leave, "
                         "history:sync and ping."};
}

} // namespace troupe
