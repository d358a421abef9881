#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::testing {

/// An answer as it came over the wire.
struct raw_response {
  unsigned status = 0;
  /// Names in lower case.
  std::map<std::string, std::string> headers;
  /// With the chunks put together.
  std::string body;
};

/// A WebSocket frame as it came over the wire.
struct raw_frame {
  unsigned opcode = 0;
  std::string payload;

  /// The code of a close frame; 1005 for none (RFC 6455, section 7.1.5).
  [[nodiscard]] unsigned close_code() const;
};

/// A client that sends exactly the bytes it is given. Reads wait up to ten seconds,
/// and then count as a failure of whoever should have written.
class raw_client {
public:
  /// `receive_buffer` of 0 leaves the system's default.
  explicit raw_client(std::uint16_t port, int receive_buffer = 0);
  ~raw_client();

  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  /// False once the server has closed or reset the connection.
  bool send(std::string_view bytes);
  /// Sends `unit` again and again, up to `most` times, for as long as the server takes it;
  /// gives how often it was sent whole. The server may have taken a part of one more.
  std::size_t send_while_taken(std::string_view unit, std::size_t most);
  /// Nothing more will be sent; answers can still be read.
  void shut_down();
  /// Closes so that the server sees a reset.
  void reset();
  /// Closes, and has the system forget the connection after a second: from then on it
  /// answers a probe as it would for any program that is gone for good.
  void vanish();

  /// Nothing if the connection ends before a whole answer is there.
  std::optional<raw_response> read_response(bool to_head = false);
  /// Up to and including `end`.
  std::optional<std::string> read_until(std::string_view end);
  /// Everything up to the end of the connection; nothing if that does not come.
  std::optional<std::string> read_all();
  /// True if the connection ends without a further byte.
  bool is_closed();

  // -- WebSocket ------------------------------------------------------------------

  /// True if the handshake succeeds.
  bool upgrade(std::string_view target = "/ws");
  bool send_frame(unsigned opcode, std::string_view payload, bool final = true);
  std::optional<raw_frame> read_frame();

private:
  bool fill();
  std::optional<std::string> take(std::size_t count);

  int socket_ = -1;
  std::string received_;
  bool timed_out_ = false;
};

} // namespace troupe::testing
