#pragma once

#include "persistence/record_rows.hpp"
#include "persistence/sqlite_statement.hpp"

/// How SQLite's `tasks` give what record_rows.hpp takes.
namespace troupe {

/// Of `tasks` named `t`.
inline constexpr const char* task_columns
  = "t.id, t.thread_id, t.ns, t.created_by, t.status, t.queued, t.attempt, t.max_attempts, t.priority, t.input_tokens, "
    "t.output_tokens, t.cost, t.estimated, t.waits_for, t.created_at, t.updated_at, t.started_at, t.completed_at, "
    "t.run_at, t.error_class, t.finish_reason, t.name, "
    "t.bot, t.bot_ns, t.node, t.error, t.input, t.output, t.spec, t.metadata";

} // namespace troupe
