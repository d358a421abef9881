#pragma once

#include "config/settings.hpp"
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

// -- models and bots ----------------------------------------------------------

/// The protocol that a model is spoken to in.
enum class model_kind : std::uint8_t {
  /// Needs no network; obeys directives in the input.
  builtin,
  /// Chat completions, as OpenAI, vLLM, Ollama, llama.cpp and others serve them.
  openai,
  /// Anthropic's messages.
  anthropic,
};

/// `builtin`, `openai`, `anthropic`.
std::string_view to_string(model_kind kind) noexcept;
std::optional<model_kind> parse_model_kind(std::string_view text) noexcept;

/// Names and values, in the order given.
using header_list = std::vector<std::pair<std::string, std::string>>;

/// How long a provider may take.
struct model_timeouts {
  /// Looking its name up, connecting, and TLS.
  std::chrono::seconds connect{10};
  /// From the request to the first part of the answer.
  std::chrono::seconds first_token{120};
  /// Between two parts of the answer.
  std::chrono::seconds idle{60};
  /// The whole answer.
  std::chrono::seconds total{600};

  bool operator==(const model_timeouts&) const = default;
};

/// What a provider lets all nodes together ask of it; none where it is not limited.
struct model_limits {
  std::optional<int> concurrency;
  std::optional<std::int64_t> requests_per_minute;
  std::optional<std::int64_t> tokens_per_minute;

  bool operator==(const model_limits&) const = default;
};

/// Per million tokens, in whatever currency the operator counts in.
struct model_price {
  double input_per_million = 0;
  double output_per_million = 0;

  bool operator==(const model_price&) const = default;
};

/// A named provider endpoint of a namespace.
struct model_record {
  std::string name;
  std::string ns;
  model_kind kind = model_kind::builtin;
  /// Without the protocol's own path, as in `https://api.openai.com/v1`; empty for
  /// `builtin`.
  std::string base_url;
  /// What the provider calls the model.
  std::string model;
  /// The environment variable that holds the key; empty for none.
  std::string api_key_env;
  /// The file whose first line is the key; empty for none.
  std::string api_key_file;
  header_list headers;
  model_timeouts timeouts;
  model_limits limits;
  model_price price;
  /// A JSON object as text whose members go into each request, as in
  /// `{"top_p":0.9}`; empty for none.
  std::string parameters;
  timestamp created_at{};
  timestamp updated_at{};
};

enum class backoff_kind : std::uint8_t { fixed, linear, exponential };

/// `fixed`, `linear`, `exponential`.
std::string_view to_string(backoff_kind kind) noexcept;
std::optional<backoff_kind> parse_backoff_kind(std::string_view text) noexcept;

/// How a task's supervisor answers a failed attempt.
struct restart_policy {
  /// Attempts that may fail before the task does; at least 1.
  int max_attempts = 3;
  backoff_kind backoff = backoff_kind::linear;
  std::chrono::milliseconds delay{1000};
  std::chrono::milliseconds max_delay{60000};
  /// The delay is varied by up to this fraction either way; 0 to 1.
  double jitter = 0.1;
};

/// What a new turn does while its thread is busy.
enum class on_busy_rule : std::uint8_t { enqueue, reject, interrupt };

/// `enqueue`, `reject`, `interrupt`.
std::string_view to_string(on_busy_rule rule) noexcept;
std::optional<on_busy_rule> parse_on_busy_rule(std::string_view text) noexcept;

// -- budgets ------------------------------------------------------------------

/// When what was spent of a budget is forgotten.
enum class budget_period : std::uint8_t { total, month, day };

/// `total`, `month`, `day`; months and days are UTC's.
std::string_view to_string(budget_period period) noexcept;
std::optional<budget_period> parse_budget_period(std::string_view text) noexcept;

/// What may be used at most; at least one of the two is set.
struct budget_limit {
  /// In billionths of the currency that prices are given in.
  std::optional<std::int64_t> cost;
  std::optional<std::int64_t> tokens;
  budget_period period = budget_period::total;

  bool operator==(const budget_limit&) const = default;
};

/// A sum of what budgets count.
struct budget_amount {
  std::int64_t cost = 0;
  std::int64_t tokens = 0;

