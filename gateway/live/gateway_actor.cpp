#include "gateway/live/gateway_actor.hpp"

#include "gateway/live/chat_frames.hpp"
#include "gateway/live/lane.hpp"
#include "gateway/live/live_events.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

/// Between two tries of a page that the store could not give.
constexpr std::chrono::milliseconds read_again{500};

/// How often is looked for those who have waited too long.
constexpr std::chrono::milliseconds question_interval{500};

/// The I/O thread is asked to tell what it has taken after so many bytes.
constexpr std::size_t told_in_pieces = std::size_t{1024} * 1024;

/// So long a question to the writing side may be open while the store is away.
constexpr std::chrono::seconds longest_wait_for_outage{1};

} // namespace

void gateway_state::start(services_ptr peers, gateway_config config, std::weak_ptr<lane> home) {
  peers_ = std::move(peers);
  config_ = std::move(config);
  home_ = std::move(home);
  look_ups_.link(peers_);
  // What is answered at once needs nobody.
  if (peers_)
    joins_.link(peers_->broadcaster);
}

void gateway_state::relink(services_ptr peers) {
  peers_ = std::move(peers);
  look_ups_.link(peers_);
  joins_.link(peers_->broadcaster);
}

void gateway_state::look_again() {
  waits_.check_all();
  post([](lane& home) { home.feeds().look_again(); });
}

void gateway_state::interrupt() {
  post([](lane& home) { home.feeds().interrupt(); });
}

void gateway_state::catch_up() {
  waits_.check_all();
  post([](lane& home) { home.feeds().resync(); });
}

void gateway_state::serve(const std::shared_ptr<exchange>& request) {
  // What changes something is done whether or not anybody waits to hear of it.
  const auto method = request->request().method;
  const auto only_reads = method == boost::beast::http::verb::get || method == boost::beast::http::verb::head;
  if (only_reads && request->is_gone())
    return;
  read_for({.request = only_reads ? request : nullptr}, [&] { config_.serve(*this, request); });
}

void gateway_state::publish(const events_published& published) {
  std::vector<live_event> events;
  events.reserve(published.chosen.size());
  for (const auto index : published.chosen) {
    const auto& event = (*published.events)[index];
    events.push_back(to_live(event, *config_.memory));
    if (is_terminal(event.type) || event.type == event_type::task_deleted)
      waits_.on_end(event.source->task_id);
  }
  post([events = std::move(events)](lane& home) { home.feeds().deliver(events); });
}

// -- feeds --------------------------------------------------------------------

void gateway_state::open(const open_feed& asked) {
  const auto& which = asked.which;
  const auto failed
    = [this, asked](const store_error& reason) { post([asked, reason](lane&) { asked.which->on_failed(reason); }); };
  look_up(
    question_of(*which),
    [this, asked](const room_start& start) {
      join(start.resolved, [this, asked, start] {
        post([asked, start](lane& home) {
          asked.which->begin(start.resolved, start.position, start.was_ahead);
          if (!asked.which->ended())
            home.feeds().join(asked.which);
          else
            home.leave(start.resolved);
        });
      });
    },
    failed);
}

void gateway_state::read(const read_feed& asked) {
  if (asked.which->is_over())
    return;
  look_up(get_room_events{*asked.which->resolved(), asked.position, asked.most},
          written_as{[memory = config_.memory](const room_events& page) { return to_live(page, *memory); },
                     [this, asked](live_page page) {
                       note_given(page.bytes);
                       post([asked, page = std::move(page)](lane&) {
                         asked.which->on_page({{}, page.position, page.at_end}, page.events);
                       });
                     }},
          [this, asked](const store_error& reason) {
            // A store that is away comes back, and the subscriber has missed nothing by then. One that is gone
            // meanwhile has ended its feed, which passes over the page.
            if (reason.code == errc::unavailable)
              self_->delayed_send(self_, read_again, asked);
            else
              post([asked, reason](lane&) { asked.which->on_failed(reason); });
          });
}

void gateway_state::look_after_questions() {
  const auto now = self_->clock().now();
  const auto store_is_away = config_.store_available && !config_.store_available();
  const store_error too_late{errc::unavailable, std::string{to_string(errc::unavailable)}};
  writing_.refuse_before(now - (store_is_away ? longest_wait_for_outage : config_.request_timeout), nobody_knows());
  asking_.refuse_before(now - config_.request_timeout, too_late);
  look_ups_.refuse_before(now - config_.request_timeout, too_late);
  joins_.look_after_questions();
  self_->delayed_send(self_, std::min(question_interval, config_.request_timeout), question_tick{});
}

// -- for the routes -----------------------------------------------------------

void gateway_state::note_given(std::size_t bytes) {
  look_ups_.note_given(bytes);
  untold_ += bytes;
  if (untold_ < told_in_pieces)
    return;
  // Runs behind the answers themselves.
  post([self = gateway_actor{self_}, taken = std::exchange(untold_, 0)](lane&) {
    caf::anon_send(self, answers_taken{taken});
  });
}

void gateway_state::post(std::function<void(lane&)> f) {
  if (const auto home = home_.lock())
    home->post(std::move(f));
}

gateway_actor::behavior_type gateway(gateway_actor::stateful_pointer<gateway_state> self, services_ptr peers,
                                     gateway_config config, std::weak_ptr<lane> home) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->state.start(std::move(peers), std::move(config), std::move(home));
  self->state.look_after_questions();
  return {
    [self](const events_published& published) { self->state.publish(published); },
    [self](const events_missed&) { self->state.look_again(); },
    [self](const serve_request& request) { self->state.serve(request.request); },
    [self](const client_gone& gone) { self->state.waits().on_client_gone(gone.wait); },
    [self](const wait_expired& expired) { self->state.waits().on_patience_over(expired.wait); },
    [self](const open_feed& request) {
      self->state.read_for({.subscriber = request.which}, [&] { self->state.open(request); });
    },
    [self](const read_feed& request) {
      self->state.read_for({.subscriber = request.which}, [&] { self->state.read(request); });
    },
    [self](const close_feed& request) { self->state.leave(request.resolved); },
    [self](handle_chat_frame& request) { handle(self->state, request); },
    [self](const answers_taken& taken) { self->state.note_taken(taken.bytes); },
    [self](const question_tick&) { self->state.look_after_questions(); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
