#include "gateway/http/exchange.hpp"

#include "gateway/http/session.hpp"
#include "gateway/requests/accept.hpp"
#include "gateway/requests/event_stream_head.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <utility>

namespace troupe {

http_exchange::http_exchange(std::shared_ptr<server_core> core, std::weak_ptr<http_session> session,
                             http_request request)
  : core_(std::move(core)), session_(std::move(session)), request_(std::move(request)) {}

http_exchange::~http_exchange() {
  try {
    if (!answered_.load() && !session_.expired())
      logging::warn("request left unanswered", [this](auto& line) { line.add("request_id", request_.id); });
    if (streaming_ || !answered_.load())
      core_->deliver(std::move(session_), streaming_ ? std::nullopt : std::optional{complete(last_word())});
  } catch (...) {
    // Out of memory: the connection stays unanswered until its client gives up.
    say::error("a request stays unanswered");
  }
}

http_response http_exchange::last_word() const {
  problem unanswered{problem_code::internal, "The request was left unanswered."};
  return is_event_stream_request(request_) ? ask_to_reconnect(unanswered) : to_response(unanswered);
}

http_response http_exchange::complete(http_response response) const {
  response.headers.insert(response.headers.end(), added_.begin(), added_.end());
  return response;
}

void http_exchange::add_header(std::string name, std::string value) {
  added_.emplace_back(std::move(name), std::move(value));
}

void http_exchange::respond(http_response response) {
  if (!answered_.exchange(true))
    core_->deliver(session_, complete(std::move(response)));
}

void http_exchange::start_stream(http_response head) {
  if (answered_.exchange(true))
    return;
  streaming_ = true;
  if (const auto session = session_.lock())
    session->start_stream(complete(std::move(head)));
}

void http_exchange::write(std::shared_ptr<const std::string> part) {
  if (!streaming_)
    return;
  if (const auto session = session_.lock())
    session->write_stream(std::move(part));
}

void http_exchange::finish() {
  if (!std::exchange(streaming_, false))
    return;
  if (const auto session = session_.lock())
    session->finish_stream();
}

std::size_t http_exchange::queued_bytes() const {
  const auto session = session_.lock();
  return session ? session->queued_bytes() : 0;
}

void http_exchange::tell_when_drained(std::function<void()> drained) {
  if (const auto session = session_.lock())
    session->tell_when_drained(std::move(drained));
}

void http_exchange::upgrade(std::shared_ptr<websocket_listener> listener) {
  if (answered_.exchange(true))
    return;
  if (const auto session = session_.lock())
    session->upgrade(request_, added_, std::move(listener));
}

void http_exchange::on_disconnect(std::function<void()> gone) {
  if (answered_.load() && !streaming_)
    return;
  const auto session = session_.lock();
  if (!session || !session->watch(gone))
    // It was lost before anybody watched.
    core_->defer(std::move(gone));
}

} // namespace troupe
