#pragma once

#include "tests/cluster/gateway_directory.hpp"
#include "tests/cluster/history.hpp"
#include "tests/e2e/http_client.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <string>

/// What a correct client of a cluster is: it gives every call a key, and repeats it with
/// that key at whatever gateway it finds, until it is answered with something else than
/// 503. One thread.
namespace troupe {

class retrying_client {
public:
  /// `limit`: what is not answered within it is given up. `answer_limit`: a gateway that takes longer to answer is
  /// given up for another one.
  retrying_client(const gateway_directory& directory, std::uint64_t seed, std::chrono::milliseconds limit = patience,
                  std::chrono::milliseconds answer_limit = 3s);
  ~retrying_client();

  retrying_client(const retrying_client&) = delete;
  retrying_client& operator=(const retrying_client&) = delete;

  /// The answer to a POST with this `Idempotency-Key`. Throws std::runtime_error if there
  /// is none within its limit. An empty `body` is none.
  http_reply post(const std::string& target, const std::string& body, const std::string& key, header_list headers = {});

  /// Goes on at another gateway, if there is one.
  void change_gateway();

  [[nodiscard]] const call_counts& counts() const noexcept { return counts_; }

private:
  /// A connection to some gateway; nothing if there is no gateway.
  http_client* connection();
  void count(const boost::system::system_error& error);
  void back_off();

  const gateway_directory& directory_;
  std::mt19937_64 random_;
  std::chrono::milliseconds limit_;
  std::chrono::milliseconds answer_limit_;
  std::uint16_t port_ = 0;
  std::unique_ptr<http_client> http_;
  call_counts counts_;
};

} // namespace troupe
