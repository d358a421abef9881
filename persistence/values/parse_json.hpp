#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// Reading JSON that somebody else wrote, without trusting its depth: what is
/// nested too deep is refused before a tree is built of it, whose destruction would
/// recurse as deep.
namespace troupe {

/// True if no array or object in `text` lies deeper than `limit` others, counting
/// itself. Exact for valid JSON; for anything else, never less than what a parser
/// would have opened before it met the error.
bool json_nesting_within(std::string_view text, std::size_t limit) noexcept;

/// Parses a JSON object (RFC 8259) nested at most `max_depth` deep. Nullopt for
/// everything else, invalid UTF-8 included.
std::optional<nlohmann::json> parse_json_object(std::string_view text, std::size_t max_depth = 64);

/// `text` as it is if it is JSON of any kind, nested at most `max_depth` deep, else as a
/// JSON string.
std::string json_or_string(std::string_view text, std::size_t max_depth = 64);

} // namespace troupe
