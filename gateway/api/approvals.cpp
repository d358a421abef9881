#include "gateway/api/api.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/forms/parse_approval.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/lists.hpp"
#include "gateway/rendering/records.hpp"

#include <utility>

/// Tool calls that a person has to allow.
namespace troupe::api {

void list_approvals(const context_ptr& context) {
  auto question = context->read_query([](query_parameters& query) {
    get_approvals asked;
    asked.ns = query.ns();
    if (const auto status = query.text("status")) {
      if (const auto state = parse_approval_state(*status))
        asked.state = *state;
      else
        query.refuse("status", "expected pending, approved, rejected or closed");
    }
    asked.limit = query.limit();
    return asked;
  });
  if (const auto* cursor = context->cursor())
    question.after = require(read_approval_cursor(cursor_kind::approvals, *cursor));
  look_up_for(context, std::move(question), answer_with(context, [](const approval_page& found) {
                return render_approvals(found, cursor_kind::approvals);
              }));
}

void get_task_approvals(const context_ptr& context) {
  const auto id = task_id_of(context);
  const auto limit = context->read_query([](query_parameters& query) { return query.limit(longest_page); });
  troupe::get_task_approvals question{id, {}, limit};
  if (const auto* cursor = context->cursor()) {
    auto place = require(read_approval_cursor(cursor_kind::task_approvals, *cursor));
    if (place.task_id != id)
      throw refused{{problem_code::invalid_cursor,
                     "The cursor belongs to another task; use one from this list's answers as it is, or leave it out "
                     "to start over."}};
    question.after = std::move(place.call_id);
  }
  const auto answer = answer_with(
    context, [](const approval_page& found) { return render_approvals(found, cursor_kind::task_approvals); });
  look_up_for(context, get_outline{id}, [context, question = std::move(question), answer](const task_outline&) {
    look_up_for(context, question, answer);
  });
}

void decide_approval(const context_ptr& context) {
  const auto& request = context->request();
  const auto id = task_id_of(context);
  require_json_body(request);
  // A decision that is repeated changes nothing, so its key need not be kept; it must be well-formed all the same.
  idempotency_key_of(request);
  auto& gateway = context->gateway();
  ask_for(context, gateway.peers().writer,
          require(parse_decision(request.body, id, context->part(1), gateway.config().clock())),
          [context](const approval_result& result) { context->respond_json(200, render_approval(result.approval)); });
}

} // namespace troupe::api
