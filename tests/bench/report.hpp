#pragma once

#include <functional>
#include <string>
#include <vector>

/// What was measured, and the table it is printed as.
namespace troupe {

enum class goal { at_least, at_most };

struct figure {
  std::string name;
  std::string unit;
  /// One value per repetition.
  std::vector<double> samples;
  /// What is aimed at; NaN for none: a figure to compare with.
  double aim;
  goal direction = goal::at_least;
  /// What stands beside it: a ratio, a peer.
  std::string note{};

  [[nodiscard]] double median() const;
  [[nodiscard]] bool reached() const;
};

/// A figure without an aim.
figure reference(std::string name, std::string unit, std::vector<double> samples, std::string note = {});

/// Runs `measure` `times` times and keeps what it returns.
std::vector<double> repeat(int times, const std::function<double()>& measure);

/// The value below which `part` (0 to 1) of `values` are; sorts them.
double percentile(std::vector<double>& values, double part);

/// Median, spread, aim and note of every figure.
void print_table(const std::vector<figure>& figures);

/// A number with thousands separators and as many digits as it deserves.
std::string pretty(double value);

} // namespace troupe
