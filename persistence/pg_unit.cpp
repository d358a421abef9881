#include "persistence/pg_unit.hpp"

#include "persistence/record_rows.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

/// A task with its place in the queue; in the order of `take_row`.
constexpr std::string_view select_rows
  = "SELECT t.id, t.thread_id, t.ns, t.created_by, t.status, t.queued, t.attempt, t.max_attempts, t.priority, "
    "t.input_tokens, t.output_tokens, t.cost, t.estimated, t.waits_for, t.created_at, t.updated_at, t.started_at, "
    "t.completed_at, t.run_at, "
    "t.error_class, t.finish_reason, t.name, t.bot, t.bot_ns, t.node, t.error, t.input, t.output, t.spec, t.metadata, "
    "t.last_seq, t.rev, t.deleted_at, "
    "q.state, q.held, q.owner, q.node, q.started_at, q.charged, q.throttled, q.recoveries, q.called, q.model, "
    "q.input_tokens, q.output_tokens, q.cost, q.estimated, q.reserved_cost, q.reserved_tokens, q.rev, q.attempt, "
    "q.priority, q.last_seq, q.order_no, "
    "q.due_at, q.alone, "
    "q.attempts_before, q.ready_no IS NOT NULL "
    "FROM tasks t LEFT JOIN queue q ON q.task_id = t.id WHERE t.id = ANY($1::uuid[])";

/// Tasks that an operation names and that are likely to be asked for.
struct named_tasks {
  std::vector<uuid> ids;
  void operator()(const enqueue_task& op) { ids.push_back(op.id); }
  void operator()(const retry_task& op) { ids.push_back(op.id); }
  void operator()(const cancel_task& op) { ids.push_back(op.id); }
  void operator()(const set_task_status& op) { ids.push_back(op.id); }
  void operator()(const delete_task& op) { ids.push_back(op.id); }
  void operator()(const decide_approval& op) { ids.push_back(op.task_id); }
  void operator()(const auto&) {}
};

/// The fences of operations, whose tasks are known as a rule.
struct fenced_tasks {
  std::vector<uuid> ids;
  void operator()(const append_journal& op) { ids.push_back(op.fence.task_id); }
  void operator()(const complete_task& op) { ids.push_back(op.fence.task_id); }
  void operator()(const fail_attempt& op) { ids.push_back(op.fence.task_id); }
  void operator()(const reserve_budget& op) { ids.push_back(op.fence.task_id); }
  void operator()(const await_approval& op) { ids.push_back(op.fence.task_id); }
  void operator()(const release_tasks& op) {
    for (const auto& f : op.fences)
      ids.push_back(f.task_id);
  }
  void operator()(const auto&) {}
};

struct named_keys {
  std::vector<std::string> keys;
  void operator()(const auto& op) {
    if constexpr (requires { op.key->fingerprint; }) {
      if (op.key)
        keys.push_back(op.key->key);
    }
  }
};

} // namespace

// -- the batch ------------------------------------------------------------------

void pg_unit::begin(std::span<const operation> batch) {
  roll_back();
  named_tasks named;
  fenced_tasks fenced;
  named_keys keys;
  for (const auto& op : batch) {
    std::visit(named, op);
    std::visit(fenced, op);
    std::visit(keys, op);
  }
  // Before anything is read, since these change rows at once.
  for (const auto& op : batch)
    if (const auto* claim = std::get_if<claim_tasks>(&op)) {
      take_back_leftovers(*claim);
      promote(claim->at);
    }
  for (const auto& id : fenced.ids)
    if (!claimed_.contains(id))
      named.ids.push_back(id);
  if (!named.ids.empty())
    read_rows(named.ids);
  if (keys.keys.empty())
    return;
  pg_array list;
  for (const auto& key : keys.keys) {
    list.add(key);
    seen_keys_[key] = std::nullopt;
  }
  std::string sql = "EXECUTE "
                    + connection_->prepared("SELECT key, fingerprint, task_id FROM idempotency_keys "
                                            "WHERE key = ANY($1::text[])")
                    + "(";
  list.write(sql);
  auto rows = connection_->run(sql + ")");
  while (rows.next()) {
    auto key = rows.take<std::string>();
    auto fingerprint = rows.take<std::string>();
    seen_keys_[std::move(key)] = seen{std::move(fingerprint), rows.take<uuid>()};
  }
}

