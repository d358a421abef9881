#include "gateway/forms/url.hpp"

#include "gateway/forms/text.hpp"
#include "persistence/values/names.hpp"
#include "persistence/values/namespaces.hpp"

#include <algorithm>
#include <charconv>
#include <variant>

namespace troupe {

namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

/// Decoded text, or what is wrong with it as the end of a sentence.
struct decoded {
  std::string text;
  std::string_view error{};
};

decoded percent_decode(std::string_view text, bool plus_is_space) {
  decoded result;
  result.text.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) {
      c = ' ';
    } else if (c == '%') {
      const int high = i + 1 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return {{}, "has a '%' that is not followed by two hexadecimal digits"};
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (c == '\0')
      return {{}, "holds a NUL character"};
    result.text += c;
  }
  if (!is_valid_utf8(result.text))
    return {{}, "is not valid UTF-8 once decoded"};
  return result;
}

/// True if `name` is one of the words of `known`.
bool names(std::string_view known, std::string_view name) {
  for (std::size_t at = 0; at <= known.size();) {
    const auto end = std::min(known.find(' ', at), known.size());
    if (known.substr(at, end - at) == name)
      return true;
    at = end + 1;
  }
  return false;
}

problem bad_path(std::string detail) {
  return {.code = problem_code::invalid_parameter, .detail = std::move(detail)};
}

} // namespace

// -- paths ------------------------------------------------------------------------

parsed<std::vector<std::string>> split_path(std::string_view path) {
  if (path.empty() || path.front() != '/')
    return bad_path("The path must start with '/'.");
  std::vector<std::string> parts;
  parts.reserve(6);
  for (std::size_t at = 1; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    auto part = percent_decode(path.substr(at, end - at), false);
    if (!part.error.empty()) {
      std::string detail = "Part " + std::to_string(parts.size() + 1) + " of the path ";
      detail += part.error;
      return bad_path(detail += '.');
    }
    parts.push_back(std::move(part.text));
    at = end + 1;
  }
  return parts;
}

parsed<uuid> path_id(std::string_view text, std::string_view what) {
  if (const auto id = uuid::parse(text))
    return *id;
  std::string detail = "The ";
  detail += what;
  detail += ' ';
  detail += excerpt(text);
  detail += " is no UUID of the form 01890a5d-ac96-774b-bcce-b302099a8057.";
  return problem{.code = problem_code::invalid_id, .detail = std::move(detail)};
}

parsed<std::string> path_name(std::string_view text, std::string_view what) {
  if (is_valid_name(text))
    return std::string{text};
  std::string detail = "The ";
  detail += what;
  detail += ' ';
  detail += excerpt(text);
  detail += " is not a name: a name is ";
  detail += name_rule;
  return bad_path(detail += '.');
}

// -- queries ----------------------------------------------------------------------

query_parameters::query_parameters(std::string_view query, std::string_view known) {
  for (std::size_t at = 0; at < query.size();) {
    const auto end = std::min(query.find('&', at), query.size());
    if (end > at)
      take(query.substr(at, end - at), known);
    at = end + 1;
  }
}

void query_parameters::take(std::string_view pair, std::string_view known) {
  const auto equals = std::min(pair.find('='), pair.size());
  auto name = percent_decode(pair.substr(0, equals), true);
  if (!name.error.empty()) {
    std::string detail = "the name of a parameter ";
    detail += name.error;
    refuse(excerpt(pair.substr(0, equals)), std::move(detail));
    return;
  }
  const auto wrong = [&](std::string_view detail) {
    unknown_.push_back({.pointer = {}, .detail = std::string{detail}, .parameter = std::move(name.text)});
  };
  if (name.text.empty())
    return wrong("a parameter without a name means nothing");
  if (!names(known, name.text))
    return wrong("this path has no such parameter");
  if (find(name.text) != nullptr)
    return wrong("it is given twice");
  auto value = percent_decode(equals < pair.size() ? pair.substr(equals + 1) : std::string_view{}, true);
  const bool broken = !value.error.empty();
  if (broken) {
    std::string detail = "the value ";
    detail += value.error;
    refuse(name.text, std::move(detail));
  }
  parameters_.push_back({std::move(name.text), std::move(value.text), broken});
}

