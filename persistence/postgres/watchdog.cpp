#include "persistence/postgres/watchdog.hpp"

#include <condition_variable>
#include <sys/socket.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr auto look_interval = 200ms;

/// From here on clients had better be told.
constexpr auto slow = 1500ms;

/// Beyond `statement_timeout`, so that a server that still works has answered.
constexpr auto dead = 12s;

} // namespace

pg_watchdog& pg_watchdog::instance() {
  static pg_watchdog one;
  return one;
}

pg_watchdog::pg_watchdog() : thread_{[this](const std::stop_token& ends) { watch(ends); }} {}

pg_watchdog::~pg_watchdog() = default;

pg_watchdog::guard::guard(int descriptor, pg_place* place) {
  auto& dog = instance();
  const std::lock_guard lock{dog.mutex_};
  number_ = ++dog.last_;
  dog.calls_.emplace(number_, call{descriptor, place, std::chrono::steady_clock::now(), false});
}

pg_watchdog::guard::~guard() {
  auto& dog = instance();
  const std::lock_guard lock{dog.mutex_};
  dog.calls_.erase(number_);
}

void pg_watchdog::watch(const std::stop_token& ends) {
  std::condition_variable_any wake;
  std::unique_lock lock{mutex_};
  while (!wake.wait_for(lock, ends, look_interval, [] { return false; }) && !ends.stop_requested()) {
    const auto now = std::chrono::steady_clock::now();
    for (auto& [number, one] : calls_) {
      if (!one.slow && now - one.began > slow) {
        one.slow = true;
        if (one.place)
          one.place->lost();
      }
      if (now - one.began > dead)
        ::shutdown(one.descriptor, SHUT_RDWR);
    }
  }
}

} // namespace troupe
