#include "tests/simulation/plan.hpp"

#include <algorithm>
#include <random>
#include <sstream>

namespace troupe {

namespace {

using std::chrono::milliseconds;

/// How often a kind of step is done, per minute, and what its numbers are.
class drawer {
public:
  drawer(plan& p, std::uint64_t seed) : plan_{p}, random_{seed} {}

  std::int64_t below(std::int64_t bound) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(bound));
  }
  std::int64_t between(std::int64_t least, std::int64_t most) { return least + below(most - least + 1); }
  std::int64_t node() { return below(plan_.nodes); }
  milliseconds some_time() { return milliseconds{below(plan_.length.count())}; }

  template <class Numbers>
  void draw(double per_minute, const std::string& kind, Numbers numbers) {
    const auto expected = per_minute * static_cast<double>(plan_.length.count()) / 60'000.0;
    auto count = static_cast<int>(expected);
    if (static_cast<double>(below(1000)) / 1000.0 < expected - count)
      ++count;
    for (int i = 0; i < count; ++i) {
      const auto at = some_time();
      plan_.steps.push_back({at, kind, numbers()});
    }
  }

private:
  plan& plan_;
  std::mt19937_64 random_;
};

/// From a moment to a while beyond what a lease lasts.
std::int64_t some_length(drawer& d, milliseconds lease) {
  return d.below(3) == 0 ? d.between(10, 500) : d.between(500, 3 * lease.count());
}

} // namespace

const std::vector<std::string>& simulated_inputs() {
  static const std::vector<std::string> inputs{
    "Hello",
    "@delay=50 short",
    "@delay=1000 long",
    "@delay=6000 longer",
    "@words=20 @pace=5",
    "@words=20 @pace=300",
    R"(@tool=calculate:{"expression":"6*7"} @pace=20 one two three)",
    "@tool=now:{} @delay=100 time",
    "@tool=now:{} @tool=now:{} @delay=2000 twice",
    "@fail=1:transient @delay=20 second time",
    "@fail=2:crash third time",
    "@fail=1:permanent never",
    "@fail=99:transient never",
    "@fail=1:throttled patience",
    "far words",
    "far and away",
    "far call:never please",
    "far call:safe please",
    "far call:with_key please",
  };
  return inputs;
}

plan make_plan(std::uint64_t seed, milliseconds length) {
  plan p;
  p.seed = seed;
  p.length = length;
  drawer d{p, seed * 0x9e3779b97f4a7c15ULL + 1};
  p.nodes = static_cast<int>(d.between(3, 7));
  p.lease = milliseconds{d.below(2) == 0 ? 2000 : d.between(3000, 10'000)};
  const auto length_of = [&] { return some_length(d, p.lease); };

  // -- clients ----------------------------------------------------------------------
  d.draw(static_cast<double>(d.between(6, 60)), "task", [&] {
    return std::vector{d.below(static_cast<std::int64_t>(simulated_inputs().size())), d.below(4), d.below(8), d.node()};
  });
  d.draw(3, "cancel", [&] { return std::vector{d.below(10), d.node()}; });
  d.draw(1, "repeat", [&] { return std::vector{d.below(10), d.node()}; });
  d.draw(0.5, "delete", [&] { return std::vector{d.below(20), d.node()}; });
  d.draw(2, "follow", [&] { return std::vector{d.below(10), d.node()}; });
  d.draw(1, "hang up", [&] { return std::vector{d.below(20)}; });

  // -- faults: a run has some kinds of them, and those often ------------------------------
  const auto often = [&] { return d.below(3) == 0 ? static_cast<double>(d.between(1, 4)) : 0.0; };
  d.draw(often(), "kill", [&] { return std::vector{d.node(), length_of()}; });
  d.draw(often(), "freeze", [&] { return std::vector{d.node(), length_of()}; });
  d.draw(often(), "drain", [&] { return std::vector{d.node(), d.between(0, 3000)}; });
  d.draw(often(), "cut", [&] { return std::vector{d.node(), d.node(), length_of()}; });
  d.draw(often(), "slow", [&] { return std::vector{d.between(0, 400)}; });
  d.draw(often(), "lose database", [&] { return std::vector{d.node(), length_of()}; });
  d.draw(often(), "database away", [&] { return std::vector{length_of()}; });
  d.draw(often(), "stall", [&] { return std::vector{length_of()}; });
  d.draw(often(), "crash", [&] { return std::vector{d.node(), d.below(9)}; });
  d.draw(often(), "provider", [&] { return std::vector{d.between(1, 4), length_of()}; });
  d.draw(often(), "tools", [&] { return std::vector{d.between(1, 4), length_of()}; });
  d.draw(often() / 4, "fail over", [&] { return std::vector{length_of()}; });

  std::stable_sort(p.steps.begin(), p.steps.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return p;
}

std::string to_text(const plan& p) {
  std::ostringstream out;
  out << "seed " << p.seed << " nodes " << p.nodes << " lease " << p.lease.count() << " length " << p.length.count()
      << '\n';
  for (const auto& step : p.steps) {
    out << step.at.count() << ' ' << step.kind << ':';
    for (const auto number : step.numbers)
      out << ' ' << number;
    out << '\n';
  }
  return out.str();
}

std::optional<plan> parse_plan(std::string_view text) {
  std::istringstream in{std::string{text}};
  plan p;
  std::string word;
  std::int64_t lease = 0;
  std::int64_t length = 0;
  if (!(in >> word >> p.seed >> word >> p.nodes >> word >> lease >> word >> length))
    return std::nullopt;
  p.lease = milliseconds{lease};
  p.length = milliseconds{length};
  in >> std::ws;
  for (std::string line; std::getline(in, line);) {
    std::istringstream one{line};
    std::int64_t at = 0;
    plan_step step;
    if (!(one >> at) || !std::getline(one >> std::ws, step.kind, ':'))
      return std::nullopt;
    step.at = milliseconds{at};
    for (std::int64_t number = 0; one >> number;)
      step.numbers.push_back(number);
    p.steps.push_back(std::move(step));
  }
  return p;
}

} // namespace troupe
