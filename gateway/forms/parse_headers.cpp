#include "gateway/forms/parse_headers.hpp"

#include "actors/remote/outbound.hpp"
#include "actors/toolbox/http_tool.hpp"
#include "config/ascii.hpp"
#include "gateway/forms/text.hpp"
#include "persistence/values/catalog_limits.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view reference = "${env:";

/// The part between `${env:` and `}` of the first reference, which is cut off with
/// what stands before it; nothing if there is no whole one.
std::optional<std::string_view> take_reference(std::string_view& value) {
  const auto at = value.find(reference);
  const auto end = at == value.npos ? value.npos : value.find('}', at);
  if (end == value.npos)
    return std::nullopt;
  const auto name = value.substr(at + reference.size(), end - at - reference.size());
  value.remove_prefix(end + 1);
  return name;
}

/// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [others](char c) {
    return is_alphanumeric(c) || others.find(c) != others.npos;
  });
}

// -- secrets ----------------------------------------------------------------------

bool is_secret_word(std::string_view word) {
  constexpr std::array<std::string_view, 6> within{"authorization", "password", "passphrase",
                                                   "secret",        "cookie",   "credential"};
  constexpr std::array<std::string_view, 4> endings{"token", "auth", "passwd", "apikey"};
  // Not all that ends so: `x-portkey-provider` names no key.
  constexpr std::array<std::string_view, 11> whole{"jwt",       "bearer",     "signature",      "pat",
                                                   "key",       "accesskey",  "authkey",        "masterkey",
                                                   "secretkey", "privatekey", "subscriptionkey"};
  return is_one_of(word, whole)
         || std::any_of(within.begin(), within.end(), [word](auto part) { return word.find(part) != word.npos; })
         || std::any_of(endings.begin(), endings.end(), [word](auto end) { return word.ends_with(end); });
}

