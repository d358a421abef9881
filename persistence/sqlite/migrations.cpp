#include "persistence/sqlite/migrations.hpp"

#include "persistence/rows/documents.hpp"
#include "persistence/sqlite/statement.hpp"

#include <array>

namespace troupe {
namespace {

/// "Trpe" in the file's header tells whose file it is.
constexpr std::int64_t application_id = 0x54727065;

// -- step 1: the first schema ---------------------------------------------------

// Identifiers are 16 bytes, times microseconds since 1970, enums the numbers of
// persistence/records.hpp. Columns that filters look at stand before the long
// texts, which may spill to overflow pages.
constexpr const char* first_schema = R"sql(
CREATE TABLE meta(
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE models(
  ns TEXT NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY(ns, name)
) WITHOUT ROWID;

CREATE TABLE bots(
  ns TEXT NOT NULL,
  name TEXT NOT NULL,
  document TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY(ns, name)
) WITHOUT ROWID;

CREATE TABLE tasks(
  id BLOB NOT NULL PRIMARY KEY,
  thread_id BLOB NOT NULL,
  ns TEXT NOT NULL,
  created_by TEXT NOT NULL,
  status INTEGER NOT NULL,
  queued INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  max_attempts INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  started_at INTEGER,
  completed_at INTEGER,
  run_at INTEGER,
  deleted_at INTEGER,
  error_class INTEGER,
  name TEXT NOT NULL,
  bot TEXT NOT NULL,
  bot_ns TEXT NOT NULL,
  node TEXT NOT NULL,
  error TEXT,
  input TEXT NOT NULL,
  output TEXT,
  spec TEXT NOT NULL,
  metadata TEXT NOT NULL
) WITHOUT ROWID;

-- A thread is its first task, found by its own id, and those that follow it.
CREATE INDEX tasks_of_thread ON tasks(thread_id, id) WHERE thread_id <> id;
CREATE INDEX tasks_of_creator ON tasks(created_by, id) WHERE created_by <> '';
-- Completed tasks are most of all; a page of them is found along the primary key.
CREATE INDEX tasks_by_status ON tasks(status, id) WHERE status <> 2;

-- The hot table: a row per task that waits or runs, gone when it ends.
CREATE TABLE queue(
  task_id BLOB NOT NULL PRIMARY KEY REFERENCES tasks(id),
  thread_id BLOB NOT NULL,
  ns TEXT NOT NULL,
  state INTEGER NOT NULL,
  held INTEGER NOT NULL,
  priority INTEGER NOT NULL,
  order_no INTEGER NOT NULL,
  due_at INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  last_seq INTEGER NOT NULL,
  charged INTEGER NOT NULL,
  throttled INTEGER NOT NULL,
  recoveries INTEGER NOT NULL,
  fresh INTEGER NOT NULL,
  called INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  started_at INTEGER,
  owner BLOB,
  node TEXT NOT NULL
) WITHOUT ROWID;

CREATE INDEX queue_ready ON queue(priority DESC, order_no) WHERE state = 0;
CREATE INDEX queue_scheduled ON queue(due_at) WHERE state = 3;
CREATE INDEX queue_of_thread ON queue(thread_id, order_no) WHERE thread_id <> task_id;

-- Ended attempts, and those that run outside of the queue.
CREATE TABLE attempts(
  task_id BLOB NOT NULL REFERENCES tasks(id),
  attempt INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  error_class INTEGER,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  node TEXT NOT NULL,
  error TEXT,
  PRIMARY KEY(task_id, attempt)
) WITHOUT ROWID;

-- Appended to in the order of commits, so a wider room is read along the key.
CREATE TABLE events(
  position INTEGER PRIMARY KEY,
  task_id BLOB NOT NULL,
  seq INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  type INTEGER NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL
);

CREATE UNIQUE INDEX events_of_task ON events(task_id, seq);

CREATE TABLE messages(
  thread_id BLOB NOT NULL,
  position INTEGER NOT NULL,
  task_id BLOB NOT NULL,
  role INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  content TEXT NOT NULL,
  tool_calls TEXT,
  call_id TEXT,
  tool TEXT,
  PRIMARY KEY(thread_id, position)
) WITHOUT ROWID;

-- Ordered by age, so that forgetting the old ones looks at no others.
CREATE TABLE idempotency_keys(
  number INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  fingerprint TEXT NOT NULL,
  task_id BLOB NOT NULL,
  created_at INTEGER NOT NULL
);
)sql";

/// What makes a fresh server answer its first request: a model that needs no
/// network, and a bot that uses it.
void seed(sqlite_connection& connection) {
  const auto at = now();
  model_record model;
  model.model = "builtin";
  sqlite_statement{connection.get(), "INSERT INTO models VALUES('default', 'builtin', ?, ?, ?)"}.run(to_document(model),
                                                                                                     at, at);
  bot_record bot;
  bot.model = "builtin";
  for (const auto* tool : {"now", "calculate"})
    bot.tools.emplace_back().name = tool;
  sqlite_statement{connection.get(), "INSERT INTO bots VALUES('default', 'default', ?, ?, ?)"}.run(to_document(bot), at,
                                                                                                   at);
}

void create_first_schema(sqlite_connection& connection) {
  connection.execute(first_schema);
  seed(connection);
}

// -- step 2: real models --------------------------------------------------------

// Costs are billionths of the currency that prices are given in.
constexpr const char* second_schema = R"sql(
ALTER TABLE tasks ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN cost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE attempts ADD COLUMN model TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN thinking TEXT;
ALTER TABLE messages ADD COLUMN interrupted INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN waits_for INTEGER NOT NULL DEFAULT 0;

-- Tool calls that a person has to allow, or had to.
CREATE TABLE approvals(
  task_id BLOB NOT NULL REFERENCES tasks(id),
  call_id TEXT NOT NULL,
  ns TEXT NOT NULL,
  created_by TEXT NOT NULL,
  bot TEXT NOT NULL,
  tool TEXT NOT NULL,
  state INTEGER NOT NULL,
  called INTEGER NOT NULL,
  edited INTEGER NOT NULL,
  approve_by_default INTEGER NOT NULL,
  requested_at INTEGER NOT NULL,
  deadline INTEGER NOT NULL,
  decided_at INTEGER,
  decided_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  arguments TEXT NOT NULL,
  PRIMARY KEY(task_id, call_id)
) WITHOUT ROWID;
CREATE INDEX approvals_pending ON approvals(ns, task_id, call_id) WHERE state = 0;

ALTER TABLE queue ADD COLUMN attempts_before INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue ADD COLUMN reserved_cost INTEGER NOT NULL DEFAULT 0;
ALTER TABLE queue ADD COLUMN reserved_tokens INTEGER NOT NULL DEFAULT 0;

-- Of bots and namespaces; what is reserved is held by attempts under way.
CREATE TABLE budgets(
  scope TEXT NOT NULL PRIMARY KEY,
  limit_cost INTEGER,
  limit_tokens INTEGER,
  period INTEGER NOT NULL,
  "window" TEXT NOT NULL,
  spent_cost INTEGER NOT NULL,
  spent_tokens INTEGER NOT NULL,
  reserved_cost INTEGER NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Sums, added to whenever an attempt ends.
CREATE TABLE usage(
  day TEXT NOT NULL,
  ns TEXT NOT NULL,
  bot TEXT NOT NULL,
  model TEXT NOT NULL,
  created_by TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  input_tokens INTEGER NOT NULL,
  output_tokens INTEGER NOT NULL,
  cost INTEGER NOT NULL,
  estimated INTEGER NOT NULL,
  PRIMARY KEY(day, ns, bot, model, created_by)
) WITHOUT ROWID;
)sql";

void create_second_schema(sqlite_connection& connection) {
  connection.execute(second_schema);
}

// -- step 3: what models and tools really do --------------------------------------

// A message's `thinking` is what its provider wants to see again (`message_record::replay`).
constexpr const char* third_schema = R"sql(
ALTER TABLE messages ADD COLUMN origin TEXT;
ALTER TABLE tasks ADD COLUMN finish_reason INTEGER;
ALTER TABLE attempts ADD COLUMN finish_reason INTEGER;
)sql";

void create_third_schema(sqlite_connection& connection) {
  connection.execute(third_schema);
}

// -- all steps ------------------------------------------------------------------

/// Step n leads from version n - 1 to n.
constexpr std::array steps{create_first_schema, create_second_schema, create_third_schema};

} // namespace

