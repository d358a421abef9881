#include "persistence/postgres/tables/claims.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>
#include <variant>

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

/// One short statement that ends its own transaction. Its loss would only delay, so nobody waits for the disk. One row
/// more than is wanted tells whether there are more.
const std::string& reserve_ready() {
  static const std::string sql = std::string{R"sql(
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
)sql"} + pg_row_columns();
  return sql;
}

/// Those that hold their thread, or are alone in it, need no look at others.
constexpr std::string_view promote_simple
  = "UPDATE queue q SET state = 0, wakes_at = NULL, again = true, rev = rev + 1 FROM (SELECT task_id FROM queue "
    "WHERE wakes_at <= $1::bigint AND (held OR alone) ORDER BY wakes_at LIMIT $2::int FOR UPDATE SKIP LOCKED) due "
    "WHERE q.task_id = due.task_id";
constexpr std::string_view select_turns
  = "SELECT task_id FROM queue WHERE wakes_at <= $1::bigint AND NOT held AND NOT alone ORDER BY order_no LIMIT $2::int";

constexpr std::string_view revoke_suspects
  = "UPDATE leases SET revoked = true WHERE (owner = ANY($1::uuid[]) OR node_id = ANY($1::uuid[])) AND NOT revoked "
    "AND NOT in_grace() AND NOT lives(leases)";

candidate make_candidate(const pg_row& r, bool fresh) {
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

bool is_full(const std::vector<candidate>& found, const claim_tasks& op) {
  return found.size() >= static_cast<std::size_t>(op.limit);
}

} // namespace

// -- the batch --------------------------------------------------------------------

void pg_claims::begin(std::span<const operation> batch) {
  for (const auto& op : batch)
    if (const auto* claim = std::get_if<claim_tasks>(&op)) {
      take_back_leftovers(*claim);
      promote(claim->at);
    }
}

void pg_claims::commit(committed& result) {
  result.work_ready = left_some_ || rows_.has_made_ready();
  result.next_due = earliest_;
  reserved_ = false;
  roll_back();
}

void pg_claims::roll_back() {
  // What was reserved for this batch is still so, and nobody knows of it.
  leftovers_ = std::exchange(reserved_, false) || leftovers_;
  left_some_ = false;
  earliest_.reset();
}

void pg_claims::take_back_leftovers(const claim_tasks& op) {
  if (!leftovers_)
    return;
  connection_->query("UPDATE queue SET state = 0, again = true, owner = NULL, rev = rev + 1 "
                     "WHERE owner = $1::uuid AND state = 4",
                     op.owner);
  leftovers_ = false;
}

// -- what is due ------------------------------------------------------------------

void pg_claims::note_due(timestamp due) {
  earliest_ = earliest_ ? std::min(*earliest_, due) : due;
  next_due_ = next_due_ ? std::min(*next_due_, due) : due;
}

std::optional<timestamp> pg_claims::ask_next_due() {
  auto rows = connection_->query("SELECT min(wakes_at) FROM queue WHERE wakes_at IS NOT NULL");
  rows.next();
  return rows.take<std::optional<timestamp>>();
}

void pg_claims::promote(timestamp at) {
  const auto clock = std::chrono::steady_clock::now();
  if (due_known_ && (!next_due_ || *next_due_ > at) && clock - promoted_at_ < promote_interval)
    return;
  promoted_at_ = clock;
  due_known_ = true;
  next_due_ = ask_next_due();
  if (!next_due_ || *next_due_ > at)
    return;
  connection_->query(promote_simple, at, most_promoted);
  promote_turns(at);
  next_due_ = ask_next_due();
  // What is due still waits for this batch to be written, or for the next look.
  if (next_due_ && *next_due_ <= at) {
    auto rows = connection_->query("SELECT min(wakes_at) FROM queue WHERE wakes_at > $1::bigint", at);
    rows.next();
    next_due_ = rows.take<std::optional<timestamp>>();
  }
}

void pg_claims::promote_turns(timestamp at) {
  auto rows = connection_->query(select_turns, at, most_promoted_turns);
  while (rows.next()) {
    auto* r = rows_.find_whole(rows.take<uuid>());
    if (!r || !r->queue || r->queue->entry.state != queue_state::scheduled)
      continue;
    const auto& id = r->record.id;
    auto& thread = rows_.thread(r->record.thread_id);
    thread.changed = true;
    r->put_state(state_when_due(false, [&] { return is_busy(rows_.members_of(thread), id); }));
    if (!thread.has(id))
      thread.members.push_back({id, r->queue->order_no});
  }
}

