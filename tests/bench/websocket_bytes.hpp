#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// The bytes of a WebSocket client that does nothing but send and receive (RFC 6455).
namespace troupe {

/// The request that opens a WebSocket.
std::string websocket_request(std::string_view target);

/// A masked frame with this first byte (0x81: a whole text message); a mask of zeros leaves the payload as it is.
std::string websocket_frame(std::uint8_t first, std::string_view payload);

/// A whole text message.
std::string text_frame(std::string_view text);

/// Where the payload of a frame begins and ends.
struct frame_extent {
  std::size_t begin = 0;
  std::size_t end = 0;
};

/// The payload of the frame that `bytes` begin with; its end is 0 if the frame is not complete.
frame_extent first_frame(std::string_view bytes);

} // namespace troupe
