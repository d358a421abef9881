#pragma once

#include "gateway/body.hpp"
#include "gateway/text.hpp"
#include "persistence/records.hpp"

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The tools in a bot's body, and what models have in common with them: words,
/// addresses and headers. Errors are collected as in parse_bot.hpp.
namespace troupe {

// -- tools ------------------------------------------------------------------------

/// The member `tools` of a bot: at most 100, each name once.
std::vector<tool_record> parse_tools(const nlohmann::json& tools, body_errors& errors);

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

// -- headers ----------------------------------------------------------------------

enum class header_owner : std::uint8_t { model, tool };

/// The member `headers`: at most 50. Those that frame a message are the server's. A
/// model's show no secret, as they are shown; a tool's may (see `hides`).
header_list read_headers(object_reader& members, header_owner owner, body_errors& errors);

/// True for a header that is known to carry a secret, such as `Authorization`, unless
/// its value only refers to one: it is shown as `hidden_value`.
bool hides(std::string_view name, std::string_view value);

inline constexpr std::string_view hidden_value = "***";

/// The names of the environment variables that a value refers to by `${env:NAME}`.
std::vector<std::string> variables_in(std::string_view value);

} // namespace troupe
