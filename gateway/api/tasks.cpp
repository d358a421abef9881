#include "gateway/api/api.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/forms/parse_task.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/lists.hpp"
#include "gateway/rendering/records.hpp"
#include "gateway/requests/header_list.hpp"
#include "persistence/logging/log.hpp"

#include <climits>

#include <algorithm>

namespace troupe::api {

namespace {

/// What every POST on a task reads before it does anything: its id, no body, its key.
struct task_post {
  uuid id;
  std::optional<idempotency_key> key;
};

task_post read_task_post(const context_ptr& context) {
  const auto& request = context->request();
  const auto id = task_id_of(context);
  require_json_body(request);
  require_none(refuse_body(request.body));
  return {id, idempotency_key_of(request)};
}

http_response with_task(unsigned status, const task_result& result) {
  http_response response{status, "application/json", render_task(result.task), {{"ETag", etag_of(result.task)}}};
  if (result.replayed)
    response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

} // namespace

void create_task(const context_ptr& context) {
  const auto& request = context->request();
  require_json_body(request);
  auto& gateway = context->gateway();
  const auto bot_name = context->read_query([](query_parameters& query) { return query.name("bot_name"); });
  auto command = require(parse_new_task(request.body, context->ns(), bot_name, gateway.config().clock()));
  command.key = idempotency_key_of(request);
  ask_for(context, gateway.peers().writer, std::move(command), [context](const task_result& result) {
    logging::debug("task created", [&](auto& line) {
      line.add("task", result.task.id).add("thread", result.task.thread_id).add("namespace", result.task.ns);
      line.add("replayed", result.replayed).add("request_id", context->request().id);
    });
    auto response = with_task(201, result);
    response.headers.emplace_back("Location", "/api/v1/tasks/" + result.task.id.to_string());
    context->respond(std::move(response));
  });
}

void list_tasks(const context_ptr& context) {
  auto question = context->read_query([](query_parameters& query) {
    get_tasks asked;
    asked.filter.ns = query.ns();
    asked.filter.status = query.status("status");
    asked.filter.created_by = query.text("created_by");
    asked.filter.thread_id = query.id("thread_id");
    asked.filter.bot = query.name("bot");
    asked.filter.created_after = query.time("created_after");
    asked.filter.created_before = query.time("created_before");
    asked.limit = query.limit();
    return asked;
  });
  if (const auto* cursor = context->cursor())
    question.before = require(read_task_cursor(*cursor));
  look_up_for(context, std::move(question),
              answer_with(context, [](const task_page& found) { return render_tasks(found); }));
}

void get_task(const context_ptr& context) {
  look_up_for(
    context, troupe::get_task{task_id_of(context)},
    written_as{[door = context->door()](const task_record& task) {
                 auto etag = etag_of(task);
                 if (names_tag(field_lines(door->request().headers, "If-None-Match"), etag))
                   return http_response{304, "", "", {{"ETag", std::move(etag)}}};
                 return http_response{200, "application/json", render_task(task), {{"ETag", std::move(etag)}}};
               },
               [context](http_response response) { context->respond(std::move(response)); }});
}

void delete_task(const context_ptr& context) {
  const auto id = task_id_of(context);
  auto& gateway = context->gateway();
  ask_for(context, gateway.peers().supervisor, troupe::delete_task{id, gateway.config().clock()},
          [context](const done&) { context->respond_no_content(); });
}

void patch_task_status(const context_ptr& context) {
  const auto& request = context->request();
  const auto id = task_id_of(context);
  require_json_body(request);
  auto& gateway = context->gateway();
  auto change = require(parse_status_change(request.body, id, gateway.config().clock()));
  change.node = gateway.config().node;
  ask_for(context, gateway.peers().supervisor, std::move(change),
          [context](const task_result& result) { context->respond(with_task(200, result)); });
}

void cancel_task(const context_ptr& context) {
  auto asked = read_task_post(context);
  auto& gateway = context->gateway();
  troupe::cancel_task command;
  command.id = asked.id;
  command.at = gateway.config().clock();
  command.key = std::move(asked.key);
  ask_for(context, gateway.peers().supervisor, std::move(command),
          [context](const task_result& result) { context->respond(with_task(200, result)); });
}

void retry_task(const context_ptr& context) {
  auto asked = read_task_post(context);
  auto& gateway = context->gateway();
  ask_for(context, gateway.peers().writer, troupe::retry_task{asked.id, gateway.config().clock(), std::move(asked.key)},
          [context](const task_result& result) { context->respond(with_task(202, result)); });
}

// -- histories ----------------------------------------------------------------

namespace {

/// Reads `limit` and a message cursor into a question and answers with the page.
template <class Question>
void answer_messages(const context_ptr& context, Question question) {
  question.limit = context->read_query([](query_parameters& query) { return query.limit(); });
  if (const auto* cursor = context->cursor())
    question.after = require(read_number_cursor(cursor_kind::messages, *cursor));
  look_up_for(context, std::move(question),
              answer_with(context, [](const message_page& found) { return render_messages(found); }));
}

} // namespace

void get_task_messages(const context_ptr& context) {
  answer_messages(context, troupe::get_task_messages{task_id_of(context)});
}

void get_thread_messages(const context_ptr& context) {
  answer_messages(context, troupe::get_thread_messages{thread_id_of(context)});
}

void get_attempts(const context_ptr& context) {
  const auto id = task_id_of(context);
  const auto limit = context->read_query([](query_parameters& query) { return query.limit(longest_page); });
  troupe::get_attempts question{id, 0, limit};
  if (const auto* cursor = context->cursor())
    // No attempt has a larger number than fits.
    question.after
      = static_cast<int>(std::min<std::int64_t>(require(read_number_cursor(cursor_kind::attempts, *cursor)), INT_MAX));
  look_up_for(context, std::move(question),
              answer_with(context, [](const attempt_page& found) { return render_attempts(found); }));
}

} // namespace troupe::api
