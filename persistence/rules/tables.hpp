#pragma once

#include "persistence/operations.hpp"
#include "persistence/rules/thread_order.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the rules of the store (rules.hpp) need of a database: its tables, as they
/// look from inside one transaction. Each kind of database has its own; they hold
/// no rule but those of their own consistency.
namespace troupe {

// -- the queue ------------------------------------------------------------------

/// A row of the queue.
struct queue_entry {
  queue_state state = queue_state::ready;
  /// From the first claim to the end, also while it waits for a retry.
  bool held = false;
  uuid owner;
  std::string node;
  timestamp started_at{};
  int charged = 0;
  int throttled = 0;
  int recoveries = 0;
  /// This run has stored tool calls.
  bool called = false;
  /// Of the running attempt, so far: which model it asked last, and what it used.
  std::string model;
  token_usage usage;
  /// What the attempt holds of its budgets.
  budget_amount reserved;

  /// At most one task of a thread is: its siblings wait behind it.
  [[nodiscard]] bool is_active() const noexcept { return troupe::is_active(state, held); }
};

/// A task that enters the queue.
struct queue_arrival {
  const uuid& task_id;
  const uuid& thread_id;
  std::string_view ns;
  int priority = 0;
  int attempt = 0;
  std::int64_t last_seq = 0;
  std::optional<timestamp> run_at;
  timestamp at{};
  /// The thread begins with this very operation: nobody else can be in it.
  bool new_thread = false;
};

/// An attempt that begins.
struct attempt_start {
  int attempt = 0;
  std::int64_t last_seq = 0;
  const uuid& owner;
  std::string_view node;
  std::string_view model;
  timestamp at{};
};

/// What a running attempt has come to.
struct attempt_progress {
  const token_usage& usage;
  std::string_view model;
  bool called = false;
};

/// A ready task and what its claim still needs.
struct candidate {
  claimed_task task;
  std::int64_t last_seq = 0;
  /// Nothing was ever said in its thread.
  bool fresh = false;
  std::string bot;
  std::string bot_ns;
};

// -- tasks ----------------------------------------------------------------------

/// Where the next entry of one task's journal goes.
struct journal_tail {
  std::shared_ptr<const event_source> source;
  /// Of the last entry; 0 before the first.
  std::int64_t seq = 0;
  int attempt = 0;
  timestamp at{};
};

/// What one must know of a task to change it.
struct open_task {
  std::shared_ptr<const event_source> source;
  std::string name;
  std::string bot;
  std::string bot_ns;
  task_status status = task_status::pending;
  /// Stands, though nothing waits any more, while the next attempt runs.
  wait_reason waits_for = wait_reason::none;
  int attempt = 0;
  std::int64_t last_seq = 0;
  /// Of all ended attempts.
  token_usage usage;
  std::optional<queue_entry> entry;

  [[nodiscard]] const uuid& id() const noexcept { return source->task_id; }
  [[nodiscard]] const uuid& thread_id() const noexcept { return source->thread_id; }
  [[nodiscard]] bool is_claimed() const noexcept { return entry && entry->state == queue_state::running; }
  /// An attempt is under way: claimed, or run by hand outside of the queue.
  [[nodiscard]] bool has_attempt() const noexcept { return is_claimed() || (!entry && status == task_status::running); }
  [[nodiscard]] journal_tail tail(timestamp at) const { return {source, last_seq, attempt, at}; }
};

/// How a task ends.
struct task_end {
  task_status status = task_status::completed;
  std::optional<std::string_view> output;
  std::optional<std::string_view> error;
  std::optional<error_class> kind;
  /// Tell the end of the chat (`chat:error`, `chat:cancelled`) too.
  bool ends_chat = false;
  /// Of the answer, or of what stands in its place.
  std::optional<finish_reason> finish{};
  /// Of the answer's message; see `message_record`.
  std::string_view origin{};
  std::string_view replay{};
};

// -- the tables -----------------------------------------------------------------

/// What a task's bot name stands for; either may be null.
struct resolved_bot {
  std::shared_ptr<const bot_record> bot;
  std::shared_ptr<const model_record> model;
  /// Those of the bot's fallback models that are there, in its order.
  std::vector<std::shared_ptr<const model_record>> fallbacks;
};

/// Bots and models.
class catalog_table {
public:
  virtual ~catalog_table() = default;

