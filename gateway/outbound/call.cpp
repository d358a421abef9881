#include "gateway/outbound/call.hpp"

#include "gateway/outbound/sentences.hpp"

#include <boost/asio/error.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {

/// Keeps times of the clock in its range, whatever limit was given.
constexpr std::chrono::milliseconds longest_limit = std::chrono::hours{24 * 365};

outbound_timeouts within_range(outbound_timeouts given) {
  for (auto* limit : {&given.turn, &given.connect, &given.first_data, &given.idle, &given.total})
    *limit = std::clamp(*limit, std::chrono::milliseconds{0}, longest_limit);
  return given;
}

} // namespace

outbound_call::outbound_call(outbound_core& core, std::uint64_t number, outbound_request request,
                             std::shared_ptr<outbound_listener> listener)
  : core_{core}, number_{number}, share_{request.share}, listener_{std::move(listener)}, timeouts_{within_range(
                                                                                           request.timeouts)},
    max_answer_{request.max_answer}, request_{std::move(request)}, timer_{core.io()}, end_{clock::now()
                                                                                           + timeouts_.total} {}

// -- before anything is sent --------------------------------------------------------

void outbound_call::start() {
  if (!prepare())
    return;
  mark_ = clock::now();
  switch (core_.enter(number_, share_, route_->target.endpoint())) {
  case call_queue::verdict::begins: return begin();
  case call_queue::verdict::waits: return set_timer();
  case call_queue::verdict::full: return fail(outbound_errc::busy, busy_sentence("and as many wait"));
  }
}

void outbound_call::begin() {
  phase_ = phase::connecting;
  set_timer();
  if (auto idle = core_.pool().take(route_->key()))
    use(std::move(idle), true);
  else
    connect();
}

/// Makes route and message; false if the call has ended over it.
bool outbound_call::prepare() {
  const auto refuse = [this](std::string error) {
    fail(outbound_errc::refused, std::move(error));
    return false;
  };
  auto parsed = parse_target(request_->url);
  if (auto* wrong = std::get_if<std::string>(&parsed))
    return refuse(std::move(*wrong));
  outbound_route route{std::get<outbound_target>(std::move(parsed)), nullptr};
  route.proxy = core_.proxies().proxy_for(route.target);
  if (auto refusal = core_.policy().judge(route.target))
    return refuse(std::move(*refusal));
  if (route.proxy != nullptr && !route.proxy->error.empty())
    return refuse(route.proxy->error);
  is_head_ = request_->method == "HEAD";
  may_repeat_ = request_->repeat_if_dropped;
  is_safe_ = is_head_ || request_->method == "GET";
  // Through a tunnel the other side is spoken to as if there were no proxy.
  auto message = make_message(std::move(*request_), route.target, route.target.tls ? nullptr : route.proxy);
  request_.reset();
  if (auto* wrong = std::get_if<std::string>(&message))
    return refuse(std::move(*wrong));
  message_ = std::get<outbound_message>(std::move(message));
  route_ = std::make_shared<const outbound_route>(std::move(route));
  return true;
}

std::string outbound_call::busy_sentence(std::string_view why) const {
  const auto& bounds = core_.bounds(share_);
  return route_->target.authority() + " was not called: this node has as many calls under way as it may ("
         + std::to_string(bounds.per_target) + " at one host, " + std::to_string(bounds.sum) + " in sum), "
         + std::string{why} + ".";
}

void outbound_call::connect() {
  phase_ = phase::connecting;
  connector_ = std::make_shared<outbound_connector>(core_, route_, timeouts_.connect);
  connector_->start([self = shared_from_this()](outbound_connector::result result) {
    self->connector_.reset();
    if (auto* failure = std::get_if<outbound_failure>(&result))
      self->fail(failure->code, std::move(failure->error));
    else
      self->use(std::get<std::shared_ptr<outbound_connection>>(std::move(result)), false);
  });
}

// -- the request --------------------------------------------------------------------

void outbound_call::use(std::shared_ptr<outbound_connection> connection, bool reused) {
  core_.count_request(reused);
  connection_ = std::move(connection);
  reused_ = reused;
  answer_.emplace(static_cast<response_sink&>(*this), is_head_, max_answer_);
  lost_.reset();
  phase_ = phase::waiting;
  mark_ = clock::now();
  set_timer();
  sent_ = true;
  writing_ = true;
  written_ = false;
  connection_->read_for(*this);
  connection_->write(*message_, [self = shared_from_this()](const error_code& error, std::size_t count) {
    self->on_written(error, count);
  });
}

