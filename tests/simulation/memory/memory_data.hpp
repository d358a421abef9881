#pragma once

#include "persistence/records.hpp"
#include "tests/simulation/memory/indexes.hpp"
#include "tests/simulation/memory/memory_table.hpp"
#include "tests/simulation/memory/rows.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// All tables of the in-memory store, and their way back.
namespace troupe {

class memory_data {
private:
  change_counter changes_;

public:
  /// With what makes a fresh database answer its first request.
  explicit memory_data(timestamp made_at);

  /// By namespace and name.
  using name_key = std::pair<std::string, std::string>;

  hashed_table<uuid, memory_task, task_index> tasks{changes_};
  hashed_table<uuid, memory_queued, queue_index> queue{changes_};
  /// By task and number.
  memory_table<std::pair<uuid, int>, attempt_record> attempts{changes_};
  /// By position, as messages are.
  memory_table<std::int64_t, event_record, event_index> events{changes_};
  hashed_table<std::int64_t, memory_message, message_index> messages{changes_};
  memory_table<approval_index::key, approval_record, approval_index> approvals{changes_};
  memory_table<name_key, bot_record, change_tally> bots{changes_};
  memory_table<name_key, model_record, change_tally> models{changes_};
  hashed_table<std::string, memory_key, key_index> keys{changes_};
  hashed_table<std::string, budget_record> budgets{changes_};
  memory_table<usage_key, usage_record> usage{changes_};
  memory_table<uuid, memory_lease> leases{changes_};
  memory_table<uuid, node_record> nodes{changes_};
  memory_table<int, memory_counters> counters{changes_};

  [[nodiscard]] const memory_counters& counted() const { return *counters.find(0); }
  template <class Change>
  void count(Change change) {
    counters.edit(0, change);
  }

  // -- the way back ---------------------------------------------------------------

  /// Of the latest change.
  [[nodiscard]] std::uint64_t last_change() const noexcept { return changes_.last(); }
  /// Shows everything as it was after change `number`, until `replay`.
  void rewind(std::uint64_t number);
  void replay();
  /// What is behind change `number` never was.
  void undo(std::uint64_t number);
  /// Nobody goes back to before change `number` any more.
  void forget(std::uint64_t number);

private:
  std::vector<undoable_table*> all_{&tasks,  &queue, &attempts, &events, &messages, &approvals, &bots,
                                    &models, &keys,  &budgets,  &usage,  &leases,   &nodes,     &counters};
};

} // namespace troupe
