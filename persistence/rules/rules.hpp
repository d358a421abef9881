#pragma once

#include "persistence/rules/tables.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What each operation means: the rules of the store, the same for every database.
/// An operation checks first and writes then, so that one it refuses leaves nothing
/// behind. Whatever the tables throw is the database's trouble and passes through.
///
/// The operations stand in five files: intake.cpp (into the queue), run.cpp (attempts
/// and their ends), approvals.cpp (calls that a person has to allow), budgeting.cpp
/// (what may be used), control.cpp (by users and operators).
namespace troupe {

class store_rules {
public:
  explicit store_rules(store_tables tables)
    : catalog_{tables.catalog}, keys_{tables.keys}, queue_{tables.queue}, journal_{tables.journal},
      tasks_{tables.tasks},
      approvals_{tables.approvals}, usage_{tables.usage}, budgets_{tables.budgets}, nodes_{tables.nodes} {}

  /// Carries `op` out on the tables, within the transaction that the caller has open.
  outcome apply(const operation& op) {
    return std::visit([this](const auto& one) { return run(one); }, op);
  }

private:
  // -- into the queue -------------------------------------------------------------

  outcome run(const create_task& op);
  outcome run(const enqueue_task& op);
  outcome run(const retry_task& op);
  /// Puts a task into the queue and tells it; `tail` has all that came before.
  void enqueue(const open_task& task, journal_tail& tail, const task_record& record, bool retry);

  // -- attempts -------------------------------------------------------------------

  outcome run(const claim_tasks& op);
  outcome run(const append_journal& op);
  outcome run(const complete_task& op);
  outcome run(const fail_attempt& op);
  outcome run(const release_tasks& op);
  outcome run(const recover_tasks& op);
  /// The task, if the attempt is still its holder's.
  std::optional<open_task> load_fenced(const fence& f);
  void begin_attempt(candidate& next, const claim_tasks& op);
  /// Gives a task with a lost attempt back, or fails it; true if it goes on.
  bool recover(open_task& task, const recover_tasks& op);

  // -- approvals ------------------------------------------------------------------

  outcome run(const await_approval& op);
  outcome run(const decide_approval& op);
  void request_approvals(const open_task& task, journal_tail& tail, const append_journal& op);
  void begin_calls(const append_journal& op);

  // -- budgets --------------------------------------------------------------------

  outcome run(const reserve_budget& op);
  outcome run(const put_budget& op);
  outcome run(const delete_budget& op);
  /// Of the task's bot and its namespace, those that have one.
  std::vector<budget_record> budgets_of(const open_task& task, timestamp at);
  /// Gives back what the attempt holds, and counts what it has used.
  void settle_budgets(const open_task& task, const token_usage& usage, timestamp at);
  /// Sets or removes the budget of `scope`, and says whether it was there before.
  bool set_budget(const std::string& scope, const std::optional<budget_limit>& limit, timestamp at);

  // -- by hand --------------------------------------------------------------------

  outcome run(const cancel_task& op);
  outcome run(const set_task_status& op);
  outcome run(const delete_task& op);
  void cancel(open_task& task, journal_tail& tail, const cancel_task& op);
  void start_by_hand(open_task& task, const set_task_status& op);
  void end_by_hand(open_task& task, const set_task_status& op);

  // -- bots, models, nodes, housekeeping --------------------------------------------

  outcome run(const put_bot& op);
  outcome run(const delete_bot& op);
  outcome run(const put_model& op) { return catalog_.put(op); }
  outcome run(const delete_model& op) { return catalog_.remove(op); }
  outcome run(const renew_lease& op) { return nodes_.renew(op); }
  outcome run(const end_lease& op) { return nodes_.end(op); }
  outcome run(const announce_node& op) { return nodes_.announce(op); }
  outcome run(const clean_up& op);

  // -- shared ---------------------------------------------------------------------

  /// The answer to a request seen before, or the refusal of its key.
  std::optional<outcome> replay(const std::optional<idempotency_key>& key);
  /// The task as it is now, with the key stored.
  outcome answer(const uuid& id, const std::optional<idempotency_key>& key, timestamp at);

  /// How one attempt ended.
  struct attempt_end {
    attempt_outcome outcome = attempt_outcome::completed;
    std::optional<std::string_view> error;
    std::optional<error_class> kind;
    /// None if the caller does not know it: then what the attempt has reported counts.
    std::optional<token_usage> usage;
    std::string_view model{};
    std::optional<finish_reason> finish{};
  };
  /// Closes the attempt under way and adds its usage to `task.usage`, which the
  /// caller stores with the task's next change.
  void close_attempt(open_task& task, const attempt_end& end, timestamp at);
  /// Ends a task whose attempt, if any, is closed: out of the queue, open tool calls
  /// sealed, the final message if it completed with an output, the last entries.
  void finish(const open_task& task, journal_tail& tail, const task_end& end);
  void append_end(const open_task& task, journal_tail& tail, const task_end& end);
  /// The final message, with what its model wants to see again of it.
  void add_answer(const journal_tail& tail, std::int64_t position, const task_end& end);
  /// What a cancelled turn had said stays in the conversation, marked as such.
  void add_interrupted(const journal_tail& tail, std::int64_t position, std::string_view said);
  /// Writes a result for each tool call of the task that has none, and tells it.
  void seal_tool_calls(journal_tail& tail);

  catalog_table& catalog_;
  key_table& keys_;
  queue_table& queue_;
  journal_table& journal_;
  task_table& tasks_;
  approval_table& approvals_;
  usage_table& usage_;
  budget_table& budgets_;
  node_table& nodes_;
};

/// The refusal for a task that is not there.
store_error task_not_found(const uuid& id);
/// The refusal of a write of an attempt that is over.
store_error stale(const fence& f);
/// The refusal for a status that does not allow `what`, as in "be cancelled".
store_error cannot(const uuid& id, task_status status, std::string_view what);
/// The refusal for a task whose bot, or whose bot's model, is not there.
store_error bot_missing(std::string_view ns, std::string_view name, const resolved_bot& found);
/// The refusal for a bot or a model (`kind`) that is not in its namespace.
store_error not_in_catalog(std::string_view kind, const std::string& ns, const std::string& name);

} // namespace troupe
