#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <variant>

/// Keeps valijson from harm: it trusts the schemas it is given. One that refers to itself
/// makes it recurse until the stack is used up, one that branches at each step doubles its
/// work with each, and a `pattern` may take either from std::regex. Pure; serves
/// actors/toolbox/json_schema.
namespace troupe {

struct unusable_schema {
  /// A sentence without its end: "it refers to itself in a circle".
  std::string reason;
};

/// Writes a schema anew in the part of draft 7 that is safe with valijson. Each reference
/// leads straight to a member of `$defs` of its own, so that valijson, which reads what is
/// referred to once, and what is not each time, neither goes in circles nor mistakes one
/// for another (as it does for `dependencies` and `propertyNames`). The document must be an
/// object, and not be nested deeper than 32.
std::variant<nlohmann::json, unusable_schema> make_safe_schema(nlohmann::json document);

/// More is not to be done, a matter of a second; see `check_work`.
inline constexpr std::int64_t most_check_work = 1'000'000;

/// How much it takes at most to check a value, in units of about a microsecond;
/// `most_check_work + 1` for all that is more, or recurses too deep. The value must not be
/// nested deeper than 64.
std::int64_t check_work(const nlohmann::json& safe, const nlohmann::json& value);

/// 3.0 is an integer to JSON Schema, and is not to valijson: writes such numbers as 3.
void write_integers(nlohmann::json& value);

} // namespace troupe