const query_parameters::parameter* query_parameters::find(std::string_view name) const {
  const auto found
    = std::find_if(parameters_.begin(), parameters_.end(), [&](const auto& each) { return each.name == name; });
  return found == parameters_.end() ? nullptr : &*found;
}

const std::string* query_parameters::raw(std::string_view name) {
  const auto* found = find(name);
  return found == nullptr || found->broken ? nullptr : &found->value;
}

void query_parameters::refuse(std::string_view name, std::string detail) {
  invalid_.push_back({.pointer = {}, .detail = std::move(detail), .parameter = std::string{name}});
}

std::optional<std::string> query_parameters::text(std::string_view name, std::size_t max_length) {
  const auto* value = raw(name);
  if (value == nullptr)
    return std::nullopt;
  if (value->empty() || count_code_points(*value) > max_length || has_control_character(*value)) {
    refuse(name, "expected 1 to " + std::to_string(max_length) + " characters without control characters");
    return std::nullopt;
  }
  return *value;
}

std::optional<std::string> query_parameters::name(std::string_view name) {
  const auto* value = raw(name);
  if (value == nullptr)
    return std::nullopt;
  if (!is_valid_name(*value)) {
    std::string detail = "expected a name of ";
    refuse(name, detail += name_rule);
    return std::nullopt;
  }
  return *value;
}

std::string query_parameters::ns() {
  return name("namespace").value_or(std::string{default_namespace});
}

int query_parameters::limit(int otherwise) {
  const auto* value = raw("limit");
  int result = otherwise;
  if (value == nullptr)
    return result;
  const auto* end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, result);
  if (error != std::errc{} || stop != end || result < 1 || result > longest_page) {
    refuse("limit", "expected an integer from 1 to " + std::to_string(longest_page) + ", got " + excerpt(*value));
    return otherwise;
  }
  return result;
}

std::optional<uuid> query_parameters::id(std::string_view name) {
  const auto* value = raw(name);
  if (value == nullptr)
    return std::nullopt;
  auto result = uuid::parse(*value);
  if (!result)
    refuse(name, "expected a UUID, got " + excerpt(*value));
  return result;
}

std::optional<task_status> query_parameters::status(std::string_view name) {
  const auto* value = raw(name);
  if (value == nullptr)
    return std::nullopt;
  auto result = parse_task_status(*value);
  if (!result)
    refuse(name, "expected PENDING, RUNNING, COMPLETED, FAILED or CANCELLED, got " + excerpt(*value));
  return result;
}

std::optional<timestamp> query_parameters::time(std::string_view name) {
  const auto* value = raw(name);
  if (value == nullptr)
    return std::nullopt;
  auto result = parse_rfc3339(*value);
  if (!result) {
    std::string detail = "expected an RFC 3339 time such as 2026-01-02T03:04:05Z, got " + excerpt(*value);
    if (value->find(' ') != value->npos)
      detail += "; the '+' of an offset is written %2B in a query";
    refuse(name, std::move(detail));
  }
  return result;
}

std::optional<std::int64_t> query_parameters::count(std::string_view name) {
  const auto* value = raw(name);
  if (value == nullptr)
    return std::nullopt;
  std::int64_t result = 0;
  const auto* end = value->data() + value->size();
  const auto [stop, error] = std::from_chars(value->data(), end, result);
  if (error != std::errc{} || stop != end || result < 0) {
    refuse(name, "expected an integer of at least 0, got " + excerpt(*value));
    return std::nullopt;
  }
  return result;
}

std::optional<problem> query_parameters::finish() {
  if (invalid_.empty() && unknown_.empty())
    return std::nullopt;
  problem result{.code = invalid_.empty() ? problem_code::unknown_parameter : problem_code::invalid_parameter};
  result.errors = std::move(invalid_);
  std::move(unknown_.begin(), unknown_.end(), std::back_inserter(result.errors));
  invalid_.clear();
  unknown_.clear();
  const auto& first = result.errors.front();
  result.detail = "Parameter " + excerpt(first.parameter) + ": " + first.detail;
  if (result.errors.size() > 1)
    result.detail += " (and " + std::to_string(result.errors.size() - 1) + " more, see errors)";
  result.detail += '.';
  return result;
}

} // namespace troupe
