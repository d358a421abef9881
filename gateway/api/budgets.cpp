#include "persistence/rules/budgets.hpp"

#include "gateway/api/api.hpp"
#include "gateway/forms/parse_budget.hpp"
#include "gateway/forms/render.hpp"
#include "gateway/live/gateway_actor.hpp"

#include <string_view>
#include <utility>

/// The budgets of namespaces and bots. A bot's is set with the bot itself.
namespace troupe::api {

namespace {

/// The name in the path; an answer has been given if it is none.
std::optional<std::string> name_in_path(const context_ptr& context, std::string_view what) {
  auto name = path_name(context->part(), what);
  if (auto* wrong = std::get_if<problem>(&name)) {
    context->refuse(std::move(*wrong));
    return std::nullopt;
  }
  return std::move(std::get<std::string>(name));
}

/// The namespace in the path of a request without parameters.
std::optional<std::string> namespace_of(const context_ptr& context) {
  return name_in_path(context, "namespace");
}

void show(const context_ptr& context, std::string scope) {
  auto& gateway = context->gateway();
  gateway.look_up(
    get_budget{std::move(scope)}, [context](const budget_record& found) { context->respond_json(200, render(found)); },
    [context](const store_error& reason) { context->refuse(reason); });
}

} // namespace

void get_namespace_budget(const context_ptr& context) {
  if (const auto ns = namespace_of(context))
    show(context, namespace_scope(*ns));
}

void put_namespace_budget(const context_ptr& context) {
  const auto ns = namespace_of(context);
  if (!ns || refuse_media_type(context))
    return;
  auto& gateway = context->gateway();
  auto command = parse_budget(context->request().body, *ns, gateway.config().clock());
  if (auto* wrong = std::get_if<problem>(&command)) {
    context->refuse(std::move(*wrong));
    return;
  }
  gateway.ask(
    gateway.peers().writer, std::move(std::get<put_budget>(command)),
    [context](const budget_result& result) {
      context->respond_json(result.created ? 201 : 200, render(result.budget));
    },
    [context](const store_error& reason) { context->refuse(reason); });
}

void delete_namespace_budget(const context_ptr& context) {
  const auto ns = namespace_of(context);
  if (!ns)
    return;
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.peers().writer, delete_budget{*ns},
    [context](const done&) {
      context->respond({204, "", "", {}});
    },
    [context](const store_error& reason) { context->refuse(reason); });
}

void get_bot_budget(const context_ptr& context) {
  const auto ns = context->query().ns();
  if (const auto bot = name_in_path(context, "bot name"))
    show(context, bot_scope(ns, *bot));
}

} // namespace troupe::api
