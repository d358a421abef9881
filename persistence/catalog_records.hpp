#pragma once

#include "persistence/values/time.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a namespace sets up before anybody asks it anything: models, bots with their tools,
/// budgets. What then happens stands in persistence/records.hpp.
namespace troupe {

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
  /// A task has one of its own, kept a minute past its attempt: nobody else sees what it does there.
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

} // namespace troupe
