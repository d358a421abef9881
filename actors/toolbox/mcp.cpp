#include "actors/toolbox/mcp.hpp"

#include "actors/providers/provider.hpp"
#include "actors/providers/provider_json.hpp"
#include "actors/remote/foreign_text.hpp"
#include "actors/toolbox/mcp_json.hpp"
#include "config/ascii.hpp"
#include "persistence/values/exact_json.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace troupe::mcp {

namespace {

constexpr std::size_t most_in_a_batch = 100;
constexpr std::size_t most_versions = 20;
constexpr std::string_view encoded_begin = "=?base64?";
constexpr std::string_view encoded_end = "?=";

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

void add_client(json_object& object, std::string_view key) {
  json_object client{object.open(key)};
  client.add("name", "troupe").add("version", TROUPE_VERSION);
}

/// 2026-07-28, "_meta": what `initialize` said once is said by each request.
template <class Fill>
void add_meta(json_object& params, const manner& how, Fill fill) {
  json_object meta{params.open("_meta")};
  if (how.is_modern()) {
    meta.add("io.modelcontextprotocol/protocolVersion", how.version);
    meta.add_raw("io.modelcontextprotocol/clientCapabilities", "{}");
    add_client(meta, "io.modelcontextprotocol/clientInfo");
  }
  fill(meta);
}

void add_meta(json_object& params, const manner& how) {
  if (how.is_modern())
    add_meta(params, how, [](json_object&) {
      // There is nothing more to say.
    });
}

template <class Fill>
std::string make_request(std::int64_t id, std::string_view method, Fill fill_params) {
  return make_message([&](json_object& envelope) {
    envelope.add("id", id).add("method", method);
    json_object params{envelope.open("params")};
    fill_params(params);
  });
}

header_list headers_of(const manner& how) {
  // Some servers look for these two types letter by letter.
  header_list headers{{"Accept", "application/json, text/event-stream"}, {"Content-Type", "application/json"}};
  if (!how.version.empty())
    headers.emplace_back("MCP-Protocol-Version", how.version);
  return headers;
}

/// 2026-07-28, "Standard request headers": what the body says, for those who do not read it.
header_list headers_of(const manner& how, std::string_view method, std::string_view name = {}) {
  auto headers = headers_of(how);
  if (!how.is_modern())
    return headers;
  headers.emplace_back("Mcp-Method", method);
  if (!name.empty())
    headers.emplace_back("Mcp-Name", header_value(name));
  return headers;
}

/// As the model wrote them if they are an object, since numbers may be larger than what
/// would come out of reading and writing them.
std::string arguments_in(std::string_view text) {
  if (providers::trim(text).empty())
    return "{}";
  // Written anew: of a name that comes twice the last one counts, as for whoever has approved it.
  if (const auto object = parse_exact_object(text))
    return dump_exact(*object);
  std::string quoted;
  append_json_string(quoted, text);
  return quoted;
}

std::string base64(std::string_view text) {
  // EVP_EncodeBlock writes a final NUL, too.
  std::string out((text.size() + 2) / 3 * 4 + 1, '\0');
  const auto size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                    reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<std::size_t>(size));
  return out;
}

// -- what comes -----------------------------------------------------------------------

std::vector<std::string> strings_in(const json& object, const char* name) {
  std::vector<std::string> found;
  const auto* list = member(object, name);
  if (list && list->is_array())
    for (const auto& one : *list)
      if (one.is_string() && found.size() < most_versions)
        found.push_back(foreign::excerpt(one.get_ref<const std::string&>(), 40));
  return found;
}

error read_error(const json& said) {
  error refusal;
  if (const auto* code = member(said, "code"); code && code->is_number_integer())
    refusal.code = code->get<std::int64_t>();
  // Some say it without a message around it.
  refusal.message
    = foreign::excerpt(said.is_string() ? said.get_ref<const std::string&>() : string_in(said, "message"));
  if (refusal.message.empty())
    refusal.message = "it did not say why";
  if (const auto* data = member(said, "data"))
    refusal.supported = strings_in(*data, "supported");
  return refusal;
}

