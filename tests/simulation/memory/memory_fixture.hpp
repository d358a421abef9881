#pragma once

#include "tests/simulation/memory/memory_server.hpp"
#include "tests/simulation/memory/store_dump.hpp"
#include "tests/store/store_fixture.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

/// Several processes on one database in memory, on a clock that the test turns.
namespace troupe {

using namespace std::chrono_literals;

class memory_fixture : public testing::Test {
protected:
  /// A process that has the database open.
  struct process {
    process(memory_fixture& ground, std::string its_name, uuid node_id, uuid lease)
      : test{ground}, name{std::move(its_name)}, id{node_id}, owner{lease} {
      open();
    }

    /// Ends the process, and begins another with the same identifiers.
    void open() {
      reader.reset();
      writer.reset();
      db.reset();
      db = test.server.open([this] { return std::chrono::steady_clock::time_point{test.clock.time_since_epoch()}; });
      writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
      reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
    }

    template <class Op>
    outcome apply(Op op) {
      const operation one{std::move(op)};
      last = writer->apply(std::span{&one, 1});
      return last.outcomes.at(0);
    }
    template <class Op>
    typename Op::result_type must(Op op) {
      return value_of<typename Op::result_type>(apply(std::move(op)));
    }
    [[nodiscard]] renew_lease make_renewal(bool first = false, std::chrono::milliseconds ttl = 10s) const {
      return {owner, id, name, ttl, first};
    }
    void take_lease(std::chrono::milliseconds ttl = 10s) { must(make_renewal(true, ttl)); }
    lease_state renew() { return must(make_renewal()); }
    std::vector<claimed_task> claim(int limit = 100) { return must(claim_tasks{owner, name, limit, test.clock}).tasks; }
    /// How many tasks it has taken over.
    int recover(std::vector<uuid> suspects = {}) {
      return must(recover_tasks{5, test.clock, std::move(suspects)}).requeued;
    }
    [[nodiscard]] complete_task make_completion(const claimed_task& task) const {
      complete_task op;
      op.fence = {task.id, task.attempt, owner};
      op.output = "by " + name;
      op.at = test.clock;
      return op;
    }
    task_record task(const uuid& task_id) { return value_of<task_record>(reader->get_task(task_id)); }

    memory_fixture& test;
    std::string name;
    uuid id;
    uuid owner;
    std::shared_ptr<database> db;
    std::unique_ptr<store_writer> writer;
    std::unique_ptr<store_reader> reader;
    committed last;
  };

  std::unique_ptr<process> join(std::string name) {
    return std::make_unique<process>(*this, std::move(name), make_uuid(), make_uuid());
  }

  [[nodiscard]] create_task make_task(std::string input = "hello") const {
    create_task op;
    op.task.id = op.task.thread_id = make_uuid();
    op.task.name = "a task";
    op.task.ns = op.task.bot = op.task.bot_ns = "default";
    op.task.created_by = "alice";
    op.task.input = std::move(input);
    op.task.created_at = clock;
    op.execute = true;
    return op;
  }
  uuid execute(process& by) { return by.must(make_task()).task.id; }

  void advance(std::chrono::microseconds by) { clock += by; }

  timestamp clock = *parse_rfc3339("2026-01-31T12:00:00Z");
  memory_server server{[this] { return clock; }};
};

} // namespace troupe