void pg_unit::roll_back() {
  // What was reserved for this batch is still so, and nobody knows of it.
  leftovers_ = std::exchange(reserved_, false) || leftovers_;
  for (const auto& [id, r] : rows_)
    claimed_.erase(id);
  rows_.clear();
  threads_.clear();
  seen_keys_.clear();
  events_.clear();
  messages_.clear();
  attempts_.clear();
  keys_.clear();
  ordinal_ = 0;
  left_some_ = false;
  earliest_.reset();
}

void pg_unit::commit(committed& result, std::int64_t first) {
  for (auto& event : events_)
    event.position += first;
  result.events = std::exchange(events_, {});
  if (ordinal_ > 0) {
    result.from_position = first;
    result.to_position = first + ordinal_;
  }
  result.work_ready = left_some_ || std::any_of(rows_.begin(), rows_.end(), [](const auto& entry) {
                        const auto& r = entry.second;
                        return r.queue && r.queue_changed && r.queue->entry.state == queue_state::ready;
                      });
  result.next_due = earliest_;
  for (auto& [id, r] : rows_) {
    if (!r.queue || r.queue->entry.state != queue_state::running || r.queue->entry.owner != owner_) {
      claimed_.erase(id);
      continue;
    }
    if (r.changed)
      ++r.rev;
    if (r.queue_changed)
      r.queue_rev = r.was_queued ? r.queue_rev + 1 : 0;
    r.changed = r.queue_changed = r.is_new = false;
    r.was_queued = true;
    // Whoever writes for an attempt has no use for these, and there may be very many of them.
    r.whole = false;
    for (auto* text : {&r.record.input, &r.record.spec, &r.record.metadata})
      *text = {};
    claimed_.insert_or_assign(id, std::move(r));
  }
  rows_.clear();
  reserved_ = false;
  roll_back();
}

bool pg_unit::is_dirty() const noexcept {
  return ordinal_ > 0 || !attempts_.empty() || !keys_.empty()
         || std::any_of(rows_.begin(), rows_.end(),
                        [](const auto& entry) {
                          const auto& r = entry.second;
                          return r.is_new || r.changed || r.queue_changed || (r.was_queued && !r.queue);
                        })
         || std::any_of(threads_.begin(), threads_.end(), [](const auto& entry) { return entry.second.changed; });
}

// -- rows -----------------------------------------------------------------------

pg_row pg_unit::take_row(pg_rows& rows) {
  pg_row r;
  r.record = take_task(rows);
  r.whole = true;
  r.last_seq = rows.take<std::int64_t>();
  r.rev = rows.take<int>();
  r.deleted_at = rows.take<std::optional<timestamp>>();
  r.deleted = r.deleted_at.has_value();
  const auto state = rows.take<std::optional<queue_state>>();
  if (!state)
    return r;
  auto& q = r.queue.emplace();
  q.entry.state = *state;
  r.was_ready = *state == queue_state::ready;
  q.entry.held = rows.take<bool>();
  q.entry.owner = rows.take<uuid>();
  q.entry.node = rows.take<std::string>();
  q.entry.started_at = rows.take<timestamp>();
  q.entry.charged = rows.take<int>();
  q.entry.throttled = rows.take<int>();
  q.entry.recoveries = rows.take<int>();
  q.entry.called = rows.take<bool>();
  q.entry.model = rows.take<std::string>();
  q.entry.usage = take_usage(rows);
  q.entry.reserved.cost = rows.take<std::int64_t>();
  q.entry.reserved.tokens = rows.take<std::int64_t>();
  r.queue_rev = rows.take<int>();
  q.attempt = rows.take<int>();
  q.priority = rows.take<int>();
  q.last_seq = rows.take<std::int64_t>();
  q.order_no = rows.take<std::int64_t>();
  q.due_at = rows.take<timestamp>();
  q.alone = rows.take<bool>();
  q.attempts_before = rows.take<int>();
  q.plain = rows.take<bool>();
  r.was_queued = true;
  return r;
}

void pg_unit::read_rows(const std::vector<uuid>& ids) {
  pg_array list;
  for (const auto& id : ids)
    list.add(id);
  std::string sql = "EXECUTE " + connection_->prepared(select_rows) + "(";
  list.write(sql);
  auto rows = connection_->run(sql + ")");
  while (rows.next()) {
    auto r = take_row(rows);
    const auto id = r.record.id;
    rows_.emplace(id, std::move(r));
  }
}

