#include "actors/toolbox/builtin_tools.hpp"

#include "actors/toolbox/calculator.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <variant>

namespace troupe {

namespace {

using nlohmann::json;

std::string to_text(const json& value) {
  // A name or key that came in may hold bytes that are no UTF-8.
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

tool_outcome failure(const std::string& message) {
  return {to_text({{"error", message}}), true};
}

/// The failure for the first member other than `allowed`.
std::optional<tool_outcome> refuse_others(const json& arguments, std::string_view allowed) {
  for (const auto& [key, value] : arguments.items()) {
    if (key != allowed)
      return failure("unknown argument " + key);
  }
  return std::nullopt;
}

tool_outcome tell_time(const json& arguments, timestamp at) {
  if (auto refused = refuse_others(arguments, "timezone"))
    return *std::move(refused);
  if (const auto zone = arguments.find("timezone"); zone != arguments.end() && *zone != "UTC")
    return failure("timezone must be UTC");
  return {to_text({{"now", to_rfc3339(at)}}), false};
}

json number(double value) {
  // Whole numbers that a double holds exactly are shown as such: 9, not 9.0.
  constexpr double largest_exact = 9007199254740992.0;
  if (std::trunc(value) == value && std::abs(value) <= largest_exact)
    return static_cast<std::int64_t>(value);
  return value;
}

tool_outcome calculate_expression(const json& arguments) {
  if (auto refused = refuse_others(arguments, "expression"))
    return *std::move(refused);
  const auto expression = arguments.find("expression");
  if (expression == arguments.end() || !expression->is_string())
    return failure("expression must be given as a string");
  const auto result = calculate(expression->get_ref<const std::string&>());
  if (const auto* error = std::get_if<calculation_error>(&result))
    return failure(error->message);
  return {to_text({{"result", number(std::get<double>(result))}}), false};
}

} // namespace

const std::vector<builtin_tool>& builtin_tools() {
  static const std::vector<builtin_tool> tools{
    {"now", "Tells the current date and time in UTC.",
     R"({"type":"object","properties":{"timezone":{"type":"string","enum":["UTC"]}},"additionalProperties":false})"},
    {"calculate", "Evaluates an arithmetic expression with + - * / % ^, parentheses and decimals.",
     R"({"type":"object","properties":{"expression":{"type":"string","maxLength":1000}},)"
     R"("required":["expression"],"additionalProperties":false})"},
  };
  return tools;
}

const builtin_tool* find_builtin_tool(std::string_view name) {
  const auto& tools = builtin_tools();
  const auto found = std::find_if(tools.begin(), tools.end(), [name](const builtin_tool& t) { return t.name == name; });
  return found == tools.end() ? nullptr : &*found;
}

tool_outcome call_builtin_tool(std::string_view name, std::string_view arguments, timestamp at) {
  if (find_builtin_tool(name) == nullptr)
    return failure("there is no tool named " + std::string(name));
  const auto object = parse_json_object(arguments);
  if (!object)
    return failure("the arguments must be a JSON object");
  return name == "now" ? tell_time(*object, at) : calculate_expression(*object);
}

} // namespace troupe