  budget_amount& operator+=(const budget_amount& other) noexcept {
    cost += other.cost;
    tokens += other.tokens;
    return *this;
  }
  budget_amount& operator-=(const budget_amount& other) noexcept {
    cost -= other.cost;
    tokens -= other.tokens;
    return *this;
  }
  bool operator==(const budget_amount&) const = default;
};

/// The budget of a bot or a namespace, and how much of it is gone.
struct budget_record {
  /// `bot:<namespace>/<name>` or `namespace:<name>`.
  std::string scope;
  budget_limit limit;
  /// The month or the day that `spent` is of; empty for a total.
  std::string window;
  /// By attempts that have ended.
  budget_amount spent;
  /// For calls under way, and by their attempts so far.
  budget_amount reserved;
  timestamp updated_at{};
};

enum class tool_kind : std::uint8_t { builtin, http, mcp };

/// `builtin`, `http`, `mcp`.
std::string_view to_string(tool_kind kind) noexcept;
std::optional<tool_kind> parse_tool_kind(std::string_view text) noexcept;

/// What becomes of a tool call whose outcome nobody knows, since the process died
/// between its intent and its result.
enum class repeat_rule : std::uint8_t {
  /// It is made again: it changes nothing, or the same thing.
  safe,
  /// It is made again with the same `Idempotency-Key`.
  with_key,
  /// It is not made again: the model is told that the outcome is unknown.
  never,
};

/// `safe`, `with_key`, `never`.
std::string_view to_string(repeat_rule rule) noexcept;
std::optional<repeat_rule> parse_repeat_rule(std::string_view text) noexcept;

/// Who shares a session with an MCP server that has them.
enum class session_scope : std::uint8_t {
  /// A task has one of its own, which ends with its attempt: nobody else sees what it does there.
  task,
  /// Everybody who names the same server with the same headers.
  shared,
};

/// `task`, `shared`.
std::string_view to_string(session_scope scope) noexcept;
std::optional<session_scope> parse_session_scope(std::string_view text) noexcept;

/// Something a bot's model may call.
struct tool_record {
  tool_kind type = tool_kind::builtin;
  /// What the model calls it; of an MCP server, what its tools' names begin with.
  std::string name;
  std::string description;
  /// `http` only: the JSON Schema of the arguments, as text; empty for any object.
  std::string parameters;
  /// `http`: may hold `{argument}`s; `mcp`: the server's endpoint.
  std::string url;
  /// `http` only.
  std::string method = "POST";
  /// A value may hold `${env:NAME}`, which stands for an environment variable.
  header_list headers;
  repeat_rule repeat = repeat_rule::with_key;
  /// A person has to allow each call.
  bool requires_approval = false;
  /// How long a person has for that, and what follows if nobody says anything.
  std::chrono::seconds approval_timeout{86'400};
  bool approve_by_default = false;
  std::chrono::seconds timeout{30};
  /// `mcp` only: the server's own names of the tools that the model may call, where `*` stands
  /// for any text; empty for all. Those that `deny` names it may not call in any case.
  std::vector<std::string> allow;
  std::vector<std::string> deny;
  /// `mcp` only.
  session_scope session = session_scope::task;

  bool operator==(const tool_record&) const = default;
};

/// A named persona of a namespace: who answers a task, and how failures are met.
struct bot_record {
  std::string name;
  std::string ns;
  /// Name of a model in the bot's namespace, else in `default`.
  std::string model;
  /// Models, named likewise, that are asked in this order while those before are down.
  std::vector<std::string> fallback_models;
  std::string system_prompt;
  std::optional<double> temperature;
  std::optional<int> max_tokens;
  /// Model calls per task; each round of tool calls needs one more.
  int max_iterations = 10;
  /// What the model is shown of a thread, in estimated tokens: the oldest turns are
  /// left out beyond it.
  std::int64_t context_tokens = 128'000;
  std::vector<tool_record> tools;
  /// Of all its tasks together.
  std::optional<budget_limit> budget;
  restart_policy restart;
  /// A single attempt's time limit.
  std::chrono::seconds timeout{600};
  on_busy_rule on_busy = on_busy_rule::enqueue;
  timestamp created_at{};
  timestamp updated_at{};
};

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