  /// The bot in `ns`, else in `default`; its models in the bot's namespace, else in
  /// `default`. The reference holds until the next change.
  virtual const resolved_bot& find(std::string_view ns, std::string_view bot) = 0;
  /// Whether the namespace has a budget.
  virtual bool has_budget(std::string_view ns) = 0;
  /// A namespace's budget has come or gone.
  virtual void budgets_changed() = 0;
  virtual outcome put(const put_bot& op) = 0;
  virtual outcome put(const put_model& op) = 0;
  virtual outcome remove(const delete_bot& op) = 0;
  virtual outcome remove(const delete_model& op) = 0;
};

/// Idempotency keys: which request each one stood for, and the task it made or
/// changed.
class key_table {
public:
  virtual ~key_table() = default;

  struct seen {
    std::string fingerprint;
    uuid task_id;
  };
  virtual std::optional<seen> find(const std::string& key) = 0;
  virtual void insert(const idempotency_key& key, const uuid& task_id, timestamp at) = 0;
  /// Forgets those stored before `before`.
  virtual void forget(timestamp before) = 0;
};

/// The queue: a row for each task that waits or runs. Who of a thread is active, blocked
/// or next is decided by rules/thread_order.hpp; so whatever is ready may be claimed.
class queue_table {
public:
  virtual ~queue_table() = default;

  virtual queue_state enter(const queue_arrival& arrival) = 0;
  /// Takes a task out; if it was active, its thread's next task becomes ready.
  virtual void leave(const open_task& task) = 0;

  /// Makes ready (or blocked, behind a sibling) what has become due, then gives up to
  /// `op.limit` of what is ready: highest priority first, then in the order of
  /// queueing. All of it is the caller's to start.
  virtual std::vector<candidate> take_ready(const claim_tasks& op) = 0;
  /// When the next scheduled task is due.
  virtual std::optional<timestamp> next_due() = 0;

  /// Marks a taken task as running an attempt.
  virtual void start(const uuid& task_id, const attempt_start& start) = 0;
  /// Keeps up with a running attempt and its journal.
  virtual void advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) = 0;
  /// Ends a running attempt whose task stays: until `due`, or at once.
  virtual void put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq,
                        std::optional<timestamp> due, timestamp at)
    = 0;
  /// What a running attempt holds of its budgets.
  virtual void reserve(const uuid& task_id, const budget_amount& reserved) = 0;
  /// A task that waits has got entries in its journal; with `due` it goes on at once.
  virtual void note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) = 0;
  /// The thread has got messages from outside of the queue.
  virtual void note_history(const uuid& thread_id) = 0;

  /// Running tasks whose owner has no valid lease, a bounded number; `true` if there
  /// may be more.
  virtual std::pair<std::vector<uuid>, bool> lost(const recover_tasks& op) = 0;
};

/// Journals and conversations. A position is where an entry stands among all; it may
/// be provisional until the commit.
class journal_table {
public:
  virtual ~journal_table() = default;

  /// Appends an entry, moves `tail` on, and returns the entry's position.
  virtual std::int64_t append(journal_tail& tail, event_type type, std::string data) = 0;
  void append(journal_tail& tail, const std::vector<new_event>& events) {
    for (const auto& event : events)
      append(tail, event.type, event.data);
  }

