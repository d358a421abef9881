#pragma once

#include "persistence/records.hpp"
#include "persistence/store.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>
#include <caf/replies_to.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include <cstdint>
#include <string>
#include <vector>

/// The vocabulary between nodes: the only messages that leave the process, and the
/// interface that a node shows to others. Fields are written in the order in which
/// `inspect` names them, without names: a change to one of these types needs a new
/// `wire_version`, and nodes of different versions do not link (they go on through
/// the database alone).
namespace troupe {

/// Part of the identifier by which middlemen know each other's application.
inline constexpr int wire_version = 3;

// -- parts --------------------------------------------------------------------

/// Who says something, and as the end of which link. A message of a link that the
/// receiver has given up, or not made yet, is passed over.
struct link_end {
  uuid node;
  /// Made by the node that dialled, anew for each link.
  uuid link;

  bool operator==(const link_end&) const = default;
};

/// What others need to know of a node to send it work, and to recover its tasks.
struct peer_state {
  /// The lease its tasks run under; nil if it runs none.
  uuid lease;
  std::int32_t running = 0;
  /// 0 if it runs no tasks.
  std::int32_t capacity = 0;
  bool draining = false;

  bool operator==(const peer_state&) const = default;
};

// -- links --------------------------------------------------------------------

/// Offers a link, to the node that is expected at the address that was dialled.
struct hello {
  link_end from;
  uuid to;
  std::string name;
  peer_state state;
  /// `node_list::database`, as the sender has it.
  std::string database{};
};

/// Takes it. Each side then tells the rooms it wants: who dialled begins.
struct welcome {
  link_end from;
  std::string name;
  peer_state state;
};

/// The sender has given the link up.
struct link_closed {
  link_end from;
};

/// Sent when something of it has changed.
struct node_status {
  link_end from;
  peer_state state;
};

// -- events -------------------------------------------------------------------

/// Which events the sender wants from now on.
struct interest_changed {
  link_end from;
  /// These are all of its rooms; forget what was told before.
  bool whole = false;
  /// It has subscribers: it wants to hear of every commit, with the events of its
  /// rooms.
  bool listening = false;
  std::vector<room> joined;
  std::vector<room> left;
};

/// Every commit that is relayed after this has the events that were asked for.
struct interest_noted {
  link_end from;
};

/// An event without what it shares with others of its task.
struct relayed_event {
  /// Index into `events_relayed::sources`.
  std::uint32_t source = 0;
  std::int64_t seq = 0;
  std::int64_t position = 0;
  std::int32_t attempt = 0;
  event_type type = event_type::task_created;
  /// Microseconds since the epoch.
  std::int64_t at = 0;
  std::string data;
};

/// A commit of the sender: its range of positions, and of its events those in rooms
/// that the receiver wants.
struct events_relayed {
  link_end from;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::vector<event_source> sources;
  std::vector<relayed_event> events;
};

/// So many bytes of relayed events have been taken: room for more.
struct relay_taken {
  link_end from;
  std::uint64_t bytes = 0;
};

// -- work ---------------------------------------------------------------------

/// There are tasks that the sender cannot take.
struct work_waiting {
  link_end from;
};

/// A provider has asked all who use a model to wait.
struct model_paused {
  link_end from;
  std::string ns;
  std::string name;
  /// Milliseconds from now.
  std::int64_t wait = 0;
};

enum class ending_kind : std::uint8_t { cancel, set_status, remove };

/// Ends a task if it runs at the receiver.
struct end_task_there {
  link_end from;
  ending_kind kind = ending_kind::cancel;
  uuid task;
  /// For `set_status`, with the two after it.
  task_status status = task_status::cancelled;
  caf::optional<std::string> output;
  caf::optional<std::string> error;
  /// The client's idempotency key and its fingerprint; for `cancel`.
  caf::optional<std::string> key;
  std::string fingerprint;
  /// Microseconds since the epoch.
  std::int64_t at = 0;
};

enum class ending_result : std::uint8_t {
  /// It runs elsewhere, or not at all; nothing was done.
  not_here,
  ended,
  /// The store said no; `code` and `sentence` say why.
  refused,
};

struct task_ended_there {
  link_end from;
  ending_result result = ending_result::not_here;
  /// An `errc`.
  std::uint8_t code = 0;
  std::string sentence;
};

// -- the interface --------------------------------------------------------------

/// What a node publishes: its cluster actor, seen from another one.
using peer_actor
  = caf::typed_actor<caf::replies_to<hello>::with<welcome>, caf::reacts_to<link_closed>, caf::reacts_to<node_status>,
                     caf::replies_to<interest_changed>::with<interest_noted>, caf::reacts_to<events_relayed>,
                     caf::reacts_to<relay_taken>, caf::reacts_to<work_waiting>, caf::reacts_to<model_paused>,
                     caf::replies_to<end_task_there>::with<task_ended_there>>;

// -- how they are written ---------------------------------------------------------

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, uuid& x) {
  return f(caf::meta::type_name("uuid"), x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, room& x) {
  return f(caf::meta::type_name("room"), x.type, x.id, x.name);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, event_source& x) {
  return f(caf::meta::type_name("event_source"), x.task_id, x.thread_id, x.ns, x.created_by);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_end& x) {
  return f(caf::meta::type_name("link_end"), x.node, x.link);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, peer_state& x) {
  return f(caf::meta::type_name("peer_state"), x.lease, x.running, x.capacity, x.draining);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, hello& x) {
  return f(caf::meta::type_name("hello"), x.from, x.to, x.name, x.state, x.database);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, welcome& x) {
  return f(caf::meta::type_name("welcome"), x.from, x.name, x.state);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, link_closed& x) {
  return f(caf::meta::type_name("link_closed"), x.from);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, node_status& x) {
  return f(caf::meta::type_name("node_status"), x.from, x.state);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, interest_changed& x) {
  return f(caf::meta::type_name("interest_changed"), x.from, x.whole, x.listening, x.joined, x.left);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, interest_noted& x) {
  return f(caf::meta::type_name("interest_noted"), x.from);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, relayed_event& x) {
  return f(caf::meta::type_name("relayed_event"), x.source, x.seq, x.position, x.attempt, x.type, x.at, x.data);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, events_relayed& x) {
  return f(caf::meta::type_name("events_relayed"), x.from, x.begin, x.end, x.sources, x.events);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, relay_taken& x) {
  return f(caf::meta::type_name("relay_taken"), x.from, x.bytes);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, work_waiting& x) {
  return f(caf::meta::type_name("work_waiting"), x.from);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, model_paused& x) {
  return f(caf::meta::type_name("model_paused"), x.from, x.ns, x.name, x.wait);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, end_task_there& x) {
  return f(caf::meta::type_name("end_task_there"), x.from, x.kind, x.task, x.status, x.output, x.error, x.key,
           x.fingerprint, x.at);
}

template <class Inspector>
typename Inspector::result_type inspect(Inspector& f, task_ended_there& x) {
  return f(caf::meta::type_name("task_ended_there"), x.from, x.result, x.code, x.sentence);
}

} // namespace troupe

// A list and not an expression:
// clang-format off
#define TROUPE_WIRE_MESSAGES(X) \
  X(hello) X(welcome) X(link_closed) X(node_status) X(interest_changed) X(interest_noted) X(events_relayed) \
  X(relay_taken) X(work_waiting) X(model_paused) X(end_task_there) X(task_ended_there)
// clang-format on

#define TROUPE_WIRE_TYPE_ID(name) CAF_ADD_TYPE_ID(troupe_wire, (troupe::name))

CAF_BEGIN_TYPE_ID_BLOCK(troupe_wire, caf::first_custom_type_id)
TROUPE_WIRE_MESSAGES(TROUPE_WIRE_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(troupe_wire)

#undef TROUPE_WIRE_TYPE_ID
