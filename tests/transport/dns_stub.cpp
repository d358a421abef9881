#include "dns_stub.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstddef>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace troupe::testing {

namespace {

constexpr std::size_t header_bytes = 12;

struct question {
  std::string name;
  /// With its four bytes of type and class.
  std::size_t end = 0;
  bool wants_v4 = false;
};

/// RFC 1035, section 4.1.2.
std::optional<question> read_question(const std::string& message) {
  question asked;
  auto at = header_bytes;
  while (at < message.size() && message[at] != 0) {
    const auto length = static_cast<unsigned char>(message[at]);
    asked.name += (asked.name.empty() ? "" : ".") + message.substr(at + 1, length);
    at += length + 1U;
  }
  asked.end = at + 5;
  if (asked.end > message.size())
    return std::nullopt;
  asked.wants_v4 = message[at + 2] == 1;
  return asked;
}

/// RFC 1035, section 4.1: the question again, and perhaps an address.
std::string make_answer(const std::string& message, const question& asked, const std::string* address) {
  auto reply = message.substr(0, asked.end);
  const bool has_address = address != nullptr && asked.wants_v4;
  reply[2] = static_cast<char>(0x81);
  reply[3] = static_cast<char>(0x80 | (address == nullptr ? 3 : 0));
  reply[7] = has_address ? 1 : 0;
  reply[9] = reply[11] = 0;
  if (has_address) {
    reply += std::string("\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04", 12);
    in_addr v4{};
    ::inet_pton(AF_INET, address->c_str(), &v4);
    reply.append(reinterpret_cast<const char*>(&v4), sizeof v4);
  }
  return reply;
}

} // namespace

dns_stub::dns_stub(std::map<std::string, std::string> known)
  : socket_{::socket(AF_INET, SOCK_DGRAM, 0)}, known_{std::move(known)} {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  ::bind(socket_, reinterpret_cast<const sockaddr*>(&where), size);
  ::getsockname(socket_, reinterpret_cast<sockaddr*>(&where), &size);
  port_ = ntohs(where.sin_port);
  thread_ = std::thread{[this] { serve(); }};
}

dns_stub::~dns_stub() {
  // An empty datagram of its own ends it.
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  where.sin_port = htons(port_);
  ::sendto(socket_, "", 0, 0, reinterpret_cast<const sockaddr*>(&where), sizeof where);
  thread_.join();
  ::close(socket_);
}

void dns_stub::learn(const std::string& name, const std::string& address) {
  const std::lock_guard lock{mutex_};
  known_[name] = address;
}

int dns_stub::asked(const std::string& name) const {
  const std::lock_guard lock{mutex_};
  const auto found = asked_.find(name);
  return found == asked_.end() ? 0 : found->second;
}

void dns_stub::serve() {
  for (;;) {
    std::array<char, 1500> buffer{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const auto count = ::recvfrom(socket_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (count <= 0)
      return;
    const std::string message{buffer.data(), static_cast<std::size_t>(count)};
    const auto asked = read_question(message);
    if (!asked)
      continue;
    std::string reply;
    {
      const std::lock_guard lock{mutex_};
      asked_[asked->name] += asked->wants_v4 ? 1 : 0;
      if (asked->name.starts_with("slow"))
        continue;
      const auto found = known_.find(asked->name);
      reply = make_answer(message, *asked, found == known_.end() ? nullptr : &found->second);
    }
    ::sendto(socket_, reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
  }
}

} // namespace troupe::testing
