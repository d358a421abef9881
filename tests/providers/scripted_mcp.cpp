#include "tests/providers/scripted_mcp.hpp"

#include <algorithm>
#include <charconv>

namespace troupe::script {

using nlohmann::json;

namespace {

json member(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found == object.end() ? json{} : *found;
}

std::string text_member(const json& object, const char* name) {
  const json value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json tool(const char* name, const char* description, json properties, json required) {
  return {
    {"name", name},
    {"description", description},
    {"inputSchema", {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}},
  };
}

json error(int code, const std::string& message) {
  return {{"error", {{"code", code}, {"message", message}}}};
}

json text_content(const std::string& text, bool is_error = false) {
  return {{"content", json::array({{{"type", "text"}, {"text", text}}})}, {"isError", is_error}};
}

json call_tool(const json& params) {
  const std::string name = text_member(params, "name");
  const json arguments = member(params, "arguments");
  if (name == "echo") {
    return {{"result", text_content(text_member(arguments, "text"))}};
  }
  if (name == "add") {
    const json a = member(arguments, "a");
    const json b = member(arguments, "b");
    if (!a.is_number() || !b.is_number()) {
      return {{"result", text_content("a and b must be numbers", true)}};
    }
    const json sum{{"sum", a.get<double>() + b.get<double>()}};
    json result = text_content(sum.dump());
    result["structuredContent"] = sum;
    return {{"result", std::move(result)}};
  }
  if (name == "later") {
    return {{"result", text_content("better late than never")}};
  }
  return error(-32602, "Unknown tool: " + name);
}

} // namespace

void mcp_server::answer_with_event_streams(bool on) {
  const std::lock_guard guard{mutex_};
  event_streams_ = on;
}

void mcp_server::change_tools() {
  const std::lock_guard guard{mutex_};
  tools_changed_ = true;
  to_be_told_ = sessions_;
}

void mcp_server::speak_modern_only() {
  const std::lock_guard guard{mutex_};
  modern_only_ = true;
}

void mcp_server::offer_odd_tools() {
  const std::lock_guard guard{mutex_};
  odd_tools_ = true;
}

void mcp_server::set_page(std::size_t tools) {
  const std::lock_guard guard{mutex_};
  page_ = tools;
}

void mcp_server::forget_sessions() {
  const std::lock_guard guard{mutex_};
  sessions_.clear();
  to_be_told_.clear();
}

std::size_t mcp_server::sessions() const {
  const std::lock_guard guard{mutex_};
  return sessions_.size();
}

reply mcp_server::answer(const seen_request& request) {
  const std::lock_guard guard{mutex_};
  if (request.method == "POST") {
    return modern_only_ ? answer_modern(request) : answer_post(request);
  }
  if (request.method == "DELETE") {
    return status(sessions_.erase(request.header("mcp-session-id")) > 0 ? 204 : 404);
  }
  // There is no stream of the server's own.
  return status(405, {}, {{"Allow", "POST, DELETE"}});
}

reply mcp_server::answer_post(const seen_request& request) {
  const std::string method = text_member(request.document, "method");
  const json id = member(request.document, "id");
  if (method.empty()) {
    json message = error(-32600, "Invalid Request");
    message["jsonrpc"] = "2.0";
    message["id"] = nullptr;
    return status(400, dump(message));
  }
  std::string session = request.header("mcp-session-id");
  if (method == "initialize") {
    session = "session-" + std::to_string(++started_);
    sessions_.insert(session);
  } else if (session.empty()) {
    return status(400, R"({"error":"the header Mcp-Session-Id is missing"})");
  } else if (!sessions_.contains(session)) {
    return status(404, R"({"error":"no such session"})");
  }
  // A notification wants no answer.
  if (id.is_null()) {
    return status(202);
  }
  json message = result_of(method, member(request.document, "params"));
  message["jsonrpc"] = "2.0";
  message["id"] = id;
  reply answer = wrap(message, session);
  if (method == "initialize") {
    answer.headers.emplace_back("Mcp-Session-Id", session);
  }
  return answer;
}

reply mcp_server::answer_modern(const seen_request& request) {
  const std::string method = text_member(request.document, "method");
  const json params = member(request.document, "params");
  const std::string version = text_member(member(params, "_meta"), "io.modelcontextprotocol/protocolVersion");
  json message;
  unsigned code = 200;
  if (version != "2026-07-28") {
    message = error(-32022, "Unsupported protocol version");
    message["error"]["data"]["supported"] = {"2026-07-28"};
    code = 400;
  } else if (request.header("mcp-protocol-version") != version || request.header("mcp-method") != method
             || request.header("mcp-name") != text_member(params, "name")
             || !request.header("mcp-session-id").empty()) {
    message = error(-32020, "The request headers and body disagree.");
    code = 400;
  } else if (!member(member(params, "_meta"), "io.modelcontextprotocol/clientCapabilities").is_object()) {
    message = error(-32602, "Invalid _meta");
    code = 400;
  } else if (method == "server/discover") {
    message = {{"result", {{"supportedVersions", {version}}, {"capabilities", {{"tools", json::object()}}}}}};
  } else {
    message = result_of(method, params);
  }
  if (message.contains("result")) {
    message["result"]["resultType"] = "complete";
  }
  message["jsonrpc"] = "2.0";
  message["id"] = member(request.document, "id");
  return status(code, dump(message));
}

json mcp_server::result_of(const std::string& method, const json& params) const {
  if (method == "initialize") {
    const std::string version = text_member(params, "protocolVersion");
    return {{"result",
             {{"protocolVersion", version.empty() ? "2025-06-18" : version},
              {"capabilities", {{"tools", {{"listChanged", true}}}}},
              {"serverInfo", {{"name", "scripted"}, {"version", "1"}}}}}};
  }
  if (method == "ping") {
    return {{"result", json::object()}};
  }
  if (method == "tools/list") {
    return {{"result", list_tools(params)}};
  }
  if (method == "tools/call") {
    return call_tool(params);
  }
  return error(-32601, "Method not found: " + method);
}

json mcp_server::list_tools(const json& params) const {
  const json text{{"type", "string"}};
  const json number{{"type", "number"}};
  json tools = json::array();
  tools.push_back(tool("echo", "Gives a text back.", {{"text", text}}, json::array({"text"})));
  tools.push_back(tool("add", "Adds two numbers.", {{"a", number}, {"b", number}}, json::array({"a", "b"})));
  if (tools_changed_) {
    tools.push_back(tool("later", "Was not there before.", json::object(), json::array()));
  }
  if (odd_tools_) {
    tools.push_back(tool("file.read", "Has a name that no provider takes.", json::object(), json::array()));
    tools.push_back(tool("plan", "Takes its time.", json::object(), json::array()));
    tools.back()["execution"] = {{"taskSupport", "required"}};
  }
  if (page_ == 0) {
    return {{"tools", std::move(tools)}};
  }
  // The cursor is the number of tools already told.
  const std::string cursor = text_member(params, "cursor");
  std::size_t first = 0;
  std::from_chars(cursor.data(), cursor.data() + cursor.size(), first);
  const std::size_t last = std::min(first + page_, tools.size());
  json page{{"tools", json::array()}};
  for (std::size_t i = first; i < last; ++i) {
    page["tools"].push_back(tools[i]);
  }
  if (last < tools.size()) {
    page["nextCursor"] = std::to_string(last);
  }
  return page;
}

reply mcp_server::wrap(const json& message, const std::string& session) {
  if (!event_streams_) {
    return status(200, dump(message));
  }
  std::string events;
  if (to_be_told_.erase(session) > 0) {
    events
      = "event: message\ndata: " + dump({{"jsonrpc", "2.0"}, {"method", "notifications/tools/list_changed"}}) + "\n\n";
  }
  return status(200, events + "event: message\ndata: " + dump(message) + "\n\n",
                {{"Content-Type", "text/event-stream"}});
}

} // namespace troupe::script
