#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/secrets.hpp"
#include "gateway/client_memory.hpp"
#include "gateway/execution_waits.hpp"
#include "gateway/feed.hpp"
#include "gateway/open_questions.hpp"
#include "gateway/parse_frame.hpp"
#include "gateway/read_turns.hpp"
#include "gateway/routes.hpp"
#include "gateway/transport.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// The gateway actor stands between an I/O thread and the other actors: it takes
/// whole requests and frames, asks the store or the supervisor, and renders the
/// answer. One per I/O thread, spawned by the node (gateway/lane.hpp says how). It
/// holds no rule of the domain and no task's state, only who waits for what. If it
/// dies, the requests in its hands are answered with 500 by their connections, the
/// node starts another, and the lane has every feed begin anew where it stood.
namespace troupe {

class lane;

/// What a gateway needs to know of the process.
struct gateway_config {
  clock_function clock;
  metrics_ptr measured;
  std::string node;
  /// How long an actor may take to answer.
  std::chrono::milliseconds request_timeout{30'000};
  /// Set once the process shuts down: nothing new is taken on.
  std::shared_ptr<const std::atomic<bool>> draining;
  /// Whether clients are served; a worker only tells how it is.
  bool serves_api = true;
  /// False while the store is away or cannot be written: what would have to be written
  /// is refused at once. Asked on any thread; empty if the store is never away.
  std::function<bool()> store_available;
  /// Counts what is rendered for clients.
  std::shared_ptr<client_memory> memory = std::make_shared<client_memory>();
  /// Encrypts secrets of tools and models; null for no key.
  secret_box_ptr secrets;
};

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

/// For whose sake something is read. Once they are gone it need not be; what changes
/// something has no asker here.
struct asker {
  std::shared_ptr<const exchange> request{};
  std::shared_ptr<const feed> subscriber{};
  std::shared_ptr<const std::atomic<bool>> chat_gone{};

  [[nodiscard]] bool is_gone() const {
    return (request && request->is_gone()) || (subscriber && subscriber->is_over())
           || (chat_gone && chat_gone->load(std::memory_order_relaxed));
  }
};

class gateway_state {
public:
  static inline const char* name = "gateway";

  explicit gateway_state(gateway_actor::pointer self) : self_{self}, waits_{*this} {}

  void start(services_ptr peers, gateway_config config, std::weak_ptr<lane> home);
  void relink(services_ptr peers);

  void serve(const std::shared_ptr<exchange>& request);
  void publish(const events_published& published);
  /// Events may have passed unheard: everybody looks into the store.
  void catch_up();

  void open(const open_feed& asked);
  void read(const read_feed& asked);
  void close(const room& resolved);

  /// Whoever has waited too long is told so: sooner, if it is for a commit and the store is
  /// away.
  void look_after_questions();

  /// Runs `f`, which reads for somebody.
  template <class F>
  void read_for(asker whom, F f) {
    asker_ = std::move(whom);
    f();
    asker_ = {};
  }

  /// Joins a room at the broadcaster; `then` runs once later events will come.
  void join(const room& resolved, std::function<void()> then);
  void leave(const room& resolved);

  // -- for the routes ---------------------------------------------------------

  [[nodiscard]] gateway_actor::pointer self() const { return self_; }
  [[nodiscard]] const services& peers() const { return *peers_; }
  [[nodiscard]] const gateway_config& config() const { return config_; }
  [[nodiscard]] execution_waits& waits() { return waits_; }
  /// Readers take turns.
  [[nodiscard]] const reader_actor& reader();
  /// Runs `f` on the I/O thread; it is dropped if the lane is gone.
  void post(std::function<void(lane&)> f);

  /// Asks an actor; `on_value` gets the answer, `on_error` any error as the
  /// store's. The question times out. `on_value` is a lambda that is not generic.
  template <class Handle, class Message, class OnValue, class OnError>
  void ask(const Handle& whom, Message&& what, OnValue on_value, OnError on_error) {
    if constexpr (std::same_as<Handle, reader_actor>)
      ask_in_turn(whom, std::forward<Message>(what), std::move(on_value), std::move(on_error));
    else
      ask_and_note(writes<Handle> ? writing_ : asking_, whom, std::forward<Message>(what), std::move(on_value),
                   std::move(on_error));
  }

  /// An answer of so many bytes is on its way to the I/O thread.
  void note_given(std::size_t bytes);
  void note_taken(std::size_t bytes);

private:
  [[nodiscard]] live_event to_live(const event_record& event) const;

  template <class T, class... Ts>
  static constexpr bool is_any_of = (std::same_as<T, Ts> || ...);

  template <class Handle>
  static constexpr bool writes = is_any_of<Handle, writer_actor, task_supervisor_actor>;

