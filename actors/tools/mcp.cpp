#include "actors/tools/mcp.hpp"

#include "actors/providers/provider_json.hpp"
#include "persistence/json_text.hpp"
#include "persistence/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace troupe::mcp {

namespace {

using json = nlohmann::json;

constexpr std::int64_t method_not_found = -32601;
constexpr std::size_t longest_name = 64;

std::string to_text(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// Null if `object` is none, or has no such member.
const json* member(const json& object, const char* name) {
  if (!object.is_object())
    return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

/// Empty unless the member is a string.
std::string string_in(const json& object, const char* name) {
  return providers::clean_text(providers::string_in(object, name));
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

// -- messages -------------------------------------------------------------------------

/// A message with what `fill` adds to it.
template <class Fill>
std::string make_message(Fill fill) {
  std::string text;
  {
    json_object envelope{text};
    envelope.add("jsonrpc", "2.0");
    fill(envelope);
  }
  return text;
}

template <class Fill>
std::string make_request(std::int64_t id, std::string_view method, Fill fill_params) {
  return make_message([&](json_object& envelope) {
    envelope.add("id", id).add("method", method);
    json_object params{envelope.open("params")};
    fill_params(params);
  });
}

bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(" \t\r\n") == text.npos;
}

/// As the model wrote them if they are an object, since numbers may be larger than what
/// would come out of reading and writing them.
std::string arguments_in(std::string_view text) {
  if (is_blank(text))
    return "{}";
  if (parse_json_object(text))
    return std::string{text};
  std::string quoted;
  append_json_string(quoted, text);
  return quoted;
}

std::variant<response, malformed> read_response(const json& object, const json& id) {
  if (!id.is_number_integer())
    return malformed{"The MCP server answered something that was not asked: its message has no number for an id."};
  response answer;
  answer.id = id.get<std::int64_t>();
  if (const auto* result = member(object, "result")) {
    answer.result = to_text(*result);
    return answer;
  }
  error refusal;
  const auto& said = *member(object, "error");
  if (const auto* code = member(said, "code"); code && code->is_number_integer())
    refusal.code = code->get<std::int64_t>();
  refusal.message = providers::excerpt(string_in(said, "message"));
  if (refusal.message.empty())
    refusal.message = "it did not say why";
  answer.result = std::move(refusal);
  return answer;
}

// -- results --------------------------------------------------------------------------

/// A version is a date.
bool is_version(std::string_view text) noexcept {
  constexpr std::string_view form = "0000-00-00";
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char like) { return like == '-' ? c == '-' : is_digit(c); });
}

std::optional<tool_definition> read_tool(const json& entry) {
  tool_definition tool;
  const auto* name = member(entry, "name");
  if (!name || !name->is_string() || name->get_ref<const std::string&>().empty())
    return std::nullopt;
  // As it is: the server is asked for it by this name.
  tool.name = name->get<std::string>();
  tool.description = string_in(entry, "description");
  if (tool.description.empty())
    tool.description = string_in(entry, "title");
  if (const auto* schema = member(entry, "inputSchema"); schema && schema->is_object())
    tool.parameters = to_text(*schema);
  return tool;
}

/// Of what was left out.
json omitted(json block, const char* data) {
  if (block.is_object() && block.contains(data)) {
    block.erase(data);
    block["omitted"] = true;
  }
  return block;
}

json shown(const json& block) {
  const auto type = string_in(block, "type");
  if (type == "image" || type == "audio")
    return omitted(block, "data");
  if (const auto* resource = member(block, "resource")) {
    auto shown = block;
    shown["resource"] = omitted(*resource, "blob");
    return shown;
  }
  return block;
}

std::string texts_of(const json& contents) {
  std::string all;
  for (const auto& block : contents) {
    const auto text = string_in(block, "text");
    if (!all.empty() && !text.empty())
      all += '\n';
    all += text;
  }
  return all;
}

std::string content_of(const json& contents) {
  if (contents.size() == 1 && string_in(contents[0], "type") == "text")
    return json_or_string(string_in(contents[0], "text"));
  json all = json::array();
  for (const auto& block : contents)
    all.push_back(shown(block));
  return providers::clean_text(to_text(all));
}

} // namespace

// -- messages ---------------------------------------------------------------------------

std::string initialize(std::int64_t id, std::string_view client_version) {
  return make_request(id, "initialize", [&](json_object& params) {
    params.add("protocolVersion", latest_version).add_raw("capabilities", "{}");
    json_object client{params.open("clientInfo")};
    client.add("name", "troupe").add("version", client_version);
  });
}

std::string initialized() {
  return make_message([](json_object& envelope) { envelope.add("method", "notifications/initialized"); });
}

std::string list_tools(std::int64_t id, std::string_view cursor) {
  return make_request(id, "tools/list", [&](json_object& params) {
    if (!cursor.empty())
      params.add("cursor", cursor);
  });
}

