#include "persistence/values/money.hpp"

#include <cmath>

namespace troupe {

double in_currency(std::int64_t cost) noexcept {
  return static_cast<double>(cost) / 1e9;
}

std::int64_t from_currency(double amount) noexcept {
  return std::llround(amount * 1e9);
}

} // namespace troupe
