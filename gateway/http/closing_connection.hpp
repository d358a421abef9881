#pragma once

#include "gateway/http/output_queue.hpp"
#include "gateway/http/server_core.hpp"

#include <cstdint>
#include <memory>

namespace troupe {

/// The end of a connection: it writes what is still queued, says that nothing
/// follows, and reads away what the client has yet to send, within bounds of time
/// and size. Who reads what is left, however slowly, gets it. Closing with unread bytes would reset the connection, and
/// the client might never see its answer (RFC 9112, section 9.6).
class closing_connection final : public server_connection, public std::enable_shared_from_this<closing_connection> {
public:
  enum class client { may_still_send, has_said_goodbye };

  closing_connection(std::shared_ptr<server_core> core, tcp_socket socket, output_queue rest,
                     client state = client::may_still_send);

  /// Call once the core has it.
  void start();

  void on_tick() override;
  void on_stop() override;
  void flush() override;
  void abort() override;
  void abandon() override;
  [[nodiscard]] std::uint32_t unread_since() const noexcept override { return rest_.empty() ? 0 : reading_.since(); }
  void shed_unread() override { abort(); }

private:
  void wait(tcp_socket::wait_type what);
  void read_away();

  std::shared_ptr<server_core> core_;
  tcp_socket socket_;
  output_queue rest_;
  client client_;
  std::size_t read_budget_;
  /// How the client reads the rest, and then leaves.
  pace reading_;
  bool ended_ = false;
};

} // namespace troupe
