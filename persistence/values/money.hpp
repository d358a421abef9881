#pragma once

#include <cstdint>

/// Amounts of money: kept as whole billionths of whatever currency prices are in, shown
/// and taken as numbers of that currency. Pure.
namespace troupe {

/// `token_usage::cost` as it is shown: in units of the currency.
double in_currency(std::int64_t cost) noexcept;

/// The way back, to the nearest billionth.
std::int64_t from_currency(double amount) noexcept;

} // namespace troupe
