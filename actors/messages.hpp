#pragma once

#include "actors/call_messages.hpp"
#include "actors/errors.hpp"
#include "actors/questions.hpp"
#include "actors/wire.hpp"
#include "persistence/operations.hpp"
#include "persistence/store.hpp"

#include <caf/actor_addr.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/type_id.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// The vocabulary: what the actors say to each other, besides the store's
/// operations, which are messages too. Imperative for what is asked, past tense
/// for what is told, `get_…` for a question. Questions to a reader stand in
/// actors/questions.hpp, what is said about calls of models and tools in
/// actors/call_messages.hpp; all of them have their numbers at the end of this file. None of
/// them leaves the process; those that do stand in actors/wire.hpp.
namespace troupe {

// -- told by the writer -------------------------------------------------------

/// There are tasks that a claim would return.
struct work_arrived {
  /// Nobody else need be woken if there is no room for them here: they were heard of
  /// from another node, or it was only a look whether there are any.
  bool passed_on = false;
};

/// A task waits for this time.
struct task_scheduled {
  timestamp due{};
};

using event_batch = std::shared_ptr<const std::vector<event_record>>;

/// Journal entries that are on disk, in the order of their positions, and the range
/// of the commit they came with (`committed::from_position`).
struct events_committed {
  event_batch events;
  std::int64_t from = 0;
  std::int64_t to = 0;
};

// -- the broadcaster and its subscribers --------------------------------------

/// The events of a batch that are in a room the receiver has joined, by index.
struct events_published {
  event_batch events;
  std::vector<std::uint32_t> chosen;
};

/// Events may have passed unheard: what matters has to be looked up in the store.
struct events_missed {};

// -- the cluster and the broadcaster --------------------------------------------

/// What the broadcaster has subscribers for, as far as it has changed.
struct rooms_changed {
  /// There are subscribers, or were a moment ago.
  bool listening = false;
  std::vector<room> joined;
  std::vector<room> left;
};

/// There are other links than before.
struct links_changed {
  /// Every other node is linked, so that the commits of all come here.
  bool complete = false;
};

// -- task actors and their supervisor -----------------------------------------

/// The context of `errc::attempt_failed`: how an attempt ended.
struct attempt_failure {
  error_class kind = error_class::transient;
  std::string error;
  std::optional<std::chrono::milliseconds> retry_after;
  /// None if the actor died without a word.
  std::optional<token_usage> usage;
  /// The model that was asked last.
  std::string model{};
  /// See `chat_failure::no_room`.
  bool no_room = false;
  /// The store was away for longer than anybody waits: not the attempt's fault.
  bool store_away = false;
  /// False if the attempt ended before the model was asked.
  bool chat_started = true;
  /// Text that was streamed but not yet journaled.
  std::vector<new_event> events;
  /// If the answer was refused.
  std::optional<finish_reason> finish{};
  /// See `chat_failure::own_words`.
  std::size_t own_words = logging::all_own;
};

/// Time to journal what has been streamed (a task actor to itself).
struct flush_journal {};

/// Asks a task actor to end at once and to hand over what it has.
struct stop_task {};

struct stopped_task {
  std::string partial_output;
  std::vector<new_event> events;
  token_usage usage;
};

/// A new turn of a thread, subject to its bot's `on_busy` rule.
struct start_turn {
  /// Any task of the thread; the new one gets its namespace, bot and creator.
  uuid thread_of;
  std::string input;
  std::string name;
  /// JSON object as text, or empty.
  std::string metadata;
};

/// Cancels what the thread of a task is busy with: the running turn, else the one
/// that is next.
struct cancel_turn {
  uuid thread_of;
};

/// Claims nothing more; answered when every running task has ended, or was
/// handed back because `grace` was over.
struct drain {
  std::chrono::milliseconds grace{0};
};

struct drained {
  /// Tasks handed back to the queue.
  int released = 0;
};

/// `grace` of the drain is over (the supervisor to itself).
struct drain_expired {};

/// Time to try again what the store refused (the supervisor to itself).
struct retry_settling {};

/// Time to renew the lease (the supervisor to itself).
struct renewal_due {};

/// The node that holds this lease seems to be gone; or this node, if its lease is not
/// known.
struct node_suspected {
  uuid lease;
};

/// Time to ask once more for the tasks of a suspect (the supervisor to itself).
struct recovery_due {
  uuid suspect;
  /// It is not asked for again.
  bool last = false;
};

/// There is work that the supervisor has no room for.
struct work_left {
  /// Maybe more than one other node can take at once.
  bool much = false;
};

/// What may end a running task from outside.
using ending_operation = std::variant<cancel_task, set_task_status, delete_task>;

/// Asks a supervisor to end a task, if it runs there.
struct end_running {
  ending_operation how;
};

/// Asks the cluster to have a task ended by the node that runs it.
struct end_elsewhere {
  std::string node;
  ending_operation how;
};

/// Whether the task was found running, and so has ended.
struct ending_done {
  bool ran = false;
};

/// A task was ended in the store: if it runs here after all, it stops.
struct task_was_ended {
  uuid id;
};

struct get_load {};

struct node_load {
  int running = 0;
  /// 0 if the node runs no tasks.
  int capacity = 0;
  bool draining = false;
  /// What the tasks run under; nil if there is none.
  uuid lease;
};

// -- the network ----------------------------------------------------------------

/// Where other nodes are let in.
struct open_door {
  peer_actor whom;
  std::string host;
  /// 0 for any.
  std::uint16_t port = 0;
};

struct door {
  std::uint16_t port = 0;
};

/// Asks for whom is published at an address.
struct connect_to {
  std::string host;
  std::uint16_t port = 0;
};

struct connected {
  peer_actor peer;
};

/// The node ends: the others need not wait for its lease.
struct leave_cluster {};

// -- ticks --------------------------------------------------------------------

/// Commit what has been collected (the writer to itself).
struct commit_batch {};

/// Close the shared view (a reader to itself).
struct close_view {};

/// A due time has come (the scheduler to itself); outdated if a newer number was given.
struct due_tick {
  std::uint64_t number = 0;
};

/// Time for housekeeping (the scheduler to itself).
struct clean_up_tick {};

/// Time to look whether others have left work (the scheduler to itself).
struct poll_tick {};

/// A commit has been missing for too long (the broadcaster to itself).
struct commit_overdue {};

/// Time to ask the store how far it is (the broadcaster to itself); outdated if a
/// newer number was given.
struct look_due {
  std::uint64_t number = 0;
};

/// Nobody has joined a room for a while (the broadcaster to itself); outdated if a
/// newer number was given.
struct linger_over {
  std::uint64_t number = 0;
};

/// Time for a sign of life (the cluster to itself).
struct announce_tick {};

/// Time to tell others how this node is (the cluster to itself).
struct status_tick {};

/// Time to wake those who were woken too lately before (the cluster to itself).
struct wake_tick {};

/// The next step of a streamed answer (the builtin model to itself).
struct stream_step {
  std::uint64_t stream = 0;
};

} // namespace troupe

