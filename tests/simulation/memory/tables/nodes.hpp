#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_state.hpp"
#include "tests/simulation/memory/tables/leases.hpp"

#include <vector>

/// Nodes in memory.
namespace troupe {

/// Those that were heard of lately, by name, as they are at the server's time; `data` is the server's, as it is looked
/// at.
std::vector<node_record> known_nodes(const memory_state& state);

class memory_nodes final : public node_table {
public:
  memory_nodes(memory_state& state, memory_leases& leases) : state_{state}, leases_{leases} {}

  outcome renew(const renew_lease& op) override { return leases_.renew(op); }
  outcome end(const end_lease& op) override { return leases_.end(op); }
  outcome announce(const announce_node& op) override;

private:
  void note(const node_record& node);
  void forget_lost(const std::vector<node_record>& known);

  memory_state& state_;
  memory_leases& leases_;
};

} // namespace troupe
