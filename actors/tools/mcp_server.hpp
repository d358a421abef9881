#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/outbound.hpp"
#include "actors/tools/mcp.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

/// A session with one MCP server. Spawned and monitored by the tools service, for all bots
/// that name the same URL and headers. It opens the session with the first question, keeps
/// the list of tools for a minute or until the server says that it has changed, and opens a
/// new session when the server has forgotten the old one. Calls run side by side; one whose
/// task ends is closed, and the server told. It quits when nobody has asked for ten minutes.
namespace troupe {

class mcp_server_state {
public:
  static inline const char* name = "mcp_server";

  explicit mcp_server_state(mcp_server_actor::pointer self) : self_{self} {}

  void start(tool_record tool, std::shared_ptr<outbound_client> outbound, clock_function clock);

  caf::typed_response_promise<mcp_tools> list();
  caf::typed_response_promise<tool_result> call(const call_tool& request);
  void answered(mcp_answered& answer);
  void asker_ended(const caf::down_msg& down);
  void idle(const mcp_idle& tick);
  /// Answers everybody and closes every connection.
  void close();

private:
  using answer_function = std::function<void(mcp_answered&)>;

  struct post {
    std::uint64_t call = 0;
    /// The request's JSON-RPC id; 0 for a notification.
    std::int64_t id = 0;
    answer_function then;
    caf::actor_addr asker;
  };
  enum class session_state : std::uint8_t { closed, opening, open };

  // -- the session ------------------------------------------------------------

  /// Runs `then` once the session is open, or with the sentence why it is not.
  void with_session(std::function<void(const std::string* error)> then);
  void open_session();
  void take_session(mcp_answered& answer);
  void session_opened(const std::string* error);
  void forget_session();
  [[nodiscard]] bool has_forgotten_us(const mcp_answered& answer) const;

  // -- messages ---------------------------------------------------------------

  struct post_options {
    /// Whose end closes the connection.
    caf::actor_addr asker{};
    /// By default the tool's that this actor was started with.
    std::optional<std::chrono::seconds> timeout{};
  };
  void send(std::string body, std::int64_t id, answer_function then, const post_options& options);
  void send(std::string body, std::int64_t id, answer_function then) {
    send(std::move(body), id, std::move(then), post_options{});
  }
  /// The result of request `id` in an answer, or a sentence.
  [[nodiscard]] std::variant<std::string, mcp::malformed> result_of(const mcp_answered& answer, std::int64_t id);

  // -- questions --------------------------------------------------------------

  /// With `again`, a server that has forgotten the session is greeted once more.
  void fetch_tools(std::string cursor, std::shared_ptr<std::vector<tool_definition>> so_far, bool again);
  void fetched(const std::string* error, std::shared_ptr<std::vector<tool_definition>> found);
  void make_call(call_tool request, caf::typed_response_promise<tool_result> promise, caf::actor_addr asker,
                 bool again);

  void note_use();

  mcp_server_actor::pointer self_;
  tool_record tool_;
  std::shared_ptr<outbound_client> outbound_;
  clock_function clock_;
  session_state session_ = session_state::closed;
  std::string session_id_;
  std::string version_;
  std::vector<std::function<void(const std::string*)>> awaiting_session_;
  mcp_tools tools_;
  std::chrono::steady_clock::time_point tools_at_{};
  std::vector<caf::typed_response_promise<mcp_tools>> awaiting_tools_;
  std::unordered_map<std::uint64_t, post> posts_;
  /// Calls under way, to be answered whatever happens.
  std::unordered_map<std::int64_t, caf::typed_response_promise<tool_result>> calls_;
  std::uint64_t last_post_ = 0;
  std::int64_t last_id_ = 0;
  std::uint64_t idle_number_ = 0;
};

mcp_server_actor::behavior_type mcp_server(mcp_server_actor::stateful_pointer<mcp_server_state> self, tool_record tool,
                                           std::shared_ptr<outbound_client> outbound, clock_function clock);

} // namespace troupe
