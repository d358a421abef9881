#include "actors/toolbox/calculator.hpp"

#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

namespace troupe {

namespace {

constexpr std::size_t max_length = 1000;
constexpr int deepest_nesting = 64;

/// Recursive descent. The first error is kept and ends the reading: each step
/// after it finds the end of the text.
class calculator {
public:
  explicit calculator(std::string_view text) : text_(text) {}

  std::variant<double, calculation_error> run() {
    const double value = sum();
    skip_blanks();
    if (position_ < text_.size())
      fail_here("unexpected character");
    if (error_)
      return calculation_error{*std::move(error_)};
    // A zero without its sign: nobody expects -0.
    return value == 0 ? 0.0 : value;
  }

private:
  // -- grammar: sum → product → unary → power → primary ---

  double sum() {
    double value = product();
    for (;;) {
      if (take('+'))
        value = checked(value + product());
      else if (take('-'))
        value = checked(value - product());
      else
        return value;
    }
  }

  double product() {
    double value = unary();
    for (;;) {
      if (take('*'))
        value = checked(value * unary());
      else if (take('/'))
        value = divide(value, unary(), [](double a, double b) { return a / b; });
      else if (take('%'))
        value = divide(value, unary(), [](double a, double b) { return std::fmod(a, b); });
      else
        return value;
    }
  }

  /// All recursion passes here, so its depth is counted here.
  double unary() {
    if (++depth_ > deepest_nesting)
      fail("the expression is nested too deeply");
    double value = 0;
    if (take('-'))
      value = -unary();
    else if (take('+'))
      value = unary();
    else
      value = power();
    --depth_;
    return value;
  }

  double power() {
    const double base = primary();
    if (!take('^'))
      return base;
    const double exponent = unary();
    if (base == 0 && exponent < 0)
      fail("division by zero");
    return checked(std::pow(base, exponent));
  }

  double primary() {
    if (take('(')) {
      const double value = sum();
      if (!take(')'))
        fail_here("expected a closing parenthesis");
      return value;
    }
    return number();
  }

  double number() {
    skip_blanks();
    const auto rest = text_.substr(position_);
    double value = 0;
    // from_chars alone would take "inf" and "nan".
    if (rest.empty() || (rest.front() != '.' && (rest.front() < '0' || rest.front() > '9'))) {
      fail_here("expected a number");
      return 0;
    }
    const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), value, std::chars_format::fixed);
    if (code == std::errc::result_out_of_range)
      fail("a number is out of range");
    else if (code != std::errc{})
      fail_here("expected a number");
    else
      position_ += static_cast<std::size_t>(end - rest.data());
    return value;
  }

  // -- helpers ---

  template <class Function>
  double divide(double left, double right, Function function) {
    if (right == 0) {
      fail("division by zero");
      return 0;
    }
    return checked(function(left, right));
  }

  double checked(double value) {
    if (std::isnan(value))
      fail("the result is not a real number");
    else if (std::isinf(value))
      fail("the result is out of range");
    return value;
  }

  bool take(char c) {
    skip_blanks();
    if (position_ == text_.size() || text_[position_] != c)
      return false;
    ++position_;
    return true;
  }

  void skip_blanks() {
    while (position_ < text_.size()
           && (text_[position_] == ' ' || (text_[position_] >= '\t' && text_[position_] <= '\r')))
      ++position_;
  }

  void fail_here(const char* message) {
    if (position_ == text_.size())
      fail(std::string(message) + " at the end");
    else
      fail(std::string(message) + " at position " + std::to_string(position_ + 1));
  }

  void fail(std::string message) {
    if (!error_)
      error_ = std::move(message);
    position_ = text_.size();
  }

  std::string_view text_;
  std::size_t position_ = 0;
  int depth_ = 0;
  std::optional<std::string> error_;
};

} // namespace

std::variant<double, calculation_error> calculate(std::string_view expression) {
  if (expression.size() > max_length)
    return calculation_error{"the expression is longer than " + std::to_string(max_length) + " characters"};
  return calculator(expression).run();
}

} // namespace troupe
