#pragma once

#include "tests/e2e/server_process.hpp"
#include "tests/providers/needs.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// The npm package eventsource (tests/providers/package.json) on Node.js: a browser's
/// EventSource by others. It comes back by itself after its connection was lost, and never
/// after an answer with another status than 200. `./dev test` installs it.
namespace troupe {

class event_source_client {
public:
  /// Empty if it can run here, otherwise a sentence that says what is missing.
  static std::string missing();

  /// Follows `target` on `port` until the task's run has ended.
  event_source_client(std::uint16_t port, const std::string& target);

  /// Waits until it has opened (`open`), lost its connection (`lost`), given up (`closed`),
  /// or seen the end (`finished`) for the n-th time. Throws if it does not.
  void wait_for(const std::string& state, int times = 1);

  /// How often it has come to this state.
  [[nodiscard]] int count(const std::string& state) const;

  /// The events' data, in the order in which they came. Each `id` is the number of its event.
  [[nodiscard]] std::vector<nlohmann::json> events() const;

  [[nodiscard]] std::string output() const { return process_.output(); }

private:
  [[nodiscard]] std::vector<nlohmann::json> lines() const;

  child_process process_;
};

} // namespace troupe
