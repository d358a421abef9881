#include "persistence/sqlite/tables/queue.hpp"

#include "persistence/rows/record_columns.hpp"
#include "persistence/rows/sql_text.hpp"
#include "persistence/sqlite/database.hpp"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace troupe {

// The numbers in the SQL below, which partial indexes need as literals.
static_assert(static_cast<int>(queue_state::ready) == 0 && static_cast<int>(queue_state::running) == 1
              && static_cast<int>(queue_state::blocked) == 2 && static_cast<int>(queue_state::scheduled) == 3);
// What it narrows a thread down to, `held = 1 OR state <= 1`.
static_assert(is_active(queue_state::ready, false) && is_active(queue_state::running, false)
              && !is_active(queue_state::blocked, false) && !is_active(queue_state::scheduled, false)
              && is_active(queue_state::scheduled, true));

namespace {

/// Bounds the transaction of a recovery.
constexpr std::size_t most_recovered = 500;

std::vector<thread_member> take_members(sqlite_rows rows) {
  std::vector<thread_member> members;
  while (rows.next()) {
    auto& member = members.emplace_back();
    member.task_id = rows.take<uuid>();
    member.state = rows.take<queue_state>();
    member.held = rows.take<bool>();
  }
  return members;
}

candidate take_candidate(sqlite_rows& row) {
  candidate c;
  c.task.id = row.take<uuid>();
  c.task.thread_id = row.take<uuid>();
  c.task.ns = row.take<std::string>();
  c.task.attempt = row.take<int>();
  c.task.charged = row.take<int>();
  c.task.throttled = row.take<int>();
  c.last_seq = row.take<std::int64_t>();
  c.fresh = row.take<bool>();
  c.task.created_by = row.take<std::string>();
  c.task.name = row.take<std::string>();
  c.bot = row.take<std::string>();
  c.bot_ns = row.take<std::string>();
  c.task.input = row.take<std::string>();
  c.task.spec = row.take<std::string>();
  take_columns(row, columns<token_usage>, c.task.usage);
  c.task.attempts_before = row.take<int>();
  return c;
}

} // namespace

sqlite_queue::sqlite_queue(sqlite_file& file) : sqlite_queue{file, file.writing} {}

sqlite_queue::sqlite_queue(const sqlite_file& file, sqlite_connection& connection)
  : file_{file}, order_{connection.number("SELECT coalesce(max(order_no), 0) FROM queue")},
    insert_{connection.get(),
            "INSERT INTO queue(task_id, thread_id, ns, state, held, priority, order_no, due_at, attempt, last_seq, "
            "charged, throttled, recoveries, fresh, called, input_tokens, output_tokens, node, attempts_before) "
            "VALUES(?1, ?2, ?3, ?4, 0, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, ?10, 0, 0, 0, '', ?8)"},
    find_ready_{
      connection.get(),
      std::string{"SELECT q.task_id, q.thread_id, q.ns, q.attempt, q.charged, q.throttled, q.last_seq, q.fresh, "
                  "t.created_by, t.name, t.bot, t.bot_ns, t.input, t.spec, "}
        + select_list<token_usage>("t")
        + ", q.attempts_before FROM queue q CROSS JOIN tasks t ON t.id = q.task_id "
          "WHERE q.state = 0 ORDER BY q.priority DESC, q.order_no LIMIT ?"},
    find_lost_{connection.get(), "SELECT task_id FROM queue WHERE state = 1 AND owner IS NOT ? "
                                 "ORDER BY order_no LIMIT ?"},
    delete_{connection.get(), "DELETE FROM queue WHERE task_id = ?"},
    find_active_{
      connection.get(),
      "SELECT task_id, state, held FROM queue WHERE thread_id = ?1 AND thread_id <> task_id AND task_id <> ?2 "
      "AND (held = 1 OR state <= 1) UNION ALL SELECT task_id, state, held FROM queue "
      "WHERE task_id = ?1 AND task_id <> ?2 AND (held = 1 OR state <= 1) LIMIT 1"},
    find_blocked_{connection.get(),
                  "SELECT task_id, state, held FROM (SELECT * FROM (SELECT task_id, state, held, order_no FROM queue "
                  "WHERE thread_id = ?1 AND thread_id <> task_id AND state = 2 ORDER BY order_no LIMIT 1) UNION ALL "
                  "SELECT task_id, state, held, order_no FROM queue WHERE task_id = ?1 AND state = 2) "
                  "ORDER BY order_no LIMIT 1"},
    set_state_{connection.get(), "UPDATE queue SET state = ?2 WHERE task_id = ?1"},
    promote_held_{connection.get(), "UPDATE queue SET state = 0 WHERE state = 3 AND due_at <= ? AND held = 1"},
    find_due_{connection.get(), "SELECT task_id, thread_id FROM queue WHERE state = 3 AND due_at <= ? "
                                "ORDER BY order_no"},
    start_{connection.get(),
           "UPDATE queue SET state = 1, held = 1, attempt = ?2, last_seq = ?3, owner = ?4, node = ?5, started_at = ?6, "
           "model = ?7, fresh = 0 WHERE task_id = ?1"},
    advance_{connection.get(), "UPDATE queue SET last_seq = ?2, input_tokens = ?3, output_tokens = ?4, cost = ?5, "
                               "estimated = ?6, called = ?7, model = ?8 WHERE task_id = ?1"},
    put_back_{connection.get(),
              "UPDATE queue SET state = ?2, due_at = ?3, last_seq = ?4, charged = ?5, throttled = ?6, recoveries = ?7, "
              "owner = NULL, node = '', input_tokens = 0, output_tokens = 0, cost = 0, estimated = 0, "
              "reserved_cost = 0, reserved_tokens = 0 WHERE task_id = ?1"},
    reserve_{connection.get(), "UPDATE queue SET reserved_cost = ?2, reserved_tokens = ?3 WHERE task_id = ?1"},
    note_entries_{connection.get(),
                  "UPDATE queue SET last_seq = ?2, state = CASE WHEN ?3 AND state = 3 THEN 0 ELSE state END, "
                  "due_at = CASE WHEN ?3 AND state = 3 THEN ?4 ELSE due_at END WHERE task_id = ?1"},
    // Only a thread's first task can be fresh.
    note_history_{connection.get(), "UPDATE queue SET fresh = 0 WHERE task_id = ? AND fresh = 1"},
    next_due_{connection.get(), "SELECT due_at FROM queue WHERE state = 3 ORDER BY due_at LIMIT 1"},
    any_ready_{connection.get(), "SELECT 1 FROM queue WHERE state = 0 LIMIT 1"} {}