void outbound_call::on_written(const error_code& error, std::size_t count) {
  writing_ = false;
  written_ = !error;
  if (has_ended())
    return;
  if (error && count == 0 && !answer_->started())
    sent_ = false;
  if (lost_)
    return on_unanswered(*lost_);
  // If that failed, the connection ends, too; but what the other side had to say before
  // is still to be read.
  if (error)
    return;
  if (phase_ == phase::waiting)
    mark_ = clock::now();
  if (answer_->started())
    message_.reset();
}

// -- the answer ---------------------------------------------------------------------

void outbound_call::on_bytes(outbound_connection&, std::string_view bytes) {
  const auto self = shared_from_this();
  if (!writing_)
    message_.reset();
  const auto progress = answer_->feed(bytes);
  if (has_ended() || progress == response_reader::progress::need_more)
    return;
  if (progress == response_reader::progress::complete)
    return complete();
  fail(outbound_errc::malformed, "The answer of " + route_->target.authority() + " " + answer_->problem() + ".");
}

void outbound_call::on_head(outbound_head head) {
  if (const auto listener = listener_)
    listener->on_head(std::move(head));
}

bool outbound_call::on_part(std::string_view part) {
  const auto listener = listener_;
  if (!listener)
    return false;
  if (listener->on_data(part)) {
    // The timer finds out for itself that there is more time now.
    mark_ = clock::now();
    if (std::exchange(phase_, phase::streaming) != phase::streaming && !has_ended())
      set_timer();
  }
  return !has_ended();
}

void outbound_call::on_closed(outbound_connection&, const error_code& why) {
  const auto self = shared_from_this();
  if (!answer_->started())
    return writing_ ? void(lost_ = why) : on_unanswered(why);
  if (why == asio::error::eof && answer_->finish() == response_reader::progress::complete)
    return complete();
  fail(outbound_errc::cut_off, route_->target.authority() + " ended the connection before its answer was whole.");
}

/// The connection ended, and not a byte had come.
void outbound_call::on_unanswered(const error_code& why) {
  if (may_resend())
    return connect();
  if (sent_)
    fail(outbound_errc::cut_off, route_->target.authority() + " ended the connection without an answer.");
  else
    fail(outbound_errc::unreachable,
         "Nothing could be sent to " + route_->target.authority() + ": " + error_text(why) + ".");
}

/// An unused connection may have been closed by the other side just when it was taken.
bool outbound_call::may_resend() const {
  return reused_ && (is_safe_ || may_repeat_ || !sent_);
}

// -- time ---------------------------------------------------------------------------

outbound_call::clock::time_point outbound_call::due() const {
  switch (phase_) {
  case phase::queued: return std::min(end_, mark_ + timeouts_.turn);
  case phase::connecting: return end_;
  case phase::waiting: return std::min(end_, mark_ + timeouts_.first_data);
  case phase::streaming: return std::min(end_, mark_ + timeouts_.idle);
  }
  return end_;
}

/// Does nothing if the timer looks early enough as it is.
void outbound_call::set_timer() {
  const auto when = due();
  if (look_ && *look_ <= when)
    return;
  look_ = when;
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error)
      self->on_time();
  });
}

void outbound_call::on_time() {
  const auto now = clock::now();
  if (has_ended() || (look_ && now < *look_))
    return;
  look_.reset();
  if (now < due())
    return set_timer();
  const auto host = route_->target.authority();
  if (phase_ == phase::queued)
    fail(outbound_errc::busy, busy_sentence("and none ended within " + duration_text(timeouts_.turn)));
  else if (now >= end_)
    fail(outbound_errc::timed_out, host + " was not done within " + duration_text(timeouts_.total) + ".");
  else if (phase_ == phase::streaming)
    fail(outbound_errc::timed_out, host + " sent nothing more for " + duration_text(timeouts_.idle) + ".");
  else
    fail(outbound_errc::timed_out, host + " did not answer within " + duration_text(timeouts_.first_data) + ".");
}

// -- the end ------------------------------------------------------------------------

void outbound_call::complete() {
  // A request that is not written to its end would go on where the next one begins.
  if (written_ && answer_->keep_alive())
    core_.pool().put(std::exchange(connection_, nullptr));
  const auto listener = listener_;
  end();
  listener->on_end();
}

void outbound_call::fail(outbound_errc code, std::string error) {
  const auto listener = listener_;
  end();
  if (listener)
    listener->on_failure({code, std::move(error), sent_});
}

void outbound_call::end() {
  if (has_ended())
    return;
  listener_.reset();
  timer_.cancel();
  if (connector_)
    connector_->cancel();
  connector_.reset();
  if (connection_)
    connection_->close();
  connection_.reset();
  core_.remove(number_, share_);
}

} // namespace troupe
