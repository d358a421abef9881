#pragma once

#include "persistence/rules/rules.hpp"
#include "persistence/store.hpp"
#include "tests/simulation/memory/memory_state.hpp"
#include "tests/simulation/memory/tables/approvals.hpp"
#include "tests/simulation/memory/tables/catalog.hpp"
#include "tests/simulation/memory/tables/journal.hpp"
#include "tests/simulation/memory/tables/keys.hpp"
#include "tests/simulation/memory/tables/nodes.hpp"
#include "tests/simulation/memory/tables/queue.hpp"
#include "tests/simulation/memory/tables/spending.hpp"
#include "tests/simulation/memory/tables/tasks.hpp"

#include <cstdint>
#include <memory>
#include <span>

/// The writing side of the in-memory store: each operation runs by the rules, and one that throws is taken back alone.
namespace troupe {

class memory_writer final : public store_writer {
public:
  /// With the server's lock held.
  explicit memory_writer(std::shared_ptr<memory_process> process);
  ~memory_writer() override;

  committed apply(std::span<const operation> batch) override;

private:
  outcome apply_one(const operation& op);
  /// See `memory_faults`.
  [[nodiscard]] operation with_faults(operation op) const;

  std::shared_ptr<memory_process> process_;
  memory_state& state_;
  /// Of the server's, those that this writer has noticed.
  std::uint64_t failovers_;
  memory_leases leases_;
  memory_catalog catalog_;
  memory_keys keys_;
  memory_queue queue_;
  memory_journal journal_;
  memory_tasks tasks_;
  memory_approvals approvals_;
  memory_usage usage_;
  memory_budgets budgets_;
  memory_nodes nodes_;
  store_rules rules_;
};

} // namespace troupe
