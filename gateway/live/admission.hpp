#pragma once

#include "gateway/requests/problem.hpp"

#include <cstdint>
#include <optional>

/// Whether a node takes a request at all. That follows from what the request needs
/// and from how the node is just now, and is said before anything else of the request
/// is looked at, so that nobody waits for an answer that is known already.
namespace troupe {

/// What a request needs of the node that it has come to.
enum class need : std::uint8_t {
  /// No more than the process: every node answers.
  process,
  /// A node that serves clients.
  gateway,
  /// The same, and a store that can commit.
  commit,
  /// The same, and a node that goes on for a while: new work begins.
  new_work,
};

/// How a node is just now.
struct node_condition {
  bool serves_api = true;
  bool draining = false;
  bool store_available = true;
};

/// Why a node in this condition refuses a request with such a need; nothing if it
/// takes it.
std::optional<problem> refusal_of(need what, const node_condition& node);

} // namespace troupe
