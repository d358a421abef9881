#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/task.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

/// The task supervisor claims due tasks from the store up to the node's capacity,
/// spawns a monitored task actor for each, and alone decides what follows when one
/// ends badly: from the failure's class and the bot's restart policy. Spawned by
/// the node. Before its first claim it has the store give back what an earlier
/// supervisor held; it claims under a lease of its own, so that actors which
/// outlive it (it died, the process was killed) can change nothing any more.
namespace troupe {

struct supervisor_config {
  /// Tasks that run at once.
  int capacity = 10000;
  /// Recoveries of a task whose node died, before it fails.
  int max_recoveries = 5;
  /// Written to tasks and attempts.
  std::string node;
  clock_function clock;
  random_function random;
};

class task_supervisor_state {
public:
  static inline const char* name = "task_supervisor";

  explicit task_supervisor_state(task_supervisor_actor::pointer self) : self_{self} {}

  void start(services_ptr peers, metrics_ptr measured, supervisor_config config);
  void relink(services_ptr peers);

  // -- claiming ---------------------------------------------------------------

  void claim();

  // -- ends of attempts -------------------------------------------------------

  void attempt_ended(const caf::down_msg& down);
  void settle_all();

  // -- asked from outside -----------------------------------------------------

  caf::typed_response_promise<task_result> cancel(cancel_task& request);
  /// Has the store do what ends the task, then stops its actor if it has one.
  template <class Operation>
  caf::typed_response_promise<typename Operation::result_type> end_task(Operation& request);
  /// Somebody to look after one turn of a thread.
  turn_actor new_turn();
  caf::typed_response_promise<drained> drain_within(std::chrono::milliseconds grace);
  void release_rest();
  [[nodiscard]] node_load load() const;

  /// Stops every task actor: the supervisor itself is ending.
  void stop_all();

private:
  struct running_task {
    task_actor actor;
    std::shared_ptr<const bot_record> bot;
    int attempt = 0;
    int charged = 0;
    int throttled = 0;
    std::chrono::steady_clock::time_point started{};
    /// The actor has failed; what follows is not stored yet.
    std::optional<fail_attempt> settling;
  };

  void recover();
  /// Claimed while the drain began: none of them is started.
  void give_back(const claimed_tasks& claimed);
  void spawn_task(claimed_task& claim);
  void settle(const uuid& id);
  void settle_later();
  fail_attempt decide(const uuid& id, const running_task& entry, attempt_failure failure);
  void store_cancel(cancel_task request, running_task stopped, caf::typed_response_promise<task_result> promise);
  void forget(const uuid& id);
  void stop_actor(const uuid& id);
  void drained_if_empty();

  task_supervisor_actor::pointer self_;
  std::shared_ptr<task_context> context_;
  metrics_ptr metrics_;
  supervisor_config config_;
  std::unordered_map<uuid, running_task> running_;
  std::unordered_map<caf::actor_id, uuid> by_actor_;
  bool recovered_ = false;
  bool claiming_ = false;
  /// Something may be due that the last claim did not return.
  bool backlog_ = false;
  bool draining_ = false;
  bool settle_tick_sent_ = false;
  std::vector<caf::typed_response_promise<drained>> drain_promises_;
};

task_supervisor_actor::behavior_type task_supervisor(
  task_supervisor_actor::stateful_pointer<task_supervisor_state> self, services_ptr peers, metrics_ptr measured,
  supervisor_config config);

} // namespace troupe
