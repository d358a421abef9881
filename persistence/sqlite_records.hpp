#pragma once

#include "persistence/operations.hpp"
#include "persistence/sqlite_statement.hpp"

#include <string>

/// How rows become records: for each table the columns to select, and the function
/// that takes them in that order. Enums are stored as their numbers, so the order
/// of their values in persistence/records.hpp is part of the schema.
namespace troupe {

/// Of `tasks` named `t`.
inline constexpr const char* task_columns
  = "t.id, t.thread_id, t.ns, t.created_by, t.status, t.queued, t.attempt, t.max_attempts, t.priority, t.input_tokens, "
    "t.output_tokens, t.created_at, t.updated_at, t.started_at, t.completed_at, t.run_at, t.error_class, t.name, "
    "t.bot, "
    "t.bot_ns, t.node, t.error, t.input, t.output, t.spec, t.metadata";
task_record take_task(sqlite_rows& row);

/// Of `bots` or `models`.
inline constexpr const char* document_columns = "ns, name, created_at, updated_at, document";
bot_record take_bot(sqlite_rows& row);
model_record take_model(sqlite_rows& row);

/// Of `messages` named `m`.
inline constexpr const char* message_columns
  = "m.task_id, m.role, m.attempt, m.created_at, m.content, m.tool_calls, m.call_id, m.tool";
message_record take_message(sqlite_rows& row);

/// Of `attempts`, or columns of `queue` in the same order.
inline constexpr const char* attempt_columns
  = "attempt, outcome, started_at, ended_at, error_class, input_tokens, output_tokens, node, error";
attempt_record take_attempt(sqlite_rows& row);

/// Of `events` named `e`; the source is left to the caller.
inline constexpr const char* event_columns = "e.seq, e.position, e.attempt, e.type, e.at, e.data";
event_record take_event(sqlite_rows& row);

token_usage take_usage(sqlite_rows& row);

/// What every face of this layer answers when SQLite refuses.
store_error unavailable(const std::exception& why);

} // namespace troupe
