#include "persistence/postgres/row_cache.hpp"

#include "persistence/rows/sql_text.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

const std::string& select_rows() {
  static const std::string sql
    = "SELECT " + pg_row_columns() + " FROM tasks t LEFT JOIN queue q ON q.task_id = t.id WHERE t.id = ANY($1::uuid[])";
  return sql;
}

/// Of a thread: its first task, those of this batch, and as many of the others as matter.
constexpr std::string_view select_members
  = "SELECT task_id, order_no, rev FROM queue WHERE task_id = $1::uuid UNION "
    "SELECT task_id, order_no, rev FROM queue WHERE task_id = ANY($2::uuid[]) UNION "
    "SELECT task_id, order_no, rev FROM (SELECT task_id, order_no, rev FROM queue WHERE thread_id = $1::uuid "
    "AND thread_id <> task_id AND (held OR state <> 3) ORDER BY (held OR state <> 2) DESC, order_no LIMIT 100) f";

} // namespace

// -- one row, one thread ----------------------------------------------------------

void pg_row::put_state(queue_state state) noexcept {
  queue->entry.state = state;
  if (state == queue_state::ready)
    queue->plain = queue->priority == 0 && !was_queued;
  queue_changed = true;
}

bool pg_thread::has(const uuid& id) const noexcept {
  return std::any_of(members.begin(), members.end(), [&](const auto& m) { return m.id == id; });
}

void pg_thread::remove(const uuid& id) {
  std::erase_if(members, [&](const auto& m) { return m.id == id; });
}

// -- rows -------------------------------------------------------------------------

const std::string& pg_row_columns() {
  static const std::string columns = select_list(texts_of(pg_task_row), "t") + ", "
                                     + select_list(texts_of(pg_whole_queue_row), "q")
                                     + ", q.rev, q.ready_no IS NOT NULL";
  return columns;
}

pg_row pg_row_cache::take(pg_rows& rows) {
  pg_row r;
  take_columns(rows, pg_task_row, r);
  r.whole = true;
  r.deleted = r.deleted_at.has_value();
  auto entry = take_queue_entry(rows);
  if (!entry)
    return r;
  auto& q = r.queue.emplace();
  q.entry = std::move(*entry);
  take_columns(rows, pg_queue_place, q);
  r.queue_rev = rows.take<int>();
  q.plain = rows.take<bool>();
  r.was_ready = q.entry.state == queue_state::ready;
  r.was_queued = true;
  return r;
}

void pg_row_cache::read(const std::vector<uuid>& ids) {
  pg_array list;
  for (const auto& id : ids)
    list.add(id);
  auto rows = connection_->query(select_rows(), list);
  while (rows.next()) {
    auto r = take(rows);
    const auto id = r.record.id;
    rows_.emplace(id, std::move(r));
  }
}

void pg_row_cache::read_again(const std::vector<uuid>& ids) {
  for (const auto& id : ids) {
    claimed_.erase(id);
    rows_.erase(id);
  }
  read(ids);
}

pg_row* pg_row_cache::find(const uuid& id) {
  if (const auto found = rows_.find(id); found != rows_.end())
    return &found->second;
  if (const auto known = claimed_.find(id); known != claimed_.end())
    return &rows_.emplace(id, known->second).first->second;
  return find_whole(id);
}

