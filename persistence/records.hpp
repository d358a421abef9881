#pragma once

#include "config/settings.hpp"
#include "persistence/catalog_records.hpp"
#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The domain's records, as every layer above knows them. They name no database,
/// no actor and no protocol.
namespace troupe {

// -- status -------------------------------------------------------------------

/// Where a task stands.
enum class task_status : std::uint8_t {
  /// Created; waits to be executed, or in the queue for its turn.
  pending,
  /// Claimed by a node; spans all attempts and the waits between them.
  running,
  /// Answered. Final.
  completed,
  /// Ended without an answer. Final until a user retries it.
  failed,
  /// Stopped by a user. Final until a user retries it.
  cancelled,
};

/// The name in the API: `PENDING`, `RUNNING`, `COMPLETED`, `FAILED`, `CANCELLED`.
std::string_view to_string(task_status status) noexcept;
std::optional<task_status> parse_task_status(std::string_view text) noexcept;

/// True for `completed`, `failed` and `cancelled`.
bool is_terminal(task_status status) noexcept;

/// The legal moves: `PENDING → RUNNING → COMPLETED | FAILED | CANCELLED` and
/// `PENDING → CANCELLED | FAILED`. A user's retry is not a move but a new run.
bool may_become(task_status from, task_status to) noexcept;

// -- failures -----------------------------------------------------------------

/// How a failure is to be answered; decided where it happens, acted on by the
/// task supervisor alone.
enum class error_class : std::uint8_t {
  /// Worth another attempt: network, timeout, 5xx, a crashed actor.
  transient,
  /// The provider asked for patience: wait as told, charge no attempt.
  throttled,
  /// No attempt can succeed: missing bot, refused content, 4xx.
  permanent,
  /// Stopped on request.
  cancelled,
  /// A budget leaves no room: another run may go on once it is raised.
  budget_exceeded,
};

/// `transient`, `throttled`, `permanent`, `cancelled`, `budget_exceeded`.
std::string_view to_string(error_class c) noexcept;
std::optional<error_class> parse_error_class(std::string_view text) noexcept;

// -- tasks --------------------------------------------------------------------

/// Tokens, as reported or counted by the model, and what they cost.
struct token_usage {
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  /// In billionths of the currency that prices are given in.
  std::int64_t cost = 0;
  /// Some of the tokens are an estimate: the provider did not say.
  bool estimated = false;

  token_usage& operator+=(const token_usage& other) noexcept {
    input_tokens += other.input_tokens;
    output_tokens += other.output_tokens;
    cost += other.cost;
    estimated = estimated || other.estimated;
    return *this;
  }
  bool operator==(const token_usage&) const = default;
};

/// How an answer ended, whatever its provider calls that.
enum class finish_reason : std::uint8_t {
  /// The model had said what it wanted to say.
  stop,
  /// At a limit of tokens: the answer is cut.
  length,
  /// The provider held it back, or the rest of it.
  content_filter,
  /// The model did not want to answer.
  refusal,
};

/// `stop`, `length`, `content_filter`, `refusal`.
std::string_view to_string(finish_reason reason) noexcept;

/// What keeps a running task from going on.
enum class wait_reason : std::uint8_t {
  none,
  /// A person has to allow a tool call.
  approval,
};

/// Empty for none, else `approval`.
std::string_view to_string(wait_reason reason) noexcept;

/// One turn of a conversation to be answered.
struct task_record {
  uuid id;
  std::string name;
  std::string ns;
  task_status status = task_status::pending;
  std::string input;
  /// The answer once completed; the partial answer if cancelled on the way.
  std::optional<std::string> output;
  /// Why it failed, as a sentence.
  std::optional<std::string> error;
  std::optional<error_class> error_kind;
  /// None until there is an answer, or a refusal to give one.
  std::optional<finish_reason> finish;
  /// The client's JSON object, kept as text; empty for none.
  std::string spec;
  /// The client's JSON object, kept as text; empty for none.
  std::string metadata;
  std::string bot;
  /// Where `bot` is looked up first; `default` is looked up after it.
  std::string bot_ns;
  /// The conversation; the first task's id names it.
  uuid thread_id;
  /// Higher is claimed sooner.
  int priority = 0;
  /// The number of the latest attempt, over all runs; the fence of its writes.
  int attempt = 0;
  int max_attempts = 3;
  /// Not claimed before this time.
  std::optional<timestamp> run_at;
  std::string created_by;
  /// Sum over all ended attempts.
  token_usage usage;
  /// The node that runs, or last ran, the task; empty before the first attempt.
  std::string node;
  timestamp created_at{};
  timestamp updated_at{};
  std::optional<timestamp> started_at;
  std::optional<timestamp> completed_at;
  /// What it waits for between two attempts, beside time.
  wait_reason waits_for = wait_reason::none;
  /// True while the task has its place in the queue (waiting, running or between
  /// attempts); false for a pending task that nobody has asked to execute.
  bool queued = false;
};

enum class attempt_outcome : std::uint8_t {
  running,
  completed,
  failed,
  cancelled,
  /// Handed back by a draining node; not charged.
  released,
  /// Its node ended without a word.
  lost,
  /// Ended until a person has decided; not charged.
  waiting,
};

/// `running`, `completed`, `failed`, `cancelled`, `released`, `lost`, `waiting`.
std::string_view to_string(attempt_outcome outcome) noexcept;
std::optional<attempt_outcome> parse_attempt_outcome(std::string_view text) noexcept;

/// One run of a task's actor.
struct attempt_record {
  int attempt = 0;
  std::string node;
  /// The model that was asked last; empty if none was, or before the attempt ended.
  std::string model;
  attempt_outcome outcome = attempt_outcome::running;
  timestamp started_at{};
  std::optional<timestamp> ended_at;
  std::optional<std::string> error;
  std::optional<error_class> error_kind;
  /// As of the task.
  std::optional<finish_reason> finish;
  token_usage usage;
};

// -- nodes --------------------------------------------------------------------

/// How a node's last sign of life is to be read.
enum class node_health : std::uint8_t {
  alive,
  /// Takes no new work and will end.
  draining,
  /// No sign of life for longer than a few heartbeats.
  lost,
};

/// `alive`, `draining`, `lost`.
std::string_view to_string(node_health health) noexcept;

/// A process of the cluster. Each start of it is a node of its own.
struct node_record {
  uuid id;
  std::string name;
  node_role role = node_role::all;
  node_health health = node_health::alive;
  std::string version;
  /// Where other nodes reach it, `host:port`; empty if it takes no links.
  std::string address;
  /// The lease its tasks run under; nil if it runs none.
  uuid lease;
  int capacity = 0;
  int running = 0;
  timestamp started_at{};
  timestamp heartbeat_at{};
  /// None if it runs no tasks, or if the lease was taken from it.
  std::optional<timestamp> lease_expires_at;
};

// -- messages -----------------------------------------------------------------

enum class message_role : std::uint8_t { user, assistant, tool };

/// `user`, `assistant`, `tool`.
std::string_view to_string(message_role role) noexcept;
std::optional<message_role> parse_message_role(std::string_view text) noexcept;

/// A model's wish to call a tool.
struct tool_call {
  /// Unique within the task.
  std::string call_id;
  std::string tool;
  /// JSON text.
  std::string arguments;
  /// What its provider called it; need be neither there nor unique.
  std::string provider_id{};
  /// A JSON object that its provider wants to see again with it; empty for none.
  std::string extra{};

