#include "tests/bench/sockets.hpp"

#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace troupe {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error{errno, std::generic_category(), what};
}

std::size_t number_at(std::string_view text, std::size_t at) {
  std::size_t value = 0;
  std::from_chars(text.data() + at, text.data() + text.size(), value);
  return value;
}

std::string json_request(std::string_view method, std::string_view target, std::string_view json) {
  return std::string{method} + " " + std::string{target}
         + " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
         + "Content-Length: " + std::to_string(json.size()) + "\r\n\r\n" + std::string{json};
}

} // namespace

descriptor::~descriptor() {
  if (value_ >= 0) {
    ::close(value_);
  }
}

descriptor connect_loopback(std::uint16_t port) {
  descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    fail("connect");
  }
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return socket;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) {
      fail("send");
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void receive_some(int socket, std::string& into) {
  std::array<char, 64 * 1024> part;
  const ssize_t length = ::recv(socket, part.data(), part.size(), 0);
  if (length < 0) {
    fail("recv");
  }
  if (length == 0) {
    throw std::runtime_error{"the server has closed the connection"};
  }
  into.append(part.data(), static_cast<std::size_t>(length));
}

std::size_t answer_length(std::string_view bytes, raw_answer& answer) {
  const auto head = bytes.find("\r\n\r\n");
  if (head == std::string_view::npos) {
    return 0;
  }
  constexpr std::string_view field = "\r\nContent-Length: ";
  const auto length_field = bytes.substr(0, head).find(field);
  const std::size_t length = length_field == std::string_view::npos ? 0 : number_at(bytes, length_field + field.size());
  if (bytes.size() < head + 4 + length) {
    return 0;
  }
  answer.status = static_cast<unsigned>(number_at(bytes, 9));
  answer.body = bytes.substr(head + 4, length);
  return head + 4 + length;
}

std::string ask(int socket, std::string_view request) {
  send_all(socket, request);
  std::string bytes;
  raw_answer answer;
  while (answer_length(bytes, answer) == 0) {
    receive_some(socket, bytes);
  }
  if (answer.status < 200 || answer.status > 299) {
    throw std::runtime_error{"the server answers " + bytes};
  }
  return std::string{answer.body};
}

std::string get_request(std::string_view target) {
  return "GET " + std::string{target} + " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
}

std::string post_request(std::string_view target, std::string_view json) {
  return json_request("POST", target, json);
}

std::string put_request(std::string_view target, std::string_view json) {
  return json_request("PUT", target, json);
}

std::string string_member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string{name} + "\":\"";
  const auto begin = json.find(key);
  if (begin == std::string_view::npos) {
    throw std::runtime_error{"there is no member " + std::string{name} + " in " + std::string{json}};
  }
  const auto from = begin + key.size();
  return std::string{json.substr(from, json.find('"', from) - from)};
}

std::int64_t integer_member(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string{name} + "\":";
  const auto begin = json.find(key);
  if (begin == std::string_view::npos) {
    throw std::runtime_error{"there is no member " + std::string{name} + " in " + std::string{json}};
  }
  return static_cast<std::int64_t>(number_at(json, begin + key.size()));
}

void raise_descriptor_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

} // namespace troupe
