#pragma once

#include "persistence/sqlite_catalog.hpp"
#include "persistence/sqlite_database.hpp"
#include "persistence/sqlite_journal.hpp"
#include "persistence/sqlite_keys.hpp"
#include "persistence/sqlite_queue.hpp"
#include "persistence/sqlite_tasks.hpp"
#include "persistence/store.hpp"

#include <memory>
#include <optional>
#include <span>

/// The writing side of the SQLite store. A batch is one transaction; each operation
/// checks first and writes then, so that one it refuses leaves nothing behind.
/// Only a failure of SQLite itself rolls back, and then each operation gets a
/// transaction of its own.
///
/// The operations stand in three files: sqlite_writer_intake.cpp (into the queue),
/// sqlite_writer_run.cpp (attempts and their ends), sqlite_writer_control.cpp (by
/// users and operators).
namespace troupe {

class sqlite_writer final : public store_writer {
public:
  explicit sqlite_writer(std::shared_ptr<sqlite_file> file);
  ~sqlite_writer() override;

  committed apply(std::span<const operation> batch) override;

private:
  // -- the batch (sqlite_writer.cpp) --------------------------------------------

  /// One transaction; throws if SQLite fails, with everything as before.
  committed apply_together(std::span<const operation> batch);
  /// A transaction for each operation.
  committed apply_apart(std::span<const operation> batch);

  // -- into the queue -------------------------------------------------------------

  outcome run(const create_task& op);
  outcome run(const enqueue_task& op);
  outcome run(const retry_task& op);
  /// Puts a task into the queue and tells it; `tail` has all that came before.
  void enqueue(const open_task& task, journal_tail& tail, const task_record& record, bool retry);

  // -- attempts -------------------------------------------------------------------

  outcome run(const claim_tasks& op);
  outcome run(const append_journal& op);
  outcome run(const complete_task& op);
  outcome run(const fail_attempt& op);
  outcome run(const release_tasks& op);
  outcome run(const recover_tasks& op);
  /// The task, if the attempt is still its holder's.
  std::optional<open_task> load_fenced(const fence& f);
  void begin_attempt(claimed_task& task, std::int64_t last_seq, bool fresh, std::string_view bot,
                     std::string_view bot_ns, const claim_tasks& op);
  /// Gives a task with a lost attempt back, or fails it; true if it goes on.
  bool recover(open_task& task, const recover_tasks& op);

  // -- by hand ----------------------------------------------------------------------

  outcome run(const cancel_task& op);
  outcome run(const set_task_status& op);
  outcome run(const delete_task& op);
  void cancel(open_task& task, journal_tail& tail, const cancel_task& op);
  void start_by_hand(open_task& task, const set_task_status& op);
  void end_by_hand(open_task& task, const set_task_status& op);

  // -- bots, models, housekeeping ---------------------------------------------------

  outcome run(const put_bot& op) { return catalog_.put(op); }
  outcome run(const delete_bot& op) { return catalog_.remove(op); }
  outcome run(const put_model& op) { return catalog_.put(op); }
  outcome run(const delete_model& op) { return catalog_.remove(op); }
  outcome run(const clean_up& op);

  /// The answer to a request seen before, or the refusal of its key.
  std::optional<outcome> replay(const std::optional<idempotency_key>& key);
  /// The task as it is now, with the key stored.
  outcome answer(const uuid& id, const std::optional<idempotency_key>& key, timestamp at);

  std::shared_ptr<sqlite_file> file_;
  sqlite_connection& connection_;
  sqlite_catalog catalog_;
  sqlite_keys keys_;
  sqlite_queue queue_;
  sqlite_journal journal_;
  sqlite_tasks tasks_;
  sqlite_statement find_ready_;
  sqlite_statement find_running_;
};

/// Throws `sqlite_failure`.
std::unique_ptr<store_writer> make_sqlite_writer(std::shared_ptr<sqlite_file> file);

/// The refusal for a task that is not there.
store_error task_not_found(const uuid& id);
/// The refusal for a status that does not allow `what`, as in "be cancelled".
store_error cannot(const uuid& id, task_status status, std::string_view what);

} // namespace troupe
