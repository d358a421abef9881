#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "actors/remote/secrets.hpp"
#include "gateway/live/execution_waits.hpp"
#include "gateway/live/gateway_messages.hpp"
#include "gateway/live/look_ups.hpp"
#include "gateway/live/request_context.hpp"
#include "gateway/live/room_joins.hpp"
#include "gateway/questions/open_questions.hpp"
#include "gateway/requests/client_memory.hpp"
#include "gateway/requests/transport.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The gateway actor stands between an I/O thread and the other actors: it takes
/// whole requests and frames, asks the store or the supervisor, and renders the
/// answer. One per I/O thread, spawned by the node (gateway/live/lane.hpp says how). It
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
  /// By how much this machine's clock is ahead of the store's, by which all nodes go. Asked on any thread; empty if
  /// they are one.
  std::function<std::chrono::microseconds()> clock_ahead;
  /// Counts what is rendered for clients.
  std::shared_ptr<client_memory> memory = std::make_shared<client_memory>();
  /// Encrypts secrets of tools and models; null for no key.
  secret_box_ptr secrets;
  /// Answers a request, at once or later: the table of routes, which stands above.
  void (*serve)(gateway_state& gateway, std::shared_ptr<exchange> request) = nullptr;
};

class gateway_state {
public:
  static inline const char* name = "gateway";

  explicit gateway_state(gateway_actor::pointer self)
    : self_{self}, waits_{*this}, look_ups_{self}, joins_{self, {[this] { interrupt(); }, [this] { catch_up(); }}} {}

  void start(services_ptr peers, gateway_config config, std::weak_ptr<lane> home);
  void relink(services_ptr peers);

  void serve(const std::shared_ptr<exchange>& request);
  void publish(const events_published& published);
  /// Events may have passed unheard: everybody looks into the store.
  void look_again();
  void open(const open_feed& asked);
  void read(const read_feed& asked);

  /// Whoever has waited too long is told so: sooner, if it is for a commit and the store is
  /// away.
  void look_after_questions();

  /// Runs `f`, which looks something up for somebody.
  template <class F>
  void read_for(asker whom, F f) {
    look_ups_.read_for(std::move(whom), std::move(f));
  }

  /// Joins a room at the broadcaster; `then` runs once later events will come.
  void join(const room& resolved, std::function<void()> then) { joins_.join(resolved, std::move(then)); }
  void leave(const room& resolved) { joins_.leave(resolved); }

  // -- for the routes ---------------------------------------------------------

  [[nodiscard]] gateway_actor::pointer self() const { return self_; }
  [[nodiscard]] const services& peers() const { return *peers_; }
  [[nodiscard]] const reader_actor& reader() { return look_ups_.next_reader(); }
  [[nodiscard]] const gateway_config& config() const { return config_; }
  [[nodiscard]] execution_waits& waits() { return waits_; }
  /// Runs `f` on the I/O thread; it is dropped if the lane is gone.
  void post(std::function<void(lane&)> f);

  /// Asks an actor; `on_value` gets the answer, `on_error` any error as the
  /// store's. The question times out. `on_value` is a lambda that is not generic.
  template <class Handle, class Message, class OnValue, class OnError>
  void ask(const Handle& whom, Message&& what, OnValue on_value, OnError on_error) {
    static_assert(!std::same_as<Handle, reader_actor>, "look_up() asks them in turn");
    ask_and_note(writes<Handle> ? writing_ : asking_, whom, std::forward<Message>(what), std::move(on_value),
                 std::move(on_error));
  }

  /// As `ask`, of one of the store's readers (gateway/live/look_ups.hpp).
  template <class Message, class OnValue, class OnError>
  void look_up(Message what, OnValue on_value, OnError on_error) {
    look_ups_.look_up(std::move(what), std::move(on_value), std::move(on_error));
  }

  /// An answer of so many bytes is on its way to the I/O thread.
  void note_given(std::size_t bytes);
  void note_taken(std::size_t bytes) { look_ups_.note_taken(bytes); }

private:
  /// Events may pass unheard, until `catch_up`.
  void interrupt();
  void catch_up();

  template <class T, class... Ts>
  static constexpr bool is_any_of = (std::same_as<T, Ts> || ...);

  template <class Handle>
  static constexpr bool writes = is_any_of<Handle, writer_actor, task_supervisor_actor>;

  /// As `ask`, and `questions` keeps the time.
  template <class Handle, class Message, class OnValue, class OnError>
  void ask_and_note(open_questions& questions, const Handle& whom, Message&& what, OnValue on_value, OnError on_error) {
    using value = answers::value<OnValue>;
    const auto number = questions.add(self_->clock().now(), on_error);
    self_->request(whom, caf::infinite, std::forward<Message>(what))
      .then(
        [&questions, number, on_value = std::move(on_value)](const value& answer) mutable {
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
  /// Asked of the writing side, which may have done what it does not answer; and of the others.
  open_questions writing_;
  open_questions asking_;
  look_ups look_ups_;
  room_joins<gateway_actor::pointer> joins_;
  /// Of answers given to the I/O thread since it was asked to tell that it has them.
  std::size_t untold_ = 0;
};

gateway_actor::behavior_type gateway(gateway_actor::stateful_pointer<gateway_state> self, services_ptr peers,
                                     gateway_config config, std::weak_ptr<lane> home);

} // namespace troupe
