#include "tests/bench/websocket_bytes.hpp"

namespace troupe {

std::string websocket_request(std::string_view target) {
  return "GET " + std::string{target}
         + " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
}

std::string websocket_frame(std::uint8_t first, std::string_view payload) {
  std::string frame{static_cast<char>(first)};
  const auto length = payload.size();
  const std::size_t digits = length < 126 ? 0 : length < 65'536 ? 2 : 8;
  const std::size_t code = digits == 0 ? length : digits == 2 ? 126 : 127;
  frame.push_back(static_cast<char>(0x80U | code));
  for (std::size_t i = digits; i > 0; --i) {
    frame.push_back(static_cast<char>(length >> (8 * (i - 1)) & 0xFFU));
  }
  frame.append(4, '\0');
  return frame.append(payload);
}

std::string text_frame(std::string_view text) {
  return websocket_frame(0x81, text);
}

frame_extent first_frame(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(bytes[i]); };
  if (bytes.size() < 2) {
    return {};
  }
  std::size_t length = byte(1) & 0x7FU;
  std::size_t head = 2;
  if (length > 125) {
    head = length == 126 ? 4 : 10;
    if (bytes.size() < head) {
      return {};
    }
    length = 0;
    for (std::size_t i = 2; i < head; ++i) {
      length = length << 8U | byte(i);
    }
  }
  return bytes.size() < head + length ? frame_extent{} : frame_extent{head, head + length};
}

} // namespace troupe
