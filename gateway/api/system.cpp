#include "gateway/api/api.hpp"
#include "gateway/api/openapi.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/lists.hpp"

namespace troupe::api {

namespace {

/// Whoever asks whether the node is ready does not wait for long.
constexpr std::chrono::seconds readiness_timeout{2};

void answer_unready(const context_ptr& context, std::string body, std::string retry_after) {
  context->respond({503, "application/json", std::move(body), {{"Retry-After", std::move(retry_after)}}});
}

} // namespace

void get_health(const context_ptr& context) {
  context->respond_json(200, R"({"status":"ok"})");
}

void get_readiness(const context_ptr& context) {
  static constexpr auto store_unavailable = R"({"status":"store_unavailable"})";
  auto& gateway = context->gateway();
  const auto node = condition_of(gateway);
  if (node.draining) {
    answer_unready(context, R"({"status":"draining"})", "2");
    return;
  }
  if (!node.store_available) {
    answer_unready(context, store_unavailable, "1");
    return;
  }
  gateway.self()
    ->request(gateway.reader(), readiness_timeout, troupe::get_queue{})
    .then([context](const queue_stats&) { context->respond_json(200, R"({"status":"ready"})"); },
          [context](const caf::error&) { answer_unready(context, store_unavailable, "1"); });
}

void get_metrics(const context_ptr& context) {
  look_up_for(context, troupe::get_queue{}, [context](const queue_stats& queue) {
    const auto& config = context->gateway().config();
    context->respond(
      {200, "text/plain; version=0.0.4; charset=utf-8", config.measured->render(queue, config.clock()), {}});
  });
}

void get_openapi(const context_ptr& context) {
  context->respond_json(200, std::string{openapi_json});
}

void get_queue(const context_ptr& context) {
  const auto limit = context->read_query([](query_parameters& query) { return query.limit(longest_page); });
  troupe::get_queue question{{}, limit};
  if (const auto* cursor = context->cursor())
    question.after = require(read_name_cursor(cursor_kind::queue, *cursor));
  look_up_for(context, std::move(question), [context](const queue_stats& queue) {
    context->respond_json(200, render_queue(queue, context->gateway().config().clock()));
  });
}

void get_nodes(const context_ptr& context) {
  look_up_for(context, troupe::get_nodes{},
              answer_with(context, [](const node_list& found) { return render_nodes(found); }));
}

} // namespace troupe::api
