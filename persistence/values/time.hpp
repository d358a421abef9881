#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// Every stored time: UTC, microseconds since the Unix epoch.
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

/// The wall clock at the store's resolution.
timestamp now();

/// RFC 3339 in UTC with microseconds: `2026-01-02T03:04:05.000006Z`.
/// Years outside 0 to 9999 do not fit the form and are clamped to its ends.
std::string to_rfc3339(timestamp at);

/// The same, written without allocating.
void to_rfc3339(timestamp at, std::span<char, 27> out) noexcept;

/// The day in UTC: `2026-01-02`.
std::string day_of(timestamp at);

/// Reads an RFC 3339 date-time with any offset and up to nine fractional digits
/// (digits past the sixth are cut off). Anything else is nullopt.
std::optional<timestamp> parse_rfc3339(std::string_view text);

} // namespace troupe
