#include "tests/simulation/memory/indexes.hpp"

namespace troupe {

namespace {

void drop_if_empty(auto& lists, const auto& name) {
  if (const auto found = lists.find(name); found != lists.end() && found->second.empty())
    lists.erase(found);
}

} // namespace

// -- journals and messages --------------------------------------------------------

void event_index::replace(std::int64_t, const event_record* before, const event_record* after) {
  const auto each = [this](const event_record* event, auto change) {
    const auto& source = *event->source;
    change(tasks_[source.task_id], event);
    change(threads_[source.thread_id], event);
    change(users_[source.created_by], event);
    change(namespaces_[source.ns], event);
  };
  if (before)
    each(before, [](list& events, const event_record* event) { events.remove(event); });
  if (after)
    each(after, [](list& events, const event_record* event) { events.add(event); });
}

void message_index::replace(std::int64_t, const memory_message* before, const memory_message* after) {
  if (before)
    threads_[before->thread_id].remove(before);
  if (after)
    threads_[after->thread_id].add(after);
}

// -- tasks ------------------------------------------------------------------------

void task_index::replace(const uuid& id, const memory_task* before, const memory_task* after) {
  if (before && after)
    return;
  const auto& record = (before ? before : after)->record;
  if (after) {
    auto& peers = namespaces_[record.ns];
    peers.insert(peers.end(), id);
    threads_[record.thread_id].insert(id);
    return;
  }
  namespaces_[record.ns].erase(id);
  threads_[record.thread_id].erase(id);
  drop_if_empty(namespaces_, record.ns);
  drop_if_empty(threads_, record.thread_id);
}

// -- the queue --------------------------------------------------------------------

void queue_index::replace(const uuid& id, const memory_queued* before, const memory_queued* after) {
  if (before && after && before->entry.state == after->entry.state && before->due == after->due)
    return;
  if (before)
    remove(id, *before);
  if (after)
    add(id, *after);
  if (!before)
    join(id, *after);
  if (!after)
    leave(id, *before);
}

void queue_index::add(const uuid& id, const memory_queued& row) {
  switch (row.entry.state) {
  case queue_state::ready: ready_.insert({-row.priority, row.order, id}); break;
  case queue_state::running: running_.emplace(row.order, id); break;
  case queue_state::scheduled: scheduled_.insert({row.due, row.order, id}); break;
  case queue_state::blocked:
  case queue_state::reserved: break;
  }
}

void queue_index::remove(const uuid& id, const memory_queued& row) {
  switch (row.entry.state) {
  case queue_state::ready: ready_.erase({-row.priority, row.order, id}); break;
  case queue_state::running: running_.erase({row.order, id}); break;
  case queue_state::scheduled: scheduled_.erase({row.due, row.order, id}); break;
  case queue_state::blocked:
  case queue_state::reserved: break;
  }
}

void queue_index::join(const uuid& id, const memory_queued& row) {
  const place here{row.order, id};
  all_.insert(all_.end(), here);
  auto& members = threads_[row.thread_id];
  members.insert(std::upper_bound(members.begin(), members.end(), here), here);
}

void queue_index::leave(const uuid& id, const memory_queued& row) {
  const place here{row.order, id};
  all_.erase(here);
  std::erase(threads_[row.thread_id], here);
  drop_if_empty(threads_, row.thread_id);
}

// -- keys and approvals -----------------------------------------------------------

void key_index::replace(const std::string& key, const memory_key* before, const memory_key* after) {
  if (before)
    keys_.erase(before->number);
  if (after)
    keys_.emplace(after->number, key);
}

void approval_index::replace(const key& at, const approval_record* before, const approval_record* after) {
  const auto place_of = [&](const approval_record& row) { return place{row.ns, row.state, at.first, at.second}; };
  if (before)
    places_.erase(place_of(*before));
  if (after)
    places_.insert(place_of(*after));
}

} // namespace troupe
