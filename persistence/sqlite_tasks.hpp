#pragma once

#include "persistence/operations.hpp"
#include "persistence/sqlite_journal.hpp"
#include "persistence/sqlite_queue.hpp"
#include "persistence/sqlite_statement.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Task rows as the writer changes them, and the one way in which a task ends.
namespace troupe {

/// What the writer needs to know of a task to change it.
struct open_task {
  std::shared_ptr<const event_source> source;
  std::string name;
  task_status status = task_status::pending;
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

/// How one attempt ended.
struct attempt_end {
  attempt_outcome outcome = attempt_outcome::completed;
  std::optional<std::string_view> error;
  std::optional<error_class> kind;
  /// What the caller knows; more of it may be stored already.
  token_usage usage;
};

/// How a task ends.
struct task_end {
  task_status status = task_status::completed;
  std::optional<std::string_view> output;
  std::optional<std::string_view> error;
  std::optional<error_class> kind;
  /// Tell the end of the chat (`chat:error`, `chat:cancelled`) too.
  bool ends_chat = false;
};

class sqlite_tasks {
public:
  sqlite_tasks(sqlite_connection& connection, sqlite_queue& queue, sqlite_journal& journal);

  void insert(const task_record& task, std::int64_t last_seq);

  /// Nothing if there is no such task, or if it is deleted.
  std::optional<open_task> load(const uuid& id);
  /// The whole record, also of a deleted task.
  std::optional<task_record> read(const uuid& id);
  /// Where the thread's tasks are, deleted ones too; nothing if it has none.
  std::optional<std::string> thread_namespace(const uuid& thread_id);

  /// A claimed task as RUNNING its attempt `attempt`.
  void start(const uuid& id, int attempt, std::string_view node, timestamp at);
  /// A task that waits in the queue, PENDING, with nothing left of an earlier run.
  void set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                  std::int64_t last_seq, timestamp at);
  /// A task that its caller runs outside of the queue: RUNNING, with an open attempt.
  void start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at);
  void set_deleted(const uuid& id, std::int64_t last_seq, timestamp at);

  /// Closes the attempt under way and adds its usage to the task; `task.usage` holds
  /// the new sum, which the caller stores with the task's next change.
  void close_attempt(open_task& task, const attempt_end& end, timestamp at);
  /// Stores the sum, for a task that stays in the queue.
  void store_usage(const open_task& task, timestamp at);

  /// Ends a task whose attempt, if any, is closed: out of the queue, open tool calls
  /// sealed, the final message if it completed with an output, the last entries.
  void finish(const open_task& task, journal_tail& tail, const task_end& end);

private:
  void append_end(const open_task& task, journal_tail& tail, const task_end& end);

  sqlite_queue& queue_;
  sqlite_journal& journal_;
  sqlite_statement insert_;
  sqlite_statement load_;
  sqlite_statement read_;
  sqlite_statement find_thread_;
  sqlite_statement start_;
  sqlite_statement set_queued_;
  sqlite_statement start_by_hand_;
  sqlite_statement set_deleted_;
  sqlite_statement close_attempt_;
  sqlite_statement store_usage_;
  sqlite_statement finish_;
};

} // namespace troupe
