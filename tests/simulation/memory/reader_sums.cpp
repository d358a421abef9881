#include "tests/simulation/memory/memory_reader.hpp"
#include "tests/simulation/memory/pages.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

/// Approvals, the queue and sums of usage, as the in-memory store's readers see them.
namespace troupe {

namespace {

constexpr std::size_t most_groups = 1000;

std::pair<approval_record, approval_place> placed(const approval_record& row) {
  return {row, approval_place{row.task_id, row.call_id}};
}

/// The order of a task's calls.
auto call_order(const approval_record& row) {
  return std::tuple{row.requested_at, row.call_id.size(), std::string_view{row.call_id}};
}

const std::string& group_of(const usage_key& key, usage_group group) {
  switch (group) {
  case usage_group::bot: return key.bot;
  case usage_group::model: return key.model;
  case usage_group::ns: return key.ns;
  case usage_group::created_by: return key.created_by;
  case usage_group::day: break;
  }
  return key.day;
}

bool matches(const usage_filter& filter, const usage_key& key) {
  return (!filter.ns || key.ns == *filter.ns) && (!filter.from || key.day >= *filter.from)
         && (!filter.to || key.day <= *filter.to);
}

bool is_more_costly(const usage_record& a, const usage_record& b) {
  return std::tie(b.usage.cost, b.usage.input_tokens) < std::tie(a.usage.cost, a.usage.input_tokens);
}

/// Counts a task; what is due counts as ready, though a claim has yet to notice.
void count(queue_stats::row& sums, const memory_queued& task, timestamp at) {
  switch (task.entry.state) {
  case queue_state::running: ++sums.running; return;
  case queue_state::blocked: ++sums.blocked; return;
  case queue_state::scheduled:
    if (task.due > at) {
      ++(task.entry.held ? sums.retrying : sums.scheduled);
      return;
    }
    break;
  case queue_state::ready:
  case queue_state::reserved: break;
  }
  ++sums.ready;
  sums.oldest_due = std::min(sums.oldest_due.value_or(task.due), task.due);
}

} // namespace

// -- approvals --------------------------------------------------------------------

store_result<page<approval_record, approval_place>> memory_reader::list_approvals(
  const std::string& ns, approval_state state, const std::optional<approval_place>& after, int limit) {
  const auto data = look();
  const auto& places = data->approvals.index().by_state();
  const auto place = after.value_or(approval_place{});
  auto at = places.upper_bound({ns, state, place.task_id, place.call_id});
  const auto find = [&]() -> const approval_record* {
    while (at != places.end() && std::get<0>(*at) == ns && std::get<1>(*at) == state) {
      const auto& [in, is, task_id, call_id] = *at++;
      const auto* task = data->tasks.find(task_id);
      if (!task || !task->deleted)
        return data->approvals.find({task_id, call_id});
    }
    return nullptr;
  };
  return make_page<approval_record, approval_place>(limit, find, placed);
}

store_result<page<approval_record, approval_place>> memory_reader::approvals(const uuid& task_id,
                                                                             const std::string& after, int limit) {
  const auto data = look();
  const auto* behind = after.empty() ? nullptr : data->approvals.find({task_id, after});
  if (!after.empty() && !behind)
    return page<approval_record, approval_place>{};
  std::vector<const approval_record*> calls;
  const auto& all = data->approvals.ordered();
  for (auto at = all.lower_bound({task_id, {}}); at != all.end() && at->first.first == task_id; ++at)
    if (!behind || call_order(*at->second) > call_order(*behind))
      calls.push_back(at->second.get());
  std::sort(calls.begin(), calls.end(), [](const auto* a, const auto* b) { return call_order(*a) < call_order(*b); });
  auto at = calls.begin();
  return make_page<approval_record, approval_place>(
    limit, [&]() -> const approval_record* { return at == calls.end() ? nullptr : *at++; }, placed);
}

// -- sums -------------------------------------------------------------------------

store_result<std::vector<usage_record>> memory_reader::usage(const usage_filter& filter, usage_group group) {
  const auto data = look();
  std::map<std::string, usage_record> sums;
  for (const auto& [key, row] : data->usage.ordered())
    if (matches(filter, key)) {
      auto& sum = sums[group_of(key, group)];
      sum.attempts += row->attempts;
      sum.usage += row->usage;
    }
  std::vector<usage_record> items;
  for (auto& [key, sum] : sums) {
    sum.key = key;
    items.push_back(std::move(sum));
  }
  if (group != usage_group::day)
    std::stable_sort(items.begin(), items.end(), is_more_costly);
  items.resize(std::min(items.size(), most_groups));
  return items;
}

store_result<budget_record> memory_reader::get_budget(const std::string& scope) {
  const auto data = look();
  const auto* found = data->budgets.find(scope);
  if (!found)
    return store_error{errc::not_found, "There is no such budget."};
  return *found;
}

store_result<thread_record> memory_reader::get_thread(const uuid& thread_id) {
  const auto data = look();
  thread_record thread;
  thread.id = thread_id;
  for (const auto& id : data->tasks.index().of_thread(thread_id)) {
    const auto* row = shown_task(*data, id);
    if (!row)
      continue;
    const auto& task = row->record;
    const bool is_first = ++thread.tasks == 1;
    thread.ns = is_first ? task.ns : std::min(thread.ns, task.ns);
    thread.created_at = is_first ? task.created_at : std::min(thread.created_at, task.created_at);
    thread.updated_at = is_first ? task.updated_at : std::max(thread.updated_at, task.updated_at);
    thread.usage += task.usage;
  }
  if (thread.tasks == 0)
    return no_such("thread", thread_id.to_string());
  return thread;
}

store_result<queue_stats> memory_reader::queue(const std::string& after, int limit) {
  const auto data = look();
  const auto at = state_->clock();
  queue_stats stats;
  std::map<std::string, queue_stats::row> sums;
  for (const auto& [order, id] : data->queue.index().all()) {
    const auto& task = *data->queue.find(id);
    count(stats.totals, task, at);
    count(sums[task.ns], task, at);
  }
  for (auto place = sums.upper_bound(after); place != sums.end() && limit > 0; ++place) {
    if (stats.namespaces.size() == static_cast<std::size_t>(limit)) {
      stats.next = stats.namespaces.back().ns;
      break;
    }
    place->second.ns = place->first;
    stats.namespaces.push_back(std::move(place->second));
  }
  return stats;
}

} // namespace troupe