  /// Whether the answer to a question may be as large as a page.
  template <class Message>
  static constexpr read_turns::kind kind_of
    = is_any_of<Message, get_task, get_bot, get_model, get_room_start, get_budget, get_thread, get_last_position>
        ? read_turns::kind::record
        : read_turns::kind::page;

  /// As `ask`, of a reader, once it is this question's turn.
  template <class Message, class OnValue, class OnError>
  void ask_in_turn(const reader_actor& whom, Message what, OnValue on_value, OnError on_error) {
    constexpr auto kind = kind_of<Message>;
    const auto number = reading_.next_number();
    reading_.add(self_->clock().now(), [this, number, on_error](const store_error& why) mutable {
      turns_.end(kind, number);
      on_error(why);
    });
    if (turns_.try_begin(kind))
      return read(kind, number, whom, std::move(what), std::move(on_value), std::move(on_error));
    turns_.wait(kind, number,
                [this, number, whom, what = std::move(what), on_value = std::move(on_value),
                 on_error = std::move(on_error), asker = asker_]() mutable {
                  if (!reading_.is_open(number))
                    turns_.end(kind, number);
                  else if (asker.is_gone())
                    end_read(kind, number);
                  else
                    read(kind, number, whom, std::move(what), std::move(on_value), std::move(on_error));
                });
  }

  template <class Message, class OnValue, class OnError>
  void read(read_turns::kind kind, std::uint64_t number, const reader_actor& whom, Message what, OnValue on_value,
            OnError on_error) {
    using value = decltype(value_of(&OnValue::operator()));
    self_->request(whom, caf::infinite, std::move(what))
      .then(
        [this, kind, number, on_value = std::move(on_value)](value answer) mutable {
          if (!end_read(kind, number))
            return;
          on_value(answer);
          read_on();
        },
        [this, kind, number, on_error = std::move(on_error)](const caf::error& reason) mutable {
          if (!end_read(kind, number))
            return;
          on_error(to_store_error(reason));
          read_on();
        });
  }

  /// False if the question was refused before.
  bool end_read(read_turns::kind kind, std::uint64_t number);
  /// Asks what has waited for its turn.
  void read_on();

  // What a lambda takes; declared only.
  template <class F, class A>
  static A value_of(void (F::*)(A) const);
  template <class F, class A>
  static A value_of(void (F::*)(A));

  /// As `ask`, and `questions` keeps the time.
  template <class Handle, class Message, class OnValue, class OnError>
  void ask_and_note(open_questions& questions, const Handle& whom, Message&& what, OnValue on_value, OnError on_error) {
    using value = decltype(value_of(&OnValue::operator()));
    const auto number = questions.add(self_->clock().now(), on_error);
    self_->request(whom, caf::infinite, std::forward<Message>(what))
      .then(
        [&questions, number, on_value = std::move(on_value)](value answer) mutable {
          if (questions.close(number))
            on_value(answer);
        },
        [&questions, number, on_error = std::move(on_error)](const caf::error& reason) mutable {
          if (questions.close(number))
            on_error(to_store_error(reason));
        });
  }

  gateway_actor::pointer self_;
  services_ptr peers_;
  gateway_config config_;
  std::weak_ptr<lane> home_;
  execution_waits waits_;
  /// Asked of the writing side, which may have done what it does not answer; of the readers
  /// and of the others; and of the broadcaster, whom it takes longer.
  open_questions writing_;
  open_questions asking_;
  open_questions reading_;
  open_questions joining_;
  read_turns turns_;
  asker asker_;
  /// Of answers given to the I/O thread since it was asked to tell that it has them.
  std::size_t untold_ = 0;
  /// Rooms joined at the broadcaster, and how often.
  std::map<room, int> rooms_;
  std::size_t next_reader_ = 0;
};

gateway_actor::behavior_type gateway(gateway_actor::stateful_pointer<gateway_state> self, services_ptr peers,
                                     gateway_config config, std::weak_ptr<lane> home);

} // namespace troupe

// A list and not an expression:
// clang-format off
#define TROUPE_GATEWAY_MESSAGES(X) \
  X(serve_request) X(client_gone) X(wait_expired) X(open_feed) X(read_feed) X(close_feed) X(handle_chat_frame) \
  X(answers_taken) X(question_tick)
// clang-format on

#define TROUPE_UNSAFE(name) CAF_ALLOW_UNSAFE_MESSAGE_TYPE(troupe::name)
#define TROUPE_TYPE_ID(name) CAF_ADD_TYPE_ID(troupe_gateway, (troupe::name))

TROUPE_GATEWAY_MESSAGES(TROUPE_UNSAFE)
CAF_BEGIN_TYPE_ID_BLOCK(troupe_gateway, caf::id_block::troupe_handles::end)
TROUPE_GATEWAY_MESSAGES(TROUPE_TYPE_ID)
CAF_END_TYPE_ID_BLOCK(troupe_gateway)

#undef TROUPE_UNSAFE
#undef TROUPE_TYPE_ID
