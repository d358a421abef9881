#pragma once

#include <cstddef>
#include <string_view>

/// What namespaces, bots, models and people are called, and what they are called who say nothing. Pure.
namespace troupe {

/// The longest name of a namespace, bot or model, in bytes.
inline constexpr std::size_t max_name_length = 100;

/// True for 1 to 100 characters of `[A-Za-z0-9._-]`, the first not a dot.
bool is_valid_name(std::string_view text) noexcept;

/// What `is_valid_name` asks for, to end a sentence with.
inline constexpr std::string_view name_rule
  = "1 to 100 characters of A-Z, a-z, 0-9, '.', '_' and '-', not starting with a dot";

/// Who created, decided or listens, if nobody says. What is told to a user's room goes by it, so that there is one.
inline constexpr std::string_view anonymous = "anonymous";

/// The bot of a task that names none.
inline constexpr std::string_view default_bot = "default";

} // namespace troupe
