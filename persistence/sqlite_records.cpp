#include "persistence/sqlite_records.hpp"

#include "persistence/documents.hpp"

namespace troupe {

token_usage take_usage(sqlite_rows& row) {
  token_usage usage;
  usage.input_tokens = row.take<std::int64_t>();
  usage.output_tokens = row.take<std::int64_t>();
  return usage;
}

task_record take_task(sqlite_rows& row) {
  task_record task;
  task.id = row.take<uuid>();
  task.thread_id = row.take<uuid>();
  task.ns = row.take<std::string>();
  task.created_by = row.take<std::string>();
  task.status = row.take<task_status>();
  task.queued = row.take<bool>();
  task.attempt = row.take<int>();
  task.max_attempts = row.take<int>();
  task.priority = row.take<int>();
  task.usage = take_usage(row);
  task.created_at = row.take<timestamp>();
  task.updated_at = row.take<timestamp>();
  task.started_at = row.take<std::optional<timestamp>>();
  task.completed_at = row.take<std::optional<timestamp>>();
  task.run_at = row.take<std::optional<timestamp>>();
  task.error_kind = row.take<std::optional<error_class>>();
  task.name = row.take<std::string>();
  task.bot = row.take<std::string>();
  task.bot_ns = row.take<std::string>();
  task.node = row.take<std::string>();
  task.error = row.take<std::optional<std::string>>();
  task.input = row.take<std::string>();
  task.output = row.take<std::optional<std::string>>();
  task.spec = row.take<std::string>();
  task.metadata = row.take<std::string>();
  return task;
}

namespace {

template <class Record>
Record take_document(sqlite_rows& row) {
  Record record;
  record.ns = row.take<std::string>();
  record.name = row.take<std::string>();
  record.created_at = row.take<timestamp>();
  record.updated_at = row.take<timestamp>();
  from_document(row.take_view(), record);
  return record;
}

} // namespace

bot_record take_bot(sqlite_rows& row) {
  return take_document<bot_record>(row);
}

model_record take_model(sqlite_rows& row) {
  return take_document<model_record>(row);
}

message_record take_message(sqlite_rows& row) {
  message_record message;
  message.task_id = row.take<uuid>();
  message.role = row.take<message_role>();
  message.attempt = row.take<int>();
  message.created_at = row.take<timestamp>();
  message.content = row.take<std::string>();
  if (const auto calls = row.take_view(); !calls.empty())
    message.tool_calls = tool_calls_from_document(calls);
  message.call_id = row.take<std::string>();
  message.tool = row.take<std::string>();
  return message;
}

attempt_record take_attempt(sqlite_rows& row) {
  attempt_record attempt;
  attempt.attempt = row.take<int>();
  attempt.outcome = row.take<attempt_outcome>();
  attempt.started_at = row.take<timestamp>();
  attempt.ended_at = row.take<std::optional<timestamp>>();
  attempt.error_kind = row.take<std::optional<error_class>>();
  attempt.usage = take_usage(row);
  attempt.node = row.take<std::string>();
  attempt.error = row.take<std::optional<std::string>>();
  return attempt;
}

event_record take_event(sqlite_rows& row) {
  event_record event;
  event.seq = row.take<std::int64_t>();
  event.position = row.take<std::int64_t>();
  event.attempt = row.take<int>();
  event.type = row.take<event_type>();
  event.at = row.take<timestamp>();
  event.data = row.take<std::string>();
  return event;
}

store_error unavailable(const std::exception& why) {
  return {store_errc::unavailable, std::string{"The database does not answer: "} + why.what() + "."};
}

} // namespace troupe
