#pragma once

#include "persistence/logging/log.hpp"

#include <fmt/core.h>

/// Log lines that are sentences, as in `the database is lost: no route to host`. What stands in their braces is put in
/// elsewhere: where spdlog is called itself, the compiler makes all that writes numbers and texts once more.
namespace troupe::say {

/// Writes the line, if its level is. Nothing is thrown: without memory, the line lacks what stands in the braces.
void sentence(logging::level severity, fmt::string_view text, fmt::format_args values) noexcept;

template <class... Values>
void info(fmt::format_string<Values...> text, Values&&... values) {
  sentence(logging::level::info, text, fmt::make_format_args(values...));
}
template <class... Values>
void warn(fmt::format_string<Values...> text, Values&&... values) {
  sentence(logging::level::warn, text, fmt::make_format_args(values...));
}
template <class... Values>
void error(fmt::format_string<Values...> text, Values&&... values) {
  sentence(logging::level::error, text, fmt::make_format_args(values...));
}
/// The process cannot go on.
template <class... Values>
void critical(fmt::format_string<Values...> text, Values&&... values) {
  sentence(logging::level::critical, text, fmt::make_format_args(values...));
}

} // namespace troupe::say
