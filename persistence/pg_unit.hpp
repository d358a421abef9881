#pragma once

#include "persistence/pg_connection.hpp"
#include "persistence/store.hpp"
#include "persistence/tables.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// A unit of work: the tables of tasks, queue, journal and keys as one batch sees
/// them. What the rules read is read from PostgreSQL and kept; what they write stays
/// here, over what was read, until `write` has all of it in one round trip.
///
/// Nothing is locked meanwhile. Each row that is changed is named with the `rev` it
/// was read with, and if it has another one by then the whole batch is void
/// (`pg_conflict`) and done again from fresh rows. Rows of tasks that this writer has
/// claimed are kept from batch to batch, since nobody else changes them in the
/// ordinary course: an execution's writes need no reading at all.
///
/// In four files: pg_unit.cpp (rows and the batch), pg_unit_queue.cpp,
/// pg_unit_tasks.cpp (with journal and keys), pg_unit_write.cpp.
namespace troupe {

/// A row of `queue`, and what is to become of it.
struct pg_queue_row {
  queue_entry entry;
  int attempt = 0;
  int priority = 0;
  std::int64_t last_seq = 0;
  /// 0 for a row that is not stored yet: behind all others.
  std::int64_t order_no = 0;
  timestamp due_at{};
  bool alone = false;
  /// Before this run.
  int attempts_before = 0;
  /// Ready for the first time, at plain priority: to be found by `ready_no`.
  bool plain = false;
};

/// A task as it was read and as the batch has changed it.
struct pg_row {
  /// Columns of `tasks`; of a claimed task the long texts are left out.
  task_record record;
  bool whole = false;
  std::int64_t last_seq = 0;
  int rev = 0;
  bool deleted = false;
  std::optional<timestamp> deleted_at;
  std::optional<pg_queue_row> queue;
  /// Known to a claim: something was said before.
  bool has_history = false;

  // -- what the batch has done with it
  bool is_new = false;
  bool changed = false;
  /// There was a queue row when the batch began.
  bool was_queued = false;
  /// It is stored as ready, so that a claim meets it there.
  bool was_ready = false;
  bool queue_changed = false;
  int queue_rev = 0;
};

class pg_unit final : public key_table, public queue_table, public journal_table, public task_table {
public:
  /// The connection may be replaced between batches; `connection` is then set anew.
  explicit pg_unit(uuid writer) : writer_{writer} {}

  // -- the batch (pg_unit.cpp) ----------------------------------------------------

  void use(pg_connection& connection) noexcept { connection_ = &connection; }
  /// Begins a batch: reads ahead what its operations will ask for.
  void begin(std::span<const operation> batch);
  /// True if there is anything to write.
  [[nodiscard]] bool is_dirty() const noexcept;
  /// Appends the statements that write the batch.
  void write(std::string& sql);
  /// Appends the last one, which makes the batch number `number` of this writer. Its
  /// result is the position before the batch's first.
  void write_note(std::string& sql, std::int64_t number, timestamp at);
  /// The batch is on disk, with positions behind `first`.
  void commit(committed& result, std::int64_t first);
  /// Nothing of the batch was written; what it touched is forgotten.
  void roll_back();

  // -- keys -------------------------------------------------------------------------

  std::optional<seen> find(const std::string& key) override;
  void insert(const idempotency_key& key, const uuid& task_id, timestamp at) override;
  void forget(timestamp before) override;

  // -- the queue (pg_unit_queue.cpp) --------------------------------------------------

  queue_state enter(const queue_arrival& arrival) override;
  void leave(const open_task& task) override;
  std::vector<candidate> take_ready(const claim_tasks& op) override;
  std::optional<timestamp> next_due() override { return next_due_; }
  void start(const uuid& task_id, const attempt_start& start) override;
  void advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) override;
  void put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq, std::optional<timestamp> due,
                timestamp at) override;
  void reserve(const uuid& task_id, const budget_amount& reserved) override;
  void note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) override;
  void note_history(const uuid& thread_id) override;
  std::pair<std::vector<uuid>, bool> lost(const recover_tasks& op) override;

  // -- the journal (pg_unit_tasks.cpp) --------------------------------------------------

  using journal_table::append;
  std::int64_t append(journal_tail& tail, event_type type, std::string data) override;
  void add_messages(const journal_tail& tail, const std::vector<message_record>& messages) override;
  void keep_position() override {}
  void add_message(const journal_tail& tail, std::int64_t position, const message_record& message) override;
  void add_plain_message(const journal_tail& tail, std::int64_t position, message_role role,
                         std::string_view content) override;
  bool has_history(const uuid& thread_id, const uuid& task_id) override;
  std::vector<tool_call> open_calls(const uuid& thread_id, const uuid& task_id) override;

  // -- tasks ------------------------------------------------------------------------

  void insert(const task_record& task, std::int64_t last_seq) override;
  std::optional<open_task> load(const uuid& id) override;
  std::optional<open_task> load_running(const uuid& id) override;
  std::optional<task_record> read(const uuid& id) override;
  std::optional<std::string> thread_namespace(const uuid& thread_id) override;
  void start(const uuid& id, int attempt, std::string_view node, timestamp at) override;
  void set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                  std::int64_t last_seq, timestamp at) override;
  void start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) override;
  void set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) override;
  void store_usage(const open_task& task, wait_reason waits_for, timestamp at) override;
  void finish(const open_task& task, const journal_tail& tail, const task_end& end) override;
  void put_attempt(const uuid& id, const attempt_record& attempt) override;

