#include "gateway/api/openapi.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/rules/budget_form.hpp"
#include "persistence/values/catalog_limits.hpp"
#include "persistence/values/limits.hpp"
#include "persistence/values/names.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <map>
#include <set>
#include <string>

/// The contract repeats bounds that are kept elsewhere.
namespace troupe {
namespace {

using json = nlohmann::json;
using bounds = std::map<std::string, double>;

/// What is bounded, as in `Bot.restart.delay_ms`: the names of schema and members. What is sent and what is shown of
/// the same thing have the same bounds.
std::string place_of(const json::json_pointer& pointer) {
  std::string place;
  for (auto rest = pointer; !rest.empty();) {
    const auto name = rest.back();
    rest.pop_back();
    const auto kind = rest.empty() ? std::string{} : rest.back();
    if (kind == "properties")
      place = '.' + name + place;
    else if (kind == "schemas" || kind == "parameters")
      place = name + place;
  }
  for (const auto* verb : {"Put", "New"})
    if (place.starts_with(verb))
      place.erase(0, 3);
  return place;
}

/// The largest and longest that the contract's components may be.
std::map<std::string, std::set<double>> upper_bounds(const json& components) {
  std::map<std::string, std::set<double>> found;
  const auto flat = components.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    const json::json_pointer at{pointer};
    for (const auto* keyword : {"maximum", "maxLength", "maxItems", "maxProperties"})
      if (at.back() == keyword && value.is_number())
        found[place_of(at.parent_pointer())].insert(value.get<double>());
  }
  return found;
}

template <class Duration>
double count_of(Duration time) {
  return static_cast<double>(time.count());
}

/// Where they are kept.
const bounds& kept() {
  static const bounds all{
    {"Name", max_name_length},
    {"Task.input", max_input_bytes},
    {"Task.name", max_label_length},
    {"Task.created_by", max_label_length},
    {"Task.priority", max_priority},
    {"ChatSendFrame.message", max_input_bytes},
    {"Decision.reason", max_reason_bytes},
    {"Decision.decided_by", max_label_length},

    {"Bot.system_prompt", max_prompt_bytes},
    {"Bot.fallback_models", max_fallback_models},
    {"Bot.temperature", max_temperature},
    {"Bot.max_tokens", max_answer_tokens},
    {"Bot.max_iterations", max_bot_iterations},
    {"Bot.context_tokens", max_context_tokens},
    {"Bot.tools", max_bot_tools},
    {"Bot.timeout_s", count_of(max_attempt_timeout)},
    {"Bot.restart.max_attempts", max_failed_attempts},
    {"Bot.restart.delay_ms", count_of(max_restart_delay)},
    {"Bot.restart.max_delay_ms", count_of(max_restart_delay)},
    {"Bot.restart.jitter", 1},
    {"RestartPolicy.max_attempts", max_failed_attempts},
    {"RestartPolicy.delay_ms", count_of(max_restart_delay)},
    {"RestartPolicy.max_delay_ms", count_of(max_restart_delay)},
    {"RestartPolicy.jitter", 1},

    {"Tool.description", max_description_bytes},
    {"Tool.url", max_url_bytes},
    {"Tool.allow", max_chosen_tools},
    {"Tool.deny", max_chosen_tools},
    {"Tool.timeout_s", count_of(max_tool_timeout)},
    {"Tool.approval_timeout_s", count_of(max_approval_timeout)},
    {"Headers", max_header_value_bytes},

    {"Model.base_url", max_url_bytes},
    {"Model.model", max_model_id_length},
    {"Model.api_key_file", max_path_bytes},
    {"Model.timeouts.connect_s", count_of(max_connect_timeout)},
    {"Model.timeouts.first_token_s", count_of(max_first_token_timeout)},
    {"Model.timeouts.idle_s", count_of(max_idle_timeout)},
    {"Model.timeouts.total_s", count_of(max_answer_timeout)},
    {"Model.limits.concurrency", max_model_concurrency},
    {"Model.limits.requests_per_minute", max_requests_per_minute},
    {"Model.limits.tokens_per_minute", max_tokens_per_minute},
    {"Model.price.input_per_million", max_model_price},
    {"Model.price.output_per_million", max_model_price},

    {"Budget.cost", max_budget_cost},
    {"Budget.tokens", max_budget_tokens},

    {"HistorySyncFrame.limit", longest_page},
    {"Limit", longest_page},
    {"LongLimit", longest_page},
  };
  return all;
}

/// Those of HTTP and of what is made here: nobody else keeps them.
const std::set<std::string>& of_the_gateway() {
  static const std::set<std::string> all{"Problem.status", "Cursor", "IdempotencyKey"};
  return all;
}

TEST(Openapi, NamesTheBoundsThatAreKept) {
  auto named = upper_bounds(json::parse(openapi_json).at("components"));
  // What a server calls its tools stands in the items of both lists.
  for (const auto* list : {"Tool.allow", "Tool.deny"})
    EXPECT_EQ(named[list].erase(max_served_name_bytes), 1U) << list;
  for (const auto& place : of_the_gateway())
    EXPECT_EQ(named.erase(place), 1U) << place;
  for (const auto& [place, bound] : kept())
    EXPECT_THAT(named[place], testing::ElementsAre(bound)) << place;
  for (const auto& [place, values] : named)
    EXPECT_TRUE(kept().contains(place)) << place << " has a bound that this test does not know";
}

TEST(Openapi, NamesTheFewestTokensOfAThread) {
  const auto document = json::parse(openapi_json);
  for (const auto* bot : {"Bot", "PutBot"})
    EXPECT_EQ(document.at("components").at("schemas").at(bot).at("properties").at("context_tokens").at("minimum"),
              min_context_tokens);
}

} // namespace
} // namespace troupe
