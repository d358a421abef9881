#include "tests/simulation/memory/tables/journal.hpp"

#include <algorithm>

namespace troupe {

// -- entries ------------------------------------------------------------------------

std::int64_t memory_journal::append(journal_tail& tail, event_type type, std::string data) {
  event_record event{tail.source, ++tail.seq, ++position_, tail.attempt, type, tail.at, std::move(data)};
  data_.events.put(position_, event);
  appended_.push_back(std::move(event));
  return position_;
}

// -- messages -----------------------------------------------------------------------

void memory_journal::store(const journal_tail& tail, std::int64_t position, message_record message) {
  message.task_id = tail.source->task_id;
  message.attempt = tail.attempt;
  message.created_at = tail.at;
  data_.messages.put(position, {position, tail.source->thread_id, std::move(message)});
}

void memory_journal::add_message(const journal_tail& tail, std::int64_t position, const message_record& message) {
  store(tail, position, message);
}

void memory_journal::add_messages(const journal_tail& tail, const std::vector<message_record>& messages) {
  for (const auto& message : messages)
    store(tail, ++position_, message);
}

void memory_journal::add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                                       std::string_view content) {
  message_record message;
  message.role = role;
  message.content = content;
  store(tail, position, std::move(message));
}

bool memory_journal::has_history(const uuid& thread_id, const uuid& task_id) {
  const auto all = data_.messages.index().of_thread(thread_id).all();
  return std::any_of(all.begin(), all.end(), [&](const memory_message* message) {
    return message->record.task_id != task_id || message->record.role != message_role::user;
  });
}

std::vector<tool_call> memory_journal::open_calls(const uuid& thread_id, const uuid& task_id) {
  const auto entries = data_.events.index().of_task(task_id).all();
  const auto begin = entries.empty() ? 0 : entries.front()->position;
  std::vector<tool_call> open;
  for (const auto* message : data_.messages.index().of_thread(thread_id).behind(begin)) {
    const auto& said = message->record;
    if (said.task_id != task_id)
      continue;
    if (said.role == message_role::tool)
      std::erase_if(open, [&](const tool_call& call) { return call.call_id == said.call_id; });
    else
      open.insert(open.end(), said.tool_calls.begin(), said.tool_calls.end());
  }
  return open;
}

// -- the batch ----------------------------------------------------------------------

void memory_journal::begin() {
  position_ = data_.counted().position;
  appended_.clear();
}

void memory_journal::go_back(const place& to) {
  position_ = to.position;
  appended_.resize(to.appended);
}

std::pair<std::int64_t, std::int64_t> memory_journal::store_position() {
  const auto from = data_.counted().position;
  if (position_ == from)
    return {0, 0};
  data_.count([this](memory_counters& row) { row.position = position_; });
  return {from, position_};
}

} // namespace troupe
