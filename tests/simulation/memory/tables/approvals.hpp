#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_data.hpp"

#include <optional>
#include <string_view>

/// The table of approvals in memory.
namespace troupe {

class memory_approvals final : public approval_table {
public:
  explicit memory_approvals(memory_data& data) : data_{data} {}

  std::optional<approval_record> find(const uuid& task_id, std::string_view call_id) override;
  void put(const approval_record& approval) override;
  std::optional<timestamp> first_deadline(const uuid& task_id) override;
  void close(const uuid& task_id, timestamp at) override;

private:
  /// Each pending one of the task, whose row `use` may change.
  template <class Use>
  void each_pending(const uuid& task_id, Use use);

  memory_data& data_;
};

} // namespace troupe
