#include "persistence/rules/events_json.hpp"
#include "persistence/rules/rules.hpp"

#include <utility>

/// Tool calls that a person has to allow. The intent is stored and the approval requested in
/// one transaction; the task then leaves its node and waits in the queue, held, until all is
/// decided or the first deadline has come.
namespace troupe {

void store_rules::request_approvals(const open_task& task, journal_tail& tail, const append_journal& op) {
  for (auto approval : op.approvals) {
    approval.task_id = task.id();
    approval.ns = task.source->ns;
    approval.created_by = task.source->created_by;
    approval.bot = task.bot;
    approval.state = approval_state::pending;
    approval.requested_at = op.at;
    journal_.append(tail, event_type::approval_requested, approval_requested_data(approval));
    approvals_.put(approval);
  }
}

void store_rules::begin_calls(const append_journal& op) {
  for (const auto& call_id : op.calls_begun)
    if (auto approval = approvals_.find(op.fence.task_id, call_id)) {
      approval->called = true;
      approvals_.put(*approval);
    }
}

outcome store_rules::run(const await_approval& op) {
  auto task = load_fenced(op.fence);
  if (!task)
    return stale(op.fence);
  auto tail = task->tail(op.at);
  journal_.append(tail, op.events);
  close_attempt(*task, {attempt_outcome::waiting, std::nullopt, std::nullopt, op.usage, op.model}, op.at);
  // Somebody may have been quick.
  const auto deadline = approvals_.first_deadline(task->id());
  queue_.put_back(task->id(), *task->entry, tail.seq, deadline, op.at);
  tasks_.store_usage(*task, deadline ? wait_reason::approval : wait_reason::none, op.at);
  return done{};
}

outcome store_rules::run(const decide_approval& op) {
  const auto task = tasks_.load(op.task_id);
  if (!task)
    return task_not_found(op.task_id);
  auto approval = approvals_.find(op.task_id, op.call_id);
  if (!approval)
    return store_error{errc::not_found,
                       "Task " + op.task_id.to_string() + " has no approval for a call '" + op.call_id + "'."};
  const auto wanted = op.approve ? approval_state::approved : approval_state::rejected;
  const bool same = approval->state == wanted && (!op.arguments || *op.arguments == approval->arguments);
  if (same)
    return approval_result{std::move(*approval)};
  if (approval->state != approval_state::pending || !task->entry)
    return store_error{errc::illegal_transition, "The call '" + op.call_id + "' is "
                                                   + std::string{to_string(approval->state)}
                                                   + " already: that is final."};
  approval->state = wanted;
  if (op.arguments) {
    approval->arguments = *op.arguments;
    approval->edited = true;
  }
  approval->decided_by = op.decided_by;
  approval->reason = op.reason;
  approval->decided_at = op.at;
  approvals_.put(*approval);
  auto tail = task->tail(op.at);
  journal_.append(tail, event_type::approval_decided, approval_decided_data(*approval));
  // A wait for the next try, or for a provider, is not cut short.
  const bool waits = task->waits_for == wait_reason::approval && !task->is_claimed();
  queue_.note_entries(op.task_id, tail.seq, waits && !approvals_.first_deadline(op.task_id), op.at);
  return approval_result{std::move(*approval)};
}

} // namespace troupe
