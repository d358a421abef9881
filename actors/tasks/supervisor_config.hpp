#pragma once

#include "actors/clock.hpp"
#include "persistence/values/uuid.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace troupe {

/// What a task supervisor is told at its spawn.
struct supervisor_config {
  /// Tasks that run at once.
  int capacity = 10000;
  /// Recoveries of a task whose node died, before it fails.
  int max_recoveries = 5;
  /// Written to tasks and attempts.
  std::string node;
  /// The process: all its leases, one after the other, are this one's.
  uuid node_id;
  /// Whether this node runs tasks.
  bool claims = true;
  /// How long the lease lasts without renewal; it is renewed at a third. None where
  /// nobody else shares the store: it needs no renewal then.
  std::optional<std::chrono::milliseconds> lease_ttl;
  clock_function clock;
  random_function random;
};

} // namespace troupe