pg_row* pg_row_cache::find_whole(const uuid& id) {
  auto found = rows_.find(id);
  if (found == rows_.end()) {
    read({id});
    found = rows_.find(id);
  }
  if (found == rows_.end())
    return nullptr;
  auto& r = found->second;
  if (!r.whole) {
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

pg_queue_row& pg_row_cache::change_queue(const uuid& id) {
  auto& r = at(id);
  r.queue_changed = true;
  return *r.queue;
}

// -- threads ----------------------------------------------------------------------

pg_thread* pg_row_cache::known_thread(const uuid& id) {
  const auto known = threads_.find(id);
  return known == threads_.end() ? nullptr : &known->second;
}

pg_thread& pg_row_cache::thread(const uuid& id) {
  if (auto* known = known_thread(id))
    return *known;
  pg_thread thread;
  // First the number that every change of the thread moves on, then what it stands for.
  if (auto rows = connection_->query("SELECT rev FROM threads WHERE id = $1::uuid", id); rows.next())
    thread.rev = rows.take<std::int64_t>();
  read_members(id, thread);
  merge_members(id, thread);
  return threads_.emplace(id, std::move(thread)).first->second;
}

void pg_row_cache::read_members(const uuid& id, pg_thread& thread) {
  pg_array known;
  std::map<uuid, std::optional<int>> expected;
  for (const auto& [task_id, r] : rows_) {
    if (r.record.thread_id != id)
      continue;
    known.add(task_id);
    expected.emplace(task_id, r.was_queued ? std::optional{r.queue_rev} : std::nullopt);
  }
  auto rows = connection_->query(select_members, id, known);
  std::vector<uuid> unknown;
  while (rows.next()) {
    const auto task_id = rows.take<uuid>();
    thread.members.push_back({task_id, rows.take<std::int64_t>()});
    const auto rev = rows.take<int>();
    const auto as_read = expected.find(task_id);
    if (as_read == expected.end())
      unknown.push_back(task_id);
    else if (as_read->second != rev)
      throw pg_conflict{"a thread has changed since its task was read"};
    else
      expected.erase(as_read);
  }
  // Those that were in the queue when they were read, and are not there now.
  if (std::any_of(expected.begin(), expected.end(), [](const auto& one) { return one.second.has_value(); }))
    throw pg_conflict{"a thread has changed since its task was read"};
  if (!unknown.empty())
    read(unknown);
}

void pg_row_cache::merge_members(const uuid& id, pg_thread& thread) {
  std::erase_if(thread.members, [this](const auto& m) {
    const auto found = rows_.find(m.id);
    return found == rows_.end() || !found->second.queue;
  });
  for (const auto& [task_id, r] : rows_)
    if (r.record.thread_id == id && r.queue && !thread.has(task_id))
      thread.members.push_back({task_id, r.queue->order_no});
  std::stable_sort(thread.members.begin(), thread.members.end(), [](const auto& a, const auto& b) {
    // Not stored yet: behind all others.
    return std::pair(a.order_no == 0, a.order_no) < std::pair(b.order_no == 0, b.order_no);
  });
}

std::vector<thread_member> pg_row_cache::members_of(const pg_thread& thread) const {
  std::vector<thread_member> members;
  members.reserve(thread.members.size());
  for (const auto& m : thread.members)
    if (const auto& r = rows_.at(m.id); r.queue)
      members.push_back({m.id, r.queue->entry.state, r.queue->entry.held});
  return members;
}

// -- the batch --------------------------------------------------------------------

bool pg_row_cache::is_dirty() const noexcept {
  const auto is_changed = [](const auto& one) {
    const auto& r = one.second;
    return r.is_new || r.changed || r.queue_changed || (r.was_queued && !r.queue);
  };
  return std::any_of(rows_.begin(), rows_.end(), is_changed)
         || std::any_of(threads_.begin(), threads_.end(), [](const auto& one) { return one.second.changed; });
}

bool pg_row_cache::has_made_ready() const noexcept {
  return std::any_of(rows_.begin(), rows_.end(), [](const auto& one) {
    const auto& r = one.second;
    return r.queue && r.queue_changed && r.queue->entry.state == queue_state::ready;
  });
}

void pg_row_cache::commit(const uuid& owner) {
  for (auto& [id, r] : rows_) {
    if (!r.queue || r.queue->entry.state != queue_state::running || r.queue->entry.owner != owner) {
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
  threads_.clear();
}

void pg_row_cache::roll_back() {
  for (const auto& one : rows_)
    claimed_.erase(one.first);
  rows_.clear();
  threads_.clear();
}

} // namespace troupe
