#include "persistence/rules/events_json.hpp"
#include "persistence/rules/rules.hpp"

#include <algorithm>
#include <utility>

/// Attempts: how they begin, write, and end.
namespace troupe {

// -- the beginning --------------------------------------------------------------

outcome store_rules::run(const claim_tasks& op) {
  auto candidates = queue_.take_ready(op);
  claimed_tasks result;
  result.tasks.reserve(candidates.size());
  for (auto& next : candidates) {
    begin_attempt(next, op);
    result.tasks.push_back(std::move(next.task));
  }
  result.next_due = queue_.next_due();
  return result;
}

void store_rules::begin_attempt(candidate& next, const claim_tasks& op) {
  auto& task = next.task;
  const auto& found = catalog_.find(next.bot_ns, next.bot);
  task.bot = found.bot;
  task.model = found.model;
  task.fallbacks = found.fallbacks;
  task.budgeted = (found.bot && found.bot->budget) || catalog_.has_budget(task.ns);
  const bool first = ++task.attempt == 1;
  journal_tail tail{
    std::make_shared<const event_source>(event_source{task.id, task.thread_id, task.ns, task.created_by}),
    next.last_seq, task.attempt, op.at};
  const auto position
    = journal_.append(tail, event_type::task_started, started_data(task.name, task.attempt, op.node, next.bot));
  if (found.model)
    journal_.append(tail, event_type::chat_start, chat_start_data(found.bot->name, found.model->name));
  task.has_history = !next.fresh && journal_.has_history(task.thread_id, task.id);
  if (first)
    journal_.add_plain_message(tail, position, message_role::user, task.input);
  tasks_.start(task.id, task.attempt, op.node, op.at);
  const auto model = found.model ? std::string_view{found.model->name} : std::string_view{};
  queue_.start(task.id, {task.attempt, tail.seq, op.owner, op.node, model, op.at});
}

// -- on the way -----------------------------------------------------------------

std::optional<open_task> store_rules::load_fenced(const fence& f) {
  auto task = tasks_.load_running(f.task_id);
  if (!task || !task->is_claimed() || task->attempt != f.attempt || task->entry->owner != f.owner)
    return std::nullopt;
  return task;
}

outcome store_rules::run(const append_journal& op) {
  const auto task = load_fenced(op.fence);
  if (!task)
    return stale(op.fence);
  auto tail = task->tail(op.at);
  journal_.add_messages(tail, op.messages);
  journal_.append(tail, op.events);
  request_approvals(*task, tail, op);
  begin_calls(op);
  if (!op.messages.empty() && op.events.empty())
    journal_.keep_position();
  const bool calls = std::any_of(op.messages.begin(), op.messages.end(),
                                 [](const message_record& message) { return !message.tool_calls.empty(); });
  const auto& model = op.model.empty() ? task->entry->model : op.model;
  queue_.advance(op.fence.task_id, tail.seq, {op.usage, model, task->entry->called || calls});
  return done{};
}

// -- the ends -------------------------------------------------------------------

outcome store_rules::run(const complete_task& op) {
  auto task = load_fenced(op.fence);
  if (!task)
    return stale(op.fence);
  auto tail = task->tail(op.at);
  journal_.append(tail, op.events);
  close_attempt(*task, {attempt_outcome::completed, std::nullopt, std::nullopt, op.usage, op.model, op.finish}, op.at);
  finish(*task, tail,
         {task_status::completed, op.output, std::nullopt, std::nullopt, false, op.finish, op.origin, op.replay});
  return done{};
}

outcome store_rules::run(const fail_attempt& op) {
  auto task = load_fenced(op.fence);
  if (!task)
    return stale(op.fence);
  auto tail = task->tail(op.at);
  journal_.append(tail, op.events);
  close_attempt(*task, {attempt_outcome::failed, op.error, op.kind, op.usage, op.model, op.finish}, op.at);
  if (!op.retry_at) {
    finish(*task, tail, {task_status::failed, std::nullopt, op.error, op.kind, op.chat_started, op.finish});
    return done{};
  }
  if (op.chat_started)
    journal_.append(tail, event_type::chat_error, chat_error_data(op.error, op.kind));
  journal_.append(tail, event_type::task_retrying,
                  retrying_data(task->name, op.error, op.kind, task->attempt, *op.retry_at));
  if (op.charge)
    ++task->entry->charged;
  else if (op.counted)
    ++task->entry->throttled;
  queue_.put_back(task->id(), *task->entry, tail.seq, op.retry_at, op.at);
  tasks_.store_usage(*task, wait_reason::none, op.at);
  return done{};
}

outcome store_rules::run(const release_tasks& op) {
  for (const auto& f : op.fences) {
    auto task = load_fenced(f);
    if (!task)
      continue;
    auto tail = task->tail(op.at);
    journal_.append(tail, event_type::task_queued,
                    queued_data(task->name, task->status, {std::nullopt, false, op.reason}));
    close_attempt(*task, {attempt_outcome::released, std::nullopt, std::nullopt, std::nullopt}, op.at);
    queue_.put_back(f.task_id, *task->entry, tail.seq, std::nullopt, op.at);
    tasks_.store_usage(*task, wait_reason::none, op.at);
  }
  return done{};
}

// -- after a crash --------------------------------------------------------------

outcome store_rules::run(const recover_tasks& op) {
  const auto [lost, more] = queue_.lost(op);
  recovered_tasks result;
  result.more = more;
  for (const auto& id : lost) {
    auto task = tasks_.load(id);
    if (!task)
      continue;
    if (recover(*task, op)) {
      ++result.requeued;
    } else {
      ++result.failed;
      result.given_up.push_back(id);
    }
  }
  return result;
}

bool store_rules::recover(open_task& task, const recover_tasks& op) {
  constexpr std::string_view lost = "The node that ran this attempt ended.";
  auto tail = task.tail(op.at);
  close_attempt(task, {attempt_outcome::lost, lost, error_class::transient, std::nullopt}, op.at);
  if (++task.entry->recoveries > op.max_recoveries) {
    const auto error = "The node that ran this task ended " + std::to_string(task.entry->recoveries)
                       + " times; it is not started again.";
    finish(task, tail, {task_status::failed, std::nullopt, error, error_class::permanent, false});
    return false;
  }
  journal_.append(tail, event_type::task_retrying,
                  retrying_data(task.name, lost, error_class::transient, task.attempt, op.at));
  queue_.put_back(task.id(), *task.entry, tail.seq, std::nullopt, op.at);
  tasks_.store_usage(task, wait_reason::none, op.at);
  return true;
}

} // namespace troupe
