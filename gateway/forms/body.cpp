#include "gateway/forms/body.hpp"

#include "gateway/forms/text.hpp"
#include "persistence/values/exact_json.hpp"
#include "persistence/values/names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe {

using json = nlohmann::json;

// -- errors -----------------------------------------------------------------------

void body_errors::add(std::string pointer, std::string detail) {
  invalid_.push_back({.pointer = std::move(pointer), .detail = std::move(detail)});
}

void body_errors::add_unknown(std::string pointer, std::string detail) {
  unknown_.push_back({.pointer = std::move(pointer), .detail = std::move(detail)});
}

std::optional<problem> body_errors::to_problem() && {
  if (empty())
    return std::nullopt;
  constexpr std::size_t most_listed = 20;
  problem result{.code = invalid_.empty() ? problem_code::unknown_field : problem_code::invalid_body};
  result.errors = std::move(invalid_);
  std::move(unknown_.begin(), unknown_.end(), std::back_inserter(result.errors));
  const auto& first = result.errors.front();
  result.detail = first.pointer.empty() ? "The body: " : first.pointer + ": ";
  result.detail += first.detail;
  if (result.errors.size() > 1)
    result.detail += " (and " + std::to_string(result.errors.size() - 1) + " more, see errors)";
  result.detail += '.';
  if (result.errors.size() > most_listed)
    result.errors.resize(most_listed);
  return result;
}

std::string_view kind_of(const json& value) noexcept {
  switch (value.type()) {
  case json::value_t::null: return "null";
  case json::value_t::object: return "an object";
  case json::value_t::array: return "an array";
  case json::value_t::string: return "a string";
  case json::value_t::boolean: return "a boolean";
  case json::value_t::number_integer:
  case json::value_t::number_unsigned: return "an integer";
  case json::value_t::number_float: return "a number";
  case json::value_t::binary: return "an integer beyond 64 bits";
  case json::value_t::discarded: return "something else";
  }
  return "something else";
}

namespace {

std::string expected(std::string_view what, const json& got) {
  std::string out = "expected ";
  out += what;
  out += ", got ";
  out += kind_of(got);
  return out;
}

std::string range(std::size_t min, std::size_t max, std::string_view unit) {
  std::string out = "expected ";
  if (min > 0)
    out += std::to_string(min) + " to ";
  else
    out += "at most ";
  out += std::to_string(max);
  out += ' ';
  return out += unit;
}

/// "2" for 2.0, "0.5" for 0.5.
std::string plain(double number) {
  return json(number).dump().ends_with(".0") ? std::to_string(static_cast<std::int64_t>(number)) : json(number).dump();
}

} // namespace

// -- members ----------------------------------------------------------------------

object_reader::object_reader(const json& object, std::string path, body_errors& errors)
  : object_{object}, path_{std::move(path)}, errors_{errors} {}

