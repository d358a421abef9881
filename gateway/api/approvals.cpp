#include "gateway/api/api.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/forms/parse_approval.hpp"
#include "gateway/forms/render.hpp"
#include "gateway/live/gateway_actor.hpp"

#include <utility>

/// Tool calls that a person has to allow.
namespace troupe::api {

void list_approvals(const context_ptr& context) {
  auto& query = context->query();
  get_approvals question;
  question.ns = query.ns();
  if (const auto status = query.text("status")) {
    if (const auto state = parse_approval_state(*status))
      question.state = *state;
    else
      query.refuse("status", "expected pending, approved, rejected or closed");
  }
  question.limit = query.limit();
  const auto* cursor = query.raw("cursor");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  if (cursor) {
    auto after = read_approval_cursor(cursor_kind::approvals, *cursor);
    if (auto* wrong = std::get_if<problem>(&after)) {
      context->refuse(std::move(*wrong));
      return;
    }
    question.after = std::move(std::get<approval_place>(after));
  }
  auto& gateway = context->gateway();
  gateway.look_up(
    std::move(question),
    answer_with(context, [](const approval_page& found) { return render(found, cursor_kind::approvals); }),
    refusing(context));
}

void get_task_approvals(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id)
    return;
  auto& query = context->query();
  troupe::get_task_approvals question{*id, {}, query.limit(longest_page)};
  const auto* cursor = query.raw("cursor");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  if (cursor) {
    auto after = read_approval_cursor(cursor_kind::task_approvals, *cursor);
    if (auto* wrong = std::get_if<problem>(&after)) {
      context->refuse(std::move(*wrong));
      return;
    }
    auto& place = std::get<approval_place>(after);
    if (place.task_id != *id) {
      context->refuse({problem_code::invalid_cursor,
                       "The cursor belongs to another task; use one from this list's answers as it is, or leave it out "
                       "to start over."});
      return;
    }
    question.after = std::move(place.call_id);
  }
  auto& gateway = context->gateway();
  const auto answer
    = answer_with(context, [](const approval_page& found) { return render(found, cursor_kind::task_approvals); });
  gateway.look_up(
    get_outline{*id},
    [context, question = std::move(question), answer](const task_outline&) {
      auto& asked = context->gateway();
      asked.look_up(question, answer, refusing(context));
    },
    refusing(context));
}

void decide_approval(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id || refuse_media_type(context))
    return;
  // A decision that is repeated changes nothing, so its key need not be kept; it must be well-formed all the same.
  auto key = idempotency_key_of(context->request());
  if (auto* wrong = std::get_if<problem>(&key)) {
    context->refuse(std::move(*wrong));
    return;
  }
  auto& gateway = context->gateway();
  auto decision = parse_decision(context->request().body, *id, context->part(1), gateway.config().clock());
  if (auto* wrong = std::get_if<problem>(&decision)) {
    context->refuse(std::move(*wrong));
    return;
  }
  gateway.ask(
    gateway.peers().writer, std::move(std::get<troupe::decide_approval>(decision)),
    [context](const approval_result& result) { context->respond_json(200, render(result.approval)); },
    refusing(context));
}

} // namespace troupe::api
