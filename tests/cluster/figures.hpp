#pragma once

#include <chrono>
#include <string>
#include <vector>

/// Measured times, and how a test shows them.
namespace troupe {

class series {
public:
  void add(std::chrono::nanoseconds value);

  [[nodiscard]] std::size_t size() const noexcept { return milliseconds_.size(); }
  /// In milliseconds; 0 if there is none.
  [[nodiscard]] double median() const;
  [[nodiscard]] double worst() const;

private:
  std::vector<double> milliseconds_;
};

/// Prints "[ FIGURE   ] what: …" among the lines of the test, and keeps it with its result.
void show_figure(const std::string& what, const std::string& value);

/// "median 1.2 ms, worst 3.4 ms of 10".
void show_figure(const std::string& what, const series& values);

} // namespace troupe