int sqlite_schema_version() noexcept {
  return static_cast<int>(steps.size());
}

store_result<migration_report> migrate_sqlite(sqlite_connection& connection, const std::filesystem::path& file) {
  sqlite_transaction transaction{connection, "BEGIN EXCLUSIVE"};
  migration_report report;
  report.from = static_cast<int>(connection.number("PRAGMA user_version"));
  report.to = sqlite_schema_version();
  const bool empty = connection.number("SELECT count(*) FROM sqlite_schema") == 0;
  if (!empty && connection.number("PRAGMA application_id") != application_id)
    return store_error{errc::unavailable, "The file " + file.string() + " is not a Troupe database; name another one."};
  if (report.from > report.to)
    return store_error{errc::schema_too_new, "The database " + file.string() + " has schema "
                                               + std::to_string(report.from) + ", but this program knows only "
                                               + std::to_string(report.to)
                                               + ": it was used by a newer Troupe. Run that version or a later one."};
  if (report.from == report.to)
    return report;
  for (auto step = static_cast<std::size_t>(report.from); step < steps.size(); ++step)
    steps[step](connection);
  connection.execute(("PRAGMA application_id=" + std::to_string(application_id)).c_str());
  connection.execute(("PRAGMA user_version=" + std::to_string(report.to)).c_str());
  transaction.commit();
  return report;
}

} // namespace troupe
