#pragma once

#include "gateway/http/server.hpp"
#include "gateway/live/event_socket.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/live/hub.hpp"
#include "gateway/requests/origin_policy.hpp"
#include "gateway/requests/transport.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <thread>

/// A lane is an I/O thread with all that belongs to it: the server and its
/// connections, the feeds of its subscribers, and the gateway actor that does
/// their asking. Connections never cross lanes.
namespace troupe {

class lane final : public request_handler, public std::enable_shared_from_this<lane> {
public:
  lane(transport_limits limits, transport_observer observer, std::shared_ptr<const origin_policy> origins);
  ~lane() override;

  lane(const lane&) = delete;
  lane& operator=(const lane&) = delete;

  // -- from any thread --------------------------------------------------------

  /// With `shared`, other lanes listen on the same port too.
  std::error_code listen(const std::string& host, std::uint16_t port, bool shared);
  [[nodiscard]] std::uint16_t port() const noexcept { return server_->port(); }
  void run();
  /// Closes what is open, at most for `grace`, then ends the thread.
  void stop(std::chrono::milliseconds grace);
  void join();

  /// The start function for the node: spawns the gateway actor and makes it this
  /// lane's. Called again when the actor has died.
  caf::actor start_gateway(caf::actor_system& system, services_ptr peers, const gateway_config& config);

  /// Runs `f` on the I/O thread.
  void post(std::function<void(lane&)> f);

  // -- request_handler, on the I/O thread ---------------------------------------

  void on_request(std::shared_ptr<exchange> request) override;
  [[nodiscard]] http_response refusal(unsigned status, std::string_view detail) const override;

  // -- for subscribers, on the I/O thread ---------------------------------------

  void open(const std::shared_ptr<feed>& which, turn_ptr turn);
  void close(const std::shared_ptr<feed>& which);
  /// Nobody was there any more when the room was joined.
  void leave(const room& resolved);
  void read(const std::shared_ptr<feed>& which, std::int64_t position, page_size most, turn_ptr turn);
  void chat(handle_chat_frame frame);
  [[nodiscard]] hub& feeds() noexcept { return hub_; }
  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }

  /// Something that a client asks for, which is over once the last who has it lets go;
  /// then `over` runs, on the I/O thread.
  turn_ptr turn(std::function<void()> over);
  /// `text` as it goes to clients, counted until all of them have it.
  [[nodiscard]] std::shared_ptr<const std::string> share(std::string text);

private:
  /// True if a page sent it that may not; then it is answered.
  [[nodiscard]] bool refuse_page(exchange& request) const;
  void use_gateway(gateway_actor fresh);

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  transport_limits limits_;
  transport_observer observer_;
  std::shared_ptr<const origin_policy> origins_;
  std::unique_ptr<http_server> server_;
  hub hub_;
  gateway_actor gateway_;
  std::thread thread_;
};

} // namespace troupe
