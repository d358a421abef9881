#include "persistence/rules/events_json.hpp"
#include "persistence/rules/rules.hpp"

#include <utility>

/// What users and operators do to a task from outside: they end it, move it by
/// hand, or remove it, whoever runs it.
namespace troupe {
namespace {

/// The outcome of an attempt whose task is given `status`.
attempt_outcome outcome_of(task_status status) noexcept {
  if (status == task_status::completed)
    return attempt_outcome::completed;
  return status == task_status::failed ? attempt_outcome::failed : attempt_outcome::cancelled;
}

} // namespace

// -- cancel and delete ----------------------------------------------------------

outcome store_rules::run(const cancel_task& op) {
  if (auto seen = replay(op.key))
    return std::move(*seen);
  auto task = tasks_.load(op.id);
  if (!task)
    return task_not_found(op.id);
  if (task->status != task_status::cancelled) {
    if (is_terminal(task->status))
      return cannot(op.id, task->status, "be cancelled");
    auto tail = task->tail(op.at);
    cancel(*task, tail, op);
  }
  return answer(op.id, op.key, op.at);
}

void store_rules::cancel(open_task& task, journal_tail& tail, const cancel_task& op) {
  const bool running = task.has_attempt();
  const bool claimed = task.is_claimed();
  std::optional<std::string_view> output;
  if (running) {
    // What a stream leaves behind belongs to the attempt; without one it is stale.
    if (!op.partial_output.empty())
      output = op.partial_output;
    journal_.append(tail, op.events);
    // An actor that had nothing to tell may have ended without a word.
    const auto usage = op.usage == token_usage{} ? std::nullopt : std::optional{op.usage};
    close_attempt(task, {attempt_outcome::cancelled, std::nullopt, error_class::cancelled, usage}, op.at);
  }
  finish(task, tail, {task_status::cancelled, output, std::nullopt, std::nullopt, claimed});
}

outcome store_rules::run(const delete_task& op) {
  auto task = tasks_.load(op.id);
  if (!task)
    return task_not_found(op.id);
  auto tail = task->tail(op.at);
  auto status = task->status;
  if (!is_terminal(status)) {
    cancel_task cancellation;
    cancellation.at = op.at;
    cancel(*task, tail, cancellation);
    status = task_status::cancelled;
  }
  journal_.append(tail, event_type::task_deleted, plain_data(task->name, status));
  tasks_.set_deleted(op.id, tail.seq, op.at);
  return done{};
}

// -- by hand --------------------------------------------------------------------

outcome store_rules::run(const set_task_status& op) {
  auto task = tasks_.load(op.id);
  if (!task)
    return task_not_found(op.id);
  if (!may_become(task->status, op.status))
    return cannot(op.id, task->status, "become " + std::string{to_string(op.status)});
  if (op.status == task_status::running)
    start_by_hand(*task, op);
  else
    end_by_hand(*task, op);
  return answer(op.id, std::nullopt, op.at);
}

void store_rules::start_by_hand(open_task& task, const set_task_status& op) {
  const auto record = *tasks_.read(op.id);
  if (task.entry)
    queue_.leave(task);
  ++task.attempt;
  auto tail = task.tail(op.at);
  const auto position
    = journal_.append(tail, event_type::task_started, started_data(task.name, task.attempt, op.node, record.bot));
  if (task.attempt == 1) {
    journal_.add_plain_message(tail, position, message_role::user, record.input);
    queue_.note_history(task.thread_id());
  }
  tasks_.start_by_hand(task, op.node, tail.seq, op.at);
  attempt_record attempt;
  attempt.attempt = task.attempt;
  attempt.node = op.node;
  attempt.started_at = op.at;
  tasks_.put_attempt(task.id(), attempt);
}

void store_rules::end_by_hand(open_task& task, const set_task_status& op) {
  auto tail = task.tail(op.at);
  const bool claimed = task.is_claimed();
  task_end end;
  end.status = op.status;
  end.output = op.output;
  end.ends_chat = claimed;
  if (op.status == task_status::failed) {
    end.error = op.error ? std::string_view{*op.error} : "The task was set to FAILED by hand.";
    end.kind = error_class::permanent;
  }
  if (task.has_attempt())
    close_attempt(task, {outcome_of(op.status), end.error, end.kind, std::nullopt}, op.at);
  finish(task, tail, end);
}

} // namespace troupe
