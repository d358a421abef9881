#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_data.hpp"

#include <optional>
#include <string>
#include <utility>

/// The tables of budgets and of usage in memory.
namespace troupe {

class memory_budgets final : public budget_table {
public:
  explicit memory_budgets(memory_data& data) : data_{data} {}

  std::optional<budget_record> find(const std::string& scope) override {
    const auto* found = data_.budgets.find(scope);
    return found ? std::optional{*found} : std::nullopt;
  }
  void put(const budget_record& budget) override { data_.budgets.put(budget.scope, budget); }
  void remove(const std::string& scope) override { data_.budgets.remove(scope); }

private:
  memory_data& data_;
};

class memory_usage final : public usage_table {
public:
  explicit memory_usage(memory_data& data) : data_{data} {}

  void add(usage_key key, const token_usage& usage) override {
    const auto* known = data_.usage.find(key);
    auto sum = known ? *known : usage_record{};
    ++sum.attempts;
    sum.usage += usage;
    data_.usage.put(key, std::move(sum));
  }

private:
  memory_data& data_;
};

} // namespace troupe
