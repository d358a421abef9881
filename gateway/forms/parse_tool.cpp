#include "gateway/forms/parse_tool.hpp"

#include "actors/toolbox/builtin_tools.hpp"
#include "actors/toolbox/http_tool.hpp"
#include "actors/toolbox/json_schema.hpp"
#include "config/addresses.hpp"
#include "config/ascii.hpp"
#include "gateway/outbound/addresses/target.hpp"
#include "persistence/values/catalog_limits.hpp"
#include "persistence/values/names.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

using json = nlohmann::json;

// -- members ----------------------------------------------------------------------

void expect_same(object_reader& members, std::string_view member, const std::string& given, std::string_view by) {
  const auto value = members.text(member, 0, std::size_t{256} * 1024);
  if (!value || *value == given)
    return;
  std::string detail = "expected " + excerpt(given) + " as in the ";
  detail += by;
  members.refuse(member, detail + ", got " + excerpt(*value));
}

namespace {

bool is_hexadecimal(char c) noexcept {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// -- addresses --------------------------------------------------------------------

// Each gives a sentence if something is wrong. None cites the URL, which may hold a secret.

std::optional<std::string> refuse_characters(std::string_view url, url_form form) {
  constexpr std::string_view allowed = "-._~:/?#[]@!$&'()*+,;=%";
  for (std::size_t i = 0; i < url.size(); ++i) {
    const char c = url[i];
    if ((c == '{' || c == '}') && form == url_form::with_arguments)
      continue;
    if (!is_alphanumeric(c) && allowed.find(c) == allowed.npos)
      return "holds a character that has to be written as %XX";
    if (c == '%' && (url.size() - i < 3 || !is_hexadecimal(url[i + 1]) || !is_hexadecimal(url[i + 2])))
      return "holds a % that is not followed by two hexadecimal digits";
  }
  return std::nullopt;
}

/// The grammar is that of the calls themselves; on top of it a server must have a place of its own.
std::optional<std::string> refuse_authority(std::string_view authority) {
  if (authority.find('@') != authority.npos)
    return "must hold no user and no password: whoever reads it would see them";
  if (authority.find_first_of("{}") != authority.npos)
    return "may hold an {argument} in its path and its query only";
  const auto read = parse_host_and_port(authority);
  if (const auto* wrong = std::get_if<std::string>(&read))
    return "is not usable: " + *wrong;
  const bool has_port = std::get<host_and_port>(read).port.has_value();
  const auto host = authority.substr(0, has_port ? authority.rfind(':') : authority.size());
  if (!is_node_address(without_brackets(std::string{host})))
    return "names no host: expected one as in https://api.example.com/v1";
  return std::nullopt;
}

/// Each `{` begins an argument's name that `}` ends.
std::optional<std::string> refuse_arguments_in(std::string_view path) {
  for (auto at = path.find_first_of("{}"); at != path.npos; at = path.find_first_of("{}")) {
    const auto end = std::min(path.find('}'), path.size());
    if (path[at] == '}' || end == path.size() || !is_valid_argument_name(path.substr(at + 1, end - at - 1)))
      return "holds a brace that belongs to no {argument}: expected its name in braces, of letters, digits, '_', '.' "
             "and '-'";
    path.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<std::string> refuse_url(std::string_view url, url_form form) {
  const auto scheme = std::string_view{url.starts_with("https://") ? "https://" : "http://"};
  if (!url.starts_with(scheme))
    return "expected a URL that begins with https:// or http://";
  if (auto wrong = refuse_characters(url, form))
    return wrong;
  url.remove_prefix(scheme.size());
  const auto end = std::min(url.find_first_of("/?#"), url.size());
  if (auto wrong = refuse_authority(url.substr(0, end)))
    return wrong;
  url.remove_prefix(end);
  if (url.find('#') != url.npos)
    return "must have no fragment (#…)";
  if (form == url_form::base && url.find('?') != url.npos)
    return "must have no query (?…): a path is appended to it";
  return refuse_arguments_in(url);
}

} // namespace

std::optional<std::string> read_url(object_reader& members, std::string_view member, url_form form) {
  auto url = members.text(member, 1, max_url_bytes);
  if (!url)
    return std::nullopt;
  if (const auto wrong = refuse_url(*url, form)) {
    // A copy: g++ 12 takes the moved one for out of bounds when it optimises.
    members.refuse(member, *wrong);
    return std::nullopt;
  }
  return url;
}

// -- tools ------------------------------------------------------------------------

namespace {

/// "now, calculate".
std::string known_tools() {
  std::string out;
  for (const auto& tool : builtin_tools()) {
    if (!out.empty())
      out += ", ";
    out += tool.name;
  }
  return out;
}

void read_name(object_reader& members, tool_record& tool) {
  members.require("name");
  auto name = members.text("name", 0, 1000);
  if (!name)
    return;
  if (tool.type == tool_kind::builtin && find_builtin_tool(*name) == nullptr)
    members.refuse("name", "there is no built-in tool " + excerpt(*name) + "; this version has: " + known_tools());
  else if (!is_valid_tool_name(*name))
    members.refuse("name", std::string{"expected "}.append(tool_name_rule) + ", got " + excerpt(*name));
  else
    tool.name = std::move(*name);
}

/// What tools have that are reached over the network.
void read_target(object_reader& members, tool_record& tool, header_owner owner, body_errors& errors) {
  members.require("url");
  tool.url
    = read_url(members, "url", tool.type == tool_kind::http ? url_form::with_arguments : url_form::whole).value_or("");
  owner.tool = tool.name;
  owner.type = tool.type;
  tool.headers = read_headers(members, owner, errors);
  tool.timeout = members.seconds("timeout_s", max_tool_timeout).value_or(tool.timeout);
}

void read_http(object_reader& members, tool_record& tool, const header_owner& owner, body_errors& errors) {
  members.require("description");
  tool.description = members.text("description", 1, max_description_bytes).value_or("");
  read_target(members, tool, owner, errors);
  if (auto method = members.text("method", 0, 1000)) {
    if (!is_one_of(*method, tool_methods))
      members.refuse("method", "expected GET, POST, PUT, PATCH, DELETE or HEAD, got " + excerpt(*method));
    tool.method = std::move(*method);
  }
  if (auto schema = members.object_text("parameters", max_schema_bytes)) {
    if (auto wrong = refuse_schema(*schema))
      members.refuse("parameters", std::move(*wrong));
    tool.parameters = std::move(*schema);
  }
}

/// Names of a server's tools, which may be anything; `*` stands for any text.
std::vector<std::string> read_tool_names(object_reader& members, std::string_view member, body_errors& errors) {
  std::vector<std::string> names;
  const auto* given = members.array(member);
  if (!given)
    return names;
  if (given->empty() || given->size() > max_chosen_tools)
    members.refuse(member, "expected 1 to " + std::to_string(max_chosen_tools) + " names, got "
                             + std::to_string(given->size()) + "; leave it out to name none");
  for (std::size_t i = 0; i < std::min(given->size(), max_chosen_tools); ++i) {
    const auto& name = (*given)[i];
    if (name.is_string() && !name.get_ref<const std::string&>().empty()
        && name.get_ref<const std::string&>().size() <= max_served_name_bytes)
      names.push_back(name.get<std::string>());
    else
      errors.add(members.pointer(member) + '/' + std::to_string(i),
                 "expected the name of a tool, of 1 to " + std::to_string(max_served_name_bytes) + " bytes");
  }
  return names;
}

void read_mcp(object_reader& members, tool_record& tool, const header_owner& owner, body_errors& errors) {
  tool.description = members.text("description", 0, max_description_bytes).value_or("");
  read_target(members, tool, owner, errors);
  if (members.get("parameters") != nullptr)
    members.refuse("parameters", "a tool of type mcp has none: its server tells what its tools take");
  if (members.get("method") != nullptr)
    members.refuse("method", "a tool of type mcp has none: its protocol says how it is called");
  tool.allow = read_tool_names(members, "allow", errors);
  tool.deny = read_tool_names(members, "deny", errors);
  tool.session
    = one_of<session_scope>(members, "session", parse_session_scope, "task or shared").value_or(tool.session);
}

void read_approval(object_reader& members, tool_record& tool) {
  tool.requires_approval = members.boolean("requires_approval").value_or(tool.requires_approval);
  tool.approval_timeout = members.seconds("approval_timeout_s", max_approval_timeout).value_or(tool.approval_timeout);
  if (const auto answer = members.text("approval_default", 0, 100)) {
    tool.approve_by_default = *answer == "approve";
    if (!tool.approve_by_default && *answer != "reject")
      members.refuse("approval_default", "expected approve or reject, got " + excerpt(*answer));
  }
}

std::optional<tool_record> parse_tool(const json& tool, const header_owner& owner, const std::string& pointer,
                                      body_errors& errors) {
  if (!tool.is_object()) {
    std::string detail = "expected an object, got ";
    errors.add(pointer, detail += kind_of(tool));
    return std::nullopt;
  }
  object_reader members{tool, pointer, errors};
  members.require("type");
  const auto type = one_of<tool_kind>(members, "type", parse_tool_kind, "builtin, http or mcp");
  // The other members belong to the type; without it they are not worth a word.
  if (!type)
    return std::nullopt;
  tool_record result;
  result.type = *type;
  read_name(members, result);
  result.repeat
    = one_of<repeat_rule>(members, "repeat", parse_repeat_rule, "safe, with_key or never").value_or(result.repeat);
  read_approval(members, result);
  switch (*type) {
  case tool_kind::builtin: break;
  case tool_kind::http: read_http(members, result, owner, errors); break;
  case tool_kind::mcp: read_mcp(members, result, owner, errors); break;
  }
  members.finish();
  return result;
}

} // namespace

std::vector<tool_record> parse_tools(const json& tools, const header_owner& owner, body_errors& errors) {
  std::vector<tool_record> result;
  if (tools.size() > max_bot_tools) {
    errors.add("/tools",
               "expected at most " + std::to_string(max_bot_tools) + " tools, got " + std::to_string(tools.size()));
    return result;
  }
  for (std::size_t i = 0; i < tools.size(); ++i) {
    const auto pointer = "/tools/" + std::to_string(i);
    auto tool = parse_tool(tools[i], owner, pointer, errors);
    if (!tool)
      continue;
    const auto same = [&](const tool_record& other) { return other.name == tool->name; };
    if (!tool->name.empty() && std::any_of(result.begin(), result.end(), same))
      errors.add(pointer + "/name", "the tool " + excerpt(tool->name) + " is listed twice");
    else
      result.push_back(std::move(*tool));
  }
  return result;
}

} // namespace troupe