queue_state sqlite_queue::enter(const queue_arrival& arrival) {
  const auto state = state_on_entry(arrival.run_at, arrival.at, [&] {
    return !arrival.new_thread && has_active_sibling(arrival.task_id, arrival.thread_id);
  });
  const auto due = state == queue_state::scheduled ? *arrival.run_at : arrival.at;
  // A new thread stays without history while its first task is active.
  const bool fresh = arrival.new_thread && state == queue_state::ready;
  insert_.run(arrival.task_id, arrival.thread_id, arrival.ns, state, arrival.priority, ++order_, due, arrival.attempt,
              arrival.last_seq, fresh);
  if (state == queue_state::scheduled)
    note_due(due);
  return state;
}

void sqlite_queue::leave(const open_task& task) {
  delete_.run(task.id());
  if (!task.entry->is_active())
    return;
  if (const auto next = next_in_turn(take_members(find_blocked_.query(task.thread_id()))))
    set_state(*next, queue_state::ready);
}

void sqlite_queue::promote(timestamp at) {
  promote_held_.run(at);
  std::vector<std::pair<uuid, uuid>> due;
  {
    auto rows = find_due_.query(at);
    while (rows.next()) {
      const auto task_id = rows.take<uuid>();
      due.emplace_back(task_id, rows.take<uuid>());
    }
  }
  for (const auto& one : due)
    set_state(one.first, state_when_due(false, [&] { return has_active_sibling(one.first, one.second); }));
}

std::vector<candidate> sqlite_queue::take_ready(const claim_tasks& op) {
  promote(op.at);
  // All are read before the first is changed: a claim moves rows of the index it is read by.
  std::vector<candidate> candidates;
  auto rows = find_ready_.query(op.limit);
  while (rows.next())
    candidates.push_back(take_candidate(rows));
  return candidates;
}

std::pair<std::vector<uuid>, bool> sqlite_queue::lost(const recover_tasks&) {
  std::vector<uuid> found;
  auto rows = find_lost_.query(file_.lease, most_recovered + 1);
  while (rows.next())
    found.push_back(rows.take<uuid>());
  const bool more = found.size() > most_recovered;
  if (more)
    found.pop_back();
  return {std::move(found), more};
}

void sqlite_queue::start(const uuid& task_id, const attempt_start& start) {
  start_.run(task_id, start.attempt, start.last_seq, start.owner, start.node, start.at, start.model);
}

void sqlite_queue::advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) {
  const auto& usage = progress.usage;
  advance_.run(task_id, last_seq, usage.input_tokens, usage.output_tokens, usage.cost, usage.estimated, progress.called,
               progress.model);
}

void sqlite_queue::put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq,
                            std::optional<timestamp> due, timestamp at) {
  const auto state = state_on_return(due, at);
  const bool waits = state == queue_state::scheduled;
  put_back_.run(task_id, state, waits ? *due : at, last_seq, entry.charged, entry.throttled, entry.recoveries);
  if (waits)
    note_due(*due);
}

void sqlite_queue::reserve(const uuid& task_id, const budget_amount& reserved) {
  reserve_.run(task_id, reserved.cost, reserved.tokens);
}

void sqlite_queue::note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) {
  note_entries_.run(task_id, last_seq, due, at);
}

void sqlite_queue::note_history(const uuid& thread_id) {
  note_history_.run(thread_id);
}

std::optional<timestamp> sqlite_queue::next_due() {
  auto rows = next_due_.query();
  return rows.next() ? std::optional{rows.take<timestamp>()} : std::nullopt;
}

bool sqlite_queue::any_ready() {
  return any_ready_.query().next();
}

bool sqlite_queue::has_active_sibling(const uuid& task_id, const uuid& thread_id) {
  return is_busy(take_members(find_active_.query(thread_id, task_id)), task_id);
}

void sqlite_queue::set_state(const uuid& task_id, queue_state state) {
  set_state_.run(task_id, state);
}

void sqlite_queue::note_due(timestamp due) {
  earliest_ = earliest_ ? std::min(*earliest_, due) : due;
}

} // namespace troupe
