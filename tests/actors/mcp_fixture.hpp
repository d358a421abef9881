#pragma once

#include "tests/actors/remote_tools_fixture.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A bot with the tools of an MCP server that the test plays: each request is found by what it
/// asks, whatever else is under way, and answered as the test likes.
namespace troupe {

class mcp_fixture : public remote_tools_fixture {
protected:
  using json = nlohmann::json;

  void SetUp() override {
    remote_tools_fixture::SetUp();
    put_clerk([](auto&) {});
  }

  template <class Change>
  void put_clerk(Change change) {
    put_bot_named("clerk", [&](auto& bot) {
      bot.model = "gpt";
      auto& server = bot.tools.emplace_back();
      server.type = tool_kind::mcp;
      server.name = "files";
      server.url = "https://mcp.test/mcp";
      change(server);
    });
  }

  // -- what was asked -------------------------------------------------------------

  [[nodiscard]] json sent(std::size_t index) const {
    return json::parse(outbound_->calls.at(index).request.body, nullptr, false);
  }
  /// `tools/call`, say, or `GET`, `DELETE`; of an answer of ours `answer`; of a model `model`.
  [[nodiscard]] std::string method_of(std::size_t index) const {
    const auto& request = outbound_->calls.at(index).request;
    if (request.url.find("mcp.test") == std::string::npos)
      return "model";
    if (request.method != "POST")
      return request.method;
    const auto body = sent(index);
    return body.value("method", "answer");
  }
  /// The requests so far, by their methods.
  [[nodiscard]] std::vector<std::string> asked() const {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < outbound_->calls.size(); ++i)
      all.push_back(method_of(i));
    return all;
  }
  [[nodiscard]] std::size_t times(std::string_view method) const {
    const auto all = asked();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), method));
  }
  /// The oldest request of that method that is open; the test fails if there is none.
  [[nodiscard]] std::size_t open(std::string_view method) const {
    for (std::size_t i = 0; i < outbound_->calls.size(); ++i)
      if (outbound_->calls[i].listener && method_of(i) == method)
        return i;
    ADD_FAILURE() << "no open " << method;
    return outbound_->calls.size() - 1;
  }
  [[nodiscard]] std::size_t open_calls(std::string_view method) const {
    std::size_t count = 0;
    for (std::size_t i = 0; i < outbound_->calls.size(); ++i)
      count += outbound_->calls[i].listener && method_of(i) == method ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::string session_of(std::size_t index) const {
    for (const auto& [field, value] : outbound_->calls.at(index).request.headers)
      if (field == "Mcp-Session-Id")
        return value;
    return {};
  }

  // -- what comes back ----------------------------------------------------------------

  [[nodiscard]] std::string result_for(std::size_t index, const json& result) const {
    return json{{"jsonrpc", "2.0"}, {"id", sent(index)["id"]}, {"result", result}}.dump();
  }
  void respond(std::size_t index, const json& result, header_list headers = {}) {
    headers.emplace_back("content-type", "application/json");
    outbound_->answer(index, 200, result_for(index, result), headers);
    run();
  }
  void refuse(std::size_t index, unsigned status, int code, const std::string& message,
              const json& data = json::object()) {
    const json body{
      {"jsonrpc", "2.0"}, {"id", sent(index)["id"]}, {"error", {{"code", code}, {"message", message}, {"data", data}}}};
    outbound_->answer(index, status, body.dump());
    run();
  }
  /// As a legacy server that does not know the question.
  void refuse_discover() {
    outbound_->answer(open("server/discover"), 400,
                      R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"Server not initialized"},"id":null})");
    run();
  }
  /// Opens the session that is being asked for; with an empty id the server has none.
  void open_session(const std::string& id, bool tells_changes = false,
                    const json& capabilities = json::object({{"tools", json::object()}})) {
    auto given = capabilities;
    if (tells_changes)
      given["tools"]["listChanged"] = true;
    respond(open("initialize"),
            {{"protocolVersion", "2025-11-25"}, {"capabilities", given}, {"serverInfo", {{"name", "files"}}}},
            id.empty() ? header_list{} : header_list{{"mcp-session-id", id}});
    outbound_->answer(open("notifications/initialized"), 202, "");
    run();
  }
  /// A server that has no stream of its own.
  void refuse_streams() {
    while (open_calls("GET") > 0)
      outbound_->answer(open("GET"), 405, "");
    run();
  }
  static json tools_named(const std::vector<std::string>& names) {
    json tools = json::array();
    for (const auto& name : names)
      tools.push_back({{"name", name}, {"description", "A tool."}, {"inputSchema", {{"type", "object"}}}});
    return tools;
  }
  void list(const std::vector<std::string>& names = {"read"}) {
    respond(open("tools/list"), {{"tools", tools_named(names)}});
  }
  /// A legacy server up to its list of tools.
  void be_legacy(const std::string& session = "main", const std::vector<std::string>& names = {"read"}) {
    refuse_discover();
    open_session(session);
    refuse_streams();
    list(names);
  }
  /// A modern one.
  void be_modern(const json& capabilities = {{"tools", json::object()}}) {
    respond(open("server/discover"), {{"supportedVersions", {"2026-07-28"}},
                                      {"capabilities", capabilities},
                                      {"resultType", "complete"},
                                      {"ttlMs", 0},
                                      {"cacheScope", "private"}});
  }

  // -- the model ------------------------------------------------------------------------

  /// The model wants these calls, each with its arguments.
  void want(const std::vector<std::pair<std::string, std::string>>& calls) {
    outbound_->call_tools(open("model"), calls);
    run();
  }
  void want_read(int times = 1) {
    want(std::vector<std::pair<std::string, std::string>>(static_cast<std::size_t>(times), {"files__read", "{}"}));
  }
  void say(const std::string& text = "Done.") {
    outbound_->reply(open("model"), text);
    run();
  }
  static json text_result(const std::string& text) { return {{"content", {{{"type", "text"}, {"text", text}}}}}; }
};

} // namespace troupe
