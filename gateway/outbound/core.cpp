#include "gateway/outbound/core.hpp"

#include "gateway/outbound/call.hpp"
#include "gateway/outbound/sentences.hpp"

#include <utility>

namespace troupe {

namespace {

namespace ssl = boost::asio::ssl;

constexpr std::size_t scratch_bytes = 64 * 1024;

} // namespace

outbound_core::outbound_core(boost::asio::io_context& io, const outbound_config& config)
  : io_{io}, config_{config}, models_{config.models},
    requests_of_tools_{config.calls}, streams_{config.streams}, policy_{config.allow}, proxies_{config.proxy},
    scratch_(scratch_bytes), names_{io, config.name_servers, config.max_lookups}, pool_{io, config.max_idle,
                                                                                        config.max_idle_sum,
                                                                                        config.idle_time} {}

outbound_core::~outbound_core() {
  close();
}

void outbound_core::start(std::uint64_t number, outbound_request request, std::shared_ptr<outbound_listener> listener) {
  auto call = std::make_shared<outbound_call>(*this, number, std::move(request), std::move(listener));
  calls_.emplace(number, call);
  call->start();
}

bool outbound_core::cancel(std::uint64_t number) {
  const auto found = calls_.find(number);
  if (found == calls_.end())
    return false;
  const auto call = found->second;
  call->cancel();
  return true;
}

call_queue& outbound_core::turns(outbound_share share) noexcept {
  switch (share) {
  case outbound_share::model: return models_;
  case outbound_share::call: return requests_of_tools_;
  case outbound_share::stream: return streams_;
  }
  return requests_of_tools_;
}

const call_bounds& outbound_core::bounds(outbound_share share) const noexcept {
  switch (share) {
  case outbound_share::model: return config_.models;
  case outbound_share::call: return config_.calls;
  case outbound_share::stream: return config_.streams;
  }
  return config_.calls;
}

call_queue::verdict outbound_core::enter(std::uint64_t number, outbound_share share, const std::string& target) {
  return turns(share).enter(number, target);
}

void outbound_core::remove(std::uint64_t number, outbound_share share) {
  calls_.erase(number);
  auto& waiting = turns(share);
  waiting.leave(number);
  while (const auto next = waiting.next())
    if (const auto found = calls_.find(*next); found != calls_.end())
      std::shared_ptr {
        found->second
        } -> begin();
}

void outbound_core::close() {
  const auto calls = std::exchange(calls_, {});
  for (const auto& [number, call] : calls)
    call->cancel();
  pool_.close();
}

// -- TLS ----------------------------------------------------------------------------

ssl::context* outbound_core::tls() {
  // Reading the system's certificates takes a while, and not everybody needs them.
  if (!tls_ && tls_problem_.empty())
    set_up_tls();
  return tls_.get();
}

void outbound_core::set_up_tls() {
  boost::system::error_code error;
  std::unique_ptr<ssl::context> context;
  try {
    context = std::make_unique<ssl::context>(ssl::context::tls_client);
  } catch (const boost::system::system_error& failure) {
    tls_problem_ = "TLS cannot be set up: " + error_text(failure.code()) + ".";
    return;
  }
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3
                         | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1,
                       error);
  if (!error)
    context->set_verify_mode(ssl::verify_peer, error);
  if (!error)
    context->set_default_verify_paths(error);
  if (error) {
    tls_problem_ = "TLS cannot be set up: " + error_text(error) + ".";
    return;
  }
  if (!config_.ca_file.empty())
    context->load_verify_file(config_.ca_file, error);
  if (error)
    tls_problem_ = "The certificates in " + config_.ca_file + " cannot be read: " + error_text(error) + ".";
  else
    tls_ = std::move(context);
}

// -- counts -------------------------------------------------------------------------

void outbound_core::count_request(bool reused) noexcept {
  ++requests_;
  if (reused)
    ++reused_;
}

outbound_stats outbound_core::stats() const noexcept {
  return {connections_opened_, requests_, reused_};
}

} // namespace troupe
