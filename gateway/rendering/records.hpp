#pragma once

#include "actors/messages.hpp"
#include "persistence/records.hpp"

#include <string>
#include <type_traits>
#include <vector>

/// Records as the API's JSON (design, sections 6 and 7): members in the contract's
/// order, times in RFC 3339 UTC with microseconds, what is not there as null. The
/// text is appended straight to a string, for a task is rendered for every request.
/// Headers that hold a secret are shown as `***`.
namespace troupe {

void append_task(std::string& out, const task_record& task);
void append_bot(std::string& out, const bot_record& bot);
void append_model(std::string& out, const model_record& model);
void append_message(std::string& out, const message_record& message);
void append_attempt(std::string& out, const attempt_record& attempt);
void append_node(std::string& out, const node_record& node);
void append_approval(std::string& out, const approval_record& approval);
void append_usage(std::string& out, const usage_record& usage);
void append_thread(std::string& out, const thread_record& thread);
void append_budget(std::string& out, const budget_record& budget);

/// A record as text of its own: `rendered(append_task, task)`.
template <class Record>
std::string rendered(void (*append)(std::string&, const Record&), const std::type_identity_t<Record>& record) {
  std::string out;
  append(out, record);
  return out;
}

inline std::string render_task(const task_record& task) {
  return rendered(append_task, task);
}

inline std::string render_bot(const bot_record& bot) {
  return rendered(append_bot, bot);
}

inline std::string render_model(const model_record& model) {
  return rendered(append_model, model);
}

inline std::string render_approval(const approval_record& approval) {
  return rendered(append_approval, approval);
}

inline std::string render_thread(const thread_record& thread) {
  return rendered(append_thread, thread);
}

inline std::string render_budget(const budget_record& budget) {
  return rendered(append_budget, budget);
}

/// A model, and how it is on this node.
std::string render_model_here(const model_record& model, const model_state& state);

/// The strong entity tag of a task, quotes included; it changes whenever the
/// rendered task does.
std::string etag_of(const task_record& task);

/// The answer of `POST /bots/{name}/validate`.
std::string validation_answer(const std::vector<std::string>& errors, const std::vector<std::string>& warnings);

} // namespace troupe
