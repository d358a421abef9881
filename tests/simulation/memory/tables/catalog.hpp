#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_data.hpp"

#include <cstdint>
#include <map>
#include <string_view>

/// Bots and models in memory. What names stand for is looked up once for each change of the catalog.
namespace troupe {

class memory_catalog final : public catalog_table {
public:
  explicit memory_catalog(memory_data& data) : data_{data} {}

  const resolved_bot& find(std::string_view ns, std::string_view bot) override;
  bool has_budget(std::string_view ns) override;
  void budgets_changed() override {}
  outcome put(const put_bot& op) override;
  outcome put(const put_model& op) override;
  outcome remove(const delete_bot& op) override;
  outcome remove(const delete_model& op) override;

private:
  memory_data& data_;
  std::map<memory_data::name_key, resolved_bot> known_;
  /// Of the catalog, when `known_` was begun.
  std::uint64_t changes_ = 0;
};

} // namespace troupe
