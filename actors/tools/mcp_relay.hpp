#pragma once

#include "actors/interfaces.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/remote/sse.hpp"
#include "actors/toolbox/mcp_answer.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Passes what an MCP server sends on to the actor that asked: requests and notices as they
/// come (`mcp_told`; none of refusals, nor of what answers a notification or an answer), the answer as soon as it is
/// there or the body has ended
/// (`mcp_answered`). It runs on the outbound client's thread, so that the actor is woken
/// for what matters alone.
namespace troupe {

/// A message of a server's.
inline constexpr std::size_t longest_mcp_message = std::size_t{4} * 1024 * 1024;
/// A whole stream, of which a call's may bring many messages on the way.
inline constexpr std::size_t longest_mcp_stream = std::size_t{64} * 1024 * 1024;

class mcp_relay final : public outbound_listener {
public:
  /// `id` is the request's; none of a notification, whose answer is its head, or of a stream
  /// that nothing was asked on (`listens`).
  mcp_relay(mcp_server_actor whom, std::uint64_t exchange, std::optional<std::int64_t> id, bool listens = false);

  void on_head(outbound_head head) override;
  bool on_data(std::string_view part) override;
  void on_end() override;
  void on_failure(outbound_failure failure) override;

private:
  void read_stream(std::string_view part);
  void read_events(const std::vector<sse_event>& events);
  void take(mcp::message message);
  void too_long();
  void pass();

  mcp_server_actor whom_;
  std::optional<std::int64_t> id_;
  std::uint64_t exchange_;
  first_bytes_of kind_ = first_bytes_of::unknown;
  sse_parser parser_{longest_mcp_message};
  bool listens_;
  mcp::answer answer_;
  /// A result under another id: what a body holds that can answer nothing else.
  std::optional<mcp::response> stray_;
  std::string body_;
  int told_ = 0;
  bool passed_ = false;
};

} // namespace troupe