// -- claiming ---------------------------------------------------------------------

std::vector<candidate> pg_claims::take_ready(const claim_tasks& op) {
  std::vector<candidate> out;
  owner_ = op.owner;
  take_promoted(op, out);
  if (!is_full(out, op))
    take_stored(op, out);
  if (!left_some_)
    take_new(op, out);
  return out;
}

void pg_claims::take_promoted(const claim_tasks& op, std::vector<candidate>& out) {
  for (auto& [id, r] : rows_.all()) {
    if (is_full(out, op))
      return;
    if (!r.was_queued || r.was_ready || !r.queue || r.queue->entry.state != queue_state::ready || !r.queue_changed
        || !rows_.find_whole(id))
      continue;
    auto said = connection_->query("SELECT EXISTS(SELECT 1 FROM messages WHERE thread_id = $1::uuid "
                                   "AND NOT (task_id = $2::uuid AND role = 0))",
                                   r.record.thread_id, id);
    said.next();
    r.has_history = said.take<bool>() || journal_.has_staged_history(r.record);
    out.push_back(make_candidate(r, !r.has_history));
  }
}

void pg_claims::take_stored(const claim_tasks& op, std::vector<candidate>& out) {
  const auto limit = op.limit - static_cast<int>(out.size());
  const auto floor = floor_.begin(std::chrono::steady_clock::now());
  // The reply may be lost on its way: see `roll_back`.
  reserved_ = true;
  auto rows = connection_->query(reserve_ready(), op.owner, op.node, limit, floor);
  std::vector<placed> found;
  while (rows.next()) {
    const auto place = rows.take<std::int64_t>();
    left_some_ = rows.take<bool>();
    floor_.note(rows.take<std::int64_t>());
    const auto has_history = rows.take<bool>();
    rows.take_view();
    auto r = pg_row_cache::take(rows);
    r.has_history = has_history;
    if (const auto* reserved = put_reserved(std::move(r)))
      found.emplace_back(place, make_candidate(*reserved, !has_history));
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (auto& [place, c] : found)
    out.push_back(std::move(c));
}

const pg_row* pg_claims::put_reserved(pg_row stored) {
  const auto [at, is_new] = rows_.all().try_emplace(stored.record.id);
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

void pg_claims::take_new(const claim_tasks& op, std::vector<candidate>& out) {
  // It goes into the queue as running, which spares it two changes of its row.
  std::vector<const pg_row*> found;
  for (const auto& [id, r] : rows_.all())
    if (!r.was_queued && r.queue && r.queue->alone && r.queue->attempt == 0
        && r.queue->entry.state == queue_state::ready)
      found.push_back(&r);
  std::stable_sort(found.begin(), found.end(),
                   [](const auto* a, const auto* b) { return a->queue->priority > b->queue->priority; });
  for (const auto* r : found) {
    if (is_full(out, op))
      return;
    out.push_back(make_candidate(*r, true));
  }
}

// -- what was lost ----------------------------------------------------------------

void pg_claims::revoke_leases(const recover_tasks& op, std::string& sql) {
  // Those of processes that the database has lost sight of end now, those that have run out for good.
  if (!op.suspects.empty()) {
    pg_array suspects;
    for (const auto& suspect : op.suspects)
      suspects.add(suspect);
    connection_->append(sql, revoke_suspects, suspects);
  }
  connection_->append(sql, "UPDATE leases SET revoked = true WHERE NOT revoked AND NOT holds(leases)");
}

std::vector<uuid> pg_claims::find_lost(const recover_tasks& op) {
  std::string sql;
  if (!pause_.lasts(std::chrono::steady_clock::now()))
    revoke_leases(op, sql);
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
  return found;
}

std::pair<std::vector<uuid>, bool> pg_claims::lost(const recover_tasks& op) {
  auto found = find_lost(op);
  const bool more = found.size() > most_recovered;
  if (more)
    found.pop_back();
  if (found.empty())
    connection_->query("DELETE FROM leases WHERE revoked AND NOT EXISTS("
                       "SELECT 1 FROM queue WHERE queue.owner = leases.owner)");
  // What this batch has changed before it looked here waits for the next look.
  auto& all = rows_.all();
  std::erase_if(found, [&all](const uuid& id) {
    const auto known = all.find(id);
    return known != all.end() && (known->second.changed || known->second.queue_changed);
  });
  if (!found.empty())
    rows_.read_again(found);
  std::erase_if(found, [&all](const uuid& id) { return !all.contains(id) || !all.at(id).queue; });
  return {std::move(found), more};
}

} // namespace troupe
