#include "tests/simulation/memory/tables/approvals.hpp"

#include <algorithm>
#include <string>

namespace troupe {

std::optional<approval_record> memory_approvals::find(const uuid& task_id, std::string_view call_id) {
  const auto* found = data_.approvals.find({task_id, std::string{call_id}});
  return found ? std::optional{*found} : std::nullopt;
}

void memory_approvals::put(const approval_record& approval) {
  data_.approvals.put({approval.task_id, approval.call_id}, approval);
}

template <class Use>
void memory_approvals::each_pending(const uuid& task_id, Use use) {
  const auto& all = data_.approvals.ordered();
  for (auto at = all.lower_bound({task_id, {}}); at != all.end() && at->first.first == task_id; ++at)
    if (at->second->state == approval_state::pending)
      use(at->first, *at->second);
}

std::optional<timestamp> memory_approvals::first_deadline(const uuid& task_id) {
  std::optional<timestamp> first;
  each_pending(task_id, [&](const auto&, const approval_record& row) {
    first = std::min(first.value_or(row.deadline), row.deadline);
  });
  return first;
}

void memory_approvals::close(const uuid& task_id, timestamp at) {
  each_pending(task_id, [&](const auto& key, const approval_record&) {
    data_.approvals.edit(key, [&](approval_record& row) {
      row.state = approval_state::closed;
      row.decided_at = at;
    });
  });
}

} // namespace troupe