pg_row* pg_unit::row(const uuid& id, bool whole) {
  auto found = rows_.find(id);
  if (found == rows_.end() && !whole) {
    if (const auto known = claimed_.find(id); known != claimed_.end())
      found = rows_.emplace(id, known->second).first;
  }
  if (found == rows_.end()) {
    read_rows({id});
    found = rows_.find(id);
  }
  if (found == rows_.end())
    return nullptr;
  auto& r = found->second;
  if (whole && !r.whole) {
    // Claimed by this writer and named by somebody who wants all of it: the texts cannot have changed.
    auto rows = connection_->query("SELECT input, spec, metadata FROM tasks WHERE id = $1::uuid", id);
    if (!rows.next())
      return nullptr;
    r.record.input = rows.take<std::string>();
    r.record.spec = rows.take<std::string>();
    r.record.metadata = rows.take<std::string>();
    r.whole = true;
  }
  return &r;
}

pg_queue_row& pg_unit::change_queue(const uuid& id) {
  auto& r = must(id);
  r.queue_changed = true;
  return *r.queue;
}

open_task pg_unit::open(const pg_row& r) {
  open_task task;
  task.source = std::make_shared<const event_source>(
    event_source{r.record.id, r.record.thread_id, r.record.ns, r.record.created_by});
  task.name = r.record.name;
  task.bot = r.record.bot;
  task.bot_ns = r.record.bot_ns;
  task.usage = r.record.usage;
  task.status = r.record.status;
  task.waits_for = r.record.waits_for;
  task.attempt = r.record.attempt;
  task.last_seq = r.last_seq;
  if (r.queue) {
    task.status = r.queue->entry.held ? task_status::running : task_status::pending;
    task.attempt = r.queue->attempt;
    task.last_seq = r.queue->last_seq;
    task.entry = r.queue->entry;
  }
  return task;
}

pg_unit::thread_view& pg_unit::thread(const uuid& id) {
  if (const auto known = threads_.find(id); known != threads_.end())
    return known->second;
  thread_view view;
  // First the number that every change of the thread moves on, then what it stands for.
  if (auto rows = connection_->query("SELECT rev FROM threads WHERE id = $1::uuid", id); rows.next())
    view.rev = rows.take<std::int64_t>();
  constexpr std::string_view members
    = "SELECT task_id, order_no, rev FROM queue WHERE task_id = $1::uuid UNION "
      "SELECT task_id, order_no, rev FROM queue WHERE task_id = ANY($2::uuid[]) UNION "
      "SELECT task_id, order_no, rev FROM (SELECT task_id, order_no, rev FROM queue WHERE thread_id = $1::uuid "
      "AND thread_id <> task_id AND (held OR state <> 3) ORDER BY (held OR state <> 2) DESC, order_no LIMIT 100) f";
  pg_array known;
  std::map<uuid, std::optional<int>> expected;
  for (const auto& [task_id, r] : rows_) {
    if (r.record.thread_id != id)
      continue;
    known.add(task_id);
    expected.emplace(task_id, r.was_queued ? std::optional{r.queue_rev} : std::nullopt);
  }
  auto rows = connection_->query(members, id, known);
  std::vector<uuid> ids;
  while (rows.next()) {
    const auto task_id = rows.take<uuid>();
    view.members.push_back({task_id, rows.take<std::int64_t>()});
    const auto rev = rows.take<int>();
    const auto as_read = expected.find(task_id);
    if (as_read == expected.end())
      ids.push_back(task_id);
    else if (as_read->second != rev)
      throw pg_conflict{"a thread has changed since its task was read"};
    else
      expected.erase(as_read);
  }
  // Those that were in the queue when they were read, and are not there now.
  if (std::any_of(expected.begin(), expected.end(), [](const auto& one) { return one.second.has_value(); }))
    throw pg_conflict{"a thread has changed since its task was read"};
  if (!ids.empty())
    read_rows(ids);
  // What this batch has taken out of the queue before it looked here, or put in.
  std::erase_if(view.members, [this](const auto& m) {
    const auto found = rows_.find(m.id);
    return found == rows_.end() || !found->second.queue;
  });
  for (const auto& one : rows_) {
    const auto& task_id = one.first;
    const auto& r = one.second;
    const bool listed
      = std::any_of(view.members.begin(), view.members.end(), [&](const auto& m) { return m.id == task_id; });
    if (!listed && r.record.thread_id == id && r.queue)
      view.members.push_back({task_id, r.queue->order_no});
  }
  std::stable_sort(view.members.begin(), view.members.end(), [](const auto& a, const auto& b) {
    // Not stored yet: behind all others.
    return std::pair(a.order_no == 0, a.order_no) < std::pair(b.order_no == 0, b.order_no);
  });
  return threads_.emplace(id, std::move(view)).first->second;
}

} // namespace troupe
