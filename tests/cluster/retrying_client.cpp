#include "tests/cluster/retrying_client.hpp"

#include "tests/cluster/chaos_options.hpp"

#include <boost/asio/error.hpp>
#include <boost/beast/core/error.hpp>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

namespace troupe {

using clock = std::chrono::steady_clock;

retrying_client::retrying_client(const gateway_directory& directory, std::uint64_t seed,
                                 std::chrono::milliseconds limit, std::chrono::milliseconds answer_limit)
  : directory_{directory}, random_{seed}, limit_{limit}, answer_limit_{answer_limit} {}

retrying_client::~retrying_client() = default;

http_reply retrying_client::post(const std::string& target, const std::string& body, const std::string& key,
                                 header_list headers) {
  headers.emplace_back("Idempotency-Key", key);
  const auto begin = clock::now();
  std::string last = "there is no gateway";
  while (clock::now() < begin + limit_) {
    try {
      if (auto* http = connection()) {
        auto reply = http->send("POST", target, body, headers);
        if (reply.status != 503) {
          ++counts_.acknowledged;
          const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - begin);
          counts_.longest = std::max(counts_.longest, took);
          return reply;
        }
        ++counts_.unavailable;
        EXPECT_FALSE(reply.header("Retry-After").empty()) << "a 503 does not say when to come back: " << reply.body;
        last = reply.body;
      }
    } catch (const boost::system::system_error& error) {
      count(error);
      last = error.what();
    }
    change_gateway();
    back_off();
  }
  throw std::runtime_error{"POST " + target + " was not acknowledged; last: " + last};
}

void retrying_client::change_gateway() {
  http_.reset();
}

http_client* retrying_client::connection() {
  if (!http_) {
    port_ = directory_.any(random_, port_);
    if (port_ != 0) {
      http_ = std::make_unique<http_client>(port_, answer_limit_);
    }
  }
  return http_.get();
}

void retrying_client::count(const boost::system::system_error& error) {
  if (error.code() == boost::asio::error::connection_refused) {
    ++counts_.refused;
  } else if (error.code() == boost::beast::error::timeout) {
    ++counts_.timed_out;
  } else {
    ++counts_.interrupted;
  }
}

void retrying_client::back_off() {
  // Retry-After speaks in seconds; other gateways may well serve it before.
  let_pass(std::chrono::milliseconds{20 + random_() % 80});
}

} // namespace troupe