std::string call_tool(std::int64_t id, std::string_view tool, std::string_view arguments, std::string_view key) {
  return make_request(id, "tools/call", [&](json_object& params) {
    params.add("name", tool).add_raw("arguments", arguments_in(arguments));
    if (key.empty())
      return;
    json_object meta{params.open("_meta")};
    meta.add("idempotencyKey", key);
  });
}

std::string cancelled(std::int64_t id, std::string_view reason) {
  return make_message([&](json_object& envelope) {
    envelope.add("method", "notifications/cancelled");
    json_object params{envelope.open("params")};
    params.add("requestId", id).add("reason", reason);
  });
}

std::optional<std::string> answer_to(const notification& note) {
  if (note.id.empty())
    return std::nullopt;
  return make_message([&](json_object& envelope) {
    envelope.add_raw("id", note.id);
    if (note.method == "ping") {
      envelope.add_raw("result", "{}");
      return;
    }
    json_object refusal{envelope.open("error")};
    refusal.add("code", method_not_found).add("message", "Method not found");
  });
}

header_list headers_of(std::string_view session, std::string_view version) {
  header_list headers{{"Accept", "application/json, text/event-stream"}, {"Content-Type", "application/json"}};
  if (!session.empty())
    headers.emplace_back("Mcp-Session-Id", session);
  if (!version.empty())
    headers.emplace_back("MCP-Protocol-Version", version);
  return headers;
}

message read(std::string_view text) {
  const auto object = parse_json_object(text);
  if (!object || string_in(*object, "jsonrpc") != "2.0")
    return malformed{"The MCP server sent something that is no JSON-RPC message: " + providers::excerpt(text, 100)};
  const auto* id = member(*object, "id");
  if (const auto method = string_in(*object, "method"); !method.empty())
    return notification{method, id && (id->is_number() || id->is_string()) ? to_text(*id) : std::string{}};
  if (!member(*object, "result") && !member(*object, "error"))
    return malformed{"The MCP server sent a message that is neither a request nor an answer."};
  const json none;
  auto answer = read_response(*object, id ? *id : none);
  if (auto* wrong = std::get_if<malformed>(&answer))
    return std::move(*wrong);
  return std::get<response>(std::move(answer));
}

// -- results ------------------------------------------------------------------------------

std::variant<session_info, malformed> read_session(std::string_view result) {
  const auto object = parse_json_object(result);
  if (!object)
    return malformed{"The MCP server answered with something that opens no session."};
  session_info info;
  info.version = string_in(*object, "protocolVersion");
  if (!is_version(info.version))
    return malformed{"The MCP server speaks a protocol version that is none: " + providers::excerpt(info.version, 40)};
  if (const auto* server = member(*object, "serverInfo"))
    info.server_name = providers::excerpt(string_in(*server, "name"), 100);
  const auto* capabilities = member(*object, "capabilities");
  info.has_tools = capabilities && member(*capabilities, "tools");
  return info;
}

std::variant<tool_page, malformed> read_tools(std::string_view result) {
  const auto object = parse_json_object(result);
  const auto* tools = object ? member(*object, "tools") : nullptr;
  if (!tools || !tools->is_array())
    return malformed{"The MCP server answered with something that lists no tools."};
  tool_page page;
  for (const auto& entry : *tools)
    if (auto tool = read_tool(entry))
      page.tools.push_back(*std::move(tool));
  if (const auto* cursor = member(*object, "nextCursor"); cursor && cursor->is_string())
    page.next_cursor = cursor->get<std::string>();
  return page;
}

tool_result read_call(std::string_view result) {
  const auto object = parse_json_object(result);
  const auto* contents = object ? member(*object, "content") : nullptr;
  const auto* structured = object ? member(*object, "structuredContent") : nullptr;
  if (structured && structured->is_null())
    structured = nullptr;
  if (!structured && !(contents && contents->is_array()))
    return failed_tool("The MCP server answered the call with something that is no result.");
  const auto blocks = contents && contents->is_array() ? *contents : json::array();
  if (const auto* wrong = member(*object, "isError"); wrong && wrong->is_boolean() && wrong->get<bool>()) {
    auto text = texts_of(blocks);
    if (text.empty())
      text = structured ? to_text(*structured) : "The tool failed, and did not say why.";
    return failed_tool(text);
  }
  tool_result answer;
  answer.content = structured ? providers::clean_text(to_text(*structured)) : content_of(blocks);
  return answer;
}

std::string model_name(std::string_view server, std::string_view tool) {
  std::string name{server};
  name.append("__").append(tool);
  name.resize(std::min(name.size(), longest_name));
  for (char& c : name) {
    const bool is_allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '-';
    c = is_allowed ? c : '_';
  }
  return name;
}

} // namespace troupe::mcp
