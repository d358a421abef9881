#include "persistence/postgres/tables/queue.hpp"

namespace troupe {

// -- coming and going -------------------------------------------------------------

queue_state pg_queue::enter(const queue_arrival& arrival) {
  auto& r = rows_.at(arrival.task_id);
  pg_queue_row q;
  q.attempt = q.attempts_before = arrival.attempt;
  q.priority = arrival.priority;
  q.last_seq = arrival.last_seq;
  q.due_at = arrival.at;
  q.alone = arrival.new_thread;
  pg_thread* thread = nullptr;
  if (!arrival.new_thread) {
    thread = &rows_.thread(arrival.thread_id);
    thread->changed = true;
    note_history(arrival.thread_id);
  }
  const auto state = state_on_entry(arrival.run_at, arrival.at,
                                    [&] { return thread && is_busy(rows_.members_of(*thread), arrival.task_id); });
  if (thread)
    thread->members.push_back({arrival.task_id, 0});
  r.queue = std::move(q);
  r.put_state(state);
  if (state == queue_state::scheduled) {
    r.queue->due_at = *arrival.run_at;
    claims_.note_due(*arrival.run_at);
  }
  return state;
}

void pg_queue::leave(const open_task& task) {
  auto& r = rows_.at(task.id());
  const bool alone = r.queue->alone;
  r.queue.reset();
  r.queue_changed = true;
  if (!task.entry->is_active() || alone) {
    if (auto* known = rows_.known_thread(task.thread_id()))
      known->remove(task.id());
    return;
  }
  auto& thread = rows_.thread(task.thread_id());
  thread.changed = true;
  thread.remove(task.id());
  if (const auto next = next_in_turn(rows_.members_of(thread)))
    rows_.at(*next).put_state(queue_state::ready);
}

void pg_queue::note_history(const uuid& thread_id) {
  // Only a thread's first task can be alone in it.
  auto* root = rows_.find_whole(thread_id);
  if (root && root->queue && root->queue->alone) {
    root->queue->alone = false;
    root->queue_changed = true;
  }
}

// -- while it waits ---------------------------------------------------------------

void pg_queue::note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) {
  auto& q = rows_.change_queue(task_id);
  q.last_seq = last_seq;
  if (!due || q.entry.state != queue_state::scheduled)
    return;
  q.due_at = at;
  rows_.at(task_id).put_state(queue_state::ready);
}

// -- attempts ---------------------------------------------------------------------

void pg_queue::start(const uuid& task_id, const attempt_start& start) {
  auto& q = rows_.change_queue(task_id);
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

void pg_queue::advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) {
  auto& q = rows_.change_queue(task_id);
  q.last_seq = last_seq;
  q.entry.usage = progress.usage;
  q.entry.model = progress.model;
  q.entry.called = progress.called;
}

void pg_queue::put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq,
                        std::optional<timestamp> due, timestamp at) {
  auto& r = rows_.at(task_id);
  auto& q = *r.queue;
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
  r.put_state(state);
  q.due_at = state == queue_state::scheduled ? *due : at;
  if (state == queue_state::scheduled)
    claims_.note_due(*due);
}

void pg_queue::reserve(const uuid& task_id, const budget_amount& reserved) {
  rows_.change_queue(task_id).entry.reserved = reserved;
}

} // namespace troupe
