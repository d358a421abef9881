#include "tests/cluster/figures.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace troupe {

void series::add(std::chrono::nanoseconds value) {
  milliseconds_.push_back(std::chrono::duration<double, std::milli>{value}.count());
}

double series::median() const {
  if (milliseconds_.empty()) {
    return 0;
  }
  auto sorted = milliseconds_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

double series::worst() const {
  return milliseconds_.empty() ? 0 : *std::max_element(milliseconds_.begin(), milliseconds_.end());
}

void show_figure(const std::string& what, const std::string& value) {
  std::cout << "[ FIGURE   ] " << what << ": " << value << std::endl;
  testing::Test::RecordProperty(what, value);
}

void show_figure(const std::string& what, const series& values) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(1) << "median " << values.median() << " ms, worst " << values.worst()
       << " ms of " << values.size();
  show_figure(what, text.str());
}

} // namespace troupe
