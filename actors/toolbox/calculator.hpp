#pragma once

#include <string>
#include <string_view>
#include <variant>

namespace troupe {

struct calculation_error {
  /// What is wrong, without a full stop; no part of the expression is in it.
  std::string message;
};

/// Evaluates an arithmetic expression in double precision: decimals (`1`, `.5`,
/// `2.75`), `+ - * / %` (remainder with the sign of the dividend), `^` (right
/// associative, binds tighter than a minus before it: `-2^2` is -4), unary plus and
/// minus, parentheses, whitespace. At most 1000 characters, nested at most 64 deep.
/// The result is finite.
std::variant<double, calculation_error> calculate(std::string_view expression);

} // namespace troupe
