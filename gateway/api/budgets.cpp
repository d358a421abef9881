#include "persistence/rules/budgets.hpp"

#include "gateway/api/api.hpp"
#include "gateway/forms/parse_budget.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/records.hpp"

#include <string_view>
#include <utility>

/// The budgets of namespaces and bots. A bot's is set with the bot itself.
namespace troupe::api {

namespace {

/// The namespace in the path of a request without parameters.
std::string namespace_of(const context_ptr& context) {
  return name_of(context, "namespace");
}

void show(const context_ptr& context, std::string scope) {
  look_up_for(context, get_budget{std::move(scope)},
              [context](const budget_record& found) { context->respond_json(200, render_budget(found)); });
}

} // namespace

void get_namespace_budget(const context_ptr& context) {
  show(context, namespace_scope(namespace_of(context)));
}

void put_namespace_budget(const context_ptr& context) {
  const auto& request = context->request();
  const auto ns = namespace_of(context);
  require_json_body(request);
  auto& gateway = context->gateway();
  ask_for(context, gateway.peers().writer, require(parse_budget(request.body, ns, gateway.config().clock())),
          [context](const budget_result& result) {
            context->respond_json(result.created ? 201 : 200, render_budget(result.budget));
          });
}

void delete_namespace_budget(const context_ptr& context) {
  ask_for(context, context->gateway().peers().writer, delete_budget{namespace_of(context)},
          [context](const done&) { context->respond_no_content(); });
}

void get_bot_budget(const context_ptr& context) {
  show(context, bot_scope(context->ns(), name_of(context, "bot name")));
}

} // namespace troupe::api
