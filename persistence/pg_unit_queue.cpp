#include "persistence/pg_unit.hpp"
#include "persistence/record_rows.hpp"

#include <algorithm>
#include <utility>

/// The queue, as a batch sees it.
namespace troupe {

namespace {

using namespace std::chrono_literals;

/// Bounds the transaction of a recovery.
constexpr std::size_t most_recovered = 500;

/// Scheduled tasks made ready at once, and those that need a look at their thread.
constexpr int most_promoted = 1000;
constexpr int most_promoted_turns = 100;

/// At most so long is a due task of another node overlooked.
constexpr auto promote_interval = 2s;

/// No statement that gives a task its place among the ready ones takes longer (see
/// `statement_timeout`), so that what is to come stands behind what was seen so long ago.
constexpr auto floor_interval = 12s;
/// And to be quite sure, now and then a claim begins at the bottom.
constexpr auto below_interval = 60s;

} // namespace

void pg_unit::note_due(timestamp due) {
  earliest_ = earliest_ ? std::min(*earliest_, due) : due;
  next_due_ = next_due_ ? std::min(*next_due_, due) : due;
}

void pg_unit::put_state(pg_row& r, queue_state state) {
  auto& q = *r.queue;
  q.entry.state = state;
  if (state == queue_state::ready)
    q.plain = q.priority == 0 && !r.was_queued;
  r.queue_changed = true;
}

std::vector<thread_member> pg_unit::members_of(const thread_view& view) {
  std::vector<thread_member> members;
  members.reserve(view.members.size());
  for (const auto& m : view.members)
    if (const auto& r = must(m.id); r.queue)
      members.push_back({m.id, r.queue->entry.state, r.queue->entry.held});
  return members;
}

// -- coming and going -----------------------------------------------------------

void pg_unit::join_thread(const uuid& thread_id) {
  thread(thread_id).changed = true;
  note_history(thread_id);
}

queue_state pg_unit::enter(const queue_arrival& arrival) {
  auto& r = must(arrival.task_id);
  pg_queue_row q;
  q.attempt = q.attempts_before = arrival.attempt;
  q.priority = arrival.priority;
  q.last_seq = arrival.last_seq;
  q.due_at = arrival.at;
  q.alone = arrival.new_thread;
  if (!arrival.new_thread)
    join_thread(arrival.thread_id);
  const auto state = state_on_entry(arrival.run_at, arrival.at, [&] {
    return !arrival.new_thread && is_busy(members_of(thread(arrival.thread_id)), arrival.task_id);
  });
  if (!arrival.new_thread)
    thread(arrival.thread_id).members.push_back({arrival.task_id, 0});
  r.queue = std::move(q);
  put_state(r, state);
  if (state == queue_state::scheduled) {
    r.queue->due_at = *arrival.run_at;
    note_due(*arrival.run_at);
  }
  return state;
}

void pg_unit::leave(const open_task& task) {
  auto& r = must(task.id());
  const bool alone = r.queue->alone;
  r.queue.reset();
  r.queue_changed = true;
  const auto forget_member
    = [&](thread_view& view) { std::erase_if(view.members, [&](const auto& m) { return m.id == task.id(); }); };
  if (!task.entry->is_active() || alone) {
    if (const auto known = threads_.find(task.thread_id()); known != threads_.end())
      forget_member(known->second);
    return;
  }
  auto& view = thread(task.thread_id());
  view.changed = true;
  forget_member(view);
  if (const auto next = next_in_turn(members_of(view)))
    put_state(must(*next), queue_state::ready);
}

void pg_unit::reserve(const uuid& task_id, const budget_amount& reserved) {
  change_queue(task_id).entry.reserved = reserved;
}

void pg_unit::note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) {
  auto& r = must(task_id);
  auto& q = change_queue(task_id);
  q.last_seq = last_seq;
  if (!due || q.entry.state != queue_state::scheduled)
    return;
  q.due_at = at;
  put_state(r, queue_state::ready);
}

void pg_unit::note_history(const uuid& thread_id) {
  // Only a thread's first task can be alone in it.
  auto* root = row(thread_id, true);
  if (root && root->queue && root->queue->alone) {
    root->queue->alone = false;
    root->queue_changed = true;
  }
}

// -- claiming -------------------------------------------------------------------

