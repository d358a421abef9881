#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <optional>

/// The scheduler knows the next time at which a waiting task is due (`run_at`, or
/// the delay before a retry) and wakes the task supervisor then; the times
/// themselves are in the store. It also has old idempotency keys removed. Spawned
/// by the node. If it dies, the node starts another and the supervisor's next
/// claim tells that one the time.
namespace troupe {

class scheduler_state {
public:
  static inline const char* name = "scheduler";

  explicit scheduler_state(scheduler_actor::pointer self) : self_{self} {}

  void start(services_ptr peers, clock_function clock);
  void schedule(timestamp due);
  void wake(std::uint64_t number);
  void clean_up();
  void relink(services_ptr peers) { peers_ = std::move(peers); }

private:
  void clean_up_later();

  scheduler_actor::pointer self_;
  services_ptr peers_;
  clock_function clock_;
  std::optional<timestamp> next_;
  /// Counts the ticks asked for: a delayed message cannot be taken back, an old
  /// number is ignored instead.
  std::uint64_t number_ = 0;
};

scheduler_actor::behavior_type scheduler(scheduler_actor::stateful_pointer<scheduler_state> self, services_ptr peers,
                                         clock_function clock);

} // namespace troupe
