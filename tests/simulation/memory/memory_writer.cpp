#include "tests/simulation/memory/memory_writer.hpp"

#include "persistence/rows/record_rows.hpp"

#include <exception>
#include <mutex>
#include <tuple>
#include <utility>

namespace troupe {

memory_writer::memory_writer(std::shared_ptr<memory_process> process)
  : process_{std::move(process)}, state_{*process_->server}, failovers_{state_.failovers}, leases_{*process_},
    catalog_{state_.data}, keys_{state_.data}, queue_{state_.data, leases_}, journal_{state_.data}, tasks_{state_.data},
    approvals_{state_.data}, usage_{state_.data}, budgets_{state_.data}, nodes_{state_, leases_},
    rules_{{catalog_, keys_, queue_, journal_, tasks_, approvals_, usage_, budgets_, nodes_}} {}

memory_writer::~memory_writer() {
  const std::lock_guard guard{state_.mutex};
  process_->has_writer = false;
}

committed memory_writer::apply(std::span<const operation> batch) {
  const std::lock_guard guard{state_.mutex};
  if (std::exchange(failovers_, state_.failovers) != state_.failovers)
    leases_.came_back();
  const auto before = state_.data.last_change();
  journal_.begin();
  queue_.begin();
  committed result;
  result.outcomes.reserve(batch.size());
  for (const auto& op : batch)
    result.outcomes.push_back(apply_one(op));
  std::tie(result.from_position, result.to_position) = journal_.store_position();
  result.events = journal_.take();
  result.work_ready = queue_.work_ready();
  result.next_due = queue_.earliest_scheduled();
  if (state_.data.last_change() != before)
    state_.commits.push_back(state_.data.last_change());
  return result;
}

outcome memory_writer::apply_one(const operation& op) {
  const auto before = state_.data.last_change();
  const auto journal = journal_.mark();
  const auto queue = queue_.notes();
  try {
    return rules_.apply(op);
  } catch (const std::exception& e) {
    state_.data.undo(before);
    journal_.go_back(journal);
    queue_.go_back(queue);
    return unavailable(e);
  }
}

} // namespace troupe