void pg_unit::promote(timestamp at) {
  const auto clock = std::chrono::steady_clock::now();
  if (due_known_ && (!next_due_ || *next_due_ > at) && clock - promoted_at_ < promote_interval)
    return;
  promoted_at_ = clock;
  due_known_ = true;
  // Those that hold their thread, or are alone in it, need no look at others.
  constexpr std::string_view simple
    = "UPDATE queue q SET state = 0, wakes_at = NULL, again = true, rev = rev + 1 FROM (SELECT task_id FROM queue "
      "WHERE wakes_at <= $1::bigint AND (held OR alone) ORDER BY wakes_at LIMIT $2::int FOR UPDATE SKIP LOCKED) due "
      "WHERE q.task_id = due.task_id";
  constexpr std::string_view next = "SELECT min(wakes_at) FROM queue WHERE wakes_at IS NOT NULL";
  constexpr std::string_view turns
    = "SELECT task_id FROM queue WHERE wakes_at <= $1::bigint AND NOT held AND NOT alone "
      "ORDER BY order_no LIMIT $2::int";
  constexpr std::string_view later = "SELECT min(wakes_at) FROM queue WHERE wakes_at > $1::bigint";
  const auto look = [&] {
    auto rows = connection_->query(next);
    rows.next();
    next_due_ = rows.take<std::optional<timestamp>>();
  };
  look();
  if (next_due_ && *next_due_ <= at) {
    connection_->query(simple, at, most_promoted);
    auto rows = connection_->query(turns, at, most_promoted_turns);
    while (rows.next()) {
      auto* r = row(rows.take<uuid>(), true);
      if (!r || !r->queue || r->queue->entry.state != queue_state::scheduled)
        continue;
      auto& view = thread(r->record.thread_id);
      view.changed = true;
      const auto state = state_when_due(false, [&] { return is_busy(members_of(view), r->record.id); });
      if (std::none_of(view.members.begin(), view.members.end(), [&](const auto& m) { return m.id == r->record.id; }))
        view.members.push_back({r->record.id, r->queue->order_no});
      put_state(*r, state);
    }
    look();
    // What is due still waits for this batch to be written, or for the next look.
    if (next_due_ && *next_due_ <= at) {
      rows = connection_->query(later, at);
      rows.next();
      next_due_ = rows.take<std::optional<timestamp>>();
    }
  }
}

candidate pg_unit::make_candidate(const pg_row& r, bool fresh) const {
  candidate c;
  c.task.id = r.record.id;
  c.task.thread_id = r.record.thread_id;
  c.task.ns = r.record.ns;
  c.task.name = r.record.name;
  c.task.created_by = r.record.created_by;
  c.task.input = r.record.input;
  c.task.spec = r.record.spec;
  c.task.usage = r.record.usage;
  c.task.attempt = r.queue->attempt;
  c.task.attempts_before = r.queue->attempts_before;
  c.task.charged = r.queue->entry.charged;
  c.task.throttled = r.queue->entry.throttled;
  c.last_seq = r.queue->last_seq;
  c.fresh = fresh;
  c.bot = r.record.bot;
  c.bot_ns = r.record.bot_ns;
  return c;
}

bool pg_unit::has_staged_history(const task_record& task) const {
  return std::any_of(messages_.begin(), messages_.end(), [&](const auto& staged) {
    return staged.thread_id == task.thread_id
           && !(staged.message.task_id == task.id && staged.message.role == message_role::user);
  });
}

std::vector<candidate> pg_unit::take_ready(const claim_tasks& op) {
  std::vector<candidate> out;
  owner_ = op.owner;
  // Turns that were promoted a moment ago are ready in this batch only.
  for (auto& [id, r] : rows_) {
    if (out.size() == static_cast<std::size_t>(op.limit))
      break;
    if (!r.was_queued || r.was_ready || !r.queue || r.queue->entry.state != queue_state::ready || !r.queue_changed
        || !row(id, true))
      continue;
    auto said = connection_->query("SELECT EXISTS(SELECT 1 FROM messages WHERE thread_id = $1::uuid "
                                   "AND NOT (task_id = $2::uuid AND role = 0))",
                                   r.record.thread_id, id);
    said.next();
    r.has_history = said.take<bool>() || has_staged_history(r.record);
    out.push_back(make_candidate(r, !r.has_history));
  }
  if (out.size() < static_cast<std::size_t>(op.limit))
    reserve(op, out);
  if (!left_some_)
    take_new(op, out);
  return out;
}

void pg_unit::take_new(const claim_tasks& op, std::vector<candidate>& out) {
  // What this very batch has brought goes into the queue as running, which spares it two changes of its row.
  std::vector<const pg_row*> found;
  for (const auto& [id, r] : rows_)
    if (!r.was_queued && r.queue && r.queue->alone && r.queue->attempt == 0
        && r.queue->entry.state == queue_state::ready)
      found.push_back(&r);
  std::stable_sort(found.begin(), found.end(),
                   [](const auto* a, const auto* b) { return a->queue->priority > b->queue->priority; });
  for (const auto* r : found) {
    if (out.size() == static_cast<std::size_t>(op.limit))
      return;
    out.push_back(make_candidate(*r, true));
  }
}

