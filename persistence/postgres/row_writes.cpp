#include "persistence/postgres/row_cache.hpp"

/// How a batch writes its rows: a statement for each kind of change, with an array for
/// each column.
namespace troupe {

namespace {

// Each that changes rows ends with the number of rows it must meet.

constexpr std::string_view change_threads = R"sql(
WITH met AS (
  INSERT INTO threads AS t(id, rev) SELECT u.id, u.rev + 1 FROM unnest($1::uuid[], $2::bigint[]) AS u(id, rev)
  ON CONFLICT(id) DO UPDATE SET rev = excluded.rev WHERE t.rev = excluded.rev - 1 RETURNING 1)
SELECT expect((SELECT count(*) FROM met), $3::bigint))sql";

constexpr std::string_view insert_tasks = R"sql(
INSERT INTO tasks(id, thread_id, ns, created_by, status, queued, listed, attempt, last_seq, max_attempts, priority,
  input_tokens, output_tokens, created_at, updated_at, run_at, name, bot, bot_ns, node, input, spec, metadata)
SELECT u.id, u.thread_id, u.ns, u.created_by, 0, u.queued, CASE WHEN u.queued THEN NULL ELSE 0 END, 0, u.last_seq,
  u.max_attempts, u.priority, 0, 0, u.created_at, u.updated_at, u.run_at, u.name, u.bot, u.bot_ns, '', u.input, u.spec,
  u.metadata
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::boolean[], $6::bigint[], $7::int[], $8::int[],
  $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
  $17::text[]) AS u(id, thread_id, ns, created_by, queued, last_seq, max_attempts, priority, created_at, updated_at,
  run_at, name, bot, bot_ns, input, spec, metadata))sql";

constexpr std::string_view change_tasks = R"sql(
WITH met AS (
  UPDATE tasks t SET rev = t.rev + 1, status = u.status, queued = u.queued,
    listed = CASE WHEN u.queued OR u.status = 2 THEN NULL ELSE u.status END, attempt = u.attempt,
    last_seq = u.last_seq, max_attempts = u.max_attempts, input_tokens = u.input_tokens,
    output_tokens = u.output_tokens, cost = u.cost, estimated = u.estimated, waits_for = u.waits_for,
    updated_at = u.updated_at, started_at = u.started_at, completed_at = u.completed_at, deleted_at = u.deleted_at,
    error_class = u.error_class, bot = u.bot, bot_ns = u.bot_ns, node = u.node, error = u.error, output = u.output,
    finish_reason = u.finish_reason
  FROM unnest($1::uuid[], $2::int[], $3::smallint[], $4::boolean[], $5::int[], $6::bigint[], $7::int[], $8::bigint[],
    $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::bigint[], $14::smallint[], $15::text[],
    $16::text[], $17::text[], $18::text[], $19::text[], $20::bigint[], $21::boolean[], $22::smallint[],
    $23::smallint[]) AS u(id, rev, status, queued, attempt, last_seq, max_attempts, input_tokens, output_tokens,
    updated_at, started_at, completed_at, deleted_at, error_class, bot, bot_ns, node, error, output, cost, estimated,
    waits_for, finish_reason)
  WHERE t.id = u.id AND t.rev = u.rev RETURNING 1)
SELECT expect((SELECT count(*) FROM met), $24::bigint))sql";

constexpr std::string_view insert_queue = R"sql(
INSERT INTO queue(task_id, thread_id, ns, state, priority, due_at, wakes_at, ready_no, again, attempt, last_seq, alone,
  held, started_at, owner, node, model, attempts_before)
SELECT u.task_id, u.thread_id, u.ns, u.state, u.priority, u.due_at, CASE WHEN u.state = 3 THEN u.due_at END,
  CASE WHEN u.state = 0 AND u.plain THEN nextval('queue_order') END, u.state = 0 AND NOT u.plain, u.attempt,
  u.last_seq, u.alone, u.held, u.started_at, u.owner, u.node, u.model, u.attempts_before
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::smallint[], $5::int[], $6::bigint[], $7::boolean[], $8::int[],
  $9::bigint[], $10::boolean[], $11::boolean[], $12::bigint[], $13::uuid[], $14::text[], $15::text[], $16::int[])
  AS u(task_id, thread_id, ns, state, priority, due_at, plain, attempt, last_seq, alone, held, started_at, owner,
    node, model, attempts_before))sql";

