#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_data.hpp"
#include "tests/simulation/memory/tables/leases.hpp"

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// The queue's table in memory.
namespace troupe {

class memory_queue final : public queue_table {
public:
  /// Without `orders_threads` each task stands for itself, which is a fault.
  memory_queue(memory_data& data, memory_leases& leases, bool orders_threads = true)
    : data_{data}, leases_{leases}, orders_threads_{orders_threads} {}

  queue_state enter(const queue_arrival& arrival) override;
  void leave(const open_task& task) override;
  std::vector<candidate> take_ready(const claim_tasks& op) override;
  std::optional<timestamp> next_due() override;
  void start(const uuid& task_id, const attempt_start& start) override;
  void advance(const uuid& task_id, std::int64_t last_seq, const attempt_progress& progress) override;
  void put_back(const uuid& task_id, const queue_entry& entry, std::int64_t last_seq, std::optional<timestamp> due,
                timestamp at) override;
  void reserve(const uuid& task_id, const budget_amount& reserved) override;
  void note_entries(const uuid& task_id, std::int64_t last_seq, bool due, timestamp at) override;
  void note_history(const uuid& thread_id) override;
  std::pair<std::vector<uuid>, bool> lost(const recover_tasks& op) override;

  // -- the batch ----------------------------------------------------------------

  /// What is to be told of it.
  struct batch_notes {
    std::optional<timestamp> earliest;
    /// The last claim has found more than it took.
    bool left_some = false;
  };

  void begin() {
    notes_ = {};
    made_ready_.clear();
  }
  [[nodiscard]] const batch_notes& notes() const noexcept { return notes_; }
  void go_back(const batch_notes& to) { notes_ = to; }
  [[nodiscard]] bool work_ready() const;
  [[nodiscard]] std::optional<timestamp> earliest_scheduled() const noexcept { return notes_.earliest; }

private:
  /// Makes ready (or blocked, behind a sibling) what has become due.
  void promote(timestamp at);
  void promote_one(const uuid& id);
  [[nodiscard]] std::vector<thread_member> members_of(const uuid& thread_id) const;
  [[nodiscard]] candidate make_candidate(const uuid& id) const;
  void set_state(const uuid& id, queue_state state);
  /// Of a task that is in `state` from now on, until `due` if it is scheduled.
  void note(const uuid& id, queue_state state, timestamp due);

  memory_data& data_;
  memory_leases& leases_;
  bool orders_threads_;
  batch_notes notes_;
  /// Those that this batch has made ready; they may be claimed since, or taken back.
  std::vector<uuid> made_ready_;
};

} // namespace troupe