void pg_unit::take_back_leftovers(const claim_tasks& op) {
  if (!leftovers_)
    return;
  connection_->query("UPDATE queue SET state = 0, again = true, owner = NULL, rev = rev + 1 "
                     "WHERE owner = $1::uuid AND state = 4",
                     op.owner);
  leftovers_ = false;
}

void pg_unit::reserve(const claim_tasks& op, std::vector<candidate>& out) {
  // One short statement that ends its own transaction. Its loss would only delay, so nobody waits for the disk. One row
  // more than is wanted tells whether there are more.
  constexpr std::string_view sql = R"sql(
WITH first AS MATERIALIZED (
  SELECT task_id, priority, order_no, 0 AS part FROM queue WHERE again AND priority >= 0
  ORDER BY priority DESC, order_no LIMIT $3::int + 1 FOR UPDATE SKIP LOCKED),
plain AS MATERIALIZED (
  SELECT task_id, priority, ready_no, 1 AS part FROM queue WHERE ready_no > $4::bigint
  ORDER BY ready_no LIMIT greatest($3::int + 1 - (SELECT count(*) FROM first), 0) FOR UPDATE SKIP LOCKED),
low AS MATERIALIZED (
  SELECT task_id, priority, order_no, 2 AS part FROM queue WHERE again AND priority < 0
  ORDER BY priority DESC, order_no
  LIMIT greatest($3::int + 1 - (SELECT count(*) FROM first) - (SELECT count(*) FROM plain), 0) FOR UPDATE SKIP LOCKED),
found AS MATERIALIZED (SELECT * FROM first UNION ALL SELECT * FROM plain UNION ALL SELECT * FROM low),
numbered AS MATERIALIZED (
  SELECT task_id, order_no, part, row_number() OVER (ORDER BY priority DESC, part, order_no) AS place FROM found)
UPDATE queue q SET state = 4, owner = $1::uuid, node = $2::text, ready_no = NULL, again = false, rev = q.rev + 1
FROM (SELECT * FROM numbered WHERE place <= $3::int) n JOIN tasks t ON t.id = n.task_id WHERE q.task_id = n.task_id
RETURNING n.place, (SELECT count(*) FROM numbered) > $3::int, CASE WHEN n.part = 1 THEN n.order_no END,
  CASE WHEN q.alone AND q.attempt = 0 THEN false ELSE EXISTS(SELECT 1 FROM messages m WHERE m.thread_id = t.thread_id
    AND NOT (m.task_id = t.id AND m.role = 0)) END,
  set_config('synchronous_commit', 'off', true),
  t.id, t.thread_id, t.ns, t.created_by, t.status, t.queued, t.attempt, t.max_attempts, t.priority,
  t.input_tokens, t.output_tokens, t.cost, t.estimated, t.waits_for, t.created_at, t.updated_at, t.started_at, t.completed_at, t.run_at,
  t.error_class, t.finish_reason, t.name, t.bot, t.bot_ns, t.node, t.error, t.input, t.output, t.spec, t.metadata,
  t.last_seq, t.rev, t.deleted_at,
  q.state, q.held, q.owner, q.node, q.started_at, q.charged, q.throttled, q.recoveries, q.called, q.model,
  q.input_tokens, q.output_tokens, q.cost, q.estimated, q.reserved_cost, q.reserved_tokens, q.rev, q.attempt, q.priority, q.last_seq, q.order_no, q.due_at, q.alone, q.attempts_before,
  q.ready_no IS NOT NULL
)sql";
  const auto clock = std::chrono::steady_clock::now();
  if (clock - floor_moved_ >= floor_interval) {
    ready_floor_ = std::exchange(next_floor_, highest_ready_);
    floor_moved_ = clock;
  }
  const auto limit = op.limit - static_cast<int>(out.size());
  const auto ask = [&](std::int64_t floor) {
    // Its reply may be lost on its way: see `roll_back`.
    reserved_ = true;
    return connection_->query(sql, op.owner, op.node, limit, floor);
  };
  const bool below = clock - looked_below_ >= below_interval;
  if (below)
    looked_below_ = clock;
  auto rows = ask(below ? 0 : ready_floor_);
  std::vector<std::pair<std::int64_t, candidate>> found;
  while (rows.next()) {
    const auto place = rows.take<std::int64_t>();
    left_some_ = rows.take<bool>();
    highest_ready_ = std::max(highest_ready_, rows.take<std::int64_t>());
    const auto has_history = rows.take<bool>();
    rows.take_view();
    auto r = take_row(rows);
    r.has_history = has_history;
    if (const auto* reserved = put_reserved(std::move(r)))
      found.emplace_back(place, make_candidate(*reserved, !has_history));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [place, c] : found)
    out.push_back(std::move(c));
}

