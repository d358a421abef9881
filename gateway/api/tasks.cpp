#include "gateway/api/api.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/forms/parse_task.hpp"
#include "gateway/forms/render.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/requests/header_list.hpp"
#include "persistence/logging/log.hpp"

#include <climits>

#include <algorithm>

namespace troupe::api {

namespace {

/// What every POST on a task reads before it does anything: its id, no body, its
/// key. An answer has been given if one of them is wrong.
struct task_post {
  uuid id;
  std::optional<idempotency_key> key;
};

std::optional<task_post> read_task_post(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id || refuse_media_type(context))
    return std::nullopt;
  if (auto refused = refuse_body(context->request().body)) {
    context->refuse(std::move(*refused));
    return std::nullopt;
  }
  auto key = idempotency_key_of(context->request());
  if (auto* wrong = std::get_if<problem>(&key)) {
    context->refuse(std::move(*wrong));
    return std::nullopt;
  }
  return task_post{*id, std::move(std::get<std::optional<idempotency_key>>(key))};
}

http_response with_task(unsigned status, const task_result& result) {
  http_response response{status, "application/json", render(result.task), {{"ETag", etag_of(result.task)}}};
  if (result.replayed)
    response.headers.emplace_back("Idempotency-Replayed", "true");
  return response;
}

} // namespace

void create_task(const context_ptr& context) {
  if (refuse_media_type(context))
    return;
  auto& gateway = context->gateway();
  auto& query = context->query();
  const auto ns = query.ns();
  const auto bot_name = query.name("bot_name");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  auto command = parse_new_task(context->request().body, ns, bot_name, gateway.config().clock());
  if (auto* wrong = std::get_if<problem>(&command)) {
    context->refuse(std::move(*wrong));
    return;
  }
  auto key = idempotency_key_of(context->request());
  if (auto* wrong = std::get_if<problem>(&key)) {
    context->refuse(std::move(*wrong));
    return;
  }
  auto& create = std::get<troupe::create_task>(command);
  create.key = std::move(std::get<std::optional<idempotency_key>>(key));
  gateway.ask(
    gateway.peers().writer, std::move(create),
    [context](const task_result& result) {
      logging::debug("task created", [&](auto& line) {
        line.add("task", result.task.id).add("thread", result.task.thread_id).add("namespace", result.task.ns);
        line.add("replayed", result.replayed).add("request_id", context->request().id);
      });
      auto response = with_task(201, result);
      response.headers.emplace_back("Location", "/api/v1/tasks/" + result.task.id.to_string());
      context->respond(std::move(response));
    },
    refusing(context));
}

void list_tasks(const context_ptr& context) {
  auto& query = context->query();
  get_tasks question;
  question.filter.ns = query.ns();
  question.filter.status = query.status("status");
  question.filter.created_by = query.text("created_by");
  question.filter.thread_id = query.id("thread_id");
  question.filter.bot = query.name("bot");
  question.filter.created_after = query.time("created_after");
  question.filter.created_before = query.time("created_before");
  question.limit = query.limit();
  const auto* cursor = query.raw("cursor");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  if (cursor) {
    auto before = read_task_cursor(*cursor);
    if (auto* wrong = std::get_if<problem>(&before)) {
      context->refuse(std::move(*wrong));
      return;
    }
    question.before = std::get<uuid>(before);
  }
  auto& gateway = context->gateway();
  gateway.look_up(std::move(question), answer_with(context, [](const task_page& found) { return render(found); }),
                  refusing(context));
}

void get_task(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id)
    return;
  auto& gateway = context->gateway();
  gateway.look_up(troupe::get_task{*id},
                  written_as{[door = context->door()](const task_record& task) {
                               auto etag = etag_of(task);
                               if (names_tag(field_lines(door->request().headers, "If-None-Match"), etag))
                                 return http_response{304, "", "", {{"ETag", std::move(etag)}}};
                               return http_response{200, "application/json", render(task), {{"ETag", std::move(etag)}}};
                             },
                             [context](http_response response) { context->respond(std::move(response)); }},
                  refusing(context));
}

void delete_task(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id)
    return;
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.peers().supervisor, troupe::delete_task{*id, gateway.config().clock()},
    [context](const done&) {
      context->respond({204, "", "", {}});
    },
    refusing(context));
}

void patch_task_status(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id || refuse_media_type(context))
    return;
  auto& gateway = context->gateway();
  auto command = parse_status_change(context->request().body, *id, gateway.config().clock());
  if (auto* wrong = std::get_if<problem>(&command)) {
    context->refuse(std::move(*wrong));
    return;
  }
  auto& change = std::get<set_task_status>(command);
  change.node = gateway.config().node;
  gateway.ask(
    gateway.peers().supervisor, std::move(change),
    [context](const task_result& result) { context->respond(with_task(200, result)); }, refusing(context));
}

void cancel_task(const context_ptr& context) {
  auto asked = read_task_post(context);
  if (!asked)
    return;
  auto& gateway = context->gateway();
  troupe::cancel_task command;
  command.id = asked->id;
  command.at = gateway.config().clock();
  command.key = std::move(asked->key);
  gateway.ask(
    gateway.peers().supervisor, std::move(command),
    [context](const task_result& result) { context->respond(with_task(200, result)); }, refusing(context));
}

void retry_task(const context_ptr& context) {
  auto asked = read_task_post(context);
  if (!asked)
    return;
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.peers().writer, troupe::retry_task{asked->id, gateway.config().clock(), std::move(asked->key)},
    [context](const task_result& result) { context->respond(with_task(202, result)); }, refusing(context));
}

// -- histories ----------------------------------------------------------------

namespace {

/// Reads `limit` and a message cursor into a question and answers with the page.
template <class Question>
void answer_messages(const context_ptr& context, Question question) {
  auto& query = context->query();
  question.limit = query.limit();
  const auto* cursor = query.raw("cursor");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  if (cursor) {
    auto after = read_number_cursor(cursor_kind::messages, *cursor);
    if (auto* wrong = std::get_if<problem>(&after)) {
      context->refuse(std::move(*wrong));
      return;
    }
    question.after = std::get<std::int64_t>(after);
  }
  auto& gateway = context->gateway();
  gateway.look_up(std::move(question), answer_with(context, [](const message_page& found) { return render(found); }),
                  refusing(context));
}

} // namespace

void get_task_messages(const context_ptr& context) {
  if (const auto id = task_id_of(context))
    answer_messages(context, troupe::get_task_messages{*id});
}

void get_thread_messages(const context_ptr& context) {
  if (const auto id = thread_id_of(context))
    answer_messages(context, troupe::get_thread_messages{*id});
}

void get_attempts(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id)
    return;
  auto& query = context->query();
  troupe::get_attempts question{*id, 0, query.limit(longest_page)};
  const auto* cursor = query.raw("cursor");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  if (cursor) {
    auto after = read_number_cursor(cursor_kind::attempts, *cursor);
    if (auto* wrong = std::get_if<problem>(&after)) {
      context->refuse(std::move(*wrong));
      return;
    }
    // No attempt has a larger number than fits.
    question.after = static_cast<int>(std::min<std::int64_t>(std::get<std::int64_t>(after), INT_MAX));
  }
  auto& gateway = context->gateway();
  gateway.look_up(std::move(question), answer_with(context, [](const attempt_page& found) { return render(found); }),
                  refusing(context));
}

} // namespace troupe::api
