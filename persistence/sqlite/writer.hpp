#pragma once

#include "persistence/rules/rules.hpp"
#include "persistence/sqlite/database.hpp"
#include "persistence/sqlite/tables/approvals.hpp"
#include "persistence/sqlite/tables/budgets.hpp"
#include "persistence/sqlite/tables/catalog.hpp"
#include "persistence/sqlite/tables/journal.hpp"
#include "persistence/sqlite/tables/keys.hpp"
#include "persistence/sqlite/tables/nodes.hpp"
#include "persistence/sqlite/tables/queue.hpp"
#include "persistence/sqlite/tables/tasks.hpp"
#include "persistence/sqlite/tables/usage.hpp"
#include "persistence/store.hpp"

#include <memory>
#include <span>

/// The writing side of the SQLite store. A batch is one transaction, in which each
/// operation runs by the rules (rules.hpp). Only a failure of SQLite itself rolls back,
/// and then the batch is done in halves, down to the operation that fails. If it is the
/// file that is in trouble (a full disk, say), the batch is tried until it goes through:
/// a commit that failed has changed nothing, since SQLite shows one only when the log is
/// synced, and what lies in the log of it is overwritten by the next try.
namespace troupe {

class sqlite_writer final : public store_writer {
public:
  explicit sqlite_writer(std::shared_ptr<sqlite_file> file);
  ~sqlite_writer() override;

  committed apply(std::span<const operation> batch) override;

private:
  /// One transaction; throws if SQLite fails, with everything as before.
  committed apply_together(std::span<const operation> batch);
  /// One half after the other, each as one transaction if that works.
  committed apply_halves(std::span<const operation> batch);
  /// After `why`: tried until the file takes it, or the process ends.
  committed apply_patiently(std::span<const operation> batch, sqlite_failure why);
  /// What follows a failure of `batch`.
  committed apply_after(const std::exception& failure, std::span<const operation> batch);
  void tell(outage::word word, const sqlite_failure& why, std::span<const operation> batch) const;

  std::shared_ptr<sqlite_file> file_;
  sqlite_connection& connection_;
  sqlite_catalog catalog_;
  sqlite_keys keys_;
  sqlite_queue queue_;
  sqlite_journal journal_;
  sqlite_tasks tasks_;
  sqlite_approvals approvals_;
  sqlite_usage usage_;
  sqlite_budgets budgets_;
  sqlite_nodes nodes_;
  store_rules rules_;
  /// It was said that the process ends while the file is in trouble.
  bool gave_up_ = false;
};

/// Throws `sqlite_failure`.
std::unique_ptr<store_writer> make_sqlite_writer(std::shared_ptr<sqlite_file> file);

} // namespace troupe
