#pragma once

#include "persistence/operations.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/world.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// Simulated clients: they ask at some process, and where no answer comes they ask again at another one, with the same
/// idempotency key, until they know. What they know at the end is held against the database.
namespace troupe {

/// A task whose creation was acknowledged.
struct known_task {
  uuid id;
  uuid thread_id;
  std::string key;
  std::string input;
  std::string created_by;
  /// Not to begin before.
  std::optional<timestamp> run_at;
};

class clients {
public:
  /// `choose` gives a process to ask, or null; the number is the client's wish.
  clients(world& w, std::function<process*(std::int64_t)> choose) : world_{w}, choose_{std::move(choose)} {}

  void create(const std::string& input, std::int64_t user, std::int64_t dice, std::int64_t where);
  /// Cancels one of the latest tasks.
  void cancel(std::int64_t which, std::int64_t where);
  void remove(std::int64_t which, std::int64_t where);
  /// Makes the request of one of the latest tasks again.
  void repeat(std::int64_t which, std::int64_t where);

  // -- what they know -----------------------------------------------------------------

  [[nodiscard]] const std::vector<known_task>& tasks() const noexcept { return tasks_; }
  [[nodiscard]] const std::set<uuid>& cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] const std::set<uuid>& deleted() const noexcept { return deleted_; }
  [[nodiscard]] const std::vector<std::string>& complaints() const noexcept { return complaints_; }
  /// Calls that no answer has come to.
  [[nodiscard]] int open_calls() const noexcept { return open_; }
  /// One of the latest ones.
  [[nodiscard]] const known_task* latest(std::int64_t which) const;

private:
  template <class Value>
  struct call {
    /// Asks at a gateway.
    std::function<void(simulated_gateway_state&, std::function<void(const Value&)>,
                       std::function<void(const store_error&)>)>
      ask;
    std::function<void(const Value&)> on_value;
    /// An answer that asking again would not change.
    std::function<void(const store_error&)> on_refusal;
    std::int64_t where = 0;
    bool answered = false;
    int tries = 0;
  };

  template <class Value>
  void make(std::shared_ptr<call<Value>> c);
  std::string next_key() { return "key-" + std::to_string(++keys_); }
  [[nodiscard]] create_task make_task(const known_task& wanted, bool at_once, std::optional<uuid> thread);
  void execute(const known_task& task, std::int64_t where);

  world& world_;
  std::function<process*(std::int64_t)> choose_;
  std::uint64_t keys_ = 0;
  std::vector<known_task> tasks_;
  std::set<uuid> cancelled_;
  std::set<uuid> deleted_;
  std::vector<std::string> complaints_;
  int open_ = 0;
};

} // namespace troupe
