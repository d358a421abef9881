#pragma once

#include "gateway/forms/body.hpp"
#include "gateway/forms/parse_headers.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/records.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The tools in a bot's body, and what models have in common with them: words and
/// addresses (headers are in parse_headers.hpp). Errors are collected as in parse_bot.hpp.
namespace troupe {

// -- tools ------------------------------------------------------------------------

/// The member `tools` of the bot `owner`: at most 100, each name once.
std::vector<tool_record> parse_tools(const nlohmann::json& tools, const header_owner& owner, body_errors& errors);

// -- members ----------------------------------------------------------------------

/// `name` and `namespace` are given by path and query (`by`); a body may only repeat them.
void expect_same(object_reader& members, std::string_view member, const std::string& given, std::string_view by);

/// A member that is one of a few words: "fixed, linear or exponential".
template <class Enum, class Parse>
std::optional<Enum> one_of(object_reader& members, std::string_view member, Parse parse, std::string_view words) {
  const auto text = members.text(member, 0, 1000);
  if (!text)
    return std::nullopt;
  auto value = parse(*text);
  if (!value) {
    std::string detail = "expected ";
    detail += words;
    members.refuse(member, detail + ", got " + excerpt(*text));
  }
  return value;
}

// -- addresses --------------------------------------------------------------------

enum class url_form : std::uint8_t {
  /// A path is appended to it: it has no query.
  base,
  whole,
  /// `{argument}`s may stand in its path and its query.
  with_arguments,
};

/// A member that is an absolute `http` or `https` URL of at most 2,000 bytes, without
/// user, password and fragment (RFC 3986).
std::optional<std::string> read_url(object_reader& members, std::string_view member, url_form form);

} // namespace troupe
