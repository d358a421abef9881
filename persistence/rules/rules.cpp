#include "persistence/rules/rules.hpp"

#include "persistence/rules/events_json.hpp"
#include "persistence/values/namespaces.hpp"

#include <utility>

/// What several operations share: keys, the ends of attempts and tasks, refusals.
namespace troupe {

// -- keys -----------------------------------------------------------------------

std::optional<outcome> store_rules::replay(const std::optional<idempotency_key>& key) {
  if (!key)
    return std::nullopt;
  const auto seen = keys_.find(key->key);
  if (!seen)
    return std::nullopt;
  if (seen->fingerprint != key->fingerprint)
    return store_error{errc::key_reused, "This idempotency key was used before with another request."};
  auto task = tasks_.read(seen->task_id);
  if (!task)
    return task_not_found(seen->task_id);
  return task_result{std::move(*task), true};
}

outcome store_rules::answer(const uuid& id, const std::optional<idempotency_key>& key, timestamp at) {
  if (key)
    keys_.insert(*key, id, at);
  auto task = tasks_.read(id);
  if (!task)
    return task_not_found(id);
  return task_result{std::move(*task), false};
}

outcome store_rules::run(const clean_up& op) {
  keys_.forget(op.keys_before);
  return done{};
}

// -- the end of an attempt ------------------------------------------------------

void store_rules::close_attempt(open_task& task, const attempt_end& end, timestamp at) {
  const auto usage = end.usage.value_or(task.entry ? task.entry->usage : token_usage{});
  attempt_record attempt;
  attempt.attempt = task.attempt;
  attempt.outcome = end.outcome;
  attempt.started_at = task.entry ? task.entry->started_at : at;
  attempt.ended_at = at;
  attempt.error = end.error;
  attempt.error_kind = end.kind;
  attempt.finish = end.finish;
  attempt.usage = usage;
  attempt.model = end.model;
  if (task.entry) {
    attempt.node = task.entry->node;
    if (attempt.model.empty())
      attempt.model = task.entry->model;
  }
  tasks_.put_attempt(task.id(), attempt);
  task.usage += usage;
  if (task.entry && task.entry->reserved != budget_amount{})
    settle_budgets(task, usage, at);
  if (usage != token_usage{})
    usage_.add({day_of(at), task.source->ns, task.bot, attempt.model, task.source->created_by}, usage);
}

// -- the end of a task ----------------------------------------------------------

void store_rules::finish(const open_task& task, journal_tail& tail, const task_end& end) {
  if (task.entry) {
    queue_.leave(task);
    if (task.entry->called) {
      seal_tool_calls(tail);
      approvals_.close(task.id(), tail.at);
    }
  }
  append_end(task, tail, end);
  tasks_.finish(task, tail, end);
}

void store_rules::append_end(const open_task& task, journal_tail& tail, const task_end& end) {
  switch (end.status) {
  case task_status::completed: {
    const auto position
      = journal_.append(tail, event_type::task_completed, completed_data(task.name, end.output, task.usage));
    if (end.output)
      add_answer(tail, position, end);
    return;
  }
  case task_status::failed: {
    const auto error = end.error.value_or(std::string_view{});
    const auto kind = end.kind.value_or(error_class::permanent);
    if (end.ends_chat)
      journal_.append(tail, event_type::chat_error, chat_error_data(error, kind));
    journal_.append(tail, event_type::task_failed, failed_data(task.name, error, kind, task.attempt));
    return;
  }
  case task_status::cancelled:
    if (end.ends_chat)
      journal_.append(tail, event_type::chat_cancelled, "{}");
    {
      const auto position = journal_.append(tail, event_type::task_cancelled, cancelled_data(task.name, end.output));
      if (end.ends_chat && end.output)
        add_interrupted(tail, position, *end.output);
    }
    return;
  case task_status::pending:
  case task_status::running: return;
  }
}

void store_rules::add_answer(const journal_tail& tail, std::int64_t position, const task_end& end) {
  if (end.replay.empty()) {
    journal_.add_plain_message(tail, position, message_role::assistant, *end.output);
    return;
  }
  message_record message;
  message.role = message_role::assistant;
  message.content = *end.output;
  message.origin = end.origin;
  message.replay = end.replay;
  journal_.add_message(tail, position, message);
}

void store_rules::add_interrupted(const journal_tail& tail, std::int64_t position, std::string_view said) {
  message_record message;
  message.role = message_role::assistant;
  message.content = said;
  message.interrupted = true;
  journal_.add_message(tail, position, message);
}

void store_rules::seal_tool_calls(journal_tail& tail) {
  for (const auto& call : journal_.open_calls(tail.source->thread_id, tail.source->task_id)) {
    const auto position = journal_.append(tail, event_type::chat_tool_result,
                                          tool_result_data(call.call_id, call.tool, unfinished_call_result()));
    message_record result;
    result.role = message_role::tool;
    result.content = unfinished_call_result();
    result.call_id = call.call_id;
    result.tool = call.tool;
    journal_.add_message(tail, position, result);
  }
}

// -- refusals -------------------------------------------------------------------

store_error task_not_found(const uuid& id) {
  return {errc::not_found, "There is no task " + id.to_string() + "."};
}

store_error stale(const fence& f) {
  return {errc::fenced, "Attempt " + std::to_string(f.attempt) + " of task " + f.task_id.to_string()
                          + " is no longer the valid one."};
}

store_error cannot(const uuid& id, task_status status, std::string_view what) {
  return {errc::illegal_transition, "Task " + id.to_string() + " is " + std::string{to_string(status)} + " and cannot "
                                      + std::string{what} + "."};
}

store_error not_in_catalog(std::string_view kind, const std::string& ns, const std::string& name) {
  return {errc::not_found, "There is no " + std::string{kind} + " '" + name + "' in namespace '" + ns + "'."};
}

store_error bot_missing(std::string_view ns, std::string_view name, const resolved_bot& found) {
  const auto where = [](std::string_view space) {
    auto text = "namespace '" + std::string{space} + "'";
    const auto next = looked_up_after(space);
    return next ? text + " or in '" + std::string{*next} + "'" : text;
  };
  if (!found.bot)
    return {errc::bot_invalid, "There is no bot '" + std::string{name} + "' in " + where(ns) + "."};
  return {errc::bot_invalid, "The bot '" + std::string{name} + "' needs the model '" + found.bot->model
                               + "', which is not in " + where(found.bot->ns) + "."};
}

} // namespace troupe
