#include "gateway/api/api.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/lists.hpp"
#include "gateway/rendering/records.hpp"

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
  auto question = context->read_query([](query_parameters& query) {
    troupe::get_usage asked;
    if (const auto text = query.text("group_by")) {
      if (const auto group = parse_usage_group(*text))
        asked.group = *group;
      else
        query.refuse("group_by", "expected bot, model, namespace, created_by or day");
    }
    // Without it the sums are over all namespaces.
    asked.filter.ns = query.name("namespace");
    asked.filter.from = day_of(query, "from");
    asked.filter.to = day_of(query, "to");
    return asked;
  });
  look_up_for(context, std::move(question),
              answer_with(context, [](const usage_list& found) { return render_usage(found); }));
}

void get_thread(const context_ptr& context) {
  look_up_for(context, troupe::get_thread{thread_id_of(context)},
              [context](const thread_record& found) { context->respond_json(200, render_thread(found)); });
}

} // namespace troupe::api
