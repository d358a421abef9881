#include "gateway/api/api.hpp"
#include "gateway/forms/parse_task.hpp"
#include "gateway/forms/prefer.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/records.hpp"
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
         render_task(result.task),
         {{"Preference-Applied", "respond-async"}, {"Location", "/api/v1/tasks/" + result.task.id.to_string()}}});
    },
    [context, id](const store_error& reason) { refuse_to_execute(context, id, reason); });
}

} // namespace

void execute_task(const context_ptr& context) {
  const auto& request = context->request();
  require_json_body(request);
  const auto id = task_id_of(context);
  auto command = context->read_query([&](query_parameters& query) {
    enqueue_task asked;
    asked.id = id;
    asked.at = context->gateway().config().clock();
    asked.bot = query.name("bot_name");
    if (const auto ns = query.name("namespace"); ns && asked.bot)
      asked.bot_ns = *ns;
    return asked;
  });
  require_none(refuse_body(request.body));
  command.key = idempotency_key_of(request);
  const auto wish = read_preferences(field_lines(request.headers, "Prefer"));
  if (wish.respond_async)
    return enqueue_only(context, std::move(command));
  look_up_for(context, get_outline{id},
              [context, command = std::move(command), wish](const task_outline& task) mutable {
                context->gateway().waits().execute(context, task.thread_id, std::move(command), wish.wait);
              });
}

} // namespace troupe::api
