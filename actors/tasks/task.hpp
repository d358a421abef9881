#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/tasks/rules/answer_stream.hpp"
#include "actors/tasks/rules/tool_ledger.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// A task actor is one attempt of a task. Its supervisor spawns and monitors it,
/// with the claim in hand: the task is RUNNING and its user message stored. It
/// reads the thread's history, asks the model, journals the answer as it comes,
/// calls tools (intent stored before, result after), asks again, stores the end, and
/// quits. While a model is down it asks those that the bot names in its place.
/// A failure is a quit with `errc::attempt_failed`; it retries nothing. Each of
/// its writes carries the attempt's fence: one that the store refuses as stale
/// ends the actor without a word, since another attempt has taken over.
///
/// Its members stand in two files: task.cpp (the model, streaming, ends) and
/// task_tools.cpp (tools). What becomes of a tool call is decided in rules/tool_ledger.hpp.
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
  /// Asks for the next turn, unless there were too many.
  void next_turn();
  /// Goes on if the budgets leave room for the next call.
  void with_budget(std::function<void()> then);
  void ask_model();
  void turn_failed(chat_failure& failure);
  /// Which fallback has made this task's last calls, as `model_index_` counts them; 0 for none.
  [[nodiscard]] std::size_t model_gone_on_with() const;
  void take_turn(chat_turn& turn);
  void complete(const chat_turn& turn);

  // -- tools (task_tools.cpp) ---------------------------------------------------

  /// Sees to it that `tools_` is there, and as the servers have it by now, then goes on.
  void with_tools(std::function<void()> then);
  /// The same for calls that the model wants: one that is not known may be new.
  void with_tools_for(const std::vector<tool_call>& calls, std::function<void()> then);
  /// Asks the bot's servers, which know their lists for a while unless they are to be `fresh`.
  void ask_for_tools(bool fresh, std::function<void()> then);
  void store_intents(const chat_turn& turn);
  /// What an attempt before this one has asked for: calls whose outcome nobody knows, and
  /// those that a person had to allow.
  void take_up(const std::vector<tool_call>& calls);
  using approval_list = std::vector<approval_record>;
  /// Adds what was decided about `calls` to `found`, page by page from behind the call `after`.
  void read_approvals(const std::vector<tool_call>& calls, const std::shared_ptr<approval_list>& found,
                      const std::string& after);
  void take_up(const std::vector<tool_call>& calls, const approval_list& approvals);
  void decide_by_deadline(const std::vector<tool_call>& calls, const approval_record& overdue);
  /// Ends the attempt until a person has decided.
  void await_decision(std::size_t calls);
  void make_calls(const std::vector<tool_call>& calls);
  [[nodiscard]] std::string call_builtin(const tool_call& call) const;
  void request_call(const tool_call& call, const tool_route& route);
  void take_result(const tool_call& call, const tool_route& route, tool_result& result);
  [[nodiscard]] message_record result_of(const tool_call& call, std::string content) const;
  void store_results(const std::vector<call_answer>& results);
  /// Does what comes next, if all that could be called has been.
  void go_on();

  // -- ends -------------------------------------------------------------------

  void out_of_time();
  void fail(error_class kind, std::string error);
  void fail(cited_error cited);
  void fail(chat_failure failure);
  void fail(toolbox_failure failure);
  attempt_failure failure_so_far(error_class kind, cited_error cited);
  /// The answer to every error of a request to the store.
  void store_failed(const caf::error& reason);
  /// What was streamed and is not journaled yet.
  void take_chunks(std::vector<new_event>& events);

  // -- helpers ----------------------------------------------------------------

  [[nodiscard]] struct fence fence() const;
  [[nodiscard]] chat_id chat() const { return {claim_.id, claim_.attempt}; }
  [[nodiscard]] const std::shared_ptr<const model_record>& model() const;
  [[nodiscard]] token_usage priced(token_usage usage) const;
  [[nodiscard]] token_usage used() const;
  [[nodiscard]] std::chrono::milliseconds time_left() const;
  [[nodiscard]] steady_time steady_now() const;
  const reader_actor& reader() const;
  void note_first_token();
  void stop_asking();
  /// Adds to the history that the model is shown.
  void remember(const std::vector<message_record>& messages);
  /// Appends to the journal; `then` runs once it is on disk. The step's events, messages
  /// and approvals are set.
  void append(append_journal step, std::function<void()> then);

  task_actor::pointer self_;
  claimed_task claim_;
  std::shared_ptr<const task_context> context_;
  /// The thread's messages; null as long as this task's input is all there is.
  std::shared_ptr<std::vector<message_record>> history_;
  answer_stream answer_;
  answer_stream thinking_{event_type::chat_thinking};
  /// Where the answer of this turn begins.
  std::size_t turn_begin_ = 0;
  /// Of the turns that have ended, and of the one that is being streamed.
  token_usage usage_;
  token_usage streamed_usage_;
  steady_time started_{};
  int iterations_ = 0;
  /// Which of the bot's models is asked: 0, or one more than the fallback's place.
  std::size_t model_index_ = 0;
  bool asking_ = false;
  /// Streamed text is on its way to the store; what comes meanwhile waits for its answer.
  bool flushing_ = false;
  bool flush_again_ = false;
  bool first_token_seen_ = false;
  /// Of this task alone.
  std::optional<budget_limit> budget_;
  /// Null until it is needed.
  toolbox_ptr tools_;
  tool_ledger ledger_;
};

task_actor::behavior_type task(task_actor::stateful_pointer<task_state> self, claimed_task claim,
                               std::shared_ptr<const task_context> context);

} // namespace troupe
