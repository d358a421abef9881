#pragma once

#include "tests/providers/scripted_reply.hpp"

#include <cstddef>
#include <mutex>
#include <set>
#include <string>

/// A small MCP server (streamable HTTP, up to revision 2025-11-25) behind a scripted
/// provider's `/mcp`. Its tools: `echo` gives its argument `text` back as text, `add` the
/// sum of `a` and `b` as structured content; `later` is there once `change_tools` was
/// called. Sessions are required: a request without one gets 400, one of an unknown
/// session 404. Or it speaks 2026-07-28 alone. Any thread may turn the switches.
namespace troupe::script {

class mcp_server {
public:
  /// From now on answers are event streams, or JSON as in the beginning.
  void answer_with_event_streams(bool on);

  /// The tools become others. A session that asks something hears of it before its answer
  /// (`notifications/tools/list_changed`), once, and only in an event stream: JSON has no
  /// room for it.
  void change_tools();

  /// From now on there are no sessions: a request says all of itself, as revision 2026-07-28
  /// has it, or is refused as @modelcontextprotocol/server 2.4.0 does with `legacy: 'reject'`.
  void speak_modern_only();

  /// Beside the others there are `file.read`, whose name no provider takes, and `plan`, which can
  /// only be called as a task.
  void offer_odd_tools();

  /// How many tools a page of the list has; 0 for all.
  void set_page(std::size_t tools);

  /// As after a restart: every session is unknown.
  void forget_sessions();

  /// How many sessions there are.
  [[nodiscard]] std::size_t sessions() const;

  reply answer(const seen_request& request);

private:
  reply answer_post(const seen_request& request);
  reply answer_modern(const seen_request& request);
  [[nodiscard]] nlohmann::json result_of(const std::string& method, const nlohmann::json& params) const;
  [[nodiscard]] nlohmann::json list_tools(const nlohmann::json& params) const;
  reply wrap(const nlohmann::json& message, const std::string& session);

  mutable std::mutex mutex_;
  std::set<std::string> sessions_;
  std::size_t started_ = 0;
  bool event_streams_ = false;
  bool tools_changed_ = false;
  bool modern_only_ = false;
  bool odd_tools_ = false;
  std::set<std::string> to_be_told_;
  std::size_t page_ = 0;
};

} // namespace troupe::script