/// Nullopt for an id that is none of ours, which are numbers; some servers give them back as
/// text.
std::optional<std::int64_t> read_id(const json& id) {
  if (id.is_number_integer())
    return id.get<std::int64_t>();
  if (!id.is_string())
    return std::nullopt;
  const auto& text = id.get_ref<const std::string&>();
  std::int64_t value = 0;
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (wrong != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

message read_response(const json& object) {
  response answer;
  if (const auto* id = member(object, "id"); id && !id->is_null()) {
    answer.id = read_id(*id).value_or(no_id);
  }
  if (const auto* refusal = member(object, "error"); refusal && !refusal->is_null()) {
    answer.result = read_error(*refusal);
    return answer;
  }
  // Whoever asked one thing alone may still know whose it is.
  answer.id = answer.id.value_or(no_id);
  answer.result = to_text(*member(object, "result"));
  return answer;
}

message read_one(const json& object) {
  if (string_in(object, "jsonrpc") != "2.0")
    return malformed{"The MCP server sent something that is no JSON-RPC message."};
  const auto* id = member(object, "id");
  if (const auto method = string_in(object, "method"); !method.empty())
    return notification{method, id && (is_exact_number(*id) || id->is_string()) ? to_text(*id) : std::string{}};
  if (!member(object, "result") && !member(object, "error"))
    return malformed{"The MCP server sent a message that is neither a request nor an answer."};
  return read_response(object);
}

malformed no_message(std::string_view text) {
  return {"The MCP server sent something that is no JSON-RPC message: " + foreign::excerpt(text.substr(0, 400), 100)};
}

/// A version is a date.
bool is_version(std::string_view text) noexcept {
  constexpr std::string_view form = "0000-00-00";
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](char c, char like) { return like == '-' ? c == '-' : is_digit(c); });
}

void read_capabilities(const json& object, server_info& info) {
  const auto* capabilities = member(object, "capabilities");
  const auto* tools = capabilities ? member(*capabilities, "tools") : nullptr;
  info.has_tools = tools && !tools->is_null();
  info.tells_changes = info.has_tools && is_true(*tools, "listChanged");
}

} // namespace

// -- what is sent -----------------------------------------------------------------------

outgoing discover(std::int64_t id) {
  const manner how{era::modern, std::string{modern_version}};
  return {make_request(id, "server/discover", [&](json_object& params) { add_meta(params, how); }),
          headers_of(how, "server/discover")};
}

outgoing initialize(std::int64_t id) {
  return {make_request(id, "initialize",
                       [](json_object& params) {
                         params.add("protocolVersion", legacy_version).add_raw("capabilities", "{}");
                         add_client(params, "clientInfo");
                       }),
          headers_of(manner{era::legacy, {}})};
}

outgoing initialized(const manner& how) {
  return {make_message([](json_object& envelope) { envelope.add("method", "notifications/initialized"); }),
          headers_of(how)};
}

outgoing list_tools(const manner& how, std::int64_t id, const std::optional<std::string>& cursor) {
  return {make_request(id, "tools/list",
                       [&](json_object& params) {
                         if (cursor)
                           params.add("cursor", *cursor);
                         add_meta(params, how);
                       }),
          headers_of(how, "tools/list")};
}

outgoing call_tool(const manner& how, std::int64_t id, const tool_call_request& call) {
  outgoing out;
  out.body = make_request(id, "tools/call", [&](json_object& params) {
    params.add("name", call.tool).add_raw("arguments", arguments_in(call.arguments));
    if (call.request_state)
      params.add("requestState", *call.request_state);
    if (how.is_modern() || !call.key.empty())
      add_meta(params, how, [&](json_object& meta) {
        if (!call.key.empty())
          meta.add("idempotencyKey", call.key);
      });
  });
  out.headers = headers_of(how, "tools/call", call.tool);
  out.headers.insert(out.headers.end(), call.mirrored.begin(), call.mirrored.end());
  return out;
}

