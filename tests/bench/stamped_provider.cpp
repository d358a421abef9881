#include "tests/bench/stamped_provider.hpp"

#include "tests/providers/scripted_stream.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <system_error>

namespace troupe {

namespace {

/// Takes one request off the front; false if `bytes` does not hold all of it. Its
/// length is found as an answer's is.
bool take_request(std::string& bytes) {
  raw_answer ignored;
  const auto length = answer_length(bytes, ignored);
  bytes.erase(0, length);
  return length > 0;
}

} // namespace

stamped_provider::stamped_provider(std::size_t words, std::chrono::milliseconds pace)
  : words_{words}, pace_{pace}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener_.get(), name, size) != 0 || ::listen(listener_.get(), 16) != 0
      || ::getsockname(listener_.get(), name, &size) != 0) {
    throw std::system_error{errno, std::generic_category(), "listen"};
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread{[this] { serve(); }};
}

stamped_provider::~stamped_provider() {
  ::shutdown(listener_.get(), SHUT_RDWR);
  thread_.join();
}

std::vector<stamped_provider::clock::time_point> stamped_provider::sent() const {
  const std::lock_guard guard{mutex_};
  return sent_;
}

void stamped_provider::serve() {
  for (;;) {
    const descriptor socket{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (socket.get() < 0) {
      return;
    }
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    try {
      for (std::string received;; stream_to(socket.get())) {
        while (!take_request(received)) {
          receive_some(socket.get(), received);
        }
      }
    } catch (const std::exception&) {
      // The client has gone; perhaps another one comes.
      continue;
    }
  }
}

void stamped_provider::stream_to(int socket) {
  seen_request request;
  request.path = "/v1/chat/completions";
  request.document = {{"stream", true}, {"stream_options", {{"include_usage", true}}}};
  const auto stream = script::renderer{}.render(script::chunks(words_), request).what;
  {
    const std::lock_guard guard{mutex_};
    sent_.clear();
  }
  const auto begin = clock::now();
  std::size_t gone = 0;
  for (const std::size_t end : stream->ends) {
    std::unique_lock lock{mutex_};
    const auto due = begin + pace_ * static_cast<int>(sent_.size());
    lock.unlock();
    std::this_thread::sleep_until(due);
    lock.lock();
    sent_.push_back(clock::now());
    lock.unlock();
    send_all(socket, std::string_view{stream->bytes}.substr(gone, end - gone));
    gone = end;
  }
}

} // namespace troupe
