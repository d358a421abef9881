#pragma once

#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Writes JSON straight into a string, for the paths where every task passes: the
/// store's event data and the gateway's answers. There is no tree in between and
/// no reading. What it writes is always valid JSON (RFC 8259) in UTF-8.
namespace troupe {

/// Appends `text` as a JSON string with its quotes. Control characters, `"` and
/// `\` are escaped, other UTF-8 stands as it is, and a byte that is no part of
/// well-formed UTF-8 becomes U+FFFD.
void append_json_string(std::string& out, std::string_view text);

/// How many bytes `append_json_string` writes between the quotes.
std::size_t json_string_size(std::string_view text) noexcept;

void append_json_integer(std::string& out, std::int64_t value);

/// The shortest text that reads back as the same number; what JSON has no
/// number for (infinity, NaN) becomes `null`.
void append_json_number(std::string& out, double value);

/// An object being written. Its members go straight to the text it was opened on;
/// the brace closes when it goes out of scope. While a nested object or array is
/// open, only that one is written to.
class json_object {
public:
  explicit json_object(std::string& out) : out_{&out} { out += '{'; }
  ~json_object() { *out_ += '}'; }
  json_object(const json_object&) = delete;
  json_object& operator=(const json_object&) = delete;

  /// Keys are the program's own names and are not escaped.
  json_object& add(std::string_view key, std::string_view value);
  json_object& add(std::string_view key, const char* value) { return add(key, std::string_view{value}); }
  json_object& add(std::string_view key, const std::string& value) { return add(key, std::string_view{value}); }
  json_object& add(std::string_view key, const uuid& value);
  json_object& add(std::string_view key, timestamp value);
  json_object& add(std::string_view key, std::nullptr_t);

  template <class T>
  requires std::integral<T> || std::floating_point<T> json_object& add(std::string_view key, T value) {
    open(key);
    if constexpr (std::same_as<T, bool>)
      *out_ += value ? "true" : "false";
    else if constexpr (std::floating_point<T>)
      append_json_number(*out_, value);
    else
      append_json_integer(*out_, static_cast<std::int64_t>(value));
    return *this;
  }

  /// `null` if there is no value.
  template <class T>
  json_object& add(std::string_view key, const std::optional<T>& value) {
    return value ? add(key, *value) : add(key, nullptr);
  }

  /// `json` is JSON already.
  json_object& add_raw(std::string_view key, std::string_view json);

  /// Writes the key; the caller appends exactly one JSON value to the text.
  std::string& open(std::string_view key);

private:
  std::string* out_;
  bool first_ = true;
};

/// An array being written, as `json_object` is.
class json_array {
public:
  explicit json_array(std::string& out) : out_{&out} { out += '['; }
  ~json_array() { *out_ += ']'; }
  json_array(const json_array&) = delete;
  json_array& operator=(const json_array&) = delete;

  json_array& add(std::string_view value) {
    append_json_string(open(), value);
    return *this;
  }

  /// Separates the next element; the caller appends exactly one JSON value.
  std::string& open() {
    if (!first_)
      *out_ += ',';
    first_ = false;
    return *out_;
  }

private:
  std::string* out_;
  bool first_ = true;
};

} // namespace troupe
