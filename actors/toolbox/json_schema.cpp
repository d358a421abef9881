#include "actors/toolbox/json_schema.hpp"

#include "actors/providers/provider.hpp"
#include "actors/remote/foreign_text.hpp"
#include "actors/toolbox/safe_schema.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <exception>
#include <utility>
#include <variant>
#include <vector>

// Without it valijson ends the process when a schema is wrong.
#define VALIJSON_USE_EXCEPTIONS 1
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace troupe {

namespace {

using json = nlohmann::json;

constexpr std::size_t max_schema_depth = 32;
/// Finding out all that is wrong takes memory for each finding.
constexpr std::int64_t most_work_to_explain = 10'000;
constexpr std::size_t most_findings = 3;

// -- checking -----------------------------------------------------------------------

/// Throws what valijson throws.
class checked_schema {
public:
  explicit checked_schema(json safe) : safe_(std::move(safe)) {
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{safe_}, schema_);
  }

  [[nodiscard]] std::int64_t work(const json& value) const { return check_work(safe_, value); }

  bool allows(const json& value, valijson::ValidationResults* findings) const {
    valijson::Validator validator;
    return validator.validate(schema_, valijson::adapters::NlohmannJsonAdapter{value}, findings);
  }

private:
  json safe_;
  valijson::Schema schema_;
};

/// `/list/0: …`.
std::string render(const valijson::ValidationResults::Error& finding) {
  std::string place;
  for (const auto& step : finding.context)
    if (step.starts_with('['))
      place.append("/").append(step, 1, step.size() - 2);
  std::string text = place.empty() ? "" : place + ": ";
  text += finding.description;
  if (text.ends_with('.'))
    text.pop_back();
  return text;
}

std::string explain(const valijson::ValidationResults& findings) {
  std::vector<std::string> found;
  // That something in it failed is said of each value around it.
  for (const bool of_parts : {false, true})
    for (const auto& finding : findings) {
      if (finding.description.starts_with("Failed to validate") != of_parts || found.size() == most_findings)
        continue;
      if (auto text = render(finding); std::find(found.begin(), found.end(), text) == found.end())
        found.push_back(std::move(text));
      if (of_parts)
        break;
    }
  std::string sentence = "The arguments do not fit the tool's schema";
  for (std::size_t i = 0; i < found.size(); ++i)
    sentence.append(i == 0 ? ": " : "; ").append(found[i]);
  return foreign::excerpt(sentence, 1000) + '.';
}

std::optional<std::string> check(const checked_schema& schema, const json& arguments) {
  const auto work = schema.work(arguments);
  if (work > most_check_work)
    return "The arguments are too large, or the tool's schema too intricate, for them to be checked.";
  if (schema.allows(arguments, nullptr))
    return std::nullopt;
  valijson::ValidationResults findings;
  if (work <= most_work_to_explain)
    schema.allows(arguments, &findings);
  return explain(findings);
}

std::string unusable(std::string_view reason) {
  return "cannot be used as a JSON Schema: " + foreign::excerpt(reason);
}

} // namespace

std::optional<std::string> refuse_schema(std::string_view schema) {
  if (!json_nesting_within(schema, max_schema_depth))
    return unusable("it is nested deeper than 32");
  auto document = parse_json_object(schema, max_schema_depth);
  if (!document)
    return unusable("it is no JSON object");
  auto safe = make_safe_schema(*std::move(document));
  if (const auto* wrong = std::get_if<unusable_schema>(&safe))
    return unusable(wrong->reason);
  try {
    const checked_schema checked{std::get<json>(std::move(safe))};
    return std::nullopt;
  } catch (const std::exception& error) {
    return unusable(error.what());
  }
}

std::optional<std::string> refuse_arguments(std::string_view schema, std::string_view arguments) {
  auto value = parse_json_object(arguments);
  if (!value)
    return "The arguments must be a JSON object, nested at most 64 deep.";
  if (schema.empty())
    return std::nullopt;
  auto document = parse_json_object(schema, max_schema_depth);
  if (!document)
    return "The tool's schema is no JSON object that can be read.";
  auto safe = make_safe_schema(*std::move(document));
  if (const auto* wrong = std::get_if<unusable_schema>(&safe))
    return "The tool's schema " + unusable(wrong->reason) + '.';
  try {
    write_integers(*value);
    return check(checked_schema{std::get<json>(std::move(safe))}, *value);
  } catch (const std::exception& error) {
    return "The tool's schema " + unusable(error.what()) + '.';
  }
}

} // namespace troupe
