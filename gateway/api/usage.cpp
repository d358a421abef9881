#include "gateway/api/api.hpp"
#include "gateway/forms/render.hpp"
#include "gateway/live/gateway_actor.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

/// What was used, and what it cost.
namespace troupe::api {

namespace {

/// `2026-01-31`, as far as its form goes: days are compared as text.
bool is_day(std::string_view text) {
  constexpr std::string_view form = "0000-00-00";
  return text.size() == form.size() && std::equal(text.begin(), text.end(), form.begin(), [](char c, char f) {
           return f == '0' ? c >= '0' && c <= '9' : c == f;
         });
}

std::optional<std::string> day_of(query_parameters& query, std::string_view name) {
  auto day = query.text(name);
  if (day && !is_day(*day))
    query.refuse(name, "expected a day like 2026-01-31");
  return day;
}

} // namespace

void get_usage(const context_ptr& context) {
  auto& query = context->query();
  troupe::get_usage question;
  if (const auto text = query.text("group_by")) {
    if (const auto group = parse_usage_group(*text))
      question.group = *group;
    else
      query.refuse("group_by", "expected bot, model, namespace, created_by or day");
  }
  // Without it the sums are over all namespaces.
  question.filter.ns = query.name("namespace");
  question.filter.from = day_of(query, "from");
  question.filter.to = day_of(query, "to");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  auto& gateway = context->gateway();
  gateway.look_up(std::move(question), answer_with(context, [](const usage_list& found) { return render(found); }),
                  [context](const store_error& reason) { context->refuse(reason); });
}

void get_thread(const context_ptr& context) {
  const auto id = thread_id_of(context);
  if (!id)
    return;
  auto& gateway = context->gateway();
  gateway.look_up(
    troupe::get_thread{*id}, [context](const thread_record& found) { context->respond_json(200, render(found)); },
    [context](const store_error& reason) { context->refuse(reason); });
}

} // namespace troupe::api
