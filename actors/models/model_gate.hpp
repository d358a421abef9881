#pragma once

#include "actors/interfaces.hpp"
#include "actors/models/circuit_breaker.hpp"
#include "actors/models/fair_queue.hpp"
#include "actors/models/rate_limiter.hpp"
#include "actors/models/remote_call.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <unordered_map>

/// The gate of a configured model: every request for it passes here. It lets one through
/// when the model's limits allow, to an actor of its own, and holds the others back in a
/// fair order; while the provider is down (circuit breaker) it sends them away at once. What
/// a provider says about its load (429, Retry-After) holds all of them back, here and by
/// the registry on all nodes. Spawned by the registry (actors/models/models). If it dies, the
/// requests it holds fail as transient.
///
/// Only so many wait here as have their turn within `longest_wait`: the rest is sent back
/// to the task queue (`chat_failure::no_room`), each to its own time, so that a model that
/// is short of capacity holds no more of a node's than it can use.
namespace troupe {

struct model_gate_config {
  std::shared_ptr<const model_record> model;
  /// How many nodes share the limits.
  int shares = 1;
  clock_function clock;
  /// Starts a call, whose actor is monitored by the gate and tells it `call_ended`.
  std::function<caf::actor_addr(model_gate_actor gate, std::uint64_t number, chat_request request,
                                const model_traits& traits)>
    call;
  /// Has the other nodes told of a pause.
  std::function<void(std::chrono::milliseconds)> tell_pause;
};

class model_gate_state {
public:
  static inline const char* name = "model";

  static constexpr std::chrono::seconds longest_wait{30};

  explicit model_gate_state(model_gate_actor::pointer self) : self_{self} {}

  void start(model_gate_config config);

  caf::typed_response_promise<chat_result> chat(chat_request& request);
  void stop(const chat_id& id);
  void ended(call_ended& end);
  void learn(const model_learnt& news);
  void call_died(const caf::down_msg& down);
  void admit_due(const admission_due& tick);
  void pause(const pause_model& request);
  void share(int nodes);
  [[nodiscard]] model_state state() const;

  /// Tells everybody who waits that there will be no answer.
  void abandon();

private:
  using clock_time = std::chrono::steady_clock::time_point;
  using promise = caf::typed_response_promise<chat_result>;

  struct waiting_request {
    chat_request request;
    promise answer;
    std::int64_t tokens = 0;
    clock_time since{};
  };
  struct open_call {
    promise answer;
    std::int64_t tokens = 0;
    std::chrono::milliseconds waited{0};
    caf::actor_addr actor;
  };

  // -- admission --------------------------------------------------------------

  /// Lets through whoever may; sets the alarm for the next one.
  void admit();
  void begin(waiting_request entry, clock_time now);
  void wake_at(clock_time when);
  void send_back(promise& to, std::chrono::milliseconds wait, bool asked_by_provider);
  [[nodiscard]] std::size_t most_waiting() const;
  /// When a request that has no room here should come again.
  std::chrono::milliseconds next_slot(clock_time now);
  [[nodiscard]] double per_second() const;

  // -- ends -------------------------------------------------------------------

  void close(std::uint64_t number, chat_result result, std::optional<std::chrono::milliseconds> pause);
  void judge(const open_call& call, chat_result& result, std::optional<std::chrono::milliseconds> pause);
  void hold_all(std::chrono::milliseconds wait, bool tell);
  [[nodiscard]] chat_failure down() const;
  [[nodiscard]] clock_time now() const { return self_->clock().now(); }

  model_gate_actor::pointer self_;
  model_gate_config config_;
  std::optional<rate_limiter> limiter_;
  circuit_breaker breaker_;
  /// What the calls so far were taught.
  model_traits traits_;
  std::string last_error_;
  /// See `chat_failure::own_words`.
  std::size_t last_own_words_ = logging::all_own;
  fair_queue<waiting_request> waiting_;
  std::unordered_map<std::uint64_t, open_call> calls_;
  std::uint64_t last_number_ = 0;
  /// The alarm that counts, and when it goes off.
  std::uint64_t alarm_ = 0;
  std::optional<clock_time> alarm_at_;
  /// Up to when slots have been given to those that were sent back.
  clock_time slots_until_{};
  /// Refusals in a row without a word on how long to wait.
  int unexplained_ = 0;
};

model_gate_actor::behavior_type model_gate(model_gate_actor::stateful_pointer<model_gate_state> self,
                                           model_gate_config config);

} // namespace troupe
