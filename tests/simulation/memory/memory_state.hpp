#pragma once

#include "persistence/values/time.hpp"
#include "persistence/values/uuid.hpp"
#include "tests/simulation/memory/memory_data.hpp"
#include "tests/simulation/memory/memory_server.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>

/// What a server, its processes and their readers and writers share.
namespace troupe {

struct memory_state {
  memory_state(std::function<timestamp()> its_clock, bool is_exclusive, memory_faults its_faults)
    : clock{std::move(its_clock)}, exclusive{is_exclusive}, faults{its_faults}, data{clock()}, commits{
                                                                                                 data.last_change()} {}

  /// Held by each call from outside.
  std::mutex mutex;
  const std::function<timestamp()> clock;
  const bool exclusive;
  const memory_faults faults;
  const uuid id = make_uuid();
  memory_data data;

  /// The last change of each commit, from number `first_commit` on.
  std::deque<std::uint64_t> commits;
  std::uint64_t first_commit = 0;
  /// How often commits were taken back.
  std::uint64_t failovers = 0;
  /// Behind which change each open view looks.
  std::multiset<std::uint64_t> views;

  /// The nodes that have a session, and the process that it is of.
  std::map<uuid, std::uint64_t> sessions;
  /// So many processes have opened the database.
  std::uint64_t processes = 0;

  [[nodiscard]] bool lives(const uuid& node_id) const {
    return !faults.blind_to_sessions && sessions.contains(node_id);
  }
};

/// A process that has opened it.
struct memory_process {
  std::shared_ptr<memory_state> server;
  std::function<std::chrono::steady_clock::time_point()> steady;
  /// From 1, in the order of their coming.
  std::uint64_t number = 0;
  bool has_writer = false;
};

/// Everything as it was after one change, for as long as this exists; nobody else looks meanwhile.
class memory_look {
public:
  /// The latest commit if `change` is none.
  memory_look(memory_state& state, std::optional<std::uint64_t> change)
    : guard_{state.mutex}, data_{state.data}, is_back_{change && *change < data_.last_change()} {
    if (is_back_)
      data_.rewind(*change);
  }
  ~memory_look() {
    if (is_back_)
      data_.replay();
  }
  memory_look(const memory_look&) = delete;
  memory_look& operator=(const memory_look&) = delete;

  const memory_data* operator->() const noexcept { return &data_; }
  const memory_data& operator*() const noexcept { return data_; }

private:
  std::lock_guard<std::mutex> guard_;
  memory_data& data_;
  bool is_back_;
};

} // namespace troupe
