#include "tests/simulation/memory/tables/queue.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <tuple>

namespace troupe {

namespace {

/// Bounds the transaction of a recovery.
constexpr std::size_t most_recovered = 500;

} // namespace

// -- coming and going ---------------------------------------------------------------

queue_state memory_queue::enter(const queue_arrival& arrival) {
  if (data_.queue.find(arrival.task_id))
    throw std::invalid_argument{"the task is in the queue already"};
  const auto state = state_on_entry(arrival.run_at, arrival.at, [&] {
    return !arrival.new_thread && is_busy(members_of(arrival.thread_id), arrival.task_id);
  });
  data_.count([](memory_counters& row) { ++row.order; });
  memory_queued row;
  row.entry.state = state;
  row.thread_id = arrival.thread_id;
  row.ns = arrival.ns;
  row.priority = arrival.priority;
  row.order = data_.counted().order;
  row.due = state == queue_state::scheduled ? *arrival.run_at : arrival.at;
  row.attempt = row.attempts_before = arrival.attempt;
  row.last_seq = arrival.last_seq;
  // A new thread stays without history while its first task is active.
  row.fresh = arrival.new_thread && state == queue_state::ready;
  note(arrival.task_id, state, row.due);
  data_.queue.put(arrival.task_id, std::move(row));
  return state;
}

void memory_queue::leave(const open_task& task) {
  data_.queue.remove(task.id());
  if (!task.entry->is_active())
    return;
  if (const auto next = next_in_turn(members_of(task.thread_id())))
    set_state(*next, queue_state::ready);
}

std::vector<thread_member> memory_queue::members_of(const uuid& thread_id) const {
  std::vector<thread_member> members;
  if (!orders_threads_)
    return members;
  for (const auto& [order, id] : data_.queue.index().of_thread(thread_id)) {
    const auto& entry = data_.queue.find(id)->entry;
    members.push_back({id, entry.state, entry.held});
  }
  return members;
}

void memory_queue::set_state(const uuid& id, queue_state state) {
  data_.queue.edit(id, [&](memory_queued& row) { row.entry.state = state; });
  note(id, state, {});
}

void memory_queue::note(const uuid& id, queue_state state, timestamp due) {
  if (state == queue_state::ready)
    made_ready_.push_back(id);
  if (state == queue_state::scheduled)
    notes_.earliest = std::min(notes_.earliest.value_or(due), due);
}

// -- claiming -----------------------------------------------------------------------

void memory_queue::promote(timestamp at) {
  // Those that hold their thread go first; then in the order of queueing.
  std::vector<std::tuple<bool, std::int64_t, uuid>> due;
  for (const auto& place : data_.queue.index().scheduled()) {
    if (place.due > at)
      break;
    due.emplace_back(!data_.queue.find(place.task_id)->entry.held, place.order, place.task_id);
  }
  std::sort(due.begin(), due.end());
  for (const auto& one : due)
    promote_one(std::get<uuid>(one));
}

void memory_queue::promote_one(const uuid& id) {
  const auto& row = *data_.queue.find(id);
  set_state(id, state_when_due(row.entry.held, [&] { return is_busy(members_of(row.thread_id), id); }));
}

std::vector<candidate> memory_queue::take_ready(const claim_tasks& op) {
  promote(op.at);
  std::vector<candidate> candidates;
  notes_.left_some = false;
  for (const auto& place : data_.queue.index().ready()) {
    notes_.left_some = candidates.size() >= static_cast<std::size_t>(std::max(op.limit, 0));
    if (notes_.left_some)
      break;
    candidates.push_back(make_candidate(place.task_id));
  }
  return candidates;
}

candidate memory_queue::make_candidate(const uuid& id) const {
  const auto& row = *data_.queue.find(id);
  const auto& record = data_.tasks.find(id)->record;
  candidate c;
  c.task.id = id;
  c.task.thread_id = row.thread_id;
  c.task.ns = row.ns;
  c.task.name = record.name;
  c.task.created_by = record.created_by;
  c.task.input = record.input;
  c.task.spec = record.spec;
  c.task.usage = record.usage;
  c.task.attempt = row.attempt;
  c.task.attempts_before = row.attempts_before;
  c.task.charged = row.entry.charged;
  c.task.throttled = row.entry.throttled;
  c.last_seq = row.last_seq;
  c.fresh = row.fresh;
  c.bot = record.bot;
  c.bot_ns = record.bot_ns;
  return c;
}

std::optional<timestamp> memory_queue::next_due() {
  const auto& scheduled = data_.queue.index().scheduled();
  return scheduled.empty() ? std::nullopt : std::optional{scheduled.begin()->due};
}

bool memory_queue::work_ready() const {
  const auto is_ready = [this](const uuid& id) {
    const auto* row = data_.queue.find(id);
    return row && row->entry.state == queue_state::ready;
  };
  return (notes_.left_some && !data_.queue.index().ready().empty())
         || std::any_of(made_ready_.begin(), made_ready_.end(), is_ready);
}

// -- attempts -----------------------------------------------------------------------

void memory_queue::start(const uuid& task_id, const attempt_start& start) {
  data_.queue.edit(task_id, [&](memory_queued& row) {
    row.entry.state = queue_state::running;
    row.entry.held = true;
    row.entry.owner = start.owner;
    row.entry.node = start.node;
    row.entry.started_at = start.at;
    row.entry.model = start.model;
    row.attempt = start.attempt;
    row.last_seq = start.last_seq;
    row.fresh = false;
  });
}

void memory_queue::advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) {
  data_.queue.edit(task_id, [&](memory_queued& row) {
    row.last_seq = last_seq;
    row.entry.usage = progress.usage;
    row.entry.model = progress.model;
    row.entry.called = progress.called;
  });
}