const pg_row* pg_unit::put_reserved(pg_row stored) {
  const auto [at, is_new] = rows_.try_emplace(stored.record.id);
  auto& r = at->second;
  if (is_new || !(r.changed || r.queue_changed)) {
    r = std::move(stored);
    return &r;
  }
  // This batch has changed it before: that stands, over the row as it is now. Perhaps it is not to be run any more.
  if (!r.was_queued || r.queue_rev + 1 != stored.queue_rev)
    throw pg_conflict{"a task that was reserved has changed since it was read"};
  r.queue_rev = stored.queue_rev;
  r.has_history = r.has_history || stored.has_history;
  r.queue_changed = true;
  return r.queue && r.queue->entry.state == queue_state::ready ? &r : nullptr;
}

// -- attempts -------------------------------------------------------------------

void pg_unit::start(const uuid& task_id, const attempt_start& start) {
  auto& q = change_queue(task_id);
  q.entry.state = queue_state::running;
  q.entry.held = true;
  q.entry.owner = start.owner;
  q.entry.node = start.node;
  q.entry.started_at = start.at;
  q.entry.model = start.model;
  q.entry.usage = {};
  q.entry.reserved = {};
  q.attempt = start.attempt;
  q.last_seq = start.last_seq;
  q.plain = false;
}

void pg_unit::advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) {
  auto& q = change_queue(task_id);
  q.last_seq = last_seq;
  q.entry.usage = progress.usage;
  q.entry.model = progress.model;
  q.entry.called = progress.called;
}

void pg_unit::put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq,
                       std::optional<timestamp> due, timestamp at) {
  auto& r = must(task_id);
  auto& q = change_queue(task_id);
  // The task's own row rests while it is claimed; it has to tell of this attempt from now on.
  r.record.node = q.entry.node;
  r.record.attempt = q.attempt;
  if (!r.record.started_at)
    r.record.started_at = q.entry.started_at;
  q.entry = entry;
  q.entry.owner = {};
  q.entry.usage = {};
  q.entry.reserved = {};
  q.last_seq = last_seq;
  const auto state = state_on_return(due, at);
  put_state(r, state);
  q.due_at = state == queue_state::scheduled ? *due : at;
  if (state == queue_state::scheduled)
    note_due(*due);
}

std::pair<std::vector<uuid>, bool> pg_unit::lost(const recover_tasks& op) {
  // Leases of processes that the database has lost sight of end now, those that have run out for good. When a session
  // of another role began is not shown to everybody: one that has its number is taken for it.
  std::string sql;
  if (!op.suspects.empty()) {
    pg_array suspects;
    for (const auto& suspect : op.suspects)
      suspects.add(suspect);
    sql += "EXECUTE "
           + connection_->prepared("UPDATE leases SET revoked = true WHERE (owner = ANY($1::uuid[]) "
                                   "OR node_id = ANY($1::uuid[])) AND NOT revoked "
                                   "AND NOT EXISTS(SELECT 1 FROM pg_stat_activity a WHERE a.pid = backend "
                                   "AND coalesce(a.backend_start = leases.backend_start, true))")
           + "(";
    suspects.write(sql);
    sql += ");";
  }
  connection_->append(sql, "UPDATE leases SET revoked = true WHERE NOT revoked AND NOT holds(leases)");
  // A promise that was never kept needs no word in any journal.
  connection_->append(sql, "UPDATE queue q SET state = 0, again = true, owner = NULL, rev = rev + 1 WHERE q.state = 4 "
                           "AND q.owner IS NOT NULL AND NOT EXISTS(SELECT 1 FROM leases l WHERE l.owner = q.owner "
                           "AND NOT l.revoked)");
  connection_->append(sql,
                      "SELECT q.task_id FROM queue q WHERE q.owner IS NOT NULL AND q.state = 1 AND NOT EXISTS("
                      "SELECT 1 FROM leases l WHERE l.owner = q.owner AND NOT l.revoked) ORDER BY q.task_id "
                      "LIMIT $1::int",
                      static_cast<int>(most_recovered) + 1);
  auto rows = connection_->run(sql);
  std::vector<uuid> found;
  while (rows.next())
    found.push_back(rows.take<uuid>());
  const bool more = found.size() > most_recovered;
  if (more)
    found.pop_back();
  if (found.empty())
    connection_->query("DELETE FROM leases WHERE revoked AND NOT EXISTS("
                       "SELECT 1 FROM queue WHERE queue.owner = leases.owner)");
  // What this batch has changed before it looked here waits for the next look.
  std::erase_if(found, [this](const uuid& id) {
    const auto known = rows_.find(id);
    return known != rows_.end() && (known->second.changed || known->second.queue_changed);
  });
  for (const auto& id : found) {
    claimed_.erase(id);
    rows_.erase(id);
  }
  if (!found.empty())
    read_rows(found);
  std::erase_if(found, [this](const uuid& id) { return !rows_.contains(id) || !rows_.at(id).queue; });
  return {std::move(found), more};
}

} // namespace troupe
