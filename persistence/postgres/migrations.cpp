#include "persistence/postgres/migrations.hpp"

#include "persistence/postgres/demands.hpp"
#include "persistence/rows/documents.hpp"

#include <array>

namespace troupe {
namespace {

/// "Trpe": the advisory lock that a migration holds.
constexpr const char* take_lock = "SELECT pg_advisory_lock(1416785253)";
constexpr const char* give_lock = "SELECT pg_advisory_unlock(1416785253)";

// -- step 1: the first schema ---------------------------------------------------

// Times are microseconds since 1970, enums the numbers of persistence/records.hpp. A row's `rev` grows with each
// change: a writer names the one it has read, and changes nothing if it is another by then.
constexpr const char* first_schema = R"sql(
CREATE TABLE meta(
  name text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE models(
  ns text NOT NULL,
  name text NOT NULL,
  document text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY(ns, name)
);

CREATE TABLE bots(
  ns text NOT NULL,
  name text NOT NULL,
  document text NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  PRIMARY KEY(ns, name)
);

-- Grows with each change of a bot or a model: what a writer has kept of them is good as long as this stands still.
CREATE TABLE catalog(version bigint NOT NULL);
INSERT INTO catalog VALUES(1);

-- While a task is in the queue, what changes about it stands there, and this row rests.
CREATE TABLE tasks(
  id uuid PRIMARY KEY,
  thread_id uuid NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  started_at bigint,
  completed_at bigint,
  run_at bigint,
  deleted_at bigint,
  last_seq bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  rev integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL,
  max_attempts integer NOT NULL,
  priority integer NOT NULL,
  status smallint NOT NULL,
  -- The status of a task that is neither in the queue nor completed: what a list by status looks for here.
  listed smallint,
  error_class smallint,
  queued boolean NOT NULL,
  ns text NOT NULL,
  created_by text NOT NULL,
  name text NOT NULL,
  bot text NOT NULL,
  bot_ns text NOT NULL,
  node text NOT NULL,
  error text,
  input text NOT NULL,
  output text,
  spec text NOT NULL,
  metadata text NOT NULL
) WITH (fillfactor = 45);

-- A thread is its first task, found by its own id, and those that follow it. No index names a column that changes
-- when a task is completed, and each page has room for the second version of its rows: so that this costs no index
-- entry.
CREATE INDEX tasks_of_thread ON tasks(thread_id, id) WHERE thread_id <> id;
CREATE INDEX tasks_of_creator ON tasks(created_by, id) WHERE created_by <> '';
CREATE INDEX tasks_by_status ON tasks(listed, id) WHERE listed IS NOT NULL;

-- Threads of more than one task. Whoever lets a task into such a thread or out of it says which `rev` it has seen.
CREATE TABLE threads(
  id uuid PRIMARY KEY,
  rev bigint NOT NULL
) WITH (fillfactor = 80);

-- The hot table: a row per task that waits or runs, gone when it ends.
CREATE SEQUENCE queue_order;
CREATE TABLE queue(
  task_id uuid PRIMARY KEY,
  thread_id uuid NOT NULL,
  order_no bigint NOT NULL DEFAULT nextval('troupe.queue_order'),
  -- Set while the task is ready for the first time, at plain priority.
  ready_no bigint,
  -- Set while the task is scheduled: its due_at.
  wakes_at bigint,
  due_at bigint NOT NULL,
  last_seq bigint NOT NULL,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  started_at bigint,
  rev integer NOT NULL DEFAULT 0,
  attempt integer NOT NULL,
  priority integer NOT NULL,
  charged integer NOT NULL DEFAULT 0,
  throttled integer NOT NULL DEFAULT 0,
  recoveries integer NOT NULL DEFAULT 0,
  state smallint NOT NULL,
  held boolean NOT NULL DEFAULT false,
  -- Ready, and of another priority or not for the first time.
  again boolean NOT NULL DEFAULT false,
  -- The task began its thread, and nobody has joined it.
  alone boolean NOT NULL,
  called boolean NOT NULL DEFAULT false,
  owner uuid,
  node text NOT NULL DEFAULT '',
  ns text NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 100000);

-- Most tasks are claimed from here, in ascending order. What was claimed leaves dead entries behind as long as any
-- old transaction in the server might still look at them; a claim begins behind those.
CREATE INDEX queue_ready ON queue(ready_no) WHERE ready_no IS NOT NULL;
CREATE INDEX queue_again ON queue(priority DESC, order_no) WHERE again;
CREATE INDEX queue_scheduled ON queue(wakes_at) WHERE wakes_at IS NOT NULL;
CREATE INDEX queue_of_thread ON queue(thread_id, order_no) WHERE thread_id <> task_id;
CREATE INDEX queue_of_owner ON queue(owner) WHERE owner IS NOT NULL;

-- Ended attempts, and those that run outside of the queue.
CREATE TABLE attempts(
  task_id uuid NOT NULL,
  attempt integer NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  outcome smallint NOT NULL,
  error_class smallint,
  node text NOT NULL,
  error text,
  PRIMARY KEY(task_id, attempt)
);

-- All journals in the order of commits.
CREATE TABLE events(
  position bigint PRIMARY KEY,
  task_id uuid NOT NULL,
  seq bigint NOT NULL,
  at bigint NOT NULL,
  attempt integer NOT NULL,
  type smallint NOT NULL,
  data text NOT NULL,
  UNIQUE(task_id, seq)
);

CREATE TABLE messages(
  thread_id uuid NOT NULL,
  position bigint NOT NULL,
  task_id uuid NOT NULL,
  created_at bigint NOT NULL,
  attempt integer NOT NULL,
  role smallint NOT NULL,
  content text NOT NULL,
  tool_calls text,
  call_id text,
  tool text,
  PRIMARY KEY(thread_id, position)
);

CREATE TABLE idempotency_keys(
  key text PRIMARY KEY,
  fingerprint text NOT NULL,
  task_id uuid NOT NULL,
  created_at bigint NOT NULL
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys(created_at);

-- Which batches of a writer were committed, and where their positions begin: the answer to a commit whose own answer
-- was lost. Only the latest of each writer is of use.
CREATE TABLE batches(
  writer uuid NOT NULL,
  number bigint NOT NULL,
  first bigint NOT NULL,
  at bigint NOT NULL,
  PRIMARY KEY(writer, number)
);
CREATE INDEX batches_by_age ON batches(at);

-- Who may run tasks, and until when. `backend` and `backend_start` are the writer's session: one that is gone tells
-- of a process that is.
CREATE TABLE leases(
  owner uuid PRIMARY KEY,
  node_id uuid NOT NULL,
  node text NOT NULL,
  expires_at bigint NOT NULL,
  ttl bigint NOT NULL,
  revoked boolean NOT NULL DEFAULT false,
  backend integer NOT NULL,
  backend_start timestamptz
) WITH (fillfactor = 50);

CREATE TABLE nodes(
  id uuid PRIMARY KEY,
  name text NOT NULL,
  role smallint NOT NULL,
  draining boolean NOT NULL,
  version text NOT NULL,
  address text NOT NULL,
  lease uuid NOT NULL,
  capacity integer NOT NULL,
  running integer NOT NULL,
  started_at bigint NOT NULL,
  heartbeat_at bigint NOT NULL
) WITH (fillfactor = 50);

-- Positions: a sequence leaves no dead rows behind, however often it is drawn from.
CREATE SEQUENCE positions;

-- The next n positions, given in the order of commits: whoever has drawn some holds the lock until its transaction
-- has ended and can be seen.
CREATE FUNCTION draw_positions(n bigint) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(1416785254);
  RETURN setval('troupe.positions', nextval('troupe.positions') + n - 1);
END $$;

-- Ends the transaction unless as many rows were met as were named.
CREATE FUNCTION expect(met bigint, named bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF met IS DISTINCT FROM named THEN
    RAISE EXCEPTION 'rows have changed since they were read' USING ERRCODE = 'TR409';
  END IF;
END $$;

-- The database's clock, in microseconds; leases are judged by it.
CREATE FUNCTION clock() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
$$;

-- True while a lease holds. After a start of the server everybody gets one lease's time to renew.
CREATE FUNCTION holds(l leases) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT NOT l.revoked
     AND greatest(l.expires_at, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint + l.ttl)
         > troupe.clock()
$$;
)sql";

/// What makes a fresh server answer its first request: a model that needs no
/// network, and a bot that uses it.
std::string seed() {
  const auto at = now();
  model_record model;
  model.model = "builtin";
  bot_record bot;
  bot.model = "builtin";
  for (const auto* tool : {"now", "calculate"})
    bot.tools.emplace_back().name = tool;
  std::string sql;
  const auto add = [&](const char* table, const char* name, const std::string& document) {
    sql += std::string{"INSERT INTO "} + table + " VALUES('default', '" + name + "', ";
    append_pg_literal(sql, document);
    sql += ", ";
    append_pg_value(sql, at);
    sql += ", ";
    append_pg_value(sql, at);
    sql += ");";
  };
  add("models", "builtin", to_document(model));
  add("bots", "default", to_document(bot));
  sql += "INSERT INTO meta VALUES('database_id', '" + make_uuid().to_string() + "');";
  return sql;
}

std::string create_first_schema() {
  return first_schema + seed();
}

// -- step 2: real models --------------------------------------------------------

// Only additions with defaults: nodes of the version before go on beside this one. Costs are billionths of the
// currency that prices are given in.
constexpr const char* second_schema = R"sql(
ALTER TABLE tasks ADD COLUMN cost bigint NOT NULL DEFAULT 0, ADD COLUMN estimated boolean NOT NULL DEFAULT false;
ALTER TABLE queue ADD COLUMN cost bigint NOT NULL DEFAULT 0, ADD COLUMN estimated boolean NOT NULL DEFAULT false,
  ADD COLUMN model text NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN cost bigint NOT NULL DEFAULT 0, ADD COLUMN estimated boolean NOT NULL DEFAULT false,
  ADD COLUMN model text NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN thinking text, ADD COLUMN interrupted boolean NOT NULL DEFAULT false;
ALTER TABLE tasks ADD COLUMN waits_for smallint NOT NULL DEFAULT 0;

-- Tool calls that a person has to allow, or had to.
CREATE TABLE approvals(
  task_id uuid NOT NULL,
  call_id text NOT NULL,
  requested_at bigint NOT NULL,
  deadline bigint NOT NULL,
  decided_at bigint,
  state smallint NOT NULL,
  called boolean NOT NULL,
  edited boolean NOT NULL,
  approve_by_default boolean NOT NULL,
  ns text NOT NULL,
  created_by text NOT NULL,
  bot text NOT NULL,
  tool text NOT NULL,
  decided_by text NOT NULL,
  reason text NOT NULL,
  arguments text NOT NULL,
  PRIMARY KEY(task_id, call_id)
);
CREATE INDEX approvals_pending ON approvals(ns, task_id, call_id) WHERE state = 0;

ALTER TABLE queue ADD COLUMN reserved_cost bigint NOT NULL DEFAULT 0,
  ADD COLUMN reserved_tokens bigint NOT NULL DEFAULT 0, ADD COLUMN attempts_before integer NOT NULL DEFAULT 0;

-- Of bots and namespaces; what is reserved is held by attempts under way.
CREATE TABLE budgets(
  scope text PRIMARY KEY,
  rev bigint NOT NULL DEFAULT 0,
  limit_cost bigint,
  limit_tokens bigint,
  spent_cost bigint NOT NULL,
  spent_tokens bigint NOT NULL,
  reserved_cost bigint NOT NULL,
  reserved_tokens bigint NOT NULL,
  updated_at bigint NOT NULL,
  period smallint NOT NULL,
  "window" text NOT NULL
) WITH (fillfactor = 50);

-- Sums, added to whenever an attempt ends.
CREATE TABLE usage(
  day text NOT NULL,
  ns text NOT NULL,
  bot text NOT NULL,
  model text NOT NULL,
  created_by text NOT NULL,
  attempts bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  cost bigint NOT NULL,
  estimated boolean NOT NULL,
  PRIMARY KEY(day, ns, bot, model, created_by)
) WITH (fillfactor = 50);
)sql";

std::string create_second_schema() {
  return second_schema;
}

// -- step 3: what models and tools really do --------------------------------------

// A message's `thinking` is what its provider wants to see again (`message_record::replay`).
constexpr const char* third_schema = R"sql(
ALTER TABLE messages ADD COLUMN origin text;
ALTER TABLE tasks ADD COLUMN finish_reason smallint;
ALTER TABLE attempts ADD COLUMN finish_reason smallint;
)sql";

std::string create_third_schema() {
  return third_schema;
}

// -- step 4: what failovers and copies do ------------------------------------------

// `catalog` is the one table without a key: under a publication its row could never be changed. The grace: see
// tables/nodes.cpp.
constexpr const char* fourth_schema = R"sql(
ALTER TABLE catalog ADD COLUMN one boolean PRIMARY KEY DEFAULT true CHECK (one);

INSERT INTO meta VALUES('lease_grace', '0');

-- True while every lease holds, since nobody could renew any.
CREATE FUNCTION in_grace() RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT value::bigint > troupe.clock() FROM troupe.meta WHERE name = 'lease_grace'
$$;

-- The advisory lock that a process holds while its writer has a session. It goes with the client, also where a pooler
-- keeps the session for the next one, and everybody may see it, whatever their role.
CREATE FUNCTION node_key(node uuid) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT ('x' || right(replace(node::text, '-', ''), 16))::bit(64)::bigint
$$;

-- True while the database sees the lease's process. Those of older versions named their session instead.
CREATE FUNCTION lives(l leases) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT EXISTS(SELECT 1 FROM pg_locks k WHERE k.locktype = 'advisory' AND k.objsubid = 1 AND k.granted
                AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND (k.classid::bigint << 32 | k.objid::bigint) = troupe.node_key(l.node_id))
      OR EXISTS(SELECT 1 FROM pg_stat_activity a WHERE a.pid = l.backend
                AND coalesce(a.backend_start = l.backend_start, true))
$$;

CREATE OR REPLACE FUNCTION holds(l leases) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT NOT l.revoked
     AND (greatest(l.expires_at, (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint + l.ttl)
            > troupe.clock()
          OR troupe.in_grace())
$$;
)sql";

std::string create_fourth_schema() {
  return fourth_schema;
}

// -- all steps ------------------------------------------------------------------

/// Step n leads from version n - 1 to n.
constexpr std::array steps{create_first_schema, create_second_schema, create_third_schema, create_fourth_schema};

bool has_tables(pg_connection& connection) {
  return connection.run("SELECT 1 FROM pg_tables WHERE schemaname = 'troupe' AND tablename = 'meta'").next();
}

/// Whoever may not read it is refused before it is asked for.
int stored_version(pg_connection& connection) {
  auto rows = connection.run("SELECT value FROM meta WHERE name = 'schema_version'");
  return rows.next() ? rows.take<int>() : 0;
}

std::optional<store_error> refuse_foreign_schema(pg_connection& connection) {
  auto found = connection.run("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                              "WHERE n.nspname = 'troupe'");
  found.next();
  if (found.take<int>() == 0)
    return std::nullopt;
  return store_error{errc::unsuitable,
                     "The database has a schema 'troupe' that is not Troupe's; name another database."};
}

store_result<migration_report> migrate_locked(pg_connection& connection) {
  const auto standing = ask_pg_standing(connection);
  if (auto refused = refuse_database(standing))
    return std::move(*refused);
  const bool is_new = !has_tables(connection);
  if (is_new)
    if (auto refused = refuse_foreign_schema(connection))
      return std::move(*refused);
  // Whatever has to be done in the schema, it takes these rights at least.
  if (auto refused = refuse_schema(standing, !is_new))
    return std::move(*refused);
  migration_report report{is_new ? 0 : stored_version(connection), pg_schema_version()};
  if (report.from > report.to)
    return store_error{errc::schema_too_new, "The database has schema " + std::to_string(report.from)
                                               + ", but this program knows only " + std::to_string(report.to)
                                               + ": it was used by a newer Troupe. Run that version or a later one."};
  if (auto refused = refuse_schema(standing, report.from == report.to))
    return std::move(*refused);
  // CREATE SCHEMA IF NOT EXISTS wants the right to create one even where it exists.
  if (!standing.has_schema)
    connection.run("CREATE SCHEMA troupe");
  for (auto step = static_cast<std::size_t>(report.from); step < steps.size(); ++step)
    connection.run(steps[step]() + "INSERT INTO meta VALUES('schema_version', '" + std::to_string(step + 1)
                   + "') ON CONFLICT(name) DO UPDATE SET value = excluded.value");
  return report;
}

} // namespace

int pg_schema_version() noexcept {
  return static_cast<int>(steps.size());
}

store_result<migration_report> migrate_pg(pg_connection& connection) {
  connection.run(std::string{"SET lock_timeout = '60s'; SET statement_timeout = 0; "} + take_lock);
  auto report = migrate_locked(connection);
  connection.run(give_lock);
  return report;
}

} // namespace troupe
