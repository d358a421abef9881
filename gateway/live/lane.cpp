#include "gateway/live/lane.hpp"

#include "gateway/http/io_loop.hpp"
#include "gateway/requests/accept.hpp"
#include "gateway/requests/event_stream_head.hpp"
#include "gateway/requests/problem.hpp"
#include "persistence/logging/say.hpp"

#include <boost/asio/post.hpp>
#include <caf/actor_system.hpp>
#include <caf/send.hpp>

namespace troupe {

namespace {

/// Ends a client's turn when it goes.
struct open_turn {
  std::weak_ptr<lane> home;
  std::function<void()> over;

  open_turn(std::weak_ptr<lane> where, std::function<void()> f) : home{std::move(where)}, over{std::move(f)} {}
  open_turn(const open_turn&) = delete;
  open_turn& operator=(const open_turn&) = delete;

  ~open_turn() {
    try {
      if (const auto alive = home.lock())
        alive->post([f = std::move(over)](lane&) { f(); });
    } catch (const std::exception& out_of_memory) {
      // Its client is not read from any more.
      say::error("the end of a question is not told: {}", out_of_memory.what());
    }
  }
};

} // namespace

lane::lane(transport_limits limits, transport_observer observer, std::shared_ptr<const origin_policy> origins)
  : limits_{limits}, observer_{std::move(observer)}, origins_{std::move(origins)} {}

lane::~lane() {
  io_.stop();
  join();
  // Connections hold what their handlers point to: they go before the rest of the lane does.
  server_.reset();
}

// -- from any thread ----------------------------------------------------------

std::error_code lane::listen(const std::string& host, std::uint16_t port, bool shared) {
  // The server holds its handler as long as it has connections, and the lane holds the server.
  server_ = std::make_unique<http_server>(
    io_, std::shared_ptr<request_handler>{weak_from_this().lock().get(), [](auto*) {}}, limits_, observer_);
  return server_->listen(host, port, shared);
}

void lane::run() {
  // Connections are guarded one by one; whatever else was under way is looked up in the store again.
  thread_ = std::thread{[this] { run_io(io_, [this] { hub_.look_again(); }); }};
}

void lane::stop(std::chrono::milliseconds grace) {
  server_->stop(grace, [this] {
    hub_.for_each([this](const auto& one) { close(one); });
    gateway_ = nullptr;
    work_.reset();
    io_.stop();
  });
}

void lane::join() {
  if (thread_.joinable())
    thread_.join();
}

caf::actor lane::start_gateway(caf::actor_system& system, services_ptr peers, const gateway_config& config) {
  auto fresh = system.spawn(gateway, std::move(peers), config, weak_from_this());
  post([fresh](lane& home) { home.use_gateway(fresh); });
  return caf::actor_cast<caf::actor>(fresh);
}

void lane::post(std::function<void(lane&)> f) {
  boost::asio::post(io_, [home = weak_from_this(), f = std::move(f)] {
    if (const auto alive = home.lock())
      f(*alive);
  });
}

// -- request_handler ----------------------------------------------------------

bool lane::refuse_page(exchange& request) const {
  auto judged = origins_->judge(request.request());
  for (auto& [name, value] : judged.fields)
    request.add_header(std::move(name), std::move(value));
  if (!judged.refusal)
    return false;
  judged.refusal->instance = request.request().path;
  request.respond(to_response(*judged.refusal));
  return true;
}

void lane::on_request(std::shared_ptr<exchange> request) {
  if (refuse_page(*request))
    return;
  if (gateway_) {
    caf::anon_send(gateway_, serve_request{std::move(request)});
    return;
  }
  problem starting{problem_code::unavailable, "The server is starting; try again shortly."};
  starting.retry_after = std::chrono::seconds{1};
  request->respond(is_event_stream_request(request->request()) ? ask_to_reconnect(starting) : to_response(starting));
}

http_response lane::refusal(unsigned status, std::string_view detail) const {
  return to_response(from_transport_status(status, detail));
}

// -- for subscribers ----------------------------------------------------------

void lane::use_gateway(gateway_actor fresh) {
  gateway_ = std::move(fresh);
  // What the one before had joined is forgotten, and what it was asked for is lost.
  hub_.begin_anew();
  hub_.for_each([this](const std::shared_ptr<feed>& one) { caf::anon_send(gateway_, open_feed{one, nullptr}); });
}

void lane::open(const std::shared_ptr<feed>& which, turn_ptr turn) {
  hub_.add(which);
  if (gateway_)
    caf::anon_send(gateway_, open_feed{which, std::move(turn)});
}

void lane::close(const std::shared_ptr<feed>& which) {
  if (hub_.remove(which) && gateway_)
    caf::anon_send(gateway_, close_feed{*which->resolved()});
}

void lane::leave(const room& resolved) {
  if (gateway_)
    caf::anon_send(gateway_, close_feed{resolved});
}

void lane::read(const std::shared_ptr<feed>& which, std::int64_t position, page_size most, turn_ptr turn) {
  if (gateway_)
    caf::anon_send(gateway_, read_feed{which, position, most, std::move(turn)});
}

void lane::chat(handle_chat_frame frame) {
  if (gateway_)
    caf::anon_send(gateway_, std::move(frame));
}

turn_ptr lane::turn(std::function<void()> over) {
  return std::make_shared<open_turn>(weak_from_this(), std::move(over));
}

std::shared_ptr<const std::string> lane::share(std::string text) {
  return limits_.memory->share(std::move(text));
}

} // namespace troupe
