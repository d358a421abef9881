#pragma once

#include <cstddef>
#include <string_view>

/// What namespaces, bots, models, tools and people are called, and what they are called who say nothing. Pure.
namespace troupe {

/// The longest name of a namespace, bot or model, in bytes.
inline constexpr std::size_t max_name_length = 100;

/// True for 1 to 100 characters of `[A-Za-z0-9._-]`, the first not a dot.
bool is_valid_name(std::string_view text) noexcept;

/// What `is_valid_name` asks for, to end a sentence with.
inline constexpr std::string_view name_rule
  = "1 to 100 characters of A-Z, a-z, 0-9, '.', '_' and '-', not starting with a dot";

/// The longest name of a tool, and of an argument in its address, in bytes.
inline constexpr std::size_t max_tool_name_length = 64;

/// A letter or a digit of ASCII, '_' or '-'.
bool is_tool_name_character(char c) noexcept;

/// True for 1 to 64 of these: what every provider lets a tool be called.
bool is_valid_tool_name(std::string_view text) noexcept;

/// What `is_valid_tool_name` asks for, to end a sentence with.
inline constexpr std::string_view tool_name_rule = "1 to 64 characters of A-Z, a-z, 0-9, '_' and '-'";

/// True for what may stand between the braces of a tool's address: a tool's name, which may hold dots.
bool is_valid_argument_name(std::string_view text) noexcept;

/// Who created, decided or listens, if nobody says. What is told to a user's room goes by it, so that there is one.
inline constexpr std::string_view anonymous = "anonymous";

/// The bot of a task that names none.
inline constexpr std::string_view default_bot = "default";

} // namespace troupe
