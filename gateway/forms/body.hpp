#pragma once

#include "gateway/requests/problem.hpp"
#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Takes the members of an untrusted JSON object one by one and collects what is
/// wrong with them, so that a client learns all of it at once.
namespace troupe {

/// What is wrong with one body, over all its objects.
class body_errors {
public:
  void add(std::string pointer, std::string detail);
  void add_unknown(std::string pointer, std::string detail);

  [[nodiscard]] bool empty() const noexcept { return invalid_.empty() && unknown_.empty(); }

  /// `unknown_field` if that is all, else `invalid_body`; at most 20 errors are listed.
  /// Nothing if nothing is wrong.
  std::optional<problem> to_problem() &&;

private:
  std::vector<field_error> invalid_;
  std::vector<field_error> unknown_;
};

/// What a value is, for a sentence: "a string", "an array", "null".
std::string_view kind_of(const nlohmann::json& value) noexcept;

/// One object of a body. Each getter names a member that may be there; `finish`
/// then calls all others unknown. A member that is null counts as absent. A getter
/// returns nothing for an absent member and for one that it has refused.
class object_reader {
public:
  /// `path` is the object's JSON pointer; all three are kept by reference or
  /// moved, and `object` and `errors` outlive the reader.
  object_reader(const nlohmann::json& object, std::string path, body_errors& errors);

  /// The member as it is.
  const nlohmann::json* get(std::string_view name);
  /// As `get`, and an absent one is refused.
  const nlohmann::json* require(std::string_view name);

  /// `min` to `max` code points; no control characters, which belong into no name.
  std::optional<std::string> line(std::string_view name, std::size_t min, std::size_t max);
  /// `min` to `max` bytes of any text.
  std::optional<std::string> text(std::string_view name, std::size_t min, std::size_t max);
  /// The name of a namespace, bot or model.
  std::optional<std::string> name(std::string_view name);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  /// Whole seconds, at least one.
  std::optional<std::chrono::seconds> seconds(std::string_view name, std::chrono::seconds max);
  /// Whole milliseconds, or none.
  std::optional<std::chrono::milliseconds> milliseconds(std::string_view name, std::chrono::milliseconds max);
  std::optional<double> number(std::string_view name, double min, double max);
  std::optional<bool> boolean(std::string_view name);
  std::optional<uuid> id(std::string_view name);
  /// An RFC 3339 time.
  std::optional<timestamp> time(std::string_view name);
  /// An object of the client's own making, as text without spaces of at most `max` bytes.
  std::optional<std::string> object_text(std::string_view name, std::size_t max);
  /// A member that must be an object.
  const nlohmann::json* object(std::string_view name);
  /// A member that must be an array.
  const nlohmann::json* array(std::string_view name);

  /// The pointer of a member.
  [[nodiscard]] std::string pointer(std::string_view name) const;
  void refuse(std::string_view name, std::string detail);

  /// Refuses the members that nobody asked for.
  void finish();

private:
  const nlohmann::json* expect_string(std::string_view name);

  const nlohmann::json& object_;
  std::string path_;
  body_errors& errors_;
  std::vector<std::string_view> known_;
};

} // namespace troupe
