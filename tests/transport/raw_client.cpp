#include "raw_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cctype>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include <utility>

namespace troupe::testing {

unsigned raw_frame::close_code() const {
  if (payload.size() < 2)
    return 1005;
  return static_cast<unsigned>(static_cast<unsigned char>(payload[0]) << 8 | static_cast<unsigned char>(payload[1]));
}

raw_client::raw_client(std::uint16_t port, int receive_buffer) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const timeval patience{10, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  if (receive_buffer > 0)
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw std::runtime_error("cannot connect to the server under test");
}

raw_client::~raw_client() {
  if (socket_ >= 0)
    ::close(socket_);
}

bool raw_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

std::size_t raw_client::send_while_taken(std::string_view unit, std::size_t most) {
  for (std::size_t sent = 0; sent < most; ++sent) {
    for (auto rest = unit; !rest.empty();) {
      const auto count = ::send(socket_, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (count > 0) {
        rest.remove_prefix(static_cast<std::size_t>(count));
        continue;
      }
      pollfd ready{socket_, POLLOUT, 0};
      constexpr int long_enough = 500;
      if (::poll(&ready, 1, long_enough) <= 0 || (ready.revents & (POLLERR | POLLHUP)) != 0)
        return sent;
    }
  }
  return most;
}

void raw_client::vanish() {
  const int one_second = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_LINGER2, &one_second, sizeof one_second);
  ::close(socket_);
  socket_ = -1;
}

void raw_client::shut_down() {
  ::shutdown(socket_, SHUT_WR);
}

void raw_client::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(socket_);
  socket_ = -1;
}

bool raw_client::fill() {
  std::array<char, 65536> room;
  const auto count = ::recv(socket_, room.data(), room.size(), 0);
  timed_out_ = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
  if (count <= 0)
    return false;
  received_.append(room.data(), static_cast<std::size_t>(count));
  return true;
}

std::optional<std::string> raw_client::take(std::size_t count) {
  while (received_.size() < count) {
    if (!fill())
      return std::nullopt;
  }
  auto taken = received_.substr(0, count);
  received_.erase(0, count);
  return taken;
}

std::optional<std::string> raw_client::read_until(std::string_view end) {
  std::size_t at = 0;
  while ((at = received_.find(end)) == std::string::npos) {
    if (!fill())
      return std::nullopt;
  }
  return take(at + end.size());
}

std::optional<std::string> raw_client::read_all() {
  while (fill())
    continue;
  if (timed_out_)
    return std::nullopt;
  return std::exchange(received_, {});
}

bool raw_client::is_closed() {
  const auto rest = read_all();
  return rest && rest->empty();
}

std::optional<raw_response> raw_client::read_response(bool to_head) {
  const auto head = read_until("\r\n\r\n");
  if (!head)
    return std::nullopt;
  raw_response response;
  response.status = static_cast<unsigned>(std::stoul(head->substr(9, 3)));
  for (auto line = head->find("\r\n") + 2; line + 2 < head->size();) {
    const auto end = head->find("\r\n", line);
    const auto colon = head->find(": ", line);
    auto name = head->substr(line, colon - line);
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
    response.headers[name] = head->substr(colon + 2, end - colon - 2);
    line = end + 2;
  }
  if (to_head)
    return response;
  if (response.headers.contains("transfer-encoding")) {
    for (;;) {
      const auto size_line = read_until("\r\n");
      if (!size_line)
        return std::nullopt;
      const auto size = std::stoul(*size_line, nullptr, 16);
      const auto chunk = take(size + 2);
      if (!chunk)
        return std::nullopt;
      if (size == 0)
        return response;
      response.body += chunk->substr(0, size);
    }
  }
  if (const auto length = response.headers.find("content-length"); length != response.headers.end()) {
    auto body = take(std::stoul(length->second));
    if (!body)
      return std::nullopt;
    response.body = std::move(*body);
  }
  return response;
}

// -- WebSocket --------------------------------------------------------------------

bool raw_client::upgrade(std::string_view target) {
  send("GET " + std::string{target}
       + " HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
         "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  const auto response = read_response(true);
  // The key and its answer are those of RFC 6455, section 1.3.
  return response && response->status == 101
         && response->headers.at("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
}

bool raw_client::send_frame(unsigned opcode, std::string_view payload, bool final) {
  std::string frame(1, static_cast<char>((final ? 0x80 : 0) | opcode));
  const auto size = payload.size();
  const std::size_t length_bytes = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
  frame += static_cast<char>(0x80 | (length_bytes == 0 ? size : length_bytes == 2 ? 126 : 127));
  for (std::size_t i = length_bytes; i-- > 0;)
    frame += static_cast<char>(size >> (8 * i));
  const std::array<char, 4> mask{0x11, 0x22, 0x33, 0x44};
  frame.append(mask.data(), mask.size());
  for (std::size_t i = 0; i < size; ++i)
    frame += static_cast<char>(payload[i] ^ mask[i % 4]);
  return send(frame);
}

std::optional<raw_frame> raw_client::read_frame() {
  const auto start = take(2);
  if (!start)
    return std::nullopt;
  raw_frame frame;
  frame.opcode = static_cast<unsigned char>((*start)[0]) & 0x0f;
  std::size_t size = static_cast<unsigned char>((*start)[1]) & 0x7f;
  if (size >= 126) {
    const auto length = take(size == 126 ? 2 : 8);
    if (!length)
      return std::nullopt;
    size = 0;
    for (const char c : *length)
      size = size << 8 | static_cast<unsigned char>(c);
  }
  auto payload = take(size);
  if (!payload)
    return std::nullopt;
  frame.payload = std::move(*payload);
  return frame;
}

} // namespace troupe::testing
