#include "gateway/outbound/addresses/name_lookup.hpp"

#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <boost/asio/post.hpp>

#include <string_view>
#include <utility>

namespace troupe {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::chrono::seconds answer_life{5};
constexpr std::chrono::seconds refusal_life{1};
constexpr std::chrono::seconds longest_query{10};
constexpr std::size_t most_answers = 1024;

bool is_localhost(std::string_view name) noexcept {
  if (name.ends_with('.'))
    name.remove_suffix(1);
  return name == "localhost" || name.ends_with(".localhost");
}

} // namespace

name_lookup::name_lookup(asio::io_context& io, std::string servers, std::size_t most)
  : io_{io}, servers_{std::move(servers)}, most_{most} {}

void name_lookup::find(const std::string& name, callback done) {
  if (is_localhost(name)) {
    const addresses both{asio::ip::address_v6::loopback(), asio::ip::address_v4::loopback()};
    asio::post(io_, [done = std::move(done), both] { done({}, both); });
    return;
  }
  if (const auto known = known_.find(name); known != known_.end() && steady_clock::now() < known->second.until) {
    asio::post(io_, [done = std::move(done), said = known->second] { done(said.error, said.found); });
    return;
  }
  auto& callbacks = asked_[name];
  callbacks.push_back(std::move(done));
  if (callbacks.size() > 1)
    return;
  if (running_.size() < most_)
    start(name);
  else
    waiting_.push_back(name);
}

void name_lookup::start(const std::string& name) {
  auto& query = running_[name];
  query
    = std::make_shared<name_query>(io_, name, servers_, [this, name](const error_code& error, const addresses& found) {
        on_found(name, error, found);
      });
  query->start(longest_query);
}

void name_lookup::on_found(const std::string& name, const error_code& error, const addresses& found) {
  running_.erase(name);
  if (!waiting_.empty()) {
    const auto next = std::move(waiting_.front());
    waiting_.pop_front();
    start(next);
  }
  if (known_.size() >= most_answers)
    known_.clear();
  known_[name] = {error, found, steady_clock::now() + (error ? refusal_life : answer_life)};
  const auto asked = asked_.extract(name);
  if (asked.empty())
    return;
  for (const auto& done : asked.mapped())
    done(error, found);
}

} // namespace troupe
