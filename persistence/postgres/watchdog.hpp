#pragma once

#include "persistence/postgres/database.hpp"

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

/// Watches the calls that wait for PostgreSQL. libpq waits without end for a server
/// that takes bytes and gives none: one that is frozen, or behind a path that has
/// fallen silent where the kernel does not notice. A call that takes long is taken for
/// a database that is away; one that takes longer than the server itself allows any
/// statement has its socket shut down, which ends the wait.
namespace troupe {

class pg_watchdog {
public:
  static pg_watchdog& instance();

  pg_watchdog();
  ~pg_watchdog();
  pg_watchdog(const pg_watchdog&) = delete;
  pg_watchdog& operator=(const pg_watchdog&) = delete;

  /// A call on the socket `descriptor`, from its construction to its end. `place` is
  /// told of a slow one, and may be null.
  class guard {
  public:
    guard(int descriptor, pg_place* place);
    ~guard();
    guard(const guard&) = delete;
    guard& operator=(const guard&) = delete;

  private:
    std::uint64_t number_;
  };

private:
  struct call {
    int descriptor = -1;
    pg_place* place = nullptr;
    std::chrono::steady_clock::time_point began{};
    bool slow = false;
  };

  void watch(const std::stop_token& ends);

  std::mutex mutex_;
  std::map<std::uint64_t, call> calls_;
  std::uint64_t last_ = 0;
  std::jthread thread_;
};

} // namespace troupe
