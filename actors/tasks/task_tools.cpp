#include "actors/tasks/rules/chat_events.hpp"
#include "actors/tasks/task.hpp"
#include "actors/timeouts.hpp"
#include "actors/toolbox/builtin_tools.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/values/overloaded.hpp"

#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <memory>
#include <utility>

/// Tools: what the bot has, and what is done about the calls in the ledger.
namespace troupe {

namespace {

constexpr int approvals_page = 500;

constexpr std::string_view no_such_tool = R"({"error":"This bot has no such tool."})";

} // namespace

// -- what there is --------------------------------------------------------------

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
          fail(*failure);
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
  intent.attempt = claim_.attempt;
  auto entries = ledger_.enter(turn.calls, turn.refused, tools_.get(), context_->clock());
  intent.tool_calls = std::move(entries.calls);
  std::move(entries.events.begin(), entries.events.end(), std::back_inserter(step.events));
  step.approvals = std::move(entries.approvals);
  step.messages.push_back(std::move(intent));
  for (auto& [call, refusal] : entries.refusals)
    step.messages.push_back(result_of(call, std::move(refusal)));
  remember(step.messages);
  append(std::move(step), [this, to_make = std::move(entries.to_make)] { make_calls(to_make); });
}

// -- going on with what was asked for before ------------------------------------

void task_state::take_up(const std::vector<tool_call>& calls) {
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
          take_up(calls, *found);
      },
      [this](const caf::error& reason) { store_failed(reason); });
}

void task_state::take_up(const std::vector<tool_call>& calls, const approval_list& approvals) {
  auto plan = ledger_.take_up(calls, approvals, tools_.get(), context_->clock());
  if (plan.overdue) {
    decide_by_deadline(calls, *plan.overdue);
    return;
  }
  if (!plan.answers.empty())
    store_results(plan.answers);
  if (plan.begun.empty()) {
    make_calls(plan.to_make);
    return;
  }
  append_journal step;
  step.calls_begun = std::move(plan.begun);
  append(std::move(step), [this, to_make = std::move(plan.to_make)] { make_calls(to_make); });
}

void task_state::decide_by_deadline(const std::vector<tool_call>& calls, const approval_record& overdue) {
  decide_approval decision;
  decision.task_id = claim_.id;
  decision.call_id = overdue.call_id;
  decision.approve = overdue.approve_by_default;
  decision.decided_by = "deadline";
  decision.at = context_->clock();
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(decision))
    .then([this, calls](const approval_result&) { take_up(calls); },
          [this, calls](const caf::error& reason) {
            // A person was faster.
            if (reason == errc::illegal_transition)
              take_up(calls);
            else
              store_failed(reason);
          });
}

void task_state::await_decision(std::size_t calls) {
  logging::debug("task waits for a decision", [&](auto& line) { line.add("task", claim_.id).add("calls", calls); });
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
  std::vector<call_answer> known;
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
  else
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
  if (!is_made_again(route.tool, result.retry, claim_.bot->restart, {claim_.charged, claim_.throttled})) {
    store_results({{call, std::move(result.content)}});
    return;
  }
  toolbox_failure failure;
  failure.kind = *result.retry;
  failure.error = "The tool '" + call.tool + "' failed: ";
  failure.own_words = failure.error.size();
  failure.error += result.content;
  failure.retry_after = result.retry_after;
  ledger_.fail(std::move(failure));
  go_on();
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

void task_state::store_results(const std::vector<call_answer>& results) {
  append_journal step;
  for (const auto& [call, content] : results) {
    step.events.push_back(tool_finished(call, content));
    step.messages.push_back(result_of(call, content));
  }
  remember(step.messages);
  append(std::move(step), [this, count = results.size()] {
    ledger_.settle(count);
    go_on();
  });
}

void task_state::go_on() {
  auto state = ledger_.state();
  std::visit(overloaded{
               [](const calls_open&) {},
               [this](calls_failed& end) { fail(std::move(end.failure)); },
               [this](const calls_awaited& person) { await_decision(person.count); },
               [this](const calls_settled&) { next_turn(); },
             },
             state);
}

} // namespace troupe
