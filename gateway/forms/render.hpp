#pragma once

#include "actors/messages.hpp"
#include "gateway/forms/cursor.hpp"
#include "persistence/operations.hpp"
#include "persistence/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Records as the API's JSON (design, sections 6 and 7): members in the contract's
/// order, times in RFC 3339 UTC with microseconds, what is not there as null. The
/// text is appended straight to a string, for a task and an event are rendered for
/// every request and every frame. Headers that hold a secret are shown as `***`.
namespace troupe {

// -- single records -------------------------------------------------------------

void append_json(std::string& out, const task_record& task);
void append_json(std::string& out, const bot_record& bot);
void append_json(std::string& out, const model_record& model);
void append_json(std::string& out, const message_record& message);
void append_json(std::string& out, const attempt_record& attempt);
void append_json(std::string& out, const node_record& node);
void append_json(std::string& out, const approval_record& approval);
void append_json(std::string& out, const usage_record& usage);
void append_json(std::string& out, const thread_record& thread);
void append_json(std::string& out, const budget_record& budget);
/// The event frame; the same for every door.
void append_json(std::string& out, const event_record& event);

/// Any of the above as text of its own.
template <class Record>
std::string render(const Record& record) {
  std::string out;
  append_json(out, record);
  return out;
}

/// The strong entity tag of a task, quotes included; it changes whenever the
/// rendered task does.
std::string etag_of(const task_record& task);

// -- lists ----------------------------------------------------------------------

std::string render(const page<task_record, uuid>& tasks);
std::string render(const page<bot_record, std::string>& bots);
std::string render(const page<model_record, std::string>& models);
std::string render(const page<message_record, std::int64_t>& messages);
std::string render(const page<attempt_record, int>& attempts);
/// One task's journal.
std::string render(const page<event_record, std::int64_t>& events);
/// `kind` says which list they are of: `approvals` or `task_approvals`.
std::string render(const page<approval_record, approval_place>& approvals, cursor_kind kind);
/// All groups are one page.
std::string render(const std::vector<usage_record>& groups);
/// A model, and how it is on this node.
std::string render(const model_record& model, const model_state& state);
/// All nodes are one page.
std::string render(const node_list& found);
/// The answer of `GET /queue`; ages are counted to `at`.
std::string render(const queue_stats& queue, timestamp at);

/// The answer of `POST /bots/{name}/validate`.
std::string validation_answer(const std::vector<std::string>& errors, const std::vector<std::string>& warnings);

// -- frames besides events --------------------------------------------------------

/// `{"type":"error","code":…,"detail":…}`
std::string error_frame(std::string_view code, std::string_view detail);
/// `{"type":"pong"}`
std::string pong_frame();
/// `{"type":"gap","room":…,"from":…,"to":…}`: the subscriber has seen these positions, and the store has not.
std::string gap_frame(const room& r, std::int64_t from, std::int64_t to);
/// `{"type":"history:sync","items":[…],"next_cursor":…}`
std::string history_frame(const page<message_record, std::int64_t>& messages);
/// `{"type":"subscribed","room":…}` or `{"type":"unsubscribed","room":…}`
std::string subscription_frame(bool subscribed, const room& r);

} // namespace troupe