private:
  /// A thread of more than one task, as far as the queue goes.
  struct thread_view {
    struct member {
      uuid id;
      std::int64_t order_no = 0;
    };
    std::int64_t rev = 0;
    bool changed = false;
    /// Active and blocked members, in the order of queueing; perhaps not all blocked.
    std::vector<member> members;
  };

  // -- rows -------------------------------------------------------------------------

  /// The task's row in this batch; null if there is none. With `whole`, all columns.
  pg_row* row(const uuid& id, bool whole);
  pg_row& must(const uuid& id) { return rows_.at(id); }
  void read_rows(const std::vector<uuid>& ids);
  pg_row take_row(pg_rows& rows);
  pg_queue_row& change_queue(const uuid& id);
  thread_view& thread(const uuid& id);
  [[nodiscard]] static open_task open(const pg_row& r);

  // -- the queue's inner life ---------------------------------------------------------

  void put_state(pg_row& r, queue_state state);
  std::vector<thread_member> members_of(const thread_view& view);
  void promote(timestamp at);
  void reserve(const claim_tasks& op, std::vector<candidate>& out);
  /// Takes a row in that was reserved; null if this batch has other plans with it.
  const pg_row* put_reserved(pg_row stored);
  void take_new(const claim_tasks& op, std::vector<candidate>& out);
  void take_back_leftovers(const claim_tasks& op);
  [[nodiscard]] candidate make_candidate(const pg_row& r, bool fresh) const;
  /// This very batch has given the task's thread a message other than its user message.
  [[nodiscard]] bool has_staged_history(const task_record& task) const;
  void note_due(timestamp due);
  void join_thread(const uuid& thread_id);

  // -- writing (pg_unit_write.cpp) ----------------------------------------------------

  void write_threads(std::string& sql);
  void write_tasks(std::string& sql);
  void write_queue(std::string& sql);
  void write_attempts_and_keys(std::string& sql);
  void write_journal(std::string& sql);

  struct staged_message {
    uuid thread_id;
    std::int64_t position = 0;
    message_record message;
  };
  struct staged_attempt {
    uuid task_id;
    attempt_record attempt;
  };
  struct staged_key {
    idempotency_key key;
    uuid task_id;
    timestamp at{};
  };

  uuid writer_;
  pg_connection* connection_ = nullptr;

  // -- kept from batch to batch
  std::unordered_map<uuid, pg_row> claimed_;
  /// Who claims through this writer; one at a time.
  uuid owner_;
  /// Tasks may be reserved that nobody will be told of.
  bool leftovers_ = false;
  /// This batch has reserved tasks.
  bool reserved_ = false;
  /// When the next scheduled task is due, as far as this writer knows.
  std::optional<timestamp> next_due_;
  bool due_known_ = false;
  std::chrono::steady_clock::time_point promoted_at_{};
  /// Plainly ready tasks up to here were claimed at least a while ago: see `reserve`.
  std::int64_t ready_floor_ = 0;
  std::int64_t next_floor_ = 0;
  std::int64_t highest_ready_ = 0;
  std::chrono::steady_clock::time_point floor_moved_{};
  std::chrono::steady_clock::time_point looked_below_{};

  // -- of this batch; ordered, so that rows are always changed in one order
  std::map<uuid, pg_row> rows_;
  std::map<uuid, thread_view> threads_;
  std::map<std::string, std::optional<seen>> seen_keys_;
  std::vector<event_record> events_;
  std::vector<staged_message> messages_;
  std::vector<staged_attempt> attempts_;
  std::vector<staged_key> keys_;
  std::int64_t ordinal_ = 0;
  bool left_some_ = false;
  std::optional<timestamp> earliest_;
};

} // namespace troupe
