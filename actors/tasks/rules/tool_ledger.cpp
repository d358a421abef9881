#include "actors/tasks/rules/tool_ledger.hpp"

#include "actors/tasks/rules/chat_events.hpp"
#include "actors/toolbox/http_tool.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/overloaded.hpp"

#include <algorithm>

namespace troupe {

namespace {

constexpr std::string_view unknown_outcome
  = R"({"error":"The outcome of this call is unknown: the server was interrupted while it was being made. )"
    R"(It is not made again."})";

constexpr std::string_view never_allowed
  = R"({"error":"This call was interrupted, and by now a person has to allow it. Ask for it once more."})";

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

bool needs_approval(const tool_route* route) noexcept {
  return route != nullptr && route->tool.requires_approval;
}

bool is_never_repeated(const tool_route* route) noexcept {
  return route != nullptr && route->tool.type != tool_kind::builtin && route->tool.repeat == repeat_rule::never;
}

/// With the arguments that a person has allowed.
tool_call allowed(tool_call call, const approval_record& approval) {
  call.arguments = approval.arguments;
  return call;
}

/// Nobody has begun to make it.
call_fate fate_of_untouched(const tool_call& call, const approval_record& approval, timestamp now) {
  switch (approval.state) {
  case approval_state::pending: return approval.deadline <= now ? call_fate{decide_overdue{}} : await_person{};
  case approval_state::approved: return make_call{allowed(call, approval), true};
  case approval_state::rejected:
  case approval_state::closed: break;
  }
  return answer_call{rejection(approval.reason)};
}

approval_record approval_for(const tool_call& call, const tool_record& tool, timestamp now) {
  approval_record approval;
  approval.call_id = call.call_id;
  approval.tool = call.tool;
  approval.arguments = call.arguments;
  approval.deadline = now + tool.approval_timeout;
  approval.approve_by_default = tool.approve_by_default;
  return approval;
}

const approval_record* approval_of(const tool_call& call, const std::vector<approval_record>& approvals) {
  const auto found = std::find_if(approvals.begin(), approvals.end(),
                                  [&](const auto& approval) { return approval.call_id == call.call_id; });
  return found == approvals.end() ? nullptr : &*found;
}

} // namespace

call_fate fate_of(const tool_call& call, const approval_record* approval, const tool_route* route, timestamp now) {
  if (approval != nullptr && !approval->called)
    return fate_of_untouched(call, *approval, now);
  // The tool was not known, or free, when the model asked for it.
  if (approval == nullptr && needs_approval(route))
    return answer_call{std::string{never_allowed}};
  if (is_never_repeated(route))
    return answer_call{std::string{unknown_outcome}};
  // What a person has allowed is what is made, also when it is made again.
  const bool was_allowed = approval != nullptr && approval->state == approval_state::approved;
  return make_call{was_allowed ? allowed(call, *approval) : call};
}

bool is_made_again(const tool_record& tool, std::optional<error_class> retry, const restart_policy& policy,
                   failure_counts before) noexcept {
  return retry && tool.repeat != repeat_rule::never && may_retry(policy, *retry, before);
}

std::vector<tool_call> tool_ledger::read(const std::vector<message_record>& history, const uuid& task) {
  std::vector<tool_call> open;
  for (const auto& message : history) {
    if (message.task_id != task)
      continue;
    made_ += static_cast<int>(message.tool_calls.size());
    open.insert(open.end(), message.tool_calls.begin(), message.tool_calls.end());
    if (message.role == message_role::tool)
      std::erase_if(open, [&](const tool_call& call) { return call.call_id == message.call_id; });
  }
  return open;
}

ledger_entries tool_ledger::enter(std::vector<tool_call> calls, const std::map<std::size_t, std::string>& refused,
                                  const toolbox* tools, timestamp now) {
  ledger_entries entries;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    auto& call = calls[i];
    // A provider's own ids need not be unique, and the key of a call is made of this one.
    call.call_id = "call_" + std::to_string(++made_);
    entries.events.push_back(tool_started(call));
    const auto* route = tools ? tools->find(call.tool) : nullptr;
    if (const auto sentence = refused.find(i); sentence != refused.end()) {
      entries.refusals.emplace_back(call, failed_tool(sentence->second).content);
      entries.events.push_back(tool_finished(call, entries.refusals.back().second));
    } else if (needs_approval(route)) {
      entries.approvals.push_back(approval_for(call, route->tool, now));
    } else {
      entries.to_make.push_back(call);
    }
  }
  awaited_ = entries.approvals.size();
  open_ = entries.to_make.size();
  entries.calls = std::move(calls);
  return entries;
}

ledger_plan tool_ledger::take_up(const std::vector<tool_call>& calls, const std::vector<approval_record>& approvals,
                                 const toolbox* tools, timestamp now) {
  ledger_plan plan;
  awaited_ = 0;
  for (const auto& call : calls) {
    const auto* approval = approval_of(call, approvals);
    auto fate = fate_of(call, approval, tools ? tools->find(call.tool) : nullptr, now);
    std::visit(overloaded{
                 [&](make_call& made) {
                   if (made.is_first)
                     plan.begun.push_back(made.call.call_id);
                   plan.to_make.push_back(std::move(made.call));
                 },
                 [&](answer_call& told) { plan.answers.emplace_back(call, std::move(told.content)); },
                 [&](const await_person&) { ++awaited_; },
                 [&](const decide_overdue&) { plan.overdue = *approval; },
               },
               fate);
    if (plan.overdue)
      return {{}, {}, {}, std::move(plan.overdue)};
  }
  // All of them, before any is settled: the model is asked again behind the last.
  open_ = plan.answers.size() + plan.to_make.size();
  return plan;
}

void tool_ledger::fail(toolbox_failure failure) {
  failure_ = std::move(failure);
  settle(1);
}

ledger_state tool_ledger::state() const {
  if (open_ > 0)
    return calls_open{};
  if (failure_)
    return calls_failed{*failure_};
  if (awaited_ > 0)
    return calls_awaited{awaited_};
  return calls_settled{};
}

} // namespace troupe
