#include "tests/bench/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>

namespace troupe {

double figure::median() const {
  std::vector<double> sorted = samples;
  return percentile(sorted, 0.5);
}

bool figure::reached() const {
  return direction == goal::at_least ? median() >= aim : median() <= aim;
}

figure reference(std::string name, std::string unit, std::vector<double> samples, std::string note) {
  return {std::move(name), std::move(unit), std::move(samples), std::numeric_limits<double>::quiet_NaN(),
          goal::at_least,  std::move(note)};
}

std::vector<double> repeat(int times, const std::function<double()>& measure) {
  std::vector<double> samples;
  for (int i = 0; i < times; ++i) {
    samples.push_back(measure());
  }
  return samples;
}

double percentile(std::vector<double>& values, double part) {
  if (values.empty()) {
    return std::numeric_limits<double>::quiet_NaN();
  }
  std::sort(values.begin(), values.end());
  const auto last = static_cast<double>(values.size() - 1);
  return values[static_cast<std::size_t>(std::lround(last * part))];
}

std::string pretty(double value) {
  if (std::isnan(value)) {
    return "";
  }
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), value < 100 ? "%.2f" : "%.0f", value);
  std::string digits = text.data();
  const auto point = std::min(digits.find('.'), digits.size());
  for (auto at = point; at > 3; at -= 3) {
    digits.insert(at - 3, 1, ',');
  }
  return digits;
}

void print_table(const std::vector<figure>& figures) {
  using row = std::array<std::string, 5>;
  std::vector<row> rows{{"figure", "median", "[least .. most]", "aim", ""}};
  for (const auto& f : figures) {
    const auto [least, most] = std::minmax_element(f.samples.begin(), f.samples.end());
    row cells{f.name, pretty(f.median()) + " " + f.unit, "[" + pretty(*least) + " .. " + pretty(*most) + "]"};
    if (!std::isnan(f.aim)) {
      cells[3]
        = (f.direction == goal::at_least ? ">= " : "<= ") + pretty(f.aim) + (f.reached() ? "  reached" : "  MISSED");
    }
    cells[4] = f.note;
    rows.push_back(std::move(cells));
  }
  std::array<std::size_t, 5> widths{};
  for (const auto& cells : rows) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], cells[i].size());
    }
  }
  std::printf("\n");
  for (const auto& cells : rows) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      line += cells[i] + std::string(widths[i] + 2 - cells[i].size(), ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    std::printf("%s\n", line.c_str());
  }
  std::fflush(stdout);
}

} // namespace troupe
