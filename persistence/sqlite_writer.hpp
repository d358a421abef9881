#pragma once

#include "persistence/rules.hpp"
#include "persistence/sqlite_approvals.hpp"
#include "persistence/sqlite_budgets.hpp"
#include "persistence/sqlite_catalog.hpp"
#include "persistence/sqlite_database.hpp"
#include "persistence/sqlite_journal.hpp"
#include "persistence/sqlite_keys.hpp"
#include "persistence/sqlite_nodes.hpp"
#include "persistence/sqlite_queue.hpp"
#include "persistence/sqlite_tasks.hpp"
#include "persistence/sqlite_usage.hpp"
#include "persistence/store.hpp"

#include <memory>
#include <span>

/// The writing side of the SQLite store. A batch is one transaction, in which each
/// operation runs by the rules (rules.hpp). Only a failure of SQLite itself rolls
/// back, and then each operation gets a transaction of its own.
namespace troupe {

class sqlite_writer final : public store_writer {
public:
  explicit sqlite_writer(std::shared_ptr<sqlite_file> file);
  ~sqlite_writer() override;

  committed apply(std::span<const operation> batch) override;

private:
  /// One transaction; throws if SQLite fails, with everything as before.
  committed apply_together(std::span<const operation> batch);
  /// A transaction for each operation.
  committed apply_apart(std::span<const operation> batch);

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
};

/// Throws `sqlite_failure`.
std::unique_ptr<store_writer> make_sqlite_writer(std::shared_ptr<sqlite_file> file);

} // namespace troupe
