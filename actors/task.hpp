#pragma once

#include "actors/answer_stream.hpp"
#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// A task actor is one attempt of a task. Its supervisor spawns and monitors it,
/// with the claim in hand: the task is RUNNING and its user message stored. It
/// reads the thread's history, asks the model, journals the answer as it comes,
/// calls tools (intent stored before, result after), stores the end, and quits.
/// A failure is a quit with `errc::attempt_failed`; it retries nothing. Each of
/// its writes carries the attempt's fence: one that the store refuses as stale
/// ends the actor without a word, since another attempt has taken over.
namespace troupe {

/// What all task actors of a supervisor share.
struct task_context {
  services_ptr peers;
  clock_function clock;
  metrics_ptr measured;
  /// The lease that the claims were made under.
  uuid owner;
};

class task_state {
public:
  static inline const char* name = "task";

  explicit task_state(task_actor::pointer self) : self_{self} {}

  void start(claimed_task claim, std::shared_ptr<const task_context> context);

  /// A piece of the answer has come.
  void stream(const chat_delta& delta);
  void flush();

  /// Hands over what there is, and ends.
  stopped_task stop();

  /// What an exception comes to: a transient failure, with what there is.
  caf::error crash(const std::exception_ptr& thrown);

private:
  using steady_time = std::chrono::steady_clock::time_point;

  // -- the flow, in order -----------------------------------------------------

  void read_history(std::int64_t after);
  void resume();
  void ask_model();
  void take_turn(chat_turn& turn);
  void store_intents(std::vector<tool_call> calls);
  void call_tools(const std::vector<tool_call>& calls);
  void complete(const std::string& answer);

  // -- ends -------------------------------------------------------------------

  void fail(error_class kind, std::string error);
  void fail(chat_failure failure);
  attempt_failure failure_so_far(error_class kind, std::string error);
  /// The answer to every error of a request to the store.
  void store_failed(const caf::error& reason);

  // -- helpers ----------------------------------------------------------------

  [[nodiscard]] struct fence fence() const;
  [[nodiscard]] chat_id chat() const { return {claim_.id, claim_.attempt}; }
  [[nodiscard]] token_usage used() const;
  [[nodiscard]] std::vector<tool_call> open_calls() const;
  [[nodiscard]] steady_time steady_now() const;
  const reader_actor& reader() const;
  void note_first_token();
  /// Adds to the history that the model is shown.
  void remember(const std::vector<message_record>& messages);
  /// Appends to the journal; `then` runs once it is on disk.
  template <class F>
  void append(std::vector<new_event> events, std::vector<message_record> messages, F then);

  task_actor::pointer self_;
  claimed_task claim_;
  std::shared_ptr<const task_context> context_;
  /// The thread's messages; null as long as this task's input is all there is.
  std::shared_ptr<std::vector<message_record>> history_;
  answer_stream answer_;
  /// Of the turns that have ended, and of the one that is being streamed.
  token_usage usage_;
  token_usage streamed_usage_;
  steady_time started_{};
  int iterations_ = 0;
  bool asking_ = false;
  bool first_token_seen_ = false;
};

task_actor::behavior_type task(task_actor::stateful_pointer<task_state> self, claimed_task claim,
                               std::shared_ptr<const task_context> context);

} // namespace troupe
