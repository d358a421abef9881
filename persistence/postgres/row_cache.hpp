#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/rows/queue_columns.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

/// The rows of `tasks`, `queue` and `threads` that a batch has read and will write.
///
/// Nothing is locked meanwhile. Each row that is changed is named with the `rev` it was
/// read with, and if it has another one by then the whole batch is void (`pg_conflict`)
/// and done again from fresh rows. Rows of tasks that this writer has claimed are kept
/// from batch to batch, since nobody else changes them in the ordinary course: an
/// execution's writes need no reading at all.
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

  /// Changes the state of its queue row, which is there.
  void put_state(queue_state state) noexcept;
};

/// Columns of `tasks`, in the order in which they are read.
inline constexpr auto pg_task_row
  = std::tuple_cat(within(&pg_row::record, columns<task_record>), std::tuple{
                                                                    always("last_seq", &pg_row::last_seq),
                                                                    never("rev", &pg_row::rev),
                                                                    later("deleted_at", &pg_row::deleted_at),
                                                                  });

/// Columns of `queue`, behind those that both databases have.
inline constexpr auto pg_queue_place = std::tuple{
  always("attempt", &pg_queue_row::attempt),
  once("priority", &pg_queue_row::priority),
  always("last_seq", &pg_queue_row::last_seq),
  never("order_no", &pg_queue_row::order_no),
  always("due_at", &pg_queue_row::due_at),
  always("alone", &pg_queue_row::alone),
  once("attempts_before", &pg_queue_row::attempts_before),
};
inline constexpr auto pg_whole_queue_row
  = std::tuple_cat(within(&pg_queue_row::entry, columns<queue_entry>), pg_queue_place);

/// Columns of `tasks` named `t` and `queue` named `q`, as `pg_row_cache::take` takes them.
const std::string& pg_row_columns();

/// A thread of more than one task, as far as the queue goes.
struct pg_thread {
  struct member {
    uuid id;
    /// 0 if it is not stored yet: behind all others.
    std::int64_t order_no = 0;
  };
  std::int64_t rev = 0;
  bool changed = false;
  /// Active and blocked members, in the order of queueing; perhaps not all blocked.
  std::vector<member> members;

  [[nodiscard]] bool has(const uuid& id) const noexcept;
  void remove(const uuid& id);
};

class pg_row_cache {
public:
  /// What is kept of claimed tasks is forgotten: another server may have them otherwise, under the same revision.
  void use(pg_connection& connection) noexcept {
    connection_ = &connection;
    claimed_.clear();
  }

  // -- rows -------------------------------------------------------------------------

  /// The task's row in this batch; null if there is none. Of a task that this writer has
  /// claimed it may lack the long texts.
  pg_row* find(const uuid& id);
  /// The same with all columns.
  pg_row* find_whole(const uuid& id);
  /// One that is in this batch already.
  pg_row& at(const uuid& id) { return rows_.at(id); }
  /// Its queue row, which is there and is to be changed.
  pg_queue_row& change_queue(const uuid& id);
  /// All of this batch.
  [[nodiscard]] std::map<uuid, pg_row>& all() noexcept { return rows_; }
  /// Its row is kept from an earlier batch.
  [[nodiscard]] bool is_claimed(const uuid& id) const { return claimed_.contains(id); }

  /// Reads those of the tasks that are there.
  void read(const std::vector<uuid>& ids);
  /// Forgets what is kept of the tasks, and reads them.
  void read_again(const std::vector<uuid>& ids);
  /// The current row of a query for `pg_row_columns`.
  static pg_row take(pg_rows& rows);

  // -- threads ----------------------------------------------------------------------

  /// A thread as the batch has left it, with the rows of its members.
  pg_thread& thread(const uuid& id);
  /// Null if this batch has not looked at it.
  pg_thread* known_thread(const uuid& id);
  /// Those that are in the queue, in the order of queueing.
  [[nodiscard]] std::vector<thread_member> members_of(const pg_thread& thread) const;

  // -- the batch --------------------------------------------------------------------

  [[nodiscard]] bool is_dirty() const noexcept;
  /// There is work that a claim would find once this batch is written.
  [[nodiscard]] bool has_made_ready() const noexcept;
  /// Appends the statements that write what was changed.
  void write(std::string& sql);
  /// It is written. Rows of tasks that run for `owner` are kept.
  void commit(const uuid& owner);
  /// It is not, and what the batch has touched is forgotten.
  void roll_back();

private:
  /// Stores in `thread` who is in the queue; throws `pg_conflict` if rows of this batch tell otherwise.
  void read_members(const uuid& id, pg_thread& thread);
  /// What this batch has taken out of the queue before it looked, or put in.
  void merge_members(const uuid& id, pg_thread& thread);

  // -- writing (row_writes.cpp) -----------------------------------------------------

  void write_threads(std::string& sql);
  void write_tasks(std::string& sql);
  void write_queue(std::string& sql);

  pg_connection* connection_ = nullptr;
  /// Kept from batch to batch.
  std::unordered_map<uuid, pg_row> claimed_;
  // -- of this batch; ordered, so that rows are always changed in one order
  std::map<uuid, pg_row> rows_;
  std::map<uuid, pg_thread> threads_;
};

} // namespace troupe
