#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_data.hpp"

#include <optional>
#include <string>

/// The table of idempotency keys in memory.
namespace troupe {

class memory_keys final : public key_table {
public:
  explicit memory_keys(memory_data& data) : data_{data} {}

  std::optional<seen> find(const std::string& key) override;
  void insert(const idempotency_key& key, const uuid& task_id, timestamp at) override;
  void forget(timestamp before) override;

private:
  memory_data& data_;
};

} // namespace troupe
