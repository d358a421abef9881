#pragma once

#include "tests/bench/sockets.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace troupe {

/// Keep-alive HTTP clients on one thread, each with one request under way:
/// prepared bytes out, and of an answer only its status and length read.
class http_load {
public:
  http_load(std::uint16_t port, std::size_t clients);

  struct result {
    std::size_t answers = 0;
    std::chrono::duration<double> took{};

    [[nodiscard]] double per_second() const { return static_cast<double>(answers) / took.count(); }
  };

  /// Sends `request(n)` for n = 0, 1, 2… until `total` are answered. Throws unless
  /// each is answered with `status`. `on_answer` sees every body.
  result run(std::size_t total, unsigned status, const std::function<std::string_view(std::size_t)>& request,
             const std::function<void(std::string_view body)>& on_answer = {});

private:
  struct slot {
    descriptor socket;
    std::string received;
  };

  std::vector<slot> connections_;
  descriptor poll_;
};

} // namespace troupe
