#include "gateway/api/api.hpp"
#include "gateway/api/openapi.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/lists.hpp"

namespace troupe::api {

namespace {

using namespace std::chrono_literals;

/// Whoever asks whether the node is ready does not wait for long.
constexpr std::chrono::seconds readiness_timeout{2};

void answer_unready(const context_ptr& context, std::string body, std::string retry_after) {
  context->respond({503, "application/json", std::move(body), {{"Retry-After", std::move(retry_after)}}});
}

/// A clock that is wrong makes no task run at a wrong time, but logs and certificates go by it.
constexpr std::chrono::seconds tolerable_clock{1};

std::string readiness(std::string_view status, std::chrono::microseconds clock_ahead) {
  std::string body = R"({"status":")";
  body.append(status).append(1, '"');
  if (std::chrono::abs(clock_ahead) > tolerable_clock)
    body.append(R"(,"clock_ahead_ms":)")
      .append(std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(clock_ahead).count()));
  return body + '}';
}

} // namespace

void get_health(const context_ptr& context) {
  context->respond_json(200, R"({"status":"ok"})");
}

void get_readiness(const context_ptr& context) {
  auto& gateway = context->gateway();
  const auto& ahead = gateway.config().clock_ahead;
  const auto body
    = [clock_ahead = ahead ? ahead() : 0us](std::string_view status) { return readiness(status, clock_ahead); };
  const auto node = condition_of(gateway);
  if (node.draining) {
    answer_unready(context, body("draining"), "2");
    return;
  }
  if (!node.store_available) {
    answer_unready(context, body("store_unavailable"), "1");
    return;
  }
  gateway.self()
    ->request(gateway.reader(), readiness_timeout, troupe::get_queue{})
    .then([context, body](const queue_stats&) { context->respond_json(200, body("ready")); },
          [context, body](const caf::error&) { answer_unready(context, body("store_unavailable"), "1"); });
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
