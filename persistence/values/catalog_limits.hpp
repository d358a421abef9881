#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// How much a namespace may set up: bounds of bots, their tools, and models. Those of a budget stand with its form, in
/// persistence/rules/budget_form.hpp.
namespace troupe {

// -- bots -------------------------------------------------------------------------

/// Bytes of a system prompt.
inline constexpr std::size_t max_prompt_bytes = 256 * 1024;
/// Models that are asked while those before are down.
inline constexpr std::size_t max_fallback_models = 10;
inline constexpr std::size_t max_bot_tools = 100;
inline constexpr double max_temperature = 2;
/// Tokens of one answer.
inline constexpr std::int64_t max_answer_tokens = 10'000'000;
/// Model calls per task.
inline constexpr std::int64_t max_bot_iterations = 100;
/// Tokens of a thread that the model is shown.
inline constexpr std::int64_t min_context_tokens = 100;
inline constexpr std::int64_t max_context_tokens = 100'000'000;
/// Of one attempt.
inline constexpr std::chrono::seconds max_attempt_timeout = std::chrono::hours{24};
/// Attempts that may fail before the task does.
inline constexpr std::int64_t max_failed_attempts = 100;
/// Between two attempts.
inline constexpr std::chrono::milliseconds max_restart_delay = std::chrono::hours{1};

// -- tools ------------------------------------------------------------------------

/// Bytes of a tool's description.
inline constexpr std::size_t max_description_bytes = 4096;
/// Bytes of the JSON Schema of a tool's arguments, written without spaces.
inline constexpr std::size_t max_schema_bytes = 64 * 1024;
/// Names of a server's tools that a bot allows, and that it denies.
inline constexpr std::size_t max_chosen_tools = 200;
/// Bytes of what a server calls a tool.
inline constexpr std::size_t max_served_name_bytes = 256;
/// Of one call.
inline constexpr std::chrono::seconds max_tool_timeout = std::chrono::hours{1};
/// That a person may have to allow a call.
inline constexpr std::chrono::seconds max_approval_timeout = std::chrono::days{365};

// -- models -----------------------------------------------------------------------

/// Code points of what a provider calls a model.
inline constexpr std::size_t max_model_id_length = 200;
/// Bytes of the members that go into each request, written without spaces.
inline constexpr std::size_t max_parameters_bytes = 16 * 1024;
/// Bytes of the name of the environment variable that holds a key.
inline constexpr std::size_t max_variable_bytes = 1000;
/// Bytes of the path of the file that holds a key.
inline constexpr std::size_t max_path_bytes = 4096;

inline constexpr std::chrono::seconds max_connect_timeout = std::chrono::minutes{5};
inline constexpr std::chrono::seconds max_first_token_timeout = std::chrono::hours{1};
inline constexpr std::chrono::seconds max_idle_timeout = std::chrono::hours{1};
inline constexpr std::chrono::seconds max_answer_timeout = std::chrono::hours{24};

inline constexpr std::int64_t max_model_concurrency = 1'000'000;
inline constexpr std::int64_t max_requests_per_minute = 1'000'000'000;
inline constexpr std::int64_t max_tokens_per_minute = 1'000'000'000'000;

/// Per million tokens.
inline constexpr double max_model_price = 1e6;

// -- what tools and models have in common -------------------------------------------

/// Bytes of an address.
inline constexpr std::size_t max_url_bytes = 2000;
inline constexpr std::size_t max_headers = 50;
/// Bytes of a header's name, and of its value.
inline constexpr std::size_t max_header_name_bytes = 200;
inline constexpr std::size_t max_header_value_bytes = 4096;

} // namespace troupe
