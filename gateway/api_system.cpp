#include "gateway/api.hpp"
#include "gateway/gateway_actor.hpp"
#include "gateway/openapi.hpp"
#include "gateway/render.hpp"

namespace troupe::api {

namespace {

/// True, with an answer given, if the query has parameters that the path does not know.
bool refuse_query(const context_ptr& context) {
  query_parameters query{context->request().query};
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return true;
  }
  return false;
}

} // namespace

void get_health(const context_ptr& context) {
  context->respond_json(200, R"({"status":"ok"})");
}

void get_readiness(const context_ptr& context) {
  auto& gateway = context->gateway();
  if (gateway.config().draining->load(std::memory_order_relaxed)) {
    context->respond({503, "application/json", R"({"status":"draining"})", {{"Retry-After", "2"}}});
    return;
  }
  gateway.ask(
    gateway.reader(), troupe::get_queue{},
    [context](const queue_stats&) { context->respond_json(200, R"({"status":"ready"})"); },
    [context](const store_error&) {
      context->respond({503, "application/json", R"({"status":"store_unavailable"})", {{"Retry-After", "1"}}});
    });
}

void get_metrics(const context_ptr& context) {
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.reader(), troupe::get_queue{},
    [context](const queue_stats& queue) {
      const auto& config = context->gateway().config();
      context->respond(
        {200, "text/plain; version=0.0.4; charset=utf-8", config.measured->render(queue, config.clock()), {}});
    },
    [context](const store_error& reason) { context->refuse(reason); });
}

void get_openapi(const context_ptr& context) {
  context->respond_json(200, std::string{openapi_json});
}

void get_queue(const context_ptr& context) {
  if (refuse_query(context))
    return;
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.reader(), troupe::get_queue{},
    [context](const queue_stats& queue) {
      context->respond_json(200, render(queue, context->gateway().config().clock()));
    },
    [context](const store_error& reason) { context->refuse(reason); });
}

} // namespace troupe::api
