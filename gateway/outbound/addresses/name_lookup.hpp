#pragma once

#include "gateway/outbound/addresses/name_query.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace troupe {

/// Looks names up, side by side, each once however many ask for it. A name that hangs has its
/// time and holds back no other; `localhost` and what is below it never wait (RFC 6761,
/// section 6.3). What is found is for the caller to judge: an answer may be another one each
/// time, and is used for the connection that it was asked for. Used on the I/O thread only.
class name_lookup {
public:
  using addresses = name_query::addresses;
  /// Called on the I/O thread, and never before `find` has returned.
  using callback = name_query::callback;

  /// `servers` as in `outbound_config`; beyond `most` names at once others wait.
  name_lookup(boost::asio::io_context& io, std::string servers, std::size_t most);

  /// In the order in which they should be tried (RFC 6724). Answers are used again for
  /// a few seconds, refusals for one.
  void find(const std::string& name, callback done);

private:
  struct answer {
    boost::system::error_code error;
    addresses found;
    std::chrono::steady_clock::time_point until;
  };

  void start(const std::string& name);
  void on_found(const std::string& name, const boost::system::error_code& error, const addresses& found);

  boost::asio::io_context& io_;
  std::string servers_;
  std::size_t most_;
  std::unordered_map<std::string, answer> known_;
  std::unordered_map<std::string, std::vector<callback>> asked_;
  std::unordered_map<std::string, std::shared_ptr<name_query>> running_;
  std::deque<std::string> waiting_;
};

} // namespace troupe