// Nothing here is sent to another node, so nothing is serialised.
// A list and not an expression:
// clang-format off
#define TROUPE_MESSAGES(X) \
  X(create_task) X(enqueue_task) X(claim_tasks) X(append_journal) X(complete_task) X(fail_attempt) X(release_tasks) \
  X(cancel_task) X(retry_task) X(set_task_status) X(delete_task) X(recover_tasks) X(put_bot) X(delete_bot) \
  X(put_model) X(delete_model) X(clean_up) X(renew_lease) X(end_lease) X(announce_node) X(lease_state) X(node_list) \
  X(get_nodes) X(get_last_position) X(last_position) X(events_missed) X(task_result) X(done) X(claimed_tasks) X(recovered_tasks) X(bot_result) \
  X(model_result) X(get_task) X(get_tasks) X(get_task_messages) X(get_thread_messages) X(get_attempts) \
  X(get_outline) X(task_outline) X(get_events) X(get_room_start) X(room_start) X(get_room_events) X(room_events) X(get_bot) X(find_bot) X(check_bot) X(checked_bot) X(get_bots) \
  X(get_model) X(get_models) X(get_queue) X(queue_stats) X(task_record) X(task_page) X(message_page) \
  X(attempt_page) X(event_page) X(bot_record) X(bot_page) X(model_record) X(model_page) X(work_arrived) \
  X(task_scheduled) X(events_committed) X(events_published) X(chat_delta) X(chat_result) X(stop_chat) \
  X(pause_model) X(share_models) X(get_model_state) X(model_state) X(admission_due) X(call_ended) X(answer_arrived) \
  X(answer_ended) X(answer_failed) X(get_toolbox) X(toolbox_result) X(call_tool) X(tool_result) \
  X(reserve_budget) X(budget_answer) X(put_budget) X(budget_result) X(delete_budget) X(get_budget) X(budget_record) \
  X(model_learnt) X(await_approval) X(decide_approval) X(approval_result) X(get_approvals) X(approval_page) X(get_task_approvals) \
  X(get_usage) X(usage_list) X(get_thread) X(thread_record) X(get_mcp_tools) X(mcp_tools_result) X(mcp_told) X(mcp_answered) X(mcp_due) \
  X(attempt_failure) X(flush_journal) X(stop_task) X(start_turn) X(cancel_turn) X(stopped_task) X(drain) X(drained) \
  X(drain_expired) X(retry_settling) X(get_load) X(node_load) X(commit_batch) X(close_view) X(due_tick) \
  X(clean_up_tick) X(stream_step) X(rooms_changed) X(links_changed) X(renewal_due) X(node_suspected) X(recovery_due) \
  X(work_left) X(end_running) X(end_elsewhere) X(ending_done) X(task_was_ended) X(open_door) X(door) X(connect_to) \
  X(connected) X(leave_cluster) X(poll_tick) X(commit_overdue) X(look_due) X(linger_over) X(announce_tick) \
  X(status_tick) X(wake_tick)
// clang-format on

#define TROUPE_UNSAFE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::name)
#define TROUPE_TYPE_ID(name) CAF_ADD_TYPE_ID(troupe_messages, (troupe::name))

TROUPE_MESSAGES(TROUPE_UNSAFE)
CAF_BEGIN_TYPE_ID_BLOCK(troupe_messages, caf::id_block::troupe_wire::end)
TROUPE_MESSAGES(TROUPE_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(troupe_messages)