constexpr std::string_view change_queue_rows = R"sql(
WITH met AS (
  UPDATE queue q SET rev = q.rev + 1, state = u.state, held = u.held, due_at = u.due_at,
    wakes_at = CASE WHEN u.state = 3 THEN u.due_at END,
    ready_no = CASE WHEN u.state = 0 AND u.plain THEN q.ready_no END, again = u.state = 0 AND NOT u.plain,
    attempt = u.attempt, last_seq = u.last_seq, charged = u.charged, throttled = u.throttled,
    recoveries = u.recoveries, alone = u.alone, called = u.called, input_tokens = u.input_tokens,
    output_tokens = u.output_tokens, started_at = u.started_at, owner = u.owner, node = u.node, model = u.model,
    cost = u.cost, estimated = u.estimated, reserved_cost = u.reserved_cost, reserved_tokens = u.reserved_tokens
  FROM unnest($1::uuid[], $2::int[], $3::smallint[], $4::boolean[], $5::bigint[], $6::boolean[], $7::int[],
    $8::bigint[], $9::int[], $10::int[], $11::int[], $12::boolean[], $13::boolean[], $14::bigint[], $15::bigint[],
    $16::bigint[], $17::uuid[], $18::text[], $19::text[], $20::bigint[], $21::boolean[], $22::bigint[],
    $23::bigint[]) AS u(task_id, rev, state, held,
    due_at, plain, attempt, last_seq, charged, throttled, recoveries, alone, called, input_tokens, output_tokens,
    started_at, owner, node, model, cost, estimated, reserved_cost, reserved_tokens)
  WHERE q.task_id = u.task_id AND q.rev = u.rev RETURNING 1)
SELECT expect((SELECT count(*) FROM met), $24::bigint))sql";

constexpr std::string_view delete_queue_rows = R"sql(
WITH met AS (
  DELETE FROM queue q USING unnest($1::uuid[], $2::int[]) AS u(task_id, rev)
  WHERE q.task_id = u.task_id AND q.rev = u.rev RETURNING 1)
SELECT expect((SELECT count(*) FROM met), $3::bigint))sql";

} // namespace

void pg_row_cache::write(std::string& sql) {
  write_threads(sql);
  write_tasks(sql);
  write_queue(sql);
}

void pg_row_cache::write_threads(std::string& sql) {
  pg_columns changed{2};
  for (const auto& [id, view] : threads_)
    if (view.changed)
      changed.add(id, view.rev);
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(change_threads), true);
}

void pg_row_cache::write_tasks(std::string& sql) {
  pg_columns added{17};
  pg_columns changed{23};
  for (const auto& [id, r] : rows_) {
    const auto& t = r.record;
    if (r.is_new)
      added.add(id, t.thread_id, t.ns, t.created_by, t.queued, r.last_seq, t.max_attempts, t.priority, t.created_at,
                t.updated_at, t.run_at, t.name, t.bot, t.bot_ns, t.input, t.spec, t.metadata);
    // A new task may be changed by the same batch: its row is there by then.
    if (r.changed)
      changed.add(id, r.rev, t.status, t.queued, t.attempt, r.last_seq, t.max_attempts, t.usage.input_tokens,
                  t.usage.output_tokens, t.updated_at, t.started_at, t.completed_at, r.deleted_at, t.error_kind, t.bot,
                  t.bot_ns, t.node, t.error, t.output, t.usage.cost, t.usage.estimated, t.waits_for, t.finish);
  }
  if (added.rows() > 0)
    added.write(sql, connection_->prepared(insert_tasks), false);
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(change_tasks), true);
}

void pg_row_cache::write_queue(std::string& sql) {
  pg_columns added{16};
  pg_columns changed{23};
  pg_columns removed{2};
  for (const auto& [id, r] : rows_) {
    if (!r.queue_changed)
      continue;
    if (r.was_queued && !r.queue) {
      removed.add(id, r.queue_rev);
      continue;
    }
    if (!r.queue)
      continue;
    const auto& q = *r.queue;
    const auto& e = q.entry;
    std::optional<uuid> owner;
    if (!e.owner.is_nil())
      owner = e.owner;
    if (!r.was_queued) {
      added.add(id, r.record.thread_id, r.record.ns, e.state, q.priority, q.due_at, q.plain, q.attempt, q.last_seq,
                q.alone, e.held, e.started_at, owner, e.node, e.model, q.attempts_before);
      continue;
    }
    changed.add(id, r.queue_rev, e.state, e.held, q.due_at, q.plain, q.attempt, q.last_seq, e.charged, e.throttled,
                e.recoveries, q.alone, e.called, e.usage.input_tokens, e.usage.output_tokens, e.started_at, owner,
                e.node, e.model, e.usage.cost, e.usage.estimated, e.reserved.cost, e.reserved.tokens);
  }
  if (removed.rows() > 0)
    removed.write(sql, connection_->prepared(delete_queue_rows), true);
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(change_queue_rows), true);
  if (added.rows() > 0)
    added.write(sql, connection_->prepared(insert_queue), false);
}

} // namespace troupe
