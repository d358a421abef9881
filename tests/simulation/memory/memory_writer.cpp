#include "tests/simulation/memory/memory_writer.hpp"

#include "persistence/rows/record_rows.hpp"

#include <exception>
#include <mutex>
#include <tuple>
#include <utility>

namespace troupe {

namespace {

template <class Op>
void forget_key(Op& op) {
  if constexpr (requires { op.key; })
    op.key.reset();
}

/// The fence of whoever runs the task now, in the place of the writer's own.
template <class Op>
void forge_fence(Op& op, const memory_data& data) {
  if constexpr (requires { op.fence; })
    if (const auto* row = data.queue.find(op.fence.task_id)) {
      op.fence.owner = row->entry.owner;
      op.fence.attempt = row->attempt;
    }
}

} // namespace

memory_writer::memory_writer(std::shared_ptr<memory_process> process)
  : process_{std::move(process)}, state_{*process_->server}, failovers_{state_.failovers}, leases_{*process_},
    catalog_{state_.data}, keys_{state_.data}, queue_{state_.data, leases_, !state_.faults.no_thread_order},
    journal_{state_.data}, tasks_{state_.data}, approvals_{state_.data}, usage_{state_.data}, budgets_{state_.data},
    nodes_{state_, leases_}, rules_{{catalog_, keys_, queue_, journal_, tasks_, approvals_, usage_, budgets_, nodes_}} {
}

memory_writer::~memory_writer() {
  const std::lock_guard guard{state_.mutex};
  process_->has_writer = false;
}

committed memory_writer::apply(std::span<const operation> batch) {
  const std::lock_guard guard{state_.mutex};
  if (std::exchange(failovers_, state_.failovers) != state_.failovers)
    leases_.came_back();
  leases_.show_life();
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

operation memory_writer::with_faults(operation op) const {
  std::visit(
    [this](auto& one) {
      if (state_.faults.no_keys)
        forget_key(one);
      if (state_.faults.no_fence)
        forge_fence(one, state_.data);
    },
    op);
  return op;
}

outcome memory_writer::apply_one(const operation& op) {
  const auto before = state_.data.last_change();
  const auto journal = journal_.mark();
  const auto queue = queue_.notes();
  try {
    return state_.faults.changes_operations() ? rules_.apply(with_faults(op)) : rules_.apply(op);
  } catch (const std::exception& e) {
    state_.data.undo(before);
    journal_.go_back(journal);
    queue_.go_back(queue);
    return unavailable(e);
  }
}

} // namespace troupe
