#pragma once

#include "persistence/rules/tables.hpp"

#include <map>
#include <utility>

/// What one batch adds to the sums of usage.
namespace troupe {

class usage_sums {
public:
  void add(usage_key key, const token_usage& usage) {
    auto& sum = sums_[std::move(key)];
    ++sum.attempts;
    sum.usage += usage;
  }
  void clear() { sums_.clear(); }
  /// In the order of their keys, so that whoever changes several of these rows does so
  /// in the same order as everybody else.
  [[nodiscard]] const std::map<usage_key, usage_record>& all() const noexcept { return sums_; }

private:
  std::map<usage_key, usage_record> sums_;
};

} // namespace troupe