outgoing cancelled(const manner& how, std::int64_t id, std::string_view reason) {
  return {make_message([&](json_object& envelope) {
            envelope.add("method", "notifications/cancelled");
            json_object params{envelope.open("params")};
            params.add("requestId", id).add("reason", reason);
          }),
          headers_of(how)};
}

outgoing listen(const manner& how, std::int64_t id) {
  constexpr std::string_view method = "subscriptions/listen";
  return {make_request(id, method,
                       [&](json_object& params) {
                         params.add_raw("notifications", R"({"toolsListChanged":true})");
                         add_meta(params, how);
                       }),
          headers_of(how, method)};
}

header_list stream_headers(const manner& how, std::string_view last_event_id) {
  header_list headers{{"Accept", "text/event-stream"}};
  if (!how.version.empty())
    headers.emplace_back("MCP-Protocol-Version", how.version);
  if (!last_event_id.empty())
    headers.emplace_back("Last-Event-ID", last_event_id);
  return headers;
}

std::string header_value(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  const bool is_plain
    = !text.empty() && !is_space(text.front()) && !is_space(text.back())
      && !(text.starts_with(encoded_begin) && text.ends_with(encoded_end))
      && std::all_of(text.begin(), text.end(), [](char c) { return c == '\t' || (c >= ' ' && c <= '~'); });
  if (is_plain)
    return std::string{text};
  return std::string{encoded_begin}.append(base64(text)).append(encoded_end);
}

std::optional<outgoing> answer_to(const manner& how, const notification& note) {
  if (note.id.empty() || how.is_modern())
    return std::nullopt;
  auto body = make_message([&](json_object& envelope) {
    envelope.add_raw("id", note.id);
    if (note.method == "ping") {
      envelope.add_raw("result", "{}");
      return;
    }
    json_object refusal{envelope.open("error")};
    refusal.add("code", codes::method_not_found).add("message", "Method not found");
  });
  return outgoing{std::move(body), headers_of(how)};
}

// -- what comes -----------------------------------------------------------------------

message read(std::string_view text) {
  const auto object = parse(text, deepest_message);
  return object ? read_one(*object) : no_message(text);
}

std::vector<message> read_all(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t\r\n");
  if (begin == text.npos || text[begin] != '[')
    return {read(text)};
  // A batch is read as the member of an object, which has a bound to its depth.
  const auto wrapped = parse(R"({"batch":)" + std::string{text} + '}', deepest_message + 1);
  const auto* batch = wrapped && wrapped->size() == 1 ? member(*wrapped, "batch") : nullptr;
  if (!batch || !batch->is_array() || batch->empty() || batch->size() > most_in_a_batch)
    return {no_message(text)};
  std::vector<message> all;
  all.reserve(batch->size());
  for (const auto& one : *batch)
    all.push_back(read_one(one));
  return all;
}

std::variant<server_info, malformed> read_initialized(std::string_view result) {
  const auto object = parse(result, deepest_message);
  if (!object)
    return malformed{"The MCP server answered with something that opens no session."};
  server_info info;
  info.version = string_in(*object, "protocolVersion");
  if (!is_version(info.version))
    return malformed{"The MCP server speaks a protocol version that is none: " + foreign::excerpt(info.version, 40)};
  if (const auto* server = member(*object, "serverInfo"))
    info.name = foreign::excerpt(string_in(*server, "name"), 100);
  read_capabilities(*object, info);
  return info;
}

std::variant<server_info, malformed> read_discovered(std::string_view result) {
  const auto object = parse(result, deepest_message);
  server_info info;
  if (object)
    info.supported = strings_in(*object, "supportedVersions");
  if (info.supported.empty())
    return malformed{"The MCP server answered with something that does not say which versions it speaks."};
  const auto* meta = member(*object, "_meta");
  if (const auto* server = meta ? member(*meta, "io.modelcontextprotocol/serverInfo") : nullptr)
    info.name = foreign::excerpt(string_in(*server, "name"), 100);
  read_capabilities(*object, info);
  return info;
}

} // namespace troupe::mcp
