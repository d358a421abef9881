#pragma once

#include "tests/store/store_fixture.hpp"

#include <atomic>
#include <functional>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <thread>

/// Several nodes on one PostgreSQL database.
namespace troupe {

using namespace std::chrono_literals;

class postgres_fixture : public store_fixture {
protected:
  /// Another process on the same database.
  struct node {
    explicit node(const std::string& url)
      : db{value_of<std::shared_ptr<database>>(open_database(url))}, writer{value_of<std::unique_ptr<store_writer>>(
                                                                       db->open_writer())},
        reader{value_of<std::unique_ptr<store_reader>>(db->open_reader())} {}

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
    std::vector<claimed_task> claim(int limit = 100) { return must(claim_tasks{owner, "node", limit, now()}).tasks; }
    void take_lease(std::chrono::milliseconds ttl = 10s) { must(renew_lease{owner, id, "node", ttl, true}); }
    [[nodiscard]] fence fence_of(const claimed_task& task) const { return {task.id, task.attempt, owner}; }

    std::shared_ptr<database> db;
    std::unique_ptr<store_writer> writer;
    std::unique_ptr<store_reader> reader;
    uuid id = make_uuid();
    uuid owner = make_uuid();
    committed last;
  };

  std::unique_ptr<node> join() { return std::make_unique<node>(place->url()); }

  /// Runs SQL beside everybody else, as an operator might.
  std::string sql(const std::string& text) {
    pqxx::connection connection{place->url()};
    pqxx::nontransaction work{connection};
    work.exec("SET search_path = troupe");
    const auto rows = work.exec(text);
    return rows.empty() ? "" : rows[0][0].c_str();
  }

  /// Ends the sessions of every node, as a failover would.
  void cut_all() {
    sql("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
        "AND application_name = 'troupe' AND datname = current_database()");
  }

  /// Somebody who cuts all nodes off again and again while `work` runs. Each step that `work` says to be done may be
  /// cut a few times and no more: however slow the machine is, it comes through in the end.
  void under_cuts(const std::function<void(std::atomic<int>& steps)>& work) {
    constexpr int cuts_per_step = 4;
    std::atomic<bool> finished{false};
    std::atomic<int> steps{0};
    std::thread operator_{[&] {
      while (!finished) {
        const int step = steps;
        for (int cuts = 0; cuts < cuts_per_step && steps == step && !finished; ++cuts)
          cut_all();
        while (steps == step && !finished)
          std::this_thread::yield();
      }
    }};
    work(steps);
    finished = true;
    operator_.join();
  }

  /// Journal of a task: its numbers must be 1, 2, 3…
  void expect_whole_journal(const uuid& id) {
    std::int64_t expected = 0;
    int ends = 0;
    for (const auto& event : journal(id)) {
      EXPECT_EQ(event.seq, ++expected) << id.to_string();
      ends += is_terminal(event.type) ? 1 : 0;
    }
    EXPECT_EQ(ends, 1) << id.to_string() << ": " << story(id);
  }
};

/// The kinds of databases that several nodes can share.
inline std::vector<database_kind> postgres_only() {
  auto kinds = database_kinds();
  std::erase_if(kinds, [](const auto& kind) { return kind.name != "Postgres"; });
  return kinds;
}

/// Runs the suite's tests on those.
#define TROUPE_ON_SHARED_DATABASES(suite)                                                                              \
  INSTANTIATE_TEST_SUITE_P(Only, suite, testing::ValuesIn(postgres_only()),                                            \
                           [](const auto& kind) { return kind.param.name; })

} // namespace troupe
