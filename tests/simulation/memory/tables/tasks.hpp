#pragma once

#include "persistence/rules/tables.hpp"
#include "tests/simulation/memory/memory_data.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The tables of tasks and attempts in memory.
namespace troupe {

class memory_tasks final : public task_table {
public:
  explicit memory_tasks(memory_data& data) : data_{data} {}

  void insert(const task_record& task, std::int64_t last_seq) override;
  std::optional<open_task> load(const uuid& id) override;
  std::optional<task_record> read(const uuid& id) override;
  std::optional<std::string> thread_namespace(const uuid& thread_id) override;
  void start(const uuid& id, int attempt, std::string_view node, timestamp at) override;
  void set_queued(const uuid& id, std::string_view bot, std::string_view bot_ns, int max_attempts,
                  std::int64_t last_seq, timestamp at) override;
  void start_by_hand(const open_task& task, std::string_view node, std::int64_t last_seq, timestamp at) override;
  void set_deleted(const uuid& id, std::int64_t last_seq, timestamp at) override;
  void store_usage(const open_task& task, wait_reason waits_for, timestamp at) override;
  void finish(const open_task& task, const journal_tail& tail, const task_end& end) override;
  void put_attempt(const uuid& id, const attempt_record& attempt) override;

private:
  memory_data& data_;
};

} // namespace troupe
