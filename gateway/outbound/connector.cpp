#include "gateway/outbound/connector.hpp"

#include "gateway/outbound/sentences.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace asio = boost::asio;
using boost::system::error_code;

std::string outbound_route::key() const {
  auto text = (target.tls ? "https " : "http ") + target.endpoint();
  if (proxy != nullptr)
    text += ' ' + proxy->endpoint();
  return text;
}

outbound_connector::outbound_connector(outbound_core& core, std::shared_ptr<const outbound_route> route,
                                       std::chrono::milliseconds limit)
  : core_{core}, route_{std::move(route)}, limit_{limit}, deadline_{clock::now() + limit}, timer_{core.io()} {}

std::string outbound_connector::peer() const {
  return route_->proxy != nullptr ? "The proxy " + route_->proxy->endpoint() : route_->target.authority();
}

// -- looking up ---------------------------------------------------------------------

void outbound_connector::start(callback done) {
  done_ = std::move(done);
  wait_until(deadline_);
  const auto& host = route_->proxy != nullptr ? route_->proxy->host : route_->target.host;
  auto go_on = [self = shared_from_this()](const error_code& error, const name_lookup::addresses& found) {
    if (self->done_)
      self->on_found(error, found);
  };
  error_code error;
  const auto address = is_address(host) ? asio::ip::make_address(host, error) : asio::ip::address{};
  if (is_address(host))
    asio::post(core_.io(), [go_on = std::move(go_on), error, address] { go_on(error, {address}); });
  else
    core_.names().find(host, std::move(go_on));
}

void outbound_connector::on_found(const error_code& error, const name_lookup::addresses& found) {
  const auto& [target, proxy] = *route_;
  if (error || found.empty())
    return fail(outbound_errc::unreachable, "The name of "
                                              + (proxy != nullptr ? "the proxy " + proxy->host : target.host)
                                              + " is not known: " + error_text(error) + ".");
  // What was judged is what is connected to: the name is not looked up again.
  for (const auto& address : found) {
    if (proxy != nullptr || core_.policy().allows(target, address))
      addresses_.push_back(address);
  }
  if (addresses_.empty())
    return fail(outbound_errc::refused, address_policy::refusal(target));
  connect_next();
}

// -- connecting ---------------------------------------------------------------------

void outbound_connector::connect_next() {
  if (next_address_ == addresses_.size())
    return fail(outbound_errc::unreachable, peer() + " did not take the connection: " + error_text(last_error_) + ".");
  stage_ = stage::connecting;
  const auto now = clock::now();
  const auto left = static_cast<int>(addresses_.size() - next_address_);
  wait_until(now + std::max(deadline_ - now, clock::duration::zero()) / left);
  const auto port = route_->proxy != nullptr ? route_->proxy->port : route_->target.port;
  connection_ = std::make_shared<outbound_connection>(core_.io(), route_->key(), core_.scratch());
  connection_->connect({addresses_[next_address_++], port},
                       [self = shared_from_this()](const error_code& error) { self->on_connected(error); });
}

void outbound_connector::on_connected(const error_code& error) {
  if (error) {
    last_error_ = error;
    connection_->close();
    return connect_next();
  }
  core_.count_connection();
  wait_until(deadline_);
  if (!route_->target.tls)
    finish(std::move(connection_));
  else if (route_->proxy != nullptr)
    open_tunnel();
  else
    secure();
}

// -- the tunnel through a proxy -----------------------------------------------------

void outbound_connector::open_tunnel() {
  stage_ = stage::tunnelling;
  tunnel_message_ = make_tunnel_message(route_->target, *route_->proxy);
  tunnel_answer_.emplace(static_cast<response_sink&>(*this), true, 0);
  connection_->read_for(*this);
  // If that fails, the connection ends, too.
  connection_->write(tunnel_message_, [self = shared_from_this()](const error_code&, std::size_t) {});
}

void outbound_connector::on_bytes(outbound_connection&, std::string_view bytes) {
  const auto self = shared_from_this();
  const auto progress = tunnel_answer_->feed(bytes);
  if (progress == response_reader::progress::need_more)
    return;
  if (progress == response_reader::progress::failed)
    return fail(outbound_errc::unreachable,
                "The answer of the proxy " + route_->proxy->endpoint() + " " + tunnel_answer_->problem() + ".");
  if (tunnel_status_ / 100 != 2)
    return fail(outbound_errc::unreachable, peer() + " does not connect to " + route_->target.authority()
                                              + ": it answered with the status " + std::to_string(tunnel_status_)
                                              + ".");
  connection_->pause();
  secure();
}

void outbound_connector::on_closed(outbound_connection&, const error_code&) {
  const auto self = shared_from_this();
  fail(outbound_errc::unreachable,
       peer() + " closed the connection before there was one to " + route_->target.authority() + ".");
}

// -- TLS ----------------------------------------------------------------------------

void outbound_connector::secure() {
  stage_ = stage::securing;
  auto* tls = core_.tls();
  if (tls == nullptr)
    return fail(outbound_errc::unreachable, core_.tls_problem());
  connection_->secure(*tls, route_->target.host,
                      [self = shared_from_this()](const error_code& error) { self->on_secured(error); });
}

void outbound_connector::on_secured(const error_code& error) {
  if (!error)
    return finish(std::move(connection_));
  const auto problem = connection_->certificate_problem();
  if (!problem.empty())
    return fail(outbound_errc::unreachable,
                "The certificate of " + route_->target.authority() + " is not valid: " + problem + ".");
  fail(outbound_errc::unreachable,
       "No TLS connection to " + route_->target.authority() + " came about: " + error_text(error) + ".");
}

// -- time and the end ---------------------------------------------------------------

void outbound_connector::wait_until(clock::time_point due) {
  timer_.expires_at(due);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    // A time that has been changed meanwhile is not yet there.
    if (!error && self->done_ && clock::now() >= self->timer_.expiry())
      self->on_time();
  });
}

void outbound_connector::on_time() {
  if (clock::now() < deadline_) {
    last_error_ = asio::error::timed_out;
    connection_->close();
    return connect_next();
  }
  const auto within = " within " + duration_text(limit_) + ".";
  const auto target = route_->target.authority();
  switch (stage_) {
  case stage::looking_up:
    return fail(outbound_errc::timed_out, "The name of " + target + " could not be looked up" + within);
  case stage::connecting: return fail(outbound_errc::timed_out, peer() + " did not take the connection" + within);
  case stage::tunnelling: return fail(outbound_errc::timed_out, peer() + " did not connect to " + target + within);
  case stage::securing:
    return fail(outbound_errc::timed_out, "No TLS connection to " + target + " came about" + within);
  }
}

void outbound_connector::fail(outbound_errc code, std::string error) {
  finish(outbound_failure{code, std::move(error), false});
}

void outbound_connector::finish(result what) {
  if (connection_)
    connection_->close();
  connection_.reset();
  timer_.cancel();
  if (const auto done = std::exchange(done_, nullptr))
    done(std::move(what));
}

void outbound_connector::cancel() {
  done_ = nullptr;
  timer_.cancel();
  if (connection_)
    connection_->close();
  connection_.reset();
}

} // namespace troupe
