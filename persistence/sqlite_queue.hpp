#pragma once

#include "persistence/records.hpp"
#include "persistence/sqlite_connection.hpp"
#include "persistence/sqlite_statement.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The queue: a small table with a row for each task that waits or runs. At most
/// one task of a thread is *active* (ready, running, or held between attempts);
/// its siblings are blocked behind it or wait for their time. So whatever is
/// ready may be claimed, and when an active task leaves, the sibling queued first
/// takes its place.
namespace troupe {

/// What a row waits for. The numbers are stored.
enum class queue_state : std::uint8_t {
  /// Due; waits for a node with capacity.
  ready = 0,
  /// An attempt runs.
  running = 1,
  /// Due; waits for the active task of its thread to leave.
  blocked = 2,
  /// Waits for `due_at`.
  scheduled = 3,
};

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
  /// Of the running attempt, so far.
  token_usage usage;

  [[nodiscard]] bool is_active() const noexcept {
    return held || state == queue_state::ready || state == queue_state::running;
  }
};

/// Columns of `queue` named `q`, as `take_queue_entry` takes them.
inline constexpr const char* queue_columns = "q.state, q.held, q.owner, q.node, q.started_at, q.charged, q.throttled, "
                                             "q.recoveries, q.called, q.input_tokens, q.output_tokens";
/// None if the first column is NULL, as in an outer join.
std::optional<queue_entry> take_queue_entry(sqlite_rows& row);

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

class sqlite_queue {
public:
  explicit sqlite_queue(sqlite_connection& connection);

  queue_state enter(const queue_arrival& arrival);

  /// Takes a task out; if it was active, its thread's next task becomes ready.
  void leave(const uuid& task_id, const uuid& thread_id, bool was_active);

  /// Makes ready (or blocked, behind a sibling) what has become due.
  void promote(timestamp at);

  /// Marks a ready task as running its attempt `attempt`.
  void start(const uuid& task_id, int attempt, std::int64_t last_seq, const uuid& owner, std::string_view node,
             timestamp at);

  /// Keeps up with a running attempt: its journal, its usage, whether it called tools.
  void advance(const uuid& task_id, std::int64_t last_seq, const token_usage& usage, bool called);

  /// Ends a running attempt whose task stays: until `due`, or at once.
  void put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq, std::optional<timestamp> due,
                timestamp at);

  /// The thread has got messages from outside of the queue.
  void note_history(const uuid& thread_id);

  /// When the next scheduled task is due.
  std::optional<timestamp> next_due();
  /// There is something to claim.
  bool any_ready();

  // -- the batch ----------------------------------------------------------------

  void begin() noexcept { earliest_.reset(); }
  /// The earliest time that a task was queued for since `begin`.
  [[nodiscard]] std::optional<timestamp> earliest_scheduled() const noexcept { return earliest_; }

private:
  bool has_active_sibling(const uuid& task_id, const uuid& thread_id);
  void set_state(const uuid& task_id, queue_state state);
  void note_due(timestamp due);

  /// Grows with each arrival. A rollback may leave a gap, which orders as well.
  std::int64_t order_;
  std::optional<timestamp> earliest_;
  sqlite_statement insert_;
  sqlite_statement delete_;
  sqlite_statement find_active_;
  sqlite_statement find_blocked_;
  sqlite_statement set_state_;
  sqlite_statement promote_held_;
  sqlite_statement find_due_;
  sqlite_statement start_;
  sqlite_statement advance_;
  sqlite_statement put_back_;
  sqlite_statement note_history_;
  sqlite_statement next_due_;
  sqlite_statement any_ready_;
};

} // namespace troupe
