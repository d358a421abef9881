#pragma once

#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/tasks/rules/claim_gate.hpp"
#include "actors/tasks/rules/drain_watch.hpp"
#include "actors/tasks/rules/lease_keeper.hpp"
#include "actors/tasks/supervisor_config.hpp"
#include "actors/tasks/task.hpp"

#include <caf/result.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// The task supervisor claims due tasks from the store up to the node's capacity,
/// spawns a monitored task actor for each, and alone decides what follows when one
/// ends badly: from the failure's class and the bot's restart policy. Spawned by
/// the node.
///
/// It claims under a lease of its own, so that actors which outlive it (it died, the
/// process was killed or cut off) can change nothing any more. It takes the lease
/// first, has the store give back what owners without one still hold, and then
/// claims. Where others share the store it renews the lease, and recovers their tasks
/// too once their leases have run out, or their links have broken and the database
/// has lost sight of them. If its own lease was taken over it stops its tasks and
/// quits; the node starts another, with another lease. On a node that runs no tasks
/// it takes no lease and claims nothing, but ends tasks for whoever asks.
///
/// What it does is decided elsewhere, without an actor: when to claim and how many in
/// rules/claim_gate.hpp, when to renew and recover in rules/lease_keeper.hpp, what follows a
/// failure in rules/restart_policy.hpp, when a drain is over in rules/drain_watch.hpp. Its
/// members, which ask the store and tell those machines what came of it, stand in four
/// files: task_supervisor.cpp (ends of attempts), task_supervisor_claims.cpp,
/// task_supervisor_lease.cpp, task_supervisor_control.cpp (what is asked from outside).
namespace troupe {

class task_supervisor_state {
public:
  static inline const char* name = "task_supervisor";

  explicit task_supervisor_state(task_supervisor_actor::pointer self) : self_{self} {}

  void start(services_ptr peers, metrics_ptr measured, supervisor_config config);
  void relink(services_ptr peers);

  // -- claiming ---------------------------------------------------------------

  void arrive(const work_arrived& work);

  // -- leases -----------------------------------------------------------------

  void renew();
  void suspect(const node_suspected& whom);
  void ask_again(const recovery_due& tick);

  // -- ends of attempts -------------------------------------------------------

  void attempt_ended(const caf::down_msg& down);
  void settle_all();

  // -- asked from outside -----------------------------------------------------

  caf::result<task_result> cancel(cancel_task& request);
  caf::result<task_result> set_status(set_task_status& request);
  caf::result<done> remove(delete_task& request);
  caf::typed_response_promise<ending_done> end_if_running(const end_running& request);
  void stop_actor(const uuid& id);
  /// Somebody to look after one turn of a thread.
  turn_actor new_turn();
  caf::typed_response_promise<drained> drain_within(std::chrono::milliseconds grace);
  void end_drain();
  [[nodiscard]] node_load load() const;

  /// The supervisor itself is ending: stops every task actor, and answers who waits.
  void end_all(const caf::error& reason);

private:
  struct running_task {
    task_actor actor;
    std::shared_ptr<const bot_record> bot;
    uuid thread_id;
    std::string ns;
    int attempt = 0;
    int charged = 0;
    int throttled = 0;
    std::chrono::steady_clock::time_point started{};
    /// The actor has failed; what follows is not stored yet.
    std::optional<fail_attempt> settling;
    /// It was asked to stop.
    bool stopping = false;
    /// Of its error; see `chat_failure::own_words`.
    std::size_t own_words = logging::all_own;
  };

  // -- leases -----------------------------------------------------------------

  void carry_out(const lease_orders& orders);
  void take_lease();
  void renew_later();
  void renew_now();
  void lose_lease(const caf::error& reason);
  void recover(const lease_suspects& suspects);
  void log_recovered(const recovered_tasks& found);
  void watch(const uuid& suspect);

  // -- claiming ---------------------------------------------------------------

  [[nodiscard]] int running() const { return static_cast<int>(running_.size()); }
  /// None if it is 0.
  void claim(int limit);
  void take(claimed_tasks& claimed, int limit);
  /// Tells other nodes of what this one cannot take.
  void pass_on(bool much);
  /// Claimed while the drain began: none of them is started.
  void give_back(const claimed_tasks& claimed);
  void spawn_task(claimed_task& claim);

  // -- ends of attempts -------------------------------------------------------

  void settle(const uuid& id);
  void log_attempt_end(const uuid& id, const running_task& entry, std::string_view how) const;
  /// What follows a failed attempt is stored: says so.
  static void log_settled(const uuid& id, const running_task& entry);
  void settle_later();
  /// Stores what follows a failure.
  void follow(const uuid& id, attempt_failure failure);
  fail_attempt decide(const uuid& id, const running_task& entry, attempt_failure failure);
  void forget(const uuid& id);

  // -- asked from outside -----------------------------------------------------

  /// Nobody here runs it, but another node may.
  [[nodiscard]] bool may_run_elsewhere(const uuid& id) const;
  template <class Operation>
  caf::result<typename Operation::result_type> end_task(Operation& request);
  void store_cancel(cancel_task request, running_task stopped, caf::typed_response_promise<task_result> promise);
  void stop_all();
  void carry_out(drain_step step, int released = 0);
  /// Nothing runs here or is on its way.
  [[nodiscard]] bool is_empty() const { return running_.empty() && !gate_.is_claiming(); }
  void hand_back();
  void leave(int released);
  template <class Answer>
  void answer_drain(const Answer& answer);

  task_supervisor_actor::pointer self_;
  std::shared_ptr<task_context> context_;
  metrics_ptr metrics_;
  supervisor_config config_;
  std::unordered_map<uuid, running_task> running_;
  std::unordered_map<caf::actor_id, uuid> by_actor_;
  lease_keeper lease_;
  claim_gate gate_;
  drain_watch drain_;
  /// One tick at a time has everything looked at again that did not come off.
  bool settle_tick_sent_ = false;
  std::vector<caf::typed_response_promise<drained>> drain_promises_;
};

task_supervisor_actor::behavior_type task_supervisor(
  task_supervisor_actor::stateful_pointer<task_supervisor_state> self, services_ptr peers, metrics_ptr measured,
  supervisor_config config);

} // namespace troupe