std::string object_reader::pointer(std::string_view name) const {
  std::string out = path_;
  out += '/';
  // RFC 6901, section 3.
  for (const char c : cut_utf8(name, 100)) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

void object_reader::refuse(std::string_view name, std::string detail) {
  errors_.add(pointer(name), std::move(detail));
}

const json* object_reader::get(std::string_view name) {
  known_.push_back(name);
  const auto found = object_.find(name);
  return found == object_.end() || found->is_null() ? nullptr : &*found;
}

const json* object_reader::require(std::string_view name) {
  const auto* value = get(name);
  if (value == nullptr)
    refuse(name, "is required");
  return value;
}

const json* object_reader::expect_string(std::string_view name) {
  const auto* value = get(name);
  if (value == nullptr || value->is_string())
    return value;
  refuse(name, expected("a string", *value));
  return nullptr;
}

std::optional<std::string> object_reader::line(std::string_view name, std::size_t min, std::size_t max) {
  const auto* value = expect_string(name);
  if (value == nullptr)
    return std::nullopt;
  const auto& text = value->get_ref<const std::string&>();
  const auto length = count_code_points(text);
  if (length < min || length > max) {
    refuse(name, range(min, max, "characters") + ", got " + std::to_string(length));
    return std::nullopt;
  }
  if (has_control_character(text)) {
    refuse(name, "holds a control character, such as a line break");
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> object_reader::text(std::string_view name, std::size_t min, std::size_t max) {
  const auto* value = expect_string(name);
  if (value == nullptr)
    return std::nullopt;
  const auto& text = value->get_ref<const std::string&>();
  if (text.size() < min || text.size() > max) {
    refuse(name,
           text.empty() ? "must not be empty" : range(min, max, "bytes") + ", got " + std::to_string(text.size()));
    return std::nullopt;
  }
  return text;
}

std::optional<std::string> object_reader::name(std::string_view name) {
  const auto* value = expect_string(name);
  if (value == nullptr)
    return std::nullopt;
  const auto& text = value->get_ref<const std::string&>();
  if (is_valid_name(text))
    return text;
  std::string detail = "expected a name of ";
  refuse(name, detail += name_rule);
  return std::nullopt;
}

std::optional<std::int64_t> object_reader::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const auto* value = get(name);
  if (value == nullptr)
    return std::nullopt;
  if (!value->is_number_integer()) {
    refuse(name, expected("an integer", *value));
    return std::nullopt;
  }
  // Beyond what a signed 64-bit integer holds, only an unsigned one is out of reach.
  const bool too_big
    = value->is_number_unsigned() && value->get<std::uint64_t>() > static_cast<std::uint64_t>(INT64_MAX);
  const auto number = too_big ? INT64_MAX : value->get<std::int64_t>();
  if (too_big || number < min || number > max) {
    const auto bounds
      = max == INT64_MAX ? "at least " + std::to_string(min) : std::to_string(min) + " to " + std::to_string(max);
    refuse(name, "expected an integer of " + bounds + ", got " + value->dump());
    return std::nullopt;
  }
  return number;
}

std::optional<std::chrono::seconds> object_reader::seconds(std::string_view name, std::chrono::seconds max) {
  const auto count = integer(name, 1, max.count());
  return count ? std::optional{std::chrono::seconds{*count}} : std::nullopt;
}

std::optional<std::chrono::milliseconds> object_reader::milliseconds(std::string_view name,
                                                                     std::chrono::milliseconds max) {
  const auto count = integer(name, 0, max.count());
  return count ? std::optional{std::chrono::milliseconds{*count}} : std::nullopt;
}

std::optional<double> object_reader::number(std::string_view name, double min, double max) {
  const auto* value = get(name);
  if (value == nullptr)
    return std::nullopt;
  if (!value->is_number()) {
    refuse(name, expected("a number", *value));
    return std::nullopt;
  }
  const auto number = value->get<double>();
  if (number < min || number > max) {
    refuse(name, "expected a number from " + plain(min) + " to " + plain(max) + ", got " + value->dump());
    return std::nullopt;
  }
  return number;
}

std::optional<bool> object_reader::boolean(std::string_view name) {
  const auto* value = get(name);
  if (value == nullptr)
    return std::nullopt;
  if (!value->is_boolean()) {
    refuse(name, expected("true or false", *value));
    return std::nullopt;
  }
  return value->get<bool>();
}

std::optional<uuid> object_reader::id(std::string_view name) {
  const auto* value = expect_string(name);
  if (value == nullptr)
    return std::nullopt;
  const auto& text = value->get_ref<const std::string&>();
  auto result = uuid::parse(text);
  if (!result || result->is_nil()) {
    refuse(name, "expected a UUID, got " + excerpt(text));
    return std::nullopt;
  }
  return result;
}

std::optional<timestamp> object_reader::time(std::string_view name) {
  const auto* value = expect_string(name);
  if (value == nullptr)
    return std::nullopt;
  const auto& text = value->get_ref<const std::string&>();
  auto result = parse_rfc3339(text);
  if (!result)
    refuse(name, "expected an RFC 3339 time such as 2026-01-02T03:04:05Z, got " + excerpt(text));
  return result;
}

std::optional<std::string> object_reader::object_text(std::string_view name, std::size_t max) {
  const auto* value = object(name);
  if (value == nullptr)
    return std::nullopt;
  auto text = dump_exact(*value);
  if (text.size() > max) {
    refuse(name, range(0, max, "bytes") + " of JSON, got " + std::to_string(text.size()));
    return std::nullopt;
  }
  return text;
}

const json* object_reader::object(std::string_view name) {
  const auto* value = get(name);
  if (value == nullptr || value->is_object())
    return value;
  refuse(name, expected("an object", *value));
  return nullptr;
}

const json* object_reader::array(std::string_view name) {
  const auto* value = get(name);
  if (value == nullptr || value->is_array())
    return value;
  refuse(name, expected("an array", *value));
  return nullptr;
}

void object_reader::finish() {
  for (const auto& [name, value] : object_.items()) {
    if (std::find(known_.begin(), known_.end(), name) == known_.end())
      errors_.add_unknown(pointer(name), "there is no member " + excerpt(name) + " here");
  }
}

} // namespace troupe
