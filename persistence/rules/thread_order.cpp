#include "persistence/rules/thread_order.hpp"

#include <algorithm>

namespace troupe {

bool is_busy(std::span<const thread_member> members, const uuid& task_id) noexcept {
  return std::any_of(members.begin(), members.end(),
                     [&](const auto& m) { return m.task_id != task_id && is_active(m.state, m.held); });
}

std::optional<uuid> next_in_turn(std::span<const thread_member> members) noexcept {
  const auto next
    = std::find_if(members.begin(), members.end(), [](const auto& m) { return m.state == queue_state::blocked; });
  return next == members.end() ? std::nullopt : std::optional{next->task_id};
}

} // namespace troupe
