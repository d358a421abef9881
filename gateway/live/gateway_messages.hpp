#pragma once

#include "actors/interfaces.hpp"
#include "gateway/forms/parse_frame.hpp"
#include "gateway/live/feed.hpp"
#include "gateway/live/page_writer.hpp"
#include "gateway/requests/transport.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

/// What a gateway actor is told, and its handle (gateway/live/gateway_actor.hpp says what it is).
namespace troupe {

// -- messages, all from the I/O thread ------------------------------------------

/// A request has been read.
struct serve_request {
  std::shared_ptr<exchange> request;
};

/// Somebody who waits for a task has hung up.
struct client_gone {
  std::uint64_t wait = 0;
};

/// `Prefer: wait` is over (to itself).
struct wait_expired {
  std::uint64_t wait = 0;
};

/// Held for as long as something that a client has asked for is not done with; whoever
/// lets go of it last, on whatever thread, ends the client's turn (see `lane::turn`). So
/// it ends however the question does.
using turn_ptr = std::shared_ptr<void>;

/// A feed wants to begin: find its place, join its room.
struct open_feed {
  std::shared_ptr<feed> which;
  turn_ptr turn{};
};

/// A feed wants the next stored events.
struct read_feed {
  std::shared_ptr<feed> which;
  std::int64_t position = 0;
  page_size most = feed::short_page;
  turn_ptr turn{};
};

/// A feed has ended: leave its room.
struct close_feed {
  room resolved;
};

/// The I/O thread has taken so many bytes of answers.
struct answers_taken {
  std::size_t bytes = 0;
};

/// Time to see who has waited too long (to itself).
struct question_tick {};

/// A frame for the thread of a chat.
struct handle_chat_frame {
  uuid task_id;
  client_frame frame;
  /// Called on the gateway actor's thread with a frame for the client.
  std::function<void(std::string)> answer;
  turn_ptr turn{};
  /// Set once the client is gone: what only it would hear of need not be asked.
  std::shared_ptr<const std::atomic<bool>> gone{};
};

using gateway_actor
  = subscriber_actor::extend<caf::reacts_to<serve_request>, caf::reacts_to<client_gone>, caf::reacts_to<wait_expired>,
                             caf::reacts_to<open_feed>, caf::reacts_to<read_feed>, caf::reacts_to<close_feed>,
                             caf::reacts_to<handle_chat_frame>, caf::reacts_to<answers_taken>,
                             caf::reacts_to<question_tick>, caf::reacts_to<services_changed>>;

} // namespace troupe

// A list and not an expression:
// clang-format off
#define TROUPE_GATEWAY_MESSAGES(X) \
  X(serve_request) X(client_gone) X(wait_expired) X(open_feed) X(read_feed) X(close_feed) X(handle_chat_frame) \
  X(answers_taken) X(question_tick) X(write_page)
// clang-format on

#define TROUPE_UNSAFE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::name)
#define TROUPE_TYPE_ID(name) CAF_ADD_TYPE_ID(troupe_gateway, (troupe::name))

TROUPE_GATEWAY_MESSAGES(TROUPE_UNSAFE)
CAF_BEGIN_TYPE_ID_BLOCK(troupe_gateway, caf::id_block::troupe_handles::end)
TROUPE_GATEWAY_MESSAGES(TROUPE_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(troupe_gateway)

#undef TROUPE_UNSAFE
#undef TROUPE_TYPE_ID
