#include "persistence/rules/budget_form.hpp"

#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using nlohmann::json;

/// The members of an object that was checked before: nobody is left to be told what is wrong.
class checked_members {
public:
  explicit checked_members(const json& object) : object_{object} {}

  [[nodiscard]] std::optional<double> number(std::string_view name, double min, double max) const {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_number())
      return std::nullopt;
    const auto value = found->get<double>();
    return value < min || value > max ? std::nullopt : std::optional{value};
  }

  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max) const {
    const auto found = object_.find(name);
    if (found == object_.end() || !found->is_number_integer())
      return std::nullopt;
    // One beyond the signed comes out as negative, and is out of bounds all the same.
    const auto value = found->get<std::int64_t>();
    return value < min || value > max ? std::nullopt : std::optional{value};
  }

private:
  const json& object_;
};

} // namespace

const json* find_budget(const json& spec) {
  const auto found = spec.find("budget");
  return found == spec.end() || found->is_null() ? nullptr : &*found;
}

std::optional<budget_limit> budget_in_spec(std::string_view spec) {
  const auto object = spec.empty() ? std::nullopt : parse_json_object(spec);
  const auto* budget = object ? find_budget(*object) : nullptr;
  if (budget == nullptr || !budget->is_object())
    return std::nullopt;
  const checked_members members{*budget};
  return take_limits(members);
}

} // namespace troupe
