#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// JSON whose numbers are text: what a person has approved, or a tool has answered, goes
/// on with the digits it was written with, however many there are. nlohmann's own reader
/// makes a double of whatever does not fit into 64 bits.
namespace troupe {

/// Parses JSON of any kind nested at most `max_depth` deep. A number that is no integer of
/// 64 bits is kept as its text, in a `binary` value, which nothing else in JSON can be:
/// only `dump_exact` writes such a tree. Nullopt for what is no JSON.
std::optional<nlohmann::json> parse_exact(std::string_view text, std::size_t max_depth = 64);

/// The same for an object alone.
std::optional<nlohmann::json> parse_exact_object(std::string_view text, std::size_t max_depth = 64);

/// A tree, of `parse_exact` or not, as text without white space; invalid UTF-8 becomes
/// U+FFFD.
std::string dump_exact(const nlohmann::json& value);

/// True for a number, kept as text or not.
bool is_exact_number(const nlohmann::json& value) noexcept;

/// Text as it is, anything else as JSON: how an argument stands in a URL.
std::string exact_text(const nlohmann::json& value);

} // namespace troupe
