#pragma once

#include "actors/messages.hpp"

#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>

#include <memory>
#include <vector>

/// Every actor's typed handle, a comment for each message that does not speak for
/// itself. Who holds which handle is said by `services` at the end: handles are
/// passed in at the spawn, and again when a service was started anew.
namespace troupe {

struct services;

/// Told to every actor that holds handles when a service has a new one.
struct services_changed {
  std::shared_ptr<const services> now;
};

// -- store --------------------------------------------------------------------

/// The store's writing side. Each operation is answered when it is on disk.
using writer_actor = caf::typed_actor<
  caf::replies_to<create_task>::with<task_result>, caf::replies_to<enqueue_task>::with<task_result>,
  caf::replies_to<claim_tasks>::with<claimed_tasks>, caf::replies_to<append_journal>::with<done>,
  caf::replies_to<complete_task>::with<done>, caf::replies_to<fail_attempt>::with<done>,
  caf::replies_to<release_tasks>::with<done>, caf::replies_to<cancel_task>::with<task_result>,
  caf::replies_to<retry_task>::with<task_result>, caf::replies_to<set_task_status>::with<task_result>,
  caf::replies_to<delete_task>::with<done>, caf::replies_to<recover_tasks>::with<recovered_tasks>,
  caf::replies_to<put_bot>::with<bot_result>, caf::replies_to<delete_bot>::with<done>,
  caf::replies_to<put_model>::with<model_result>, caf::replies_to<delete_model>::with<done>,
  caf::replies_to<clean_up>::with<done>, caf::replies_to<renew_lease>::with<lease_state>,
  caf::replies_to<end_lease>::with<done>, caf::replies_to<announce_node>::with<node_list>,
  caf::replies_to<await_approval>::with<done>, caf::replies_to<decide_approval>::with<approval_result>,
  caf::replies_to<reserve_budget>::with<budget_answer>, caf::replies_to<put_budget>::with<budget_result>,
  caf::replies_to<delete_budget>::with<done>, caf::reacts_to<commit_batch>, caf::reacts_to<services_changed>>;

/// One of the store's readers. Sees every commit acknowledged before the question
/// was asked.
using reader_actor = caf::typed_actor<
  caf::replies_to<get_task>::with<task_record>, caf::replies_to<get_outline>::with<task_outline>,
  caf::replies_to<get_tasks>::with<task_page>, caf::replies_to<get_task_messages>::with<message_page>,
  caf::replies_to<get_thread_messages>::with<message_page>, caf::replies_to<get_attempts>::with<attempt_page>,
  caf::replies_to<get_events>::with<event_page>, caf::replies_to<get_room_start>::with<room_start>,
  caf::replies_to<get_room_events>::with<room_events>, caf::replies_to<get_bot>::with<bot_record>,
  caf::replies_to<find_bot>::with<bot_record>, caf::replies_to<check_bot>::with<checked_bot>,
  caf::replies_to<get_bots>::with<bot_page>, caf::replies_to<get_model>::with<model_record>,
  caf::replies_to<get_models>::with<model_page>, caf::replies_to<get_approvals>::with<approval_page>,
  caf::replies_to<get_task_approvals>::with<approval_page>, caf::replies_to<get_usage>::with<usage_list>,
  caf::replies_to<get_thread>::with<thread_record>, caf::replies_to<get_budget>::with<budget_record>,
  caf::replies_to<get_queue>::with<queue_stats>, caf::replies_to<get_nodes>::with<node_list>,
  caf::replies_to<get_last_position>::with<last_position>, caf::reacts_to<close_view>>;

// -- broadcaster --------------------------------------------------------------

/// Whoever joins rooms: a gateway.
using subscriber_actor = caf::typed_actor<caf::reacts_to<events_published>, caf::reacts_to<events_missed>>;

struct join_room {
  room where;
  subscriber_actor subscriber;
};

struct leave_room {
  room where;
  subscriber_actor subscriber;
};

/// Passes committed events on to the subscribers of their rooms.
using broadcaster_actor
  = caf::typed_actor<caf::reacts_to<events_committed>,
                     // From the writer: something was committed that a former broadcaster was told of.
                     caf::reacts_to<events_missed>,
                     // Answered once every later event of the room will reach the subscriber. A subscriber may join a
                     // room more than once and leaves it as often.
                     caf::replies_to<join_room>::with<done>, caf::reacts_to<leave_room>, caf::reacts_to<links_changed>,
                     caf::reacts_to<commit_overdue>, caf::reacts_to<look_due>, caf::reacts_to<linger_over>,
                     caf::reacts_to<services_changed>>;

// -- models -------------------------------------------------------------------

/// Receives a streamed answer: a task actor.
using chat_listener = caf::typed_actor<caf::reacts_to<chat_delta>>;

/// Asks for the next turn of a conversation.
struct chat_request {
  std::shared_ptr<const model_record> model;
  std::shared_ptr<const bot_record> bot;
  chat_id id;
  /// This task's input, for models that look no further.
  std::string input;
  /// The thread so far, this task's messages last; null if the input is all.
  conversation history;
  /// Null if there are none, or if the model does not care.
  toolbox_ptr tools;
  /// What is left of the attempt's time; waiting for the model's limits takes none.
  std::chrono::milliseconds time_left{0};
  chat_listener listener;
};

/// A configured model: answers turns of many chats at once.
using model_actor = caf::typed_actor<caf::replies_to<chat_request>::with<chat_result>, caf::reacts_to<stop_chat>,
                                     caf::reacts_to<stream_step>>;

/// A model that stands behind limits and a circuit breaker: lets a request through
/// when it may, to an actor of its own (models/remote_call) or to the builtin model.
using model_gate_actor = model_actor::extend<
  // From the call's actor.
  caf::reacts_to<call_ended>, caf::reacts_to<model_learnt>, caf::reacts_to<admission_due>, caf::reacts_to<pause_model>,
  caf::reacts_to<share_models>, caf::replies_to<get_model_state>::with<model_state>>;

/// One call to a provider.
using remote_call_actor
  = caf::typed_actor<caf::reacts_to<answer_arrived>, caf::reacts_to<answer_ended>, caf::reacts_to<answer_failed>>;

/// All configured models: passes a request on to the one it names, and starts
/// that one if need be.
using models_actor
  = caf::typed_actor<caf::replies_to<chat_request>::with<chat_result>, caf::reacts_to<stop_chat>,
                     caf::reacts_to<pause_model>, caf::reacts_to<share_models>,
                     caf::replies_to<get_model_state>::with<model_state>, caf::reacts_to<services_changed>>;

// -- tools ----------------------------------------------------------------------

/// One call of an HTTP tool.
using http_call_actor = caf::typed_actor<caf::replies_to<call_tool>::with<tool_result>, caf::reacts_to<answer_ended>,
                                         caf::reacts_to<answer_failed>>;

/// One MCP server: its tools, its calls, and the sessions they are made in.
using mcp_server_actor = caf::typed_actor<caf::replies_to<get_mcp_tools>::with<mcp_tools_result>,
                                          caf::replies_to<call_tool>::with<tool_result>, caf::reacts_to<mcp_told>,
                                          caf::reacts_to<mcp_answered>, caf::reacts_to<mcp_due>>;

/// The tools that are reached over the network: starts an actor for each call and each
/// MCP server.
using tools_actor
  = caf::typed_actor<caf::replies_to<get_toolbox>::with<toolbox_result>, caf::replies_to<call_tool>::with<tool_result>>;

// -- tasks --------------------------------------------------------------------

/// An attempt of a task.
using task_actor = caf::typed_actor<caf::reacts_to<chat_delta>, caf::reacts_to<flush_journal>,
                                    caf::replies_to<stop_task>::with<stopped_task>>;

/// Starts or cancels one turn of a thread, then ends.
using turn_actor
  = caf::typed_actor<caf::replies_to<start_turn>::with<task_result>, caf::replies_to<cancel_turn>::with<task_result>>;

/// Ends one task that does not run here, then itself.
using ending_actor
  = caf::typed_actor<caf::replies_to<cancel_task>::with<task_result>,
                     caf::replies_to<set_task_status>::with<task_result>, caf::replies_to<delete_task>::with<done>>;

/// Claims, starts and watches task actors, and decides what follows a failure.
using task_supervisor_actor
  = caf::typed_actor<caf::reacts_to<work_arrived>, caf::reacts_to<retry_settling>, caf::reacts_to<renewal_due>,
                     caf::reacts_to<node_suspected>, caf::reacts_to<recovery_due>,
                     // Asked by another node.
                     caf::replies_to<end_running>::with<ending_done>, caf::reacts_to<task_was_ended>,
                     // The three that may hit a running task: its actor is stopped first.
                     caf::replies_to<cancel_task>::with<task_result>,
                     caf::replies_to<set_task_status>::with<task_result>, caf::replies_to<delete_task>::with<done>,
                     caf::replies_to<start_turn>::with<task_result>, caf::replies_to<cancel_turn>::with<task_result>,
                     caf::replies_to<drain>::with<drained>, caf::reacts_to<drain_expired>,
                     caf::replies_to<get_load>::with<node_load>, caf::reacts_to<services_changed>>;

/// Wakes the supervisor when a waiting task is due, and does the housekeeping.
using scheduler_actor
  = caf::typed_actor<caf::reacts_to<task_scheduled>, caf::reacts_to<due_tick>, caf::reacts_to<clean_up_tick>,
                     caf::reacts_to<poll_tick>, caf::reacts_to<services_changed>>;

// -- cluster ------------------------------------------------------------------

/// Opens the port for other nodes and makes connections to theirs.
using connector_actor
  = caf::typed_actor<caf::replies_to<open_door>::with<door>, caf::replies_to<connect_to>::with<connected>>;

/// This node among others. As a `peer_actor` it is what those see of it; the rest is
/// said within the process.
using cluster_actor = peer_actor::extend<
  // Answered once every linked node has noted it.
  caf::replies_to<rooms_changed>::with<done>, caf::reacts_to<events_committed>, caf::reacts_to<work_left>,
  caf::replies_to<end_elsewhere>::with<ending_done>, caf::replies_to<leave_cluster>::with<done>,
  caf::reacts_to<pause_model>, caf::reacts_to<announce_tick>, caf::reacts_to<status_tick>, caf::reacts_to<wake_tick>,
  caf::reacts_to<services_changed>>;

// -- all of them --------------------------------------------------------------

/// The services of a node. A null handle is a service that has not started yet; those
/// of the cluster stay null where the database is not shared.
struct services {
  broadcaster_actor broadcaster;
  writer_actor writer;
  /// For single records and short pages.
  std::vector<reader_actor> readers;
  /// For whole pages, whose readers others need not wait for.
  reader_actor page_reader;
  models_actor models;
  tools_actor tools;
  task_supervisor_actor supervisor;
  scheduler_actor scheduler;
  connector_actor connector;
  cluster_actor cluster;
};

/// Shared by all who hold handles; replaced as a whole.
using services_ptr = std::shared_ptr<const services>;

// -- node ---------------------------------------------------------------------

/// A service that a layer above adds to the node: started now, and again
/// whenever it dies.
struct add_service {
  std::string name;
  std::function<caf::actor(caf::actor_system&, services_ptr)> start;
};

struct get_services {};

/// Ends every service, then the node's supervisor itself.
struct stop_node {};

/// The root of the tree: starts the services and starts them again.
using node_actor = caf::typed_actor<caf::replies_to<get_services>::with<services_ptr>,
                                    caf::replies_to<add_service>::with<done>, caf::replies_to<stop_node>::with<done>>;

} // namespace troupe

// A list and not an expression:
// clang-format off
#define TROUPE_HANDLE_MESSAGES(X) \
  X(services_changed) X(join_room) X(leave_room) X(chat_request) X(services_ptr) X(add_service) X(get_services) \
  X(stop_node)
// clang-format on

#undef TROUPE_TYPE_ID
#define TROUPE_TYPE_ID(name) CAF_ADD_TYPE_ID(troupe_handles, (troupe::name))

TROUPE_HANDLE_MESSAGES(TROUPE_UNSAFE)
CAF_BEGIN_TYPE_ID_BLOCK(troupe_handles, caf::id_block::troupe_messages::end)
TROUPE_HANDLE_MESSAGES(TROUPE_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(troupe_handles)

#undef TROUPE_UNSAFE
#undef TROUPE_TYPE_ID
