#pragma once

#include "persistence/records.hpp"

#include <cstddef>
#include <string>
#include <string_view>

/// What somebody else's server has said: a provider, a tool, an MCP server. Untrusted. Pure.
namespace troupe::foreign {

/// Text that is safe to store and to show: invalid UTF-8 becomes U+FFFD, and control
/// characters other than tab, line feed and carriage return are left out.
std::string clean_text(std::string_view untrusted);

/// `text` cleaned, without its line breaks, and cut to at most `max` bytes at a
/// character's end, with an ellipsis if anything was cut.
std::string excerpt(std::string_view text, std::size_t max = 300);

/// The class for an error status, by the status alone.
error_class class_of_status(unsigned status) noexcept;

} // namespace troupe::foreign
