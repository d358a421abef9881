#pragma once

#include <boost/beast/http/fields.hpp>

#include <string_view>
#include <vector>

/// Header fields whose value is a list, read by the grammar that they have in common
/// (RFC 9110, sections 5.3 and 5.6): over several lines, with quoted strings that keep
/// their separators, and with empty elements that count for nothing.
namespace troupe {

/// The values of all lines of a field, in their order. They live as long as `headers`.
std::vector<std::string_view> field_lines(const boost::beast::http::fields& headers, std::string_view name);

/// The elements between `separator`s outside of quoted strings, without the space around
/// them. Empty ones are left out. A string that is never closed goes to the end.
std::vector<std::string_view> split_list(std::string_view value, char separator);

/// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text) noexcept;

/// True if an `If-None-Match` names this entity-tag, or `*`, which is all of them. Tags
/// are compared weakly (RFC 9110, sections 8.8.3.2 and 13.1.2).
bool names_tag(const std::vector<std::string_view>& lines, std::string_view tag);

} // namespace troupe