void memory_queue::put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq,
                            std::optional<timestamp> due, timestamp at) {
  const auto state = state_on_return(due, at);
  const auto due_at = state == queue_state::scheduled ? *due : at;
  data_.queue.edit(task_id, [&](memory_queued& row) {
    row.entry.state = state;
    row.entry.charged = entry.charged;
    row.entry.throttled = entry.throttled;
    row.entry.recoveries = entry.recoveries;
    row.entry.owner = {};
    row.entry.node.clear();
    row.entry.usage = {};
    row.entry.reserved = {};
    row.due = due_at;
    row.last_seq = last_seq;
  });
  note(task_id, state, due_at);
}

void memory_queue::reserve(const uuid& task_id, const budget_amount& reserved) {
  data_.queue.edit(task_id, [&](memory_queued& row) { row.entry.reserved = reserved; });
}

// -- while it waits -----------------------------------------------------------------

void memory_queue::note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) {
  const auto* before = data_.queue.find(task_id);
  const bool goes_on = due && before && before->entry.state == queue_state::scheduled;
  data_.queue.edit(task_id, [&](memory_queued& row) {
    row.last_seq = last_seq;
    if (goes_on)
      row.due = at;
  });
  if (goes_on)
    set_state(task_id, queue_state::ready);
}

void memory_queue::note_history(const uuid& thread_id) {
  // Only a thread's first task can be fresh.
  if (const auto* root = data_.queue.find(thread_id); root && root->fresh)
    data_.queue.edit(thread_id, [](memory_queued& row) { row.fresh = false; });
}

// -- what was lost ------------------------------------------------------------------

std::pair<std::vector<uuid>, bool> memory_queue::lost(const recover_tasks& op) {
  leases_.revoke(op);
  std::vector<uuid> found;
  for (const auto& [order, id] : data_.queue.index().running()) {
    if (leases_.is_valid(data_.queue.find(id)->entry.owner))
      continue;
    if (found.size() == most_recovered)
      return {std::move(found), true};
    found.push_back(id);
  }
  if (found.empty())
    leases_.forget_revoked();
  return {std::move(found), false};
}

} // namespace troupe
