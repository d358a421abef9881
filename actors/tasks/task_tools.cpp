#include "actors/tasks/rules/chat_events.hpp"
#include "actors/tasks/rules/restart_policy.hpp"
#include "actors/tasks/task.hpp"
#include "actors/timeouts.hpp"
#include "actors/toolbox/builtin_tools.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/values/json_text.hpp"

#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <memory>
#include <utility>

/// The ledger of tool calls: each is stored before it is made and again with its result,
/// so that whoever goes on knows what was asked for, what came of it, and what nobody
/// knows.
namespace troupe {

namespace {

constexpr int approvals_page = 500;

constexpr std::string_view unknown_outcome
  = R"({"error":"The outcome of this call is unknown: the server was interrupted while it was being made. )"
    R"(It is not made again."})";

std::string rejection(const std::string& reason) {
  std::string text;
  {
    json_object o{text};
    o.add("error", "A person has rejected this call.");
    if (!reason.empty())
      o.add("reason", reason);
  }
  return text;
}

constexpr std::string_view never_allowed
  = R"({"error":"This call was interrupted, and by now a person has to allow it. Ask for it once more."})";

constexpr std::string_view no_such_tool = R"({"error":"This bot has no such tool."})";

} // namespace

std::vector<tool_call> task_state::open_calls() const {
  std::vector<tool_call> open;
  for (const auto& message : *history_) {
    if (message.task_id != claim_.id)
      continue;
    open.insert(open.end(), message.tool_calls.begin(), message.tool_calls.end());
    if (message.role == message_role::tool)
      std::erase_if(open, [&](const tool_call& call) { return call.call_id == message.call_id; });
  }
  return open;
}

void task_state::with_tools(std::function<void()> then) {
  if (needs_service(*claim_.bot)) {
    ask_for_tools(false, std::move(then));
    return;
  }
  if (!tools_ && !claim_.bot->tools.empty())
    tools_ = std::make_shared<const toolbox>(make_toolbox(*claim_.bot, {}));
  then();
}

void task_state::with_tools_for(const std::vector<tool_call>& calls, std::function<void()> then) {
  const bool all_known = tools_ && std::all_of(calls.begin(), calls.end(), [this](const tool_call& call) {
                           return tools_->find(call.tool) != nullptr;
                         });
  if (all_known)
    then();
  else if (needs_service(*claim_.bot))
    // A server may have got a tool that its list did not have yet.
    ask_for_tools(true, std::move(then));
  else
    with_tools(std::move(then));
}

void task_state::ask_for_tools(bool fresh, std::function<void()> then) {
  self_
    ->request(context_->peers->tools, std::max(time_left(), std::chrono::milliseconds{1}),
              get_toolbox{claim_.bot, claim_.id, fresh, false})
    .then(
      [this, then = std::move(then)](const toolbox_result& found) {
        if (const auto* failure = std::get_if<toolbox_failure>(&found); failure && !tools_) {
          chat_failure none;
          none.kind = failure->kind;
          none.error = failure->error;
          none.own_words = failure->own_words;
          none.retry_after = failure->retry_after;
          fail(std::move(none));
          return;
        }
        if (const auto* tools = std::get_if<toolbox_ptr>(&found))
          tools_ = *tools;
        then();
      },
      [this](const caf::error& reason) { fail(cite("The bot's tools are not known", reason)); });
}

// -- intents ------------------------------------------------------------------

void task_state::store_intents(const chat_turn& turn) {
  append_journal step;
  take_chunks(step.events);
  message_record intent;
  intent.task_id = claim_.id;
  intent.role = message_role::assistant;
  intent.content = turn.text;
  intent.origin = turn.origin;
  intent.replay = turn.replay;
  intent.tool_calls = turn.calls;
  intent.attempt = claim_.attempt;
  std::vector<tool_call> at_once;
  std::vector<message_record> refusals;
  for (std::size_t i = 0; i < intent.tool_calls.size(); ++i) {
    auto& call = intent.tool_calls[i];
    // A provider's own ids need not be unique, and the key of a call is made of this one.
    call.call_id = "call_" + std::to_string(++calls_made_);
    step.events.push_back(tool_started(call));
    if (const auto refused = turn.refused.find(i); refused != turn.refused.end()) {
      // Stored with the intent, so that no attempt after this one takes it for a call to be made.
      refusals.push_back(result_of(call, failed_tool(refused->second).content));
      step.events.push_back(tool_finished(call, refusals.back().content));
      continue;
    }
    const auto* route = tools_ ? tools_->find(call.tool) : nullptr;
    if (route && route->tool.requires_approval)
      step.approvals.push_back(approval_for(call, route->tool));
    else
      at_once.push_back(call);
  }
  awaited_ = step.approvals.size();
  open_calls_ = at_once.size();
  step.messages.push_back(std::move(intent));
  std::move(refusals.begin(), refusals.end(), std::back_inserter(step.messages));
  remember(step.messages);
  append(std::move(step), [this, at_once = std::move(at_once)] { make_calls(at_once); });
}

