#include "tests/providers/scripted_connection.hpp"

#include <boost/beast/http/read.hpp>

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <utility>

namespace troupe::script {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using boost::system::error_code;

// -- pacer ----------------------------------------------------------------------

pacer::pacer(asio::io_context& io) : timer_{io} {}

void pacer::wake_at(clock::time_point due, std::shared_ptr<connection> who) {
  if (waiting_ == 0 && !armed_) {
    done_ = static_cast<std::uint64_t>((clock::now() - start_) / tick_length);
  }
  const auto rounded_up = (due - start_ + tick_length - clock::duration{1}) / tick_length;
  const auto tick = std::max(static_cast<std::uint64_t>(std::max<std::int64_t>(rounded_up, 0)), done_ + 1);
  wheel_[tick % slots].push_back({tick, std::move(who)});
  ++waiting_;
  arm();
}

void pacer::arm() {
  if (armed_ || waiting_ == 0) {
    return;
  }
  armed_ = true;
  timer_.expires_at(start_ + tick_length * static_cast<std::int64_t>(done_ + 1));
  timer_.async_wait([this](error_code error) {
    armed_ = false;
    if (!error) {
      turn();
      arm();
    }
  });
}

void pacer::turn() {
  const auto now = static_cast<std::uint64_t>((clock::now() - start_) / tick_length);
  // One tick at a time, also when there are more to make up for: new connections and requests must not wait for all
  // of it. What is woken goes back on the wheel, behind `done_`.
  const std::uint64_t tick = done_ + 1;
  if (tick > now) {
    return;
  }
  done_ = tick;
  std::vector<entry> slot;
  slot.swap(wheel_[tick % slots]);
  for (entry& e : slot) {
    if (e.tick > tick) {
      wheel_[tick % slots].push_back(std::move(e));
    } else {
      --waiting_;
      e.who->advance();
    }
  }
}

// -- connection -------------------------------------------------------------------

connection::connection(asio::ip::tcp::socket socket, connection_owner& owner, std::size_t number)
  : socket_{std::move(socket)}, owner_{owner}, number_{number} {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay{true}, ignored);
}

void connection::read() {
  if (std::exchange(reading_, true)) {
    return;
  }
  parser_.emplace();
  parser_->body_limit(boost::none);
  parser_->header_limit(64U * 1024);
  http::async_read(socket_, buffer_, *parser_, [self = shared_from_this()](error_code error, std::size_t) {
    self->reading_ = false;
    if (error) {
      self->close(true);
    } else {
      self->take_request();
    }
  });
}

void connection::take_request() {
  auto message = parser_->release();
  request_ = {};
  request_.connection = number_;
  request_.time = clock::now();
  request_.method = std::string{message.method_string()};
  const std::string target{message.target()};
  const auto question = std::min(target.find('?'), target.size());
  request_.path = target.substr(0, question);
  request_.query = target.substr(std::min(question + 1, target.size()));
  for (const auto& field : message) {
    std::string name{field.name_string()};
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    request_.headers.emplace_back(std::move(name), std::string{field.value()});
  }
  request_.keep_alive = message.keep_alive();
  request_.body = std::move(message.body());
  request_.document = nlohmann::json::parse(request_.body, nullptr, false);
  if (request_.document.is_discarded()) {
    request_.document = nullptr;
  }

  answering_ = true;
  sent_ = 0;
  answer_ = owner_.on_request(request_);
  start_ = request_.time + answer_.delay;
  watch();
  advance();
}

void connection::advance() {
  if (!open_ || !answering_ || answer_.what == nullptr) {
    return;
  }
  const auto& [bytes, ends] = *answer_.what;
  const auto now = clock::now();
  std::size_t steps = now < start_ ? 0 : ends.size();
  if (steps > 0 && answer_.pace.count() > 0) {
    steps = std::min(steps, static_cast<std::size_t>((now - start_) / answer_.pace) + 1);
  }
  const std::size_t due = steps == 0 ? 0 : ends[steps - 1];
  while (sent_ < due) {
    const auto count = ::send(socket_.native_handle(), bytes.data() + sent_, due - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      wait_until_writable();
      return;
    }
    if (count < 0) {
      close(true);
      return;
    }
    sent_ += static_cast<std::size_t>(count);
  }
  if (steps < ends.size()) {
    owner_.clock_of_streams().wake_at(start_ + answer_.pace * static_cast<int>(steps), shared_from_this());
  } else {
    finish();
  }
}

void connection::wait_until_writable() {
  socket_.async_wait(asio::ip::tcp::socket::wait_write, [self = shared_from_this()](error_code error) {
    if (!error) {
      self->advance();
    }
  });
}

void connection::finish() {
  switch (answer_.then) {
  case reply::ending::hang: return;
  case reply::ending::cut: close(false); return;
  case reply::ending::whole: break;
  }
  answering_ = false;
  owner_.on_answer_over(request_, false);
  if (!request_.keep_alive) {
    close(false);
    return;
  }
  // What is in the buffer came before the watch could see it.
  if (!watching_ || buffer_.size() > 0) {
    read();
  }
}

void connection::watch() {
  if (watching_ || !open_) {
    return;
  }
  watching_ = true;
  socket_.async_wait(asio::ip::tcp::socket::wait_read, [self = shared_from_this()](error_code error) {
    self->watching_ = false;
    if (!error && self->open_) {
      self->on_readable();
    }
  });
}

void connection::on_readable() {
  char first = 0;
  const auto count = ::recv(socket_.native_handle(), &first, 1, MSG_PEEK | MSG_DONTWAIT);
  const bool nothing_yet = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR);
  if (nothing_yet) {
    watch();
  } else if (count <= 0) {
    close(true);
  } else if (!answering_) {
    read();
  }
}

void connection::close(bool by_peer) {
  if (!std::exchange(open_, false)) {
    return;
  }
  if (std::exchange(answering_, false)) {
    owner_.on_answer_over(request_, by_peer);
  }
  error_code ignored;
  socket_.close(ignored);
  owner_.on_closed();
}

} // namespace troupe::script
