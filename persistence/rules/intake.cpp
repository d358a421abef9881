#include "persistence/rules/events_json.hpp"
#include "persistence/rules/rules.hpp"

#include <utility>

/// How tasks come into the store and into the queue.
namespace troupe {

outcome store_rules::run(const create_task& op) {
  if (auto seen = replay(op.key))
    return std::move(*seen);

  task_record task = op.task;
  task.status = task_status::pending;
  task.queued = op.execute;
  task.attempt = 0;
  task.usage = {};
  task.node.clear();
  task.output.reset();
  task.error.reset();
  task.error_kind.reset();
  task.started_at.reset();
  task.completed_at.reset();
  task.updated_at = task.created_at;

  const bool new_thread = task.thread_id == task.id;
  if (!new_thread) {
    // A thread that nobody has used yet begins with this task, under the id that the client has chosen for it.
    const auto home = tasks_.thread_namespace(task.thread_id);
    if (home ? *home != task.ns : tasks_.load(task.thread_id).has_value())
      return store_error{errc::thread_not_found, task.thread_id.to_string() + " names no thread of namespace '"
                                                   + task.ns + "': it is a task of another thread, or the thread "
                                                   + "of another namespace."};
  }
  const auto& found = catalog_.find(task.bot_ns, task.bot);
  if (op.execute && !found.model)
    return bot_missing(task.bot_ns, task.bot, found);
  if (found.bot)
    task.max_attempts = found.bot->restart.max_attempts;

  auto source = std::make_shared<const event_source>(event_source{task.id, task.thread_id, task.ns, task.created_by});
  journal_tail tail{std::move(source), 0, 0, task.created_at};
  // The queue refers to the task, so the task goes first; the number of its entries is known.
  tasks_.insert(task, op.execute ? 2 : 1);
  journal_.append(tail, event_type::task_created, plain_data(task.name, task.status));
  if (op.execute) {
    const auto state = queue_.enter(
      {task.id, task.thread_id, task.ns, task.priority, 0, tail.seq + 1, task.run_at, task.created_at, new_thread});
    const auto run_at = state == queue_state::scheduled ? task.run_at : std::nullopt;
    journal_.append(tail, event_type::task_queued, queued_data(task.name, task.status, {run_at, false, {}}));
  }
  if (op.key)
    keys_.insert(*op.key, task.id, task.created_at);
  return task_result{std::move(task), false};
}

outcome store_rules::run(const enqueue_task& op) {
  if (auto seen = replay(op.key))
    return std::move(*seen);
  const auto task = tasks_.load(op.id);
  if (!task)
    return task_not_found(op.id);
  if (is_terminal(task->status))
    return cannot(op.id, task->status, "be executed");
  if (task->entry || task->status == task_status::running)
    return answer(op.id, op.key, op.at);

  auto record = *tasks_.read(op.id);
  record.bot = op.bot.value_or(std::move(record.bot));
  record.bot_ns = op.bot_ns.value_or(std::move(record.bot_ns));
  const auto& found = catalog_.find(record.bot_ns, record.bot);
  if (!found.model)
    return bot_missing(record.bot_ns, record.bot, found);
  record.max_attempts = found.bot->restart.max_attempts;
  auto tail = task->tail(op.at);
  enqueue(*task, tail, record, false);
  return answer(op.id, op.key, op.at);
}

outcome store_rules::run(const retry_task& op) {
  if (auto seen = replay(op.key))
    return std::move(*seen);
  const auto task = tasks_.load(op.id);
  if (!task)
    return task_not_found(op.id);
  if (task->status != task_status::failed && task->status != task_status::cancelled)
    return cannot(op.id, task->status, "be retried");
  const auto record = *tasks_.read(op.id);
  auto tail = task->tail(op.at);
  enqueue(*task, tail, record, true);
  return answer(op.id, op.key, op.at);
}

void store_rules::enqueue(const open_task& task, journal_tail& tail, const task_record& record, bool retry) {
  const auto state = queue_.enter({task.id(), task.thread_id(), record.ns, record.priority, task.attempt, tail.seq + 1,
                                   record.run_at, tail.at, false});
  const auto run_at = state == queue_state::scheduled ? record.run_at : std::nullopt;
  journal_.append(tail, event_type::task_queued, queued_data(task.name, task_status::pending, {run_at, retry, {}}));
  tasks_.set_queued(task.id(), record.bot, record.bot_ns, record.max_attempts, tail.seq, tail.at);
}

} // namespace troupe
