#include "gateway/outbound/name_lookup.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>

#include <system_error>
#include <thread>
#include <utility>

namespace troupe {

namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using std::chrono::steady_clock;

constexpr std::chrono::seconds answer_life{5};
constexpr std::size_t most_answers = 1024;
constexpr unsigned most_lookups = 16;

name_lookup::addresses resolve(const std::string& name, error_code& error) {
  name_lookup::addresses found;
  asio::io_context io;
  asio::ip::tcp::resolver resolver{io};
  // Without a service every address comes once.
  for (const auto& entry : resolver.resolve(name, "", error))
    found.push_back(entry.endpoint().address());
  return found;
}

} // namespace

name_lookup::name_lookup(asio::io_context& io) : io_{io}, way_back_{std::make_shared<way_back>()} {
  way_back_->io = &io;
}

name_lookup::~name_lookup() {
  const std::lock_guard lock{way_back_->mutex};
  way_back_->io = nullptr;
}

void name_lookup::find(const std::string& name, callback done) {
  const auto known = known_.find(name);
  if (known != known_.end() && steady_clock::now() - known->second.at < answer_life) {
    asio::post(io_, [done = std::move(done), found = known->second.found] { done({}, found); });
    return;
  }
  auto& callbacks = asked_[name];
  callbacks.push_back(std::move(done));
  if (callbacks.size() > 1)
    return;
  if (running_ < most_lookups)
    start(name);
  else
    waiting_.push_back(name);
}

void name_lookup::start(const std::string& name) {
  ++running_;
  try {
    std::thread{[this, name, back = way_back_] {
      error_code error;
      auto found = resolve(name, error);
      const std::lock_guard lock{back->mutex};
      if (back->io != nullptr)
        asio::post(*back->io, [this, name, error, found = std::move(found)] { on_found(name, error, found); });
    }}.detach();
  } catch (const std::system_error&) {
    asio::post(io_, [this, name] { on_found(name, asio::error::no_memory, {}); });
  }
}

void name_lookup::on_found(const std::string& name, const error_code& error, addresses found) {
  --running_;
  if (!waiting_.empty()) {
    start(waiting_.front());
    waiting_.pop_front();
  }
  if (!error) {
    if (known_.size() >= most_answers)
      known_.clear();
    known_[name] = {found, steady_clock::now()};
  }
  const auto asked = asked_.extract(name);
  for (const auto& done : asked.mapped())
    done(error, found);
}

} // namespace troupe
