#pragma once

#include "persistence/values/uuid.hpp"

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <string>
#include <string_view>

/// Log lines with fields: a short sentence start, then pairs, as in
/// `task failed task=0190… class=permanent error="The provider answered 400"`. With
/// `log_format` json the pairs are members of the line's object. Whatever a value holds, a
/// line stays one line and no value reads as another field; a long one is cut.
///
/// Never logged are prompts, answers, arguments and results of tools, and credentials. So
/// nobody else's words are: of an error that cites a provider or a tool, `own_part` is.
namespace troupe::logging {

enum class level : std::uint8_t { trace, debug, info, warn, error, critical };

/// How lines with fields are written.
enum class style : std::uint8_t { text, json };

/// For the whole process; text until it is called. Goes with the logger's formatter.
void set_style(style chosen) noexcept;
[[nodiscard]] style current_style() noexcept;

/// Whether a line of that level would be written.
[[nodiscard]] bool is_on(level severity) noexcept;

/// The fields of a line being written. Keys are the program's own names.
class fields {
public:
  fields(std::string& out, style chosen) : out_{&out}, style_{chosen} {}

  /// Cut to at most 500 bytes.
  fields& add(std::string_view key, std::string_view value);
  fields& add(std::string_view key, const char* value) { return add(key, std::string_view{value}); }
  fields& add(std::string_view key, const std::string& value) { return add(key, std::string_view{value}); }
  fields& add(std::string_view key, const uuid& value);
  /// In milliseconds with three decimals, as a number.
  fields& add(std::string_view key, std::chrono::microseconds value);
  fields& add(std::string_view key, bool value);
  template <std::integral T>
  fields& add(std::string_view key, T value) {
    return add_integer(key, static_cast<std::int64_t>(value));
  }
  /// Left out if it is empty.
  fields& add_if_any(std::string_view key, std::string_view value) { return value.empty() ? *this : add(key, value); }

private:
  fields& add_integer(std::string_view key, std::int64_t value);
  void open(std::string_view key);

  std::string* out_;
  style style_;
};

/// Writes a line: `text` is what it says followed by its fields, and `said` the length of the
/// former.
void write(level severity, std::string_view text, std::size_t said);

/// Marks the lines that `write` has made: in their `spdlog::source_loc` it is the file name, and
/// the line is where the fields begin.
extern const char* const fields_mark;

/// A line; `fill` is called only if it is written.
template <std::invocable<fields&> Fill>
void line(level severity, std::string_view what, Fill fill) {
  if (!is_on(severity))
    return;
  std::string text{what};
  fields pairs{text, current_style()};
  fill(pairs);
  write(severity, text, what.size());
}

template <std::invocable<fields&> Fill>
void trace(std::string_view what, Fill fill) {
  line(level::trace, what, std::move(fill));
}
template <std::invocable<fields&> Fill>
void debug(std::string_view what, Fill fill) {
  line(level::debug, what, std::move(fill));
}
template <std::invocable<fields&> Fill>
void info(std::string_view what, Fill fill) {
  line(level::info, what, std::move(fill));
}
template <std::invocable<fields&> Fill>
void warn(std::string_view what, Fill fill) {
  line(level::warn, what, std::move(fill));
}
template <std::invocable<fields&> Fill>
void error(std::string_view what, Fill fill) {
  line(level::error, what, std::move(fill));
}

// -- what strangers wrote -------------------------------------------------------

/// What has no place in a line of a log: control characters (also those of Unicode), line
/// and paragraph separators, marks that turn the direction of text, and bytes that are no
/// UTF-8. Escaped, or U+FFFD.
void append_clean(std::string& out, std::string_view text);

/// `append_clean` in quotes, where quotes and backslashes are escaped too: a JSON string.
void append_quoted(std::string& out, std::string_view text);

/// As the value of a text field: as it is where that can be mistaken for nothing else, else
/// quoted.
void append_value(std::string& out, std::string_view text);

/// All of an error are this program's own words.
inline constexpr std::size_t all_own = static_cast<std::size_t>(-1);

/// The beginning of an error that is this program's own words, without the colon that
/// leads over to somebody else's.
[[nodiscard]] std::string_view own_part(std::string_view error, std::size_t own_words) noexcept;

/// What the log says of an exception: its type. Its text may cite whatever was being worked on.
[[nodiscard]] std::string type_of(const std::exception& thrown);

/// The host of a URL, with its port if it names one, and nothing else of it.
[[nodiscard]] std::string_view host_of(std::string_view url) noexcept;

} // namespace troupe::logging