  bool operator==(const tool_call&) const = default;
};

/// An entry of a thread's history. An assistant message with tool calls is an
/// intent; the tool messages behind it hold the results.
struct message_record {
  uuid task_id;
  message_role role = message_role::user;
  std::string content;
  /// Assistant only.
  std::vector<tool_call> tool_calls;
  /// Assistant only: which model made it (`model_identity` of actors/providers); empty
  /// if that is not known. What follows is for that model alone.
  std::string origin;
  /// Assistant only: JSON of its protocol's making, which the model wants to see again as
  /// it was: what it thought, and the order of its blocks. Empty for none.
  std::string replay;
  /// Assistant only: what a cancelled turn had said until then.
  bool interrupted = false;
  /// Tool only: which call this answers, and the tool's name.
  std::string call_id;
  std::string tool;
  int attempt = 0;
  timestamp created_at{};
};

// -- approvals ----------------------------------------------------------------

enum class approval_state : std::uint8_t {
  /// Waits for a person, or its deadline.
  pending,
  approved,
  rejected,
  /// Its task ended first.
  closed,
};

/// `pending`, `approved`, `rejected`, `closed`.
std::string_view to_string(approval_state state) noexcept;
std::optional<approval_state> parse_approval_state(std::string_view text) noexcept;

/// A tool call that a person has to allow.
struct approval_record {
  uuid task_id;
  std::string call_id;
  std::string ns;
  /// Of the task.
  std::string created_by;
  std::string bot;
  std::string tool;
  /// As the model wrote them, or as a person has edited them.
  std::string arguments;
  bool edited = false;
  approval_state state = approval_state::pending;
  /// The call has begun.
  bool called = false;
  timestamp requested_at{};
  timestamp deadline{};
  /// What its deadline decides.
  bool approve_by_default = false;
  /// `deadline` if nobody did in time.
  std::string decided_by;
  std::string reason;
  std::optional<timestamp> decided_at;
};

// -- usage --------------------------------------------------------------------

/// What usage is counted by, a sum for each combination.
struct usage_key {
  /// `2026-01-31`, UTC.
  std::string day;
  std::string ns;
  std::string bot;
  std::string model;
  std::string created_by;

  auto operator<=>(const usage_key&) const = default;
};

enum class usage_group : std::uint8_t { bot, model, ns, created_by, day };

/// `bot`, `model`, `namespace`, `created_by`, `day`.
std::string_view to_string(usage_group group) noexcept;
std::optional<usage_group> parse_usage_group(std::string_view text) noexcept;

/// What one group has used.
struct usage_record {
  std::string key;
  std::int64_t attempts = 0;
  token_usage usage;
};

// -- events -------------------------------------------------------------------

enum class event_type : std::uint8_t {
  task_created,
  task_queued,
  task_started,
  task_retrying,
  task_completed,
  task_failed,
  task_cancelled,
  task_deleted,
  chat_start,
  chat_chunk,
  chat_thinking,
  chat_tool_start,
  chat_tool_result,
  chat_done,
  chat_error,
  chat_cancelled,
  approval_requested,
  approval_decided,
};

/// `task:created` … `approval:decided`.
std::string_view to_string(event_type type) noexcept;

/// `task:completed`, `task:failed` and `task:cancelled` end a run.
bool is_terminal(event_type type) noexcept;

/// What the events of one task share.
struct event_source {
  uuid task_id;
  uuid thread_id;
  std::string ns;
  std::string created_by;
};

/// An entry of a task's journal.
struct event_record {
  std::shared_ptr<const event_source> source;
  /// 1, 2, 3… per task, without holes.
  std::int64_t seq = 0;
  /// Its place in the order of commits over all tasks; grows, may skip.
  std::int64_t position = 0;
  int attempt = 0;
  event_type type = event_type::task_created;
  timestamp at{};
  /// A JSON object as text.
  std::string data;
};

} // namespace troupe
