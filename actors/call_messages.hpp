#pragma once

#include "actors/remote/outbound.hpp"
#include "actors/remote/sse.hpp"
#include "actors/toolbox/http_tool.hpp"
#include "actors/toolbox/mcp_answer.hpp"
#include "actors/toolbox/toolbox.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/records.hpp"

#include <caf/actor_addr.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// What is said about calls that leave the process: of a model, of a tool.
namespace troupe {

// -- models -------------------------------------------------------------------

/// Which chat a message belongs to: an attempt of a task.
struct chat_id {
  uuid task_id;
  int attempt = 0;

  auto operator<=>(const chat_id&) const = default;
};

using conversation = std::shared_ptr<const std::vector<message_record>>;

/// A piece of the answer as it is made.
struct chat_delta {
  std::string text;
  /// Of the turn so far, for the case that it is cut off.
  token_usage usage;
  /// What the model thinks on the way, if it shows that.
  std::string thinking{};
};

/// A turn of the model: an answer, or tools to call before there is one.
struct chat_turn {
  std::string text;
  std::vector<tool_call> calls;
  token_usage usage;
  /// See `message_record`.
  std::string origin{};
  std::string replay{};
  finish_reason finish = finish_reason::stop;
  /// Calls, by their place, that are not to be made, and the sentence that the model is
  /// told instead: what the model wrote is cut, or is no call.
  std::map<std::size_t, std::string> refused{};
  /// How long the model's limits held the request back.
  std::chrono::milliseconds waited{0};
};

/// Why a model gave no turn.
struct chat_failure {
  error_class kind = error_class::transient;
  std::string error;
  /// How long to wait; throttled only.
  std::optional<std::chrono::milliseconds> retry_after;
  token_usage usage;
  /// The failure is to be an exception in the task's actor: the builtin model's
  /// way to show that a crash is just another failure.
  bool crash = false;
  /// Another model may well answer.
  bool model_down = false;
  /// Nobody refused: the model's own limits leave no room for so long.
  bool no_room = false;
  /// If the answer was refused, by the model or by what watches over it.
  std::optional<finish_reason> finish{};
  /// How much of `error`, from its beginning, are this program's own words. What follows was
  /// said by somebody else and may cite a prompt or a key: it is never logged.
  std::size_t own_words = logging::all_own;
};

using chat_result = std::variant<chat_turn, chat_failure>;

/// The chat of an attempt is not wanted any more.
struct stop_chat {
  std::shared_ptr<const model_record> model;
  chat_id id;
};

/// What a provider says about its load, to all of its model's tasks, on all nodes.
struct pause_model {
  std::string ns;
  std::string name;
  /// From now.
  std::chrono::milliseconds wait{0};
  /// Heard from another node, which has told the others itself.
  bool passed_on = false;
};

/// So many nodes share the models' limits.
struct share_models {
  int nodes = 1;
};

struct get_model_state {
  std::string ns;
  std::string name;
};

/// How a model is on this node.
struct model_state {
  /// `closed`, `open`, `half_open`.
  std::string breaker = "closed";
  /// What the last failure was that counted; empty if the breaker is closed.
  std::string last_error{};
  /// None while calls are let through.
  std::optional<std::chrono::milliseconds> paused_for{};
  int active = 0;
  int waiting = 0;
  /// None where there is no limit.
  std::optional<std::int64_t> requests_left{};
  std::optional<std::int64_t> tokens_left{};
  /// What its provider has refused, or asked for (`model_traits::names`).
  std::vector<std::string> learnt{};
};

/// Whoever waits for a model's limits may have a chance (a model to itself); outdated
/// if a newer number was given.
struct admission_due {
  std::uint64_t number = 0;
};

/// What a call to a provider came to (the call's actor to its model).
struct call_ended {
  std::uint64_t call = 0;
  chat_result result;
  /// The provider told everybody to wait.
  std::optional<std::chrono::milliseconds> pause{};
};

/// What a refusal has taught (the call's actor to its model's gate), for the calls that
/// follow.
struct model_learnt {
  model_traits traits;
};

/// Parts of a provider's answer, as they come in (to the call's actor).
struct answer_arrived {
  std::vector<sse_event> events;
  /// With the first of them.
  std::optional<outbound_head> head{};
};
struct answer_ended {
  outbound_head head;
  /// Empty if it came as events.
  std::string body;
  /// It was a stream of events.
  bool streamed = false;
};
struct answer_failed {
  outbound_failure failure;
};

// -- tools ----------------------------------------------------------------------

/// Asks what the tools of a bot are by now.
struct get_toolbox {
  std::shared_ptr<const bot_record> bot;
  /// The task that asks; nil for none.
  uuid task_id{};
  /// Servers are asked anew, whatever is known of them.
  bool fresh = false;
  /// A server that does not list its tools becomes a note.
  bool tolerant = false;
};

using toolbox_ptr = std::shared_ptr<const toolbox>;
using toolbox_result = std::variant<toolbox_ptr, toolbox_failure>;

/// Makes a call over the network.
struct call_tool {
  toolbox_ptr tools;
  tool_call call;
  /// The same for each try of this call.
  std::string key;
  /// The task that it is made for; nil for none.
  uuid task_id{};
};

/// Asks an MCP server's actor what its tools are.
struct get_mcp_tools {
  /// The task's session may have tools of its own; nil for what everybody sees.
  uuid task_id{};
  bool fresh = false;
  /// Nobody waits any more once it has ended.
  caf::actor_addr asker{};
};

using mcp_tools_result = std::variant<mcp_tools, toolbox_failure>;

/// What an MCP server says before it has answered (to its actor), by the actor's number for
/// the exchange.
struct mcp_told {
  std::uint64_t exchange = 0;
  mcp::notification note;
};

/// What came of an exchange.
struct mcp_answered {
  std::uint64_t exchange = 0;
  mcp::answer answer;
};

/// A time that an MCP server's actor has waited for has come (to itself); outdated if it
/// does not wait any more.
struct mcp_due {
  std::uint64_t number = 0;
};

} // namespace troupe
