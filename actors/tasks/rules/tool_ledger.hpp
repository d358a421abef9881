#pragma once

#include "actors/tasks/rules/restart_policy.hpp"
#include "actors/toolbox/toolbox.hpp"
#include "persistence/operations.hpp"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace troupe {

/// A call that is answered without being made: what the model is told, as JSON.
using call_answer = std::pair<tool_call, std::string>;

// -- what becomes of a call -------------------------------------------------------

/// It is made. `is_first`: it was allowed just now, which is journaled before.
struct make_call {
  tool_call call;
  bool is_first = false;
};

/// The model is told at once.
struct answer_call {
  std::string content;
};

/// A person has to say.
struct await_person {};

/// Nobody has said anything in time: the tool's default decides.
struct decide_overdue {};

using call_fate = std::variant<make_call, answer_call, await_person, decide_overdue>;

/// What becomes of a call that was asked for before and has no result: by what was decided
/// about it (null if nobody was asked), by the tool as it is now (null if the bot has it no
/// more), and by the time.
call_fate fate_of(const tool_call& call, const approval_record* approval, const tool_route* route, timestamp now);

/// Whether a call that failed is made again by another attempt, so that this one has to end
/// for it: if its failure, of the class `retry`, may pass, the tool may be called twice, and
/// the bot's policy allows another attempt. If not, the model is told.
bool is_made_again(const tool_record& tool, std::optional<error_class> retry, const restart_policy& policy,
                   failure_counts before) noexcept;

// -- what to do about all of a turn -----------------------------------------------

/// A turn's calls as they are written into the ledger.
struct ledger_entries {
  /// Numbered.
  std::vector<tool_call> calls;
  std::vector<tool_call> to_make;
  std::vector<approval_record> approvals;
  /// Stored with the calls, so that no attempt after this one takes them for calls to be made.
  std::vector<call_answer> refusals;
  /// For the journal.
  std::vector<new_event> events;
};

/// What is to be done about calls that were written into it before.
struct ledger_plan {
  std::vector<tool_call> to_make;
  /// Those of them whose beginning is journaled before.
  std::vector<std::string> begun;
  std::vector<call_answer> answers;
  /// Nothing is to be done until the deadline has decided about this one.
  std::optional<approval_record> overdue;
};

// -- where a turn's calls stand ---------------------------------------------------

/// Some are under way, or their results not stored.
struct calls_open {};

/// The attempt fails with this: a call of it is to be made again.
struct calls_failed {
  toolbox_failure failure;
};

/// So many wait for a person.
struct calls_awaited {
  std::size_t count = 0;
};

/// The model may be asked again.
struct calls_settled {};

using ledger_state = std::variant<calls_open, calls_failed, calls_awaited, calls_settled>;

/// The ledger of a task's tool calls: each is written down before it is made and again with
/// its result, so that whoever goes on knows what was asked for, what came of it, and what
/// nobody knows. Pure: the store, the tools and the people are asked elsewhere.
class tool_ledger {
public:
  /// Reads what the task's messages tell; returns the calls that have no result.
  std::vector<tool_call> read(const std::vector<message_record>& history, const uuid& task);

  /// Writes down what the model has asked for. Some of it, by its place, is `refused`, with
  /// the sentence that the model is told; `tools` is null if there are none.
  ledger_entries enter(std::vector<tool_call> calls, const std::map<std::size_t, std::string>& refused,
                       const toolbox* tools, timestamp now);

  /// Goes on with calls that were written down before.
  ledger_plan take_up(const std::vector<tool_call>& calls, const std::vector<approval_record>& approvals,
                      const toolbox* tools, timestamp now);

  /// So many have their results stored.
  void settle(std::size_t count) noexcept { open_ -= count; }
  /// One is to be made again by another attempt. Others of the turn are not to be lost with it.
  void fail(toolbox_failure failure);

  [[nodiscard]] ledger_state state() const;

private:
  /// Calls that this task has made so far, which number its next ones.
  int made_ = 0;
  /// Calls under way, or without a stored result.
  std::size_t open_ = 0;
  /// Calls that wait for a person.
  std::size_t awaited_ = 0;
  std::optional<toolbox_failure> failure_;
};

} // namespace troupe
