#include "actors/models/builtin_script.hpp"

#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace troupe {

namespace {

using std::chrono::milliseconds;

/// ASCII only, so that no character of several bytes is ever cut.
constexpr std::string_view whitespace = " \t\n\r\f\v";

std::string_view take_word(std::string_view text) noexcept {
  return text.substr(0, text.find_first_of(whitespace));
}

std::string_view skip_whitespace(std::string_view text) noexcept {
  return text.substr(std::min(text.find_first_not_of(whitespace), text.size()));
}

/// Digits only; nullopt beyond `largest`.
std::optional<std::int64_t> parse_number(std::string_view text, std::int64_t largest) noexcept {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  // from_chars would take a minus.
  if (text.starts_with('-') || error != std::errc{} || end != text.data() + text.size() || value > largest)
    return std::nullopt;
  return value;
}

// -- directives ---------------------------------------------------------------

/// What a directive's value must be, if it is not that.
using complaint = std::optional<std::string>;

complaint read_milliseconds(std::string_view value, milliseconds largest, milliseconds& out) {
  const auto number = parse_number(value, largest.count());
  if (!number)
    return "a number of milliseconds from 0 to " + std::to_string(largest.count());
  out = milliseconds(*number);
  return std::nullopt;
}

complaint read_delay(std::string_view value, builtin_script& script) {
  return read_milliseconds(value, max_script_delay, script.delay);
}

complaint read_pace(std::string_view value, builtin_script& script) {
  return read_milliseconds(value, max_script_pace, script.pace);
}

complaint read_words(std::string_view value, builtin_script& script) {
  const auto number = parse_number(value, max_script_words);
  if (!number)
    return "a number of words from 0 to " + std::to_string(max_script_words);
  script.words = static_cast<int>(*number);
  return std::nullopt;
}

std::optional<scripted_failure> parse_failure(std::string_view text) noexcept {
  if (text == "transient")
    return scripted_failure::transient;
  if (text == "throttled")
    return scripted_failure::throttled;
  if (text == "permanent")
    return scripted_failure::permanent;
  if (text == "crash")
    return scripted_failure::crash;
  return std::nullopt;
}

complaint read_fail(std::string_view value, builtin_script& script) {
  const auto colon = std::min(value.find(':'), value.size());
  const auto attempts = parse_number(value.substr(0, colon), max_script_failures);
  const auto kind = parse_failure(value.substr(std::min(colon + 1, value.size())));
  if (!attempts || !kind)
    return "<n>:<kind>, with n attempts from 0 to " + std::to_string(max_script_failures)
           + " and the kind transient, throttled, permanent or crash";
  script.fail = failure_script{static_cast<int>(*attempts), *kind};
  return std::nullopt;
}

bool is_tool_name(std::string_view text) noexcept {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), allowed);
}

complaint read_tool(std::string_view value, builtin_script& script) {
  if (script.tools.size() == max_script_tools)
    return "given at most " + std::to_string(max_script_tools) + " times";
  const auto colon = std::min(value.find(':'), value.size());
  const auto name = value.substr(0, colon);
  const auto arguments = value.substr(std::min(colon + 1, value.size()));
  if (!is_tool_name(name) || !parse_json_object(arguments))
    return "<name>:<arguments>, with a name of up to 64 letters, digits, '_' or '-' and the arguments a JSON object "
           "without spaces";
  const auto id = "call_" + std::to_string(script.tools.size() + 1);
  script.tools.push_back({id, std::string(name), std::string(arguments)});
  return std::nullopt;
}

struct directive {
  /// With the equals sign: a word without it is text.
  std::string_view prefix;
  complaint (*read)(std::string_view value, builtin_script& script);
};

constexpr std::array<directive, 5> directives{{{"@delay=", read_delay},
                                               {"@pace=", read_pace},
                                               {"@words=", read_words},
                                               {"@fail=", read_fail},
                                               {"@tool=", read_tool}}};

const directive* find_directive(std::string_view word) noexcept {
  const auto found = std::find_if(directives.begin(), directives.end(),
                                  [word](const directive& d) { return word.starts_with(d.prefix); });
  return found == directives.end() ? nullptr : &*found;
}

// -- answers ------------------------------------------------------------------

std::string filler(int words) {
  constexpr std::array<std::string_view, 16> vocabulary{"the",   "stage",  "is",    "set",  "a",     "troupe",
                                                        "of",    "actors", "takes", "its",  "place", "and",
                                                        "plays", "every",  "part",  "again"};
  std::string result;
  for (int i = 0; i < words; ++i) {
    if (i > 0)
      result += ' ';
    result += vocabulary[static_cast<std::size_t>(i) % vocabulary.size()];
  }
  return result;
}

std::string show_result(const std::string& result) {
  const auto object = parse_json_object(result);
  if (!object || object->size() != 1)
    return result;
  const auto& value = object->begin().value();
  const auto shown = value.is_string() ? value.get<std::string>() : value.dump();
  return object->begin().key() == "error" ? "error: " + shown : shown;
}

} // namespace

std::variant<builtin_script, script_error> parse_builtin_script(std::string_view input) {
  builtin_script script;
  auto rest = input;
  for (;;) {
    const auto at_word = skip_whitespace(rest);
    const auto word = take_word(at_word);
    const auto* known = find_directive(word);
    if (known == nullptr)
      break;
    if (const auto must = known->read(word.substr(known->prefix.size()), script)) {
      const auto name = known->prefix.substr(0, known->prefix.size() - 1);
      return script_error{"The directive " + std::string(name) + " must be " + *must + "."};
    }
    rest = skip_whitespace(at_word.substr(word.size()));
  }
  script.text = rest;
  return script;
}

std::string builtin_answer(const builtin_script& script, const std::vector<tool_answer>& answers) {
  if (script.words)
    return filler(*script.words);
  auto result = "Echo: " + script.text;
  for (const auto& answer : answers)
    result += "\n" + answer.tool + ": " + show_result(answer.result);
  return result;
}

std::vector<std::string> words_of(std::string_view answer) {
  std::vector<std::string> pieces;
  while (!answer.empty()) {
    const auto begin = std::min(answer.find_first_not_of(whitespace), answer.size());
    auto end = std::min(answer.find_first_of(whitespace, begin), answer.size());
    if (answer.find_first_not_of(whitespace, end) == answer.npos)
      end = answer.size();
    pieces.emplace_back(answer.substr(0, end));
    answer.remove_prefix(end);
  }
  return pieces;
}

std::int64_t count_tokens(std::string_view text) noexcept {
  if (text.empty())
    return 0;
  std::int64_t words = 0;
  for (text = skip_whitespace(text); !text.empty(); text = skip_whitespace(text.substr(take_word(text).size())))
    ++words;
  return std::max<std::int64_t>(words, 1);
}

} // namespace troupe