approval_record task_state::approval_for(const tool_call& call, const tool_record& tool) const {
  approval_record approval;
  approval.call_id = call.call_id;
  approval.tool = call.tool;
  approval.arguments = call.arguments;
  approval.deadline = context_->clock() + tool.approval_timeout;
  approval.approve_by_default = tool.approve_by_default;
  return approval;
}

// -- going on with what was asked for before ------------------------------------

void task_state::settle(const std::vector<tool_call>& calls) {
  with_tools([this, calls] { read_approvals(calls, std::make_shared<approval_list>(), {}); });
}

void task_state::read_approvals(const std::vector<tool_call>& calls, const std::shared_ptr<approval_list>& found,
                                const std::string& after) {
  self_->request(reader(), timeouts::store_read, get_task_approvals{claim_.id, after, approvals_page})
    .then(
      [this, calls, found](approval_page& more) {
        // Those of earlier turns are of no interest.
        for (auto& approval : more.items)
          if (std::any_of(calls.begin(), calls.end(),
                          [&](const auto& call) { return call.call_id == approval.call_id; }))
            found->push_back(std::move(approval));
        if (more.next)
          read_approvals(calls, found, more.next->call_id);
        else
          settle(calls, *found);
      },
      [this](const caf::error& reason) { store_failed(reason); });
}

void task_state::settle(const std::vector<tool_call>& calls, const approval_list& approvals) {
  std::vector<tool_call> to_make;
  std::vector<std::pair<tool_call, std::string>> known;
  append_journal step;
  awaited_ = 0;
  for (const auto& call : calls) {
    const auto found = std::find_if(approvals.begin(), approvals.end(),
                                    [&](const auto& approval) { return approval.call_id == call.call_id; });
    const bool untouched = found != approvals.end() && !found->called;
    if (untouched && found->state == approval_state::pending) {
      if (found->deadline <= context_->clock()) {
        decide_by_deadline(calls, *found);
        return;
      }
      ++awaited_;
    } else if (untouched && found->state == approval_state::approved) {
      to_make.push_back(call);
      to_make.back().arguments = found->arguments;
      step.calls_begun.push_back(call.call_id);
    } else if (untouched) {
      known.emplace_back(call, rejection(found->reason));
    } else if (found == approvals.end() && needs_approval(call)) {
      // The tool was not known, or free, when the model asked for it.
      known.emplace_back(call, never_allowed);
    } else if (is_never_repeated(call)) {
      known.emplace_back(call, unknown_outcome);
    } else {
      to_make.push_back(call);
      // What a person has allowed is what is made, also when it is made again.
      if (found != approvals.end() && found->state == approval_state::approved)
        to_make.back().arguments = found->arguments;
    }
  }
  // All of them, before any is settled: the model is asked again behind the last.
  open_calls_ = known.size() + to_make.size();
  if (!known.empty())
    store_results(known);
  if (step.calls_begun.empty())
    make_calls(to_make);
  else
    append(std::move(step), [this, to_make] { make_calls(to_make); });
}

bool task_state::needs_approval(const tool_call& call) const {
  const auto* route = tools_ ? tools_->find(call.tool) : nullptr;
  return route && route->tool.requires_approval;
}

bool task_state::is_never_repeated(const tool_call& call) const {
  const auto* route = tools_ ? tools_->find(call.tool) : nullptr;
  return route && route->tool.type != tool_kind::builtin && route->tool.repeat == repeat_rule::never;
}

