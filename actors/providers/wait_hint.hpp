#pragma once

#include "actors/remote/outbound.hpp"
#include "persistence/values/time.hpp"

#include <chrono>
#include <optional>
#include <string_view>

/// How long a provider or a tool asks to be left alone. Pure.
namespace troupe::providers {

/// How long a response asks to wait: `retry-after-ms`, `retry-after` in seconds (also
/// fractions) or as an HTTP date seen from `at`, or the longest of the providers' own
/// `x-ratelimit-reset-requests`, `x-ratelimit-reset-tokens` (as in `1m30.5s`, `20ms`)
/// and `anthropic-ratelimit-*-reset` (RFC 3339) whose remaining is 0. At least 0;
/// nothing if it does not say, or nonsense.
std::optional<std::chrono::milliseconds> wait_asked_for(const outbound_head& head, timestamp at);

/// The same, and where the header fields say nothing, what the body does:
/// `google.rpc.RetryInfo`, members such as `retry_after`, OpenRouter's `metadata`, or the
/// words of a message ("Please try again in 6m0s").
std::optional<std::chrono::milliseconds> wait_asked_for(const outbound_head& head, std::string_view body, timestamp at);

} // namespace troupe::providers
