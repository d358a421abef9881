#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// The least that a load generator needs of sockets: it shares its cores with what
/// it measures. Errors are thrown as std::system_error or std::runtime_error.
namespace troupe {

/// A descriptor that is closed with its owner.
class descriptor {
public:
  explicit descriptor(int value = -1) noexcept : value_{value} {}
  descriptor(descriptor&& other) noexcept : value_{std::exchange(other.value_, -1)} {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~descriptor();

  [[nodiscard]] int get() const noexcept { return value_; }

private:
  int value_;
};

/// A blocking TCP connection to a port of the loopback interface, without Nagle's delay.
descriptor connect_loopback(std::uint16_t port);

/// Sends all of `bytes`.
void send_all(int socket, std::string_view bytes);

/// Appends what one read gives to `into`; throws if the peer has closed.
void receive_some(int socket, std::string& into);

/// One HTTP answer.
struct raw_answer {
  unsigned status = 0;
  /// Points into the buffer it was read from.
  std::string_view body;
};

/// The length of the whole answer that `bytes` begins with; 0 if it is not complete.
std::size_t answer_length(std::string_view bytes, raw_answer& answer);

/// Sends a request on a blocking connection and returns its answer's body; throws
/// unless its status is 200 to 299.
std::string ask(int socket, std::string_view request);

/// The bytes of a request.
std::string get_request(std::string_view target);
std::string post_request(std::string_view target, std::string_view json);
std::string put_request(std::string_view target, std::string_view json);

/// The value of a string member of rendered JSON; the first one of that name.
std::string string_member(std::string_view json, std::string_view name);
/// The value of an integer member; throws if it is missing.
std::int64_t integer_member(std::string_view json, std::string_view name);

/// Lets the process, and those it starts, open as many descriptors as it may.
void raise_descriptor_limit();

} // namespace troupe