void task_state::decide_by_deadline(const std::vector<tool_call>& calls, const approval_record& overdue) {
  decide_approval decision;
  decision.task_id = claim_.id;
  decision.call_id = overdue.call_id;
  decision.approve = overdue.approve_by_default;
  decision.decided_by = "deadline";
  decision.at = context_->clock();
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(decision))
    .then([this, calls](const approval_result&) { settle(calls); },
          [this, calls](const caf::error& reason) {
            // A person was faster.
            if (reason == errc::illegal_transition)
              settle(calls);
            else
              store_failed(reason);
          });
}

void task_state::await_decision() {
  logging::debug("task waits for a decision", [&](auto& line) { line.add("task", claim_.id).add("calls", awaited_); });
  await_approval wait;
  wait.fence = fence();
  wait.usage = used();
  wait.model = model()->name;
  take_chunks(wait.events);
  wait.at = context_->clock();
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(wait))
    .then([this](const done&) { self_->quit(); }, [this](const caf::error& reason) { store_failed(reason); });
}

// -- calls --------------------------------------------------------------------

void task_state::make_calls(const std::vector<tool_call>& calls) {
  std::vector<std::pair<tool_call, std::string>> known;
  for (const auto& call : calls) {
    const auto* route = tools_ ? tools_->find(call.tool) : nullptr;
    if (!route)
      known.emplace_back(call, no_such_tool);
    else if (route->tool.type == tool_kind::builtin)
      known.emplace_back(call, call_builtin(call));
    else
      request_call(call, *route);
  }
  if (!known.empty())
    store_results(known);
  else if (open_calls_ == 0)
    go_on();
}

std::string task_state::call_builtin(const tool_call& call) const {
  auto made = call_builtin_tool(call.tool, call.arguments, context_->clock());
  context_->measured->tool_called(tool_kind::builtin, made.failed);
  logging::debug("tool call", [&](auto& line) {
    line.add("tool", call.tool).add("type", "builtin").add("failed", made.failed).add("task", claim_.id);
  });
  return std::move(made.result);
}

void task_state::request_call(const tool_call& call, const tool_route& route) {
  const auto key = claim_.id.to_string() + '-' + call.call_id;
  self_
    ->request(context_->peers->tools, route.tool.timeout + timeouts::tool_margin,
              call_tool{tools_, call, key, claim_.id})
    .then([this, call, route](tool_result& result) { take_result(call, route, result); },
          [this, call, route](const caf::error& reason) {
            auto died = failed_tool("The call was interrupted: " + sentence_of(reason));
            if (route.tool.repeat != repeat_rule::never)
              died.retry = error_class::transient;
            take_result(call, route, died);
          });
}

void task_state::take_result(const tool_call& call, const tool_route& route, tool_result& result) {
  context_->measured->tool_called(route.tool.type, result.failed);
  const bool again = result.retry && route.tool.repeat != repeat_rule::never && may_try_again(*result.retry);
  if (!again) {
    store_results({{call, std::move(result.content)}});
    return;
  }
  // Other calls of the turn are not to be lost with this one.
  chat_failure failure;
  failure.kind = *result.retry;
  failure.error = "The tool '" + call.tool + "' failed: ";
  failure.own_words = failure.error.size();
  failure.error += result.content;
  failure.retry_after = result.retry_after;
  tool_failure_ = std::move(failure);
  call_settled(1);
}

bool task_state::may_try_again(error_class kind) const {
  if (kind == error_class::throttled)
    return claim_.throttled < max_throttled_waits;
  return claim_.charged + 1 < claim_.bot->restart.max_attempts;
}

// -- results ------------------------------------------------------------------

message_record task_state::result_of(const tool_call& call, std::string content) const {
  message_record result;
  result.task_id = claim_.id;
  result.role = message_role::tool;
  result.call_id = call.call_id;
  result.tool = call.tool;
  result.attempt = claim_.attempt;
  result.content = std::move(content);
  return result;
}

void task_state::store_results(const std::vector<std::pair<tool_call, std::string>>& results) {
  append_journal step;
  for (const auto& [call, content] : results) {
    step.events.push_back(tool_finished(call, content));
    step.messages.push_back(result_of(call, content));
  }
  remember(step.messages);
  append(std::move(step), [this, count = results.size()] { call_settled(count); });
}

void task_state::call_settled(std::size_t count) {
  open_calls_ -= count;
  if (open_calls_ == 0)
    go_on();
}

void task_state::go_on() {
  if (tool_failure_)
    fail(std::move(*tool_failure_));
  else if (awaited_ > 0)
    await_decision();
  else
    next_turn();
}

} // namespace troupe
