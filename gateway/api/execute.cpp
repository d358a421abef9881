#include "gateway/api/api.hpp"
#include "gateway/forms/parse_task.hpp"
#include "gateway/forms/prefer.hpp"
#include "gateway/forms/render.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/requests/header_list.hpp"

namespace troupe::api {

namespace {

/// Puts the task into the queue and answers at once.
void enqueue_only(const context_ptr& context, enqueue_task command) {
  auto& gateway = context->gateway();
  const auto id = command.id;
  gateway.ask(
    gateway.peers().writer, std::move(command),
    [context](const task_result& result) {
      context->respond(
        {202,
         "application/json",
         render(result.task),
         {{"Preference-Applied", "respond-async"}, {"Location", "/api/v1/tasks/" + result.task.id.to_string()}}});
    },
    [context, id](const store_error& reason) {
      if (reason.code != errc::illegal_transition) {
        context->refuse(reason);
        return;
      }
      context->gateway().look_up(
        troupe::get_task{id},
        [context](const task_record& task) { context->refuse(task_is_finished(task.status, render(task))); },
        [context](const store_error& gone) { context->refuse(gone); });
    });
}

} // namespace

void execute_task(const context_ptr& context) {
  if (refuse_media_type(context))
    return;
  const auto id = task_id_of(context);
  if (!id)
    return;
  auto& gateway = context->gateway();
  auto& query = context->query();
  enqueue_task command;
  command.id = *id;
  command.at = gateway.config().clock();
  command.bot = query.name("bot_name");
  if (const auto ns = query.name("namespace"); ns && command.bot)
    command.bot_ns = *ns;
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  if (auto refused = refuse_body(context->request().body)) {
    context->refuse(std::move(*refused));
    return;
  }
  auto key = idempotency_key_of(context->request());
  if (auto* wrong = std::get_if<problem>(&key)) {
    context->refuse(std::move(*wrong));
    return;
  }
  command.key = std::move(std::get<std::optional<idempotency_key>>(key));
  const auto wish = read_preferences(field_lines(context->request().headers, "Prefer"));
  if (wish.respond_async) {
    enqueue_only(context, std::move(command));
    return;
  }
  gateway.look_up(
    get_outline{*id},
    [context, command = std::move(command), wish](const task_outline& task) mutable {
      context->gateway().waits().execute(context, task.thread_id, std::move(command), wish.wait);
    },
    [context](const store_error& reason) { context->refuse(reason); });
}

} // namespace troupe::api