  /// Stores messages ahead of the entries that their step appends next.
  virtual void add_messages(const journal_tail& tail, const std::vector<message_record>& messages) = 0;
  /// Makes the positions of messages survive a restart if no entry follows them.
  virtual void keep_position() = 0;
  /// Stores a message with the entry at `position`.
  virtual void add_message(const journal_tail& tail, std::int64_t position, const message_record& message) = 0;
  /// The same for one without tools, which most are.
  virtual void add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                                 std::string_view content)
    = 0;

  /// True if the thread has a message other than `task_id`'s user message.
  virtual bool has_history(const uuid& thread_id, const uuid& task_id) = 0;
  /// The task's tool calls that have no result.
  virtual std::vector<tool_call> open_calls(const uuid& thread_id, const uuid& task_id) = 0;
};

/// Task rows and those of their attempts.
class task_table {
public:
  virtual ~task_table() = default;

  virtual void insert(const task_record& task, std::int64_t last_seq) = 0;

  /// Nothing if there is no such task, or if it is deleted.
  virtual std::optional<open_task> load(const uuid& id) = 0;
  /// The same, for the holder of a fence who may know the task better than most.
  virtual std::optional<open_task> load_running(const uuid& id) { return load(id); }
  /// The whole record, also of a deleted task.
  virtual std::optional<task_record> read(const uuid& id) = 0;
  /// Where the thread's tasks are, deleted ones too; nothing if it has none.
  virtual std::optional<std::string> thread_namespace(const uuid& thread_id) = 0;

  /// A claimed task as RUNNING its attempt `attempt`.
  virtual void start(const uuid& id, int attempt, std::string_view node, timestamp at) = 0;
  /// A task that waits in the queue, PENDING, with nothing left of an earlier run.
  virtual void set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                          std::int64_t last_seq, timestamp at)
    = 0;
  /// A task that its caller runs outside of the queue: RUNNING.
  virtual void start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) = 0;
  virtual void set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) = 0;
  /// Stores `task.usage`, for a task that stays in the queue, and what it waits for.
  virtual void store_usage(const open_task& task, wait_reason waits_for, timestamp at) = 0;
  /// Stores how a task ended that has left the queue.
  virtual void finish(const open_task& task, const journal_tail& tail, const task_end& end) = 0;

  /// Stores an attempt, or how it ended if it is there already.
  virtual void put_attempt(const uuid& id, const attempt_record& attempt) = 0;
};

/// Tool calls that a person has to allow.
class approval_table {
public:
  virtual ~approval_table() = default;

  virtual std::optional<approval_record> find(const uuid& task_id, std::string_view call_id) = 0;
  virtual void put(const approval_record& approval) = 0;
  /// The first deadline among the task's pending ones; nothing if there are none.
  virtual std::optional<timestamp> first_deadline(const uuid& task_id) = 0;
  /// The task has ended: whatever is pending is closed.
  virtual void close(const uuid& task_id, timestamp at) = 0;
};

/// The budgets of bots and namespaces.
class budget_table {
public:
  virtual ~budget_table() = default;

  virtual std::optional<budget_record> find(const std::string& scope) = 0;
  virtual void put(const budget_record& budget) = 0;
  virtual void remove(const std::string& scope) = 0;
};

/// Sums of what was used.
class usage_table {
public:
  virtual ~usage_table() = default;

  /// One more attempt.
  virtual void add(usage_key key, const token_usage& usage) = 0;
};

/// Leases and nodes: who may run tasks, and who is there.
class node_table {
public:
  virtual ~node_table() = default;

  virtual outcome renew(const renew_lease& op) = 0;
  virtual outcome end(const end_lease& op) = 0;
  virtual outcome announce(const announce_node& op) = 0;
};

/// All of them.
struct store_tables {
  catalog_table& catalog;
  key_table& keys;
  queue_table& queue;
  journal_table& journal;
  task_table& tasks;
  approval_table& approvals;
  usage_table& usage;
  budget_table& budgets;
  node_table& nodes;
};

} // namespace troupe
