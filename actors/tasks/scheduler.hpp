#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

/// The scheduler knows the next time at which a waiting task is due (`run_at`, or
/// the delay before a retry) and wakes the task supervisor then; the times
/// themselves are in the store. Where others use the store too, it has the supervisor
/// look for their work regularly, so that a wake-up that got lost costs little. It
/// also has old idempotency keys removed. Spawned by the node. If it dies, the node
/// starts another and the supervisor's next claim tells that one the time.
namespace troupe {

class scheduler_state {
public:
  static inline const char* name = "scheduler";

  explicit scheduler_state(scheduler_actor::pointer self) : self_{self} {}

  /// Without `poll` nobody else leaves work here.
  void start(services_ptr peers, clock_function clock, std::optional<std::chrono::milliseconds> poll);
  void schedule(timestamp due);
  void wake(std::uint64_t number);
  void clean_up();
  void poll();
  void relink(services_ptr peers) { peers_ = std::move(peers); }

private:
  void clean_up_later();
  void poll_later();

  scheduler_actor::pointer self_;
  services_ptr peers_;
  clock_function clock_;
  std::optional<std::chrono::milliseconds> poll_;
  std::optional<timestamp> next_;
  /// Counts the ticks asked for: a delayed message cannot be taken back, an old
  /// number is ignored instead.
  std::uint64_t number_ = 0;
};

scheduler_actor::behavior_type scheduler(scheduler_actor::stateful_pointer<scheduler_state> self, services_ptr peers,
                                         clock_function clock, std::optional<std::chrono::milliseconds> poll);

} // namespace troupe
