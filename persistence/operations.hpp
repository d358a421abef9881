#pragma once

#include "persistence/errc.hpp"
#include "persistence/records.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

/// What can be asked of the store's writing side. Each operation is a plain
/// struct with the type of its outcome as `result_type`; a batch of them is one
/// transaction. The actors use the same structs as messages.
namespace troupe {

// -- errors -------------------------------------------------------------------

struct store_error {
  errc code = errc::unavailable;
  /// A sentence for a person.
  std::string message;
};

// -- shared parts -------------------------------------------------------------

/// The right to write for an attempt: checked inside each transaction.
struct fence {
  uuid task_id;
  int attempt = 0;
  /// The lease: the incarnation of the supervisor that claimed the task.
  uuid owner;
};

/// A client's promise that equal keys mean the same request. Checked and stored
/// in the transaction of the operation that carries it.
struct idempotency_key {
  std::string key;
  /// A digest of method, path, query and body, as printable text.
  std::string fingerprint;
};

struct new_event {
  event_type type = event_type::chat_chunk;
  /// A JSON object as text.
  std::string data;
};

// -- outcomes -----------------------------------------------------------------

/// A task as it is after the operation.
struct task_result {
  task_record task;
  /// The idempotency key was seen before; nothing was changed.
  bool replayed = false;
};

/// The write is on disk.
struct done {};

/// A task whose next attempt has begun in the store: RUNNING, numbered,
/// journaled (`task:started`, and `chat:start` if bot and model exist), its
/// user message written.
struct claimed_task {
  uuid id;
  uuid thread_id;
  std::string ns;
  std::string name;
  std::string created_by;
  std::string input;
  /// The fence of this attempt.
  int attempt = 0;
  /// The number of the last attempt of the run before this one; 0 in the first run.
  int attempts_before = 0;
  /// Failed attempts of this run that count against the restart policy.
  int charged = 0;
  /// Waits the provider asked for in this run, which do not.
  int throttled = 0;
  /// The thread or this task has messages besides this task's user message.
  bool has_history = false;
  /// The client's JSON object, kept as text; empty for none.
  std::string spec;
  /// Of all attempts before this one.
  token_usage usage;
  /// Its bot, or its namespace, has a budget: each model call needs `reserve_budget`.
  bool budgeted = false;
  /// Length of partial text is not carried over: each attempt starts at 0.
  /// Null if the bot is gone.
  std::shared_ptr<const bot_record> bot;
  /// Null if the bot's model is gone.
  std::shared_ptr<const model_record> model;
  /// Of its fallback models, those that are there.
  std::vector<std::shared_ptr<const model_record>> fallbacks;
};

struct claimed_tasks {
  std::vector<claimed_task> tasks;
  /// When the next task that waits for a time is due.
  std::optional<timestamp> next_due;
};

struct recovered_tasks {
  int requeued = 0;
  int failed = 0;
  /// Those that have failed.
  std::vector<uuid> given_up{};
  /// There may be more: ask again.
  bool more = false;
};

struct budget_answer {
  bool granted = true;
  /// A sentence that names the budget which leaves no room.
  std::string refusal;
};

struct budget_result {
  budget_record budget;
  bool created = false;
};

/// What an owner learns when it renews its lease.
struct lease_state {
  /// The leases of others have run out: `recover_tasks` would find their tasks.
  bool others_expired = false;
};

/// Every node that was heard of lately, itself included.
struct node_list {
  std::vector<node_record> nodes;
  /// Which database that is: whoever gets the same text shares it, and is not in a copy. Empty where nobody else can.
  std::string database{};
};

// -- the life of a task -------------------------------------------------------

/// Stores a new task: `task:created`, and with `execute` its place in the queue
/// and `task:queued`.
struct create_task {
  using result_type = task_result;
  /// `id`, `thread_id`, `created_at` and the client's fields are set. A
  /// `thread_id` other than `id` joins that thread, or begins it if no task has
  /// used it; it must not be a thread of another namespace, nor name a task of
  /// another thread (`thread_not_found`).
  task_record task;
  bool execute = false;
  std::optional<idempotency_key> key;
};

/// Puts a pending task into the queue (`task:queued`). A task that is queued or
/// running already stays as it is; a finished one is an illegal transition.
struct enqueue_task {
  using result_type = task_result;
  uuid id;
  /// Replace the task's bot if set.
  std::optional<std::string> bot;
  std::optional<std::string> bot_ns;
  timestamp at{};
  std::optional<idempotency_key> key;
};

/// Begins the next attempt of up to `limit` due tasks: highest priority first,
/// then in the order of queueing; one per thread at a time.
struct claim_tasks {
  using result_type = claimed_tasks;
  uuid owner;
  std::string node;
  int limit = 1;
  timestamp at{};
};

/// Appends to the journal of a running attempt, with the messages that belong
/// to the same step and the attempt's usage so far.
struct append_journal {
  using result_type = done;
  struct fence fence;
  std::vector<new_event> events;
  /// Intents (assistant with tool calls) and results (tool).
  std::vector<message_record> messages;
  token_usage usage;
  /// The model that was asked last, if another than before; likewise below.
  std::string model{};
  timestamp at{};
  /// Calls among the intents that a person has to allow (`approval:requested`): of each,
  /// call, tool, arguments, deadline and default.
  std::vector<approval_record> approvals{};
  /// Allowed calls that begin now.
  std::vector<std::string> calls_begun{};
};

/// Asks for room in the budgets of a task's bot and namespace before a model call. What
/// is granted stands until the attempt ends, which settles it with what was used.
struct reserve_budget {
  using result_type = budget_answer;
  struct fence fence;
  /// What the attempt has used, and what the call may use at most.
  budget_amount used;
  budget_amount wanted;
  timestamp at{};
};

/// Sets the budget of a namespace; what was spent stays unless the period changes.
struct put_budget {
  using result_type = budget_result;
  std::string ns;
  budget_limit limit;
  timestamp at{};
};

struct delete_budget {
  using result_type = done;
  std::string ns;
};

/// Ends an attempt whose task has to wait for a person: for what is undecided, until
/// the first deadline. It costs the restart policy nothing.
struct await_approval {
  using result_type = done;
  struct fence fence;
  token_usage usage;
  std::string model{};
  /// Text that was streamed but not yet journaled.
  std::vector<new_event> events;
  timestamp at{};
};

struct approval_result {
  approval_record approval;
};

/// Allows or refuses a tool call (`approval:decided`). What is decided so already stays
/// as it is; otherwise, and if the task has ended, an illegal transition.
struct decide_approval {
  using result_type = approval_result;
  uuid task_id;
  std::string call_id;
  bool approve = false;
  /// JSON in place of the model's.
  std::optional<std::string> arguments;
  std::string decided_by;
  std::string reason;
  timestamp at{};
};

/// Ends a running task with its answer: the final assistant message, the given
/// events, `task:completed`.
struct complete_task {
  using result_type = done;
  struct fence fence;
  std::string output;
  /// Remaining `chat:chunk`s and `chat:done`.
  std::vector<new_event> events;
  token_usage usage;
  std::string model{};
  timestamp at{};
  std::optional<finish_reason> finish{};
  /// Of the answer's message; see `message_record`.
  std::string origin{};
  std::string replay{};
};

/// Ends an attempt that failed: with `retry_at` the task waits for its next one
/// (`task:retrying`), without it the task has failed (`task:failed`).
/// `chat:error` precedes either if the chat had started.
struct fail_attempt {
  using result_type = done;
  struct fence fence;
  error_class kind = error_class::transient;
  std::string error;
  /// None if nobody knows, as its actor died: then what it had reported counts.
  std::optional<token_usage> usage;
  std::string model{};
  std::optional<timestamp> retry_at;
  /// Counts against the restart policy.
  bool charge = true;
  /// If it does not: counts as a wait that a provider asked for.
  bool counted = true;
  bool chat_started = true;
  /// Text that was streamed but not yet journaled.
  std::vector<new_event> events;
  timestamp at{};
  /// If the answer was refused.
  std::optional<finish_reason> finish{};
};

/// Hands running tasks back to the queue without charging an attempt; stale
/// fences are passed over.
struct release_tasks {
  using result_type = done;
  std::vector<fence> fences;
  /// For the journal's `task:queued`: why.
  std::string reason;
  timestamp at{};
};

/// Ends a pending or running task as CANCELLED. On a task cancelled already it
/// changes nothing; on a completed or failed one it is an illegal transition.
struct cancel_task {
  using result_type = task_result;
  uuid id;
  /// What the running attempt had streamed in all; kept as the output.
  std::string partial_output;
  /// Streamed text not yet journaled, of attempt `attempt`.
  std::vector<new_event> events;
  token_usage usage;
  timestamp at{};
  std::optional<idempotency_key> key;
};

/// Opens a failed or cancelled task as a new run of attempts (`task:queued` with
/// `"retry": true`). COMPLETED, PENDING and RUNNING are illegal transitions.
struct retry_task {
  using result_type = task_result;
  uuid id;
  timestamp at{};
  std::optional<idempotency_key> key;
};

/// A manual transition. RUNNING takes the task out of the queue: the caller runs
/// it. A terminal status fences whoever runs it.
struct set_task_status {
  using result_type = task_result;
  uuid id;
  task_status status = task_status::pending;
  std::optional<std::string> output;
  std::optional<std::string> error;
  std::string node;
  timestamp at{};
};

/// Hides a task for good; cancels it first if it is not finished.
struct delete_task {
  using result_type = done;
  uuid id;
  timestamp at{};
};

/// Gives the tasks of owners without a valid lease back to the queue, or fails one
/// once it was recovered `max_recoveries` times. A bounded number of them: see
/// `recovered_tasks::more`.
struct recover_tasks {
  using result_type = recovered_tasks;
  int max_recoveries = 5;
  timestamp at{};
  /// Owners, or nodes, that seem to be gone: their leases end now if the database, too,
  /// has lost sight of them, instead of when they run out.
  std::vector<uuid> suspects{};
};

// -- leases and nodes ---------------------------------------------------------

/// Takes a lease, or makes it last `ttl` from now by the database's clock. One that
/// has run out may still be renewed; one whose tasks were taken over (`fenced`) not.
/// An embedded database has one process, whose death it notices by itself: there the
/// lease is its latest owner's, until the next one takes it.
struct renew_lease {
  using result_type = lease_state;
  uuid owner;
  /// The process: a new lease of it ends those it had before.
  uuid node_id;
  std::string node;
  std::chrono::milliseconds ttl{10'000};
  /// Take it; otherwise it must be held already.
  bool first = false;
};

/// Gives a lease up. What its owner still holds may be recovered at once.
struct end_lease {
  using result_type = done;
  uuid owner;
};

/// A node's sign of life; the times are set by the database's clock.
struct announce_node {
  using result_type = node_list;
  node_record node;
  /// The node is about to end: it is listed no more.
  bool leaving = false;
};

// -- bots and models ----------------------------------------------------------

struct bot_result {
  bot_record bot;
  bool created = false;
};

struct model_result {
  model_record model;
  bool created = false;
};

struct put_bot {
  using result_type = bot_result;
  bot_record bot;
  timestamp at{};
};

struct delete_bot {
  using result_type = done;
  std::string ns;
  std::string name;
};

struct put_model {
  using result_type = model_result;
  model_record model;
  timestamp at{};
};

struct delete_model {
  using result_type = done;
  std::string ns;
  std::string name;
};

// -- housekeeping -------------------------------------------------------------

/// Forgets idempotency keys stored before `keys_before`.
struct clean_up {
  using result_type = done;
  timestamp keys_before{};
};

using operation
  = std::variant<create_task, enqueue_task, claim_tasks, append_journal, complete_task, fail_attempt, release_tasks,
                 cancel_task, retry_task, set_task_status, delete_task, recover_tasks, put_bot, delete_bot, put_model,
                 delete_model, clean_up, renew_lease, end_lease, announce_node, await_approval, decide_approval,
                 reserve_budget, put_budget, delete_budget>;

using outcome = std::variant<store_error, task_result, claimed_tasks, done, recovered_tasks, bot_result, model_result,
                             lease_state, node_list, approval_result, budget_answer, budget_result>;

} // namespace troupe