bool names_a_secret(std::string_view name) {
  // Keys that open nothing.
  constexpr std::array<std::string_view, 5> harmless{"idempotency-key", "x-idempotency-key", "cache-key",
                                                     "surrogate-key", "partition-key"};
  const auto lower = lower_case(name);
  if (is_one_of(lower, harmless))
    return false;
  std::string_view rest = lower;
  while (!rest.empty()) {
    const auto end = std::min(rest.find_first_of("-_."), rest.size());
    if (is_secret_word(rest.substr(0, end)))
      return true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

/// RFC 9110, section 11.6.2: the schemes whose credentials whoever has them can use.
bool is_credential(std::string_view value) {
  constexpr std::array<std::string_view, 3> schemes{"bearer ", "basic ", "token "};
  const auto lower = lower_case(value.substr(0, 7));
  return std::any_of(schemes.begin(), schemes.end(), [&](auto scheme) { return lower.starts_with(scheme); });
}

/// What stands beside references is too short, word by word, for more than the name of a scheme or of a cookie.
bool only_refers(std::string_view value) {
  constexpr std::size_t longest_word = 20;
  constexpr std::string_view between = " \t;,:=\"'/";
  if (value.find(reference) == value.npos)
    return false;
  const auto is_short = [between](std::string_view text) {
    std::size_t length = 0;
    return std::all_of(text.begin(), text.end(), [&](char c) {
      length = between.find(c) == between.npos ? length + 1 : 0;
      return length <= longest_word;
    });
  };
  for (auto at = value.find(reference); at != value.npos; at = value.find(reference)) {
    if (!is_short(value.substr(0, at)))
      return false;
    value.remove_prefix(std::min(value.find('}', at), value.size() - 1) + 1);
  }
  return is_short(value);
}

// -- refusals ---------------------------------------------------------------------

std::optional<std::string> refuse_references(std::string_view value) {
  while (const auto name = take_reference(value))
    if (!may_use_env(*name))
      return excerpt(*name)
             + " is no environment variable that may be used: expected letters, digits and '_', and none of the "
               "server's own (TROUPE_…, PG…)";
  if (value.find(reference) != value.npos)
    return "holds a ${env: without its }";
  return std::nullopt;
}

/// Of an MCP server the protocol's own: ours would stand beside them.
bool is_of_mcp(std::string_view lower) {
  return lower.starts_with("mcp-") || lower == "accept" || lower == "content-type" || lower == "last-event-id";
}

std::optional<std::string> refuse_name(std::string_view name, const header_owner& owner) {
  if (!is_token(name) || name.size() > max_header_name_bytes)
    return "is no header's name: expected at most " + std::to_string(max_header_name_bytes)
           + " letters, digits and !#$%&'*+-.^_`|~";
  const auto lower = lower_case(name);
  if (lower.starts_with("proxy-"))
    return "is for a proxy, and would not be sent: name the proxy with its user and password in the server's "
           "http_proxy or https_proxy";
  if (is_clients_own_header(lower))
    return "is set by the server itself";
  if (owner.type == tool_kind::mcp && is_of_mcp(lower))
    return "is set by the server itself, as MCP wants it";
  if (owner.type && lower == "idempotency-key")
    return "is set by the server itself, for each call as the tool's \"repeat\" says";
  return std::nullopt;
}

/// A sentence if something is wrong with a header; it never cites the value.
std::optional<std::string> refuse_header(std::string_view name, std::string_view value, const header_owner& owner) {
  if (auto wrong = refuse_name(name, owner))
    return wrong;
  if (value.size() > max_header_value_bytes)
    return "expected at most " + std::to_string(max_header_value_bytes) + " bytes, got " + std::to_string(value.size());
  if (has_control_character(value))
    return "holds a control character, such as a line break";
  if (value == hidden_value)
    return "\"***\" stands for a value that is not shown: give the value anew, or use ${env:NAME}";
  if (is_sealed(value))
    return "begins like a value that the server has encrypted: give the value itself, or use ${env:NAME}";
  if (hides(name, value) && owner.secrets == nullptr)
    return "holds a secret, which would be stored in the clear: write ${env:NAME} in its place and set NAME for the "
           "server, "
           + std::string{owner.type ? "" : "give the place of the model's key as api_key_env or api_key_file, "}
           + "or start the server with secret_key_file, which has it encrypted";
  return refuse_references(value);
}

} // namespace

bool hides(std::string_view name, std::string_view value) {
  return is_sealed(value) || ((names_a_secret(name) || is_credential(value)) && !only_refers(value));
}

std::vector<std::string> variables_in(std::string_view value) {
  std::vector<std::string> names;
  while (const auto name = take_reference(value))
    names.emplace_back(*name);
  return names;
}

header_list read_headers(object_reader& members, const header_owner& owner, body_errors& errors) {
  header_list result;
  const auto* object = members.object("headers");
  if (object == nullptr)
    return result;
  if (object->size() > max_headers) {
    members.refuse("headers", "expected at most " + std::to_string(max_headers) + " headers, got "
                                + std::to_string(object->size()));
    return result;
  }
  object_reader headers{*object, members.pointer("headers"), errors};
  std::vector<std::string> seen;
  for (const auto& [name, value] : object->items()) {
    const auto* text = value.get_ptr<const std::string*>();
    if (text == nullptr) {
      std::string detail = "expected a string, got ";
      headers.refuse(name, detail += kind_of(value));
    } else if (auto wrong = refuse_header(name, *text, owner)) {
      headers.refuse(name, std::move(*wrong));
    } else if (std::find(seen.begin(), seen.end(), lower_case(name)) != seen.end()) {
      headers.refuse(name, "is given twice: upper and lower case are the same in a header's name");
    } else {
      seen.push_back(lower_case(name));
      const bool is_secret = hides(name, *text);
      result.emplace_back(
        name, is_secret ? owner.secrets->seal(*text, {owner.ns, owner.kind, owner.name, owner.tool, name}) : *text);
    }
  }
  return result;
}

} // namespace troupe
