#include "gateway/http/server_core.hpp"

#include "gateway/http/session.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <boost/asio/post.hpp>

#include <cstdio>
#include <ctime>
#include <exception>
#include <limits>
#include <string>
#include <utility>

namespace troupe {

namespace asio = boost::asio;

namespace {

/// To be called in a catch clause.
std::string what_was_thrown() {
  try {
    throw;
  } catch (const std::exception& thrown) {
    return logging::type_of(thrown);
  } catch (...) {
    return "an unknown exception";
  }
}

} // namespace

std::string client_address(const tcp_socket& socket) {
  boost::system::error_code gone;
  const auto client = socket.remote_endpoint(gone);
  if (gone)
    return {};
  const auto host = client.address().to_string();
  const auto port = ':' + std::to_string(client.port());
  return client.address().is_v6() ? '[' + host + ']' + port : host + port;
}

server_core::server_core(asio::io_context& io, std::shared_ptr<request_handler> handler, transport_limits limits,
                         transport_observer observer)
  : io_(io), handler_(std::move(handler)), limits_(limits), observer_(std::move(observer)), clock_(io), grace_(io),
    scratch_(64 * 1024) {
  update_date();
}

void server_core::start() {
  io_thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  wait_for_tick();
}

// -- the clock ----------------------------------------------------------------

server_core::ticks server_core::deadline(std::chrono::milliseconds after) const noexcept {
  const auto whole = (after.count() + tick_interval.count() - 1) / tick_interval.count();
  return now_ + static_cast<ticks>(whole) + 1;
}

pace_rule server_core::sending_rule(std::size_t largest) const noexcept {
  const std::chrono::seconds at_least_rate{largest / limits_.least_rate};
  return {deadline(limits_.progress_timeout) - now_, limits_.least_progress,
          deadline(limits_.transfer_timeout + at_least_rate) - now_};
}

pace_rule server_core::reading_rule() const noexcept {
  // A stream may be long, and what it is long with is bounded elsewhere.
  constexpr auto endless = std::numeric_limits<ticks>::max();
  return {deadline(limits_.progress_timeout) - now_, limits_.least_progress, endless};
}

pace_rule server_core::closing_rule() const noexcept {
  constexpr std::uint64_t least_read = 1024;
  constexpr std::chrono::minutes longest{5};
  // While the server stops, everybody waits for the last connection.
  constexpr std::chrono::seconds while_stopping{1};
  const auto ticks_of = [this](std::chrono::milliseconds time) { return deadline(time) - now_; };
  if (stopping_)
    return {ticks_of(while_stopping), least_read, ticks_of(while_stopping)};
  return {ticks_of(limits_.close_timeout), least_read, ticks_of(longest)};
}

void server_core::wait_for_tick() {
  clock_->expires_after(tick_interval);
  clock_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error)
      self->on_tick();
  });
}

void server_core::on_tick() {
  ++now_;
  update_date();
  for_each_connection(
    [this](server_connection& connection) { guarded(connection, [&connection] { connection.on_tick(); }); });
  // What is held elsewhere in the process may have become too much, too.
  relieve();
  if (!stopping_ || !connections_.empty())
    wait_for_tick();
}

void server_core::update_date() {
  static constexpr std::array days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto second = std::time(nullptr);
  if (second == date_second_)
    return;
  date_second_ = second;
  std::tm utc{};
  gmtime_r(&second, &utc);
  const auto size = std::snprintf(date_line_.data(), date_line_.size(), "Date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                                  days[static_cast<std::size_t>(utc.tm_wday)], utc.tm_mday,
                                  months[static_cast<std::size_t>(utc.tm_mon)], utc.tm_year + 1900, utc.tm_hour,
                                  utc.tm_min, utc.tm_sec);
  date_line_size_ = static_cast<std::size_t>(size);
}

// -- the connections ------------------------------------------------------------

void server_core::add(std::shared_ptr<server_connection> connection) {
  connection->slot_ = connections_.size();
  connections_.push_back(std::move(connection));
}

void server_core::replace(server_connection& current, std::shared_ptr<server_connection> next) {
  charge(current, 0);
  next->slot_ = current.slot_;
  current.slot_ = server_connection::no_slot;
  connections_[next->slot_].swap(next);
}

void server_core::remove(server_connection& connection) {
  charge(connection, 0);
  const auto slot = std::exchange(connection.slot_, server_connection::no_slot);
  if (slot == server_connection::no_slot)
    return;
  const auto removed = std::exchange(connections_[slot], std::move(connections_.back()));
  connections_.pop_back();
  if (slot < connections_.size())
    connections_[slot]->slot_ = slot;
  finish_if_empty();
}

template <class Function>
void server_core::for_each_connection(Function function) {
  // From the back: one that removes itself is replaced by one already visited.
  for (auto i = connections_.size(); i-- > 0;) {
    if (i < connections_.size()) {
      const auto connection = connections_[i];
      function(*connection);
    }
  }
}

void server_core::schedule_flush(server_connection& connection) {
  if (connection.flush_scheduled_ || connection.slot_ == server_connection::no_slot)
    return;
  connection.flush_scheduled_ = true;
  to_flush_.push_back(connections_[connection.slot_]);
  if (to_flush_.size() == 1)
    asio::post(io_, [self = shared_from_this()] { self->flush_round(); });
}

void server_core::flush_round() {
  auto round = std::move(to_flush_);
  to_flush_.clear();
  for (const auto& connection : round) {
    connection->flush_scheduled_ = false;
    guarded(*connection, [&connection] { connection->flush(); });
  }
  // The room is kept for the next round, unless that has already begun.
  round.clear();
  if (to_flush_.empty())
    to_flush_.swap(round);
  if (frames_sent_ > 0)
    observer_.websocket_frames_sent(std::exchange(frames_sent_, 0));
}

// -- what clients hold in sum ---------------------------------------------------------

void server_core::charge(server_connection& connection, std::size_t bytes) {
  const auto before = std::exchange(connection.charged_, bytes);
  if (before == bytes)
    return;
  limits_.memory->change_unfinished(before, bytes);
  if (bytes > before && limits_.memory->too_much_unfinished())
    schedule_relief();
}

std::shared_ptr<const std::string> server_core::share(std::string text) {
  return limits_.memory->share(std::move(text));
}

void server_core::look_at_unread() {
  if (limits_.memory->too_much_unread())
    schedule_relief();
}

void server_core::schedule_relief() {
  if (!std::exchange(relief_scheduled_, true))
    asio::post(io_, [self = shared_from_this()] { self->relieve(); });
}

/// Has those who have held on the longest let go, until the sum is within its bound or
/// nobody here is to blame.
void server_core::relieve() {
  relief_scheduled_ = false;
  const auto shed_while = [this](auto too_much, auto since, auto shed) {
    for (auto tries = connections_.size(); tries > 0 && too_much(); --tries) {
      std::shared_ptr<server_connection> oldest;
      for (const auto& connection : connections_)
        if (since(*connection) != 0 && (!oldest || since(*connection) < since(*oldest)))
          oldest = connection;
      if (!oldest)
        return;
      guarded(*oldest, [&] { shed(*oldest); });
    }
  };
  shed_while([this] { return limits_.memory->too_much_unfinished(); },
             [](const server_connection& one) { return one.unfinished_since(); },
             [](server_connection& one) { one.shed_unfinished(); });
  shed_while([this] { return limits_.memory->too_much_unread(); },
             [](const server_connection& one) { return one.unread_since(); },
             [](server_connection& one) { one.shed_unread(); });
}

void server_core::end_after_fault(server_connection& connection) noexcept {
  try {
    say::error("a connection is ended: {}", what_was_thrown());
    connection.abort();
  } catch (...) {
    // It ends when its time is up, or with the server.
    say::error("a connection could not be ended");
  }
}

void server_core::defer(std::function<void()> task) {
  asio::post(io_, std::move(task));
}

void server_core::take_turn(std::function<void()> step) {
  turns_.push_back(std::move(step));
  schedule_turn(least_rest);
}

void server_core::schedule_turn(std::chrono::steady_clock::duration rest) {
  if (turns_.empty() || turn_scheduled_)
    return;
  if (turns_.size() < turn_crowd) {
    asio::post(io_, [self = shared_from_this()] { self->next_turn(); });
  } else {
    const auto timer = std::make_shared<io_timer>(io_.get_executor(), rest);
    timer->async_wait([self = shared_from_this(), timer](const boost::system::error_code&) { self->next_turn(); });
  }
  turn_scheduled_ = true;
}

void server_core::next_turn() {
  turn_scheduled_ = false;
  if (turns_.empty())
    return;
  const auto step = std::move(turns_.front());
  turns_.pop_front();
  const auto begin = std::chrono::steady_clock::now();
  try {
    step();
  } catch (...) {
    schedule_turn(least_rest);
    throw;
  }
  // Behind whatever is ready by then.
  schedule_turn(std::max(std::chrono::steady_clock::now() - begin, least_rest));
}

// -- answers from other threads ---------------------------------------------------

void server_core::deliver(std::weak_ptr<http_session> session, std::optional<http_response> answer) {
  if (std::this_thread::get_id() == io_thread_.load(std::memory_order_relaxed)) {
    if (const auto open = session.lock())
      guarded(*open, [&] { open->answer(std::move(answer)); });
    return;
  }
  const std::lock_guard lock{late_mutex_};
  if (closed_)
    return;
  late_answers_.push_back({std::move(session), std::move(answer)});
  // One wake-up for all that arrive until it is heard.
  if (late_answers_.size() == 1)
    asio::post(io_, [self = shared_from_this()] { self->take_late_answers(); });
}

void server_core::take_late_answers() {
  std::vector<late_answer> answers;
  {
    const std::lock_guard lock{late_mutex_};
    answers.swap(late_answers_);
  }
  for (auto& late : answers) {
    if (const auto open = late.session.lock())
      guarded(*open, [&] { open->answer(std::move(late.answer)); });
  }
}

// -- the end ------------------------------------------------------------------------

void server_core::stop(std::chrono::milliseconds grace, std::function<void()> done) {
  when_stopped_.push_back(std::move(done));
  if (stopping_)
    return finish_if_empty();
  stopping_ = true;
  if (!grace_)
    return;
  grace_->expires_after(grace);
  grace_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error)
      self->for_each_connection([](server_connection& connection) { connection.abort(); });
  });
  for_each_connection([](server_connection& connection) { connection.on_stop(); });
  finish_if_empty();
}

void server_core::finish_if_empty() {
  if (!stopping_ || !connections_.empty())
    return;
  grace_->cancel();
  clock_->cancel();
  for (auto& done : std::exchange(when_stopped_, {}))
    defer(std::move(done));
}

void server_core::close() {
  std::vector<late_answer> answers;
  {
    const std::lock_guard lock{late_mutex_};
    closed_ = true;
    answers.swap(late_answers_);
  }
  io_thread_.store(std::thread::id{}, std::memory_order_relaxed);
  const auto connections = std::exchange(connections_, {});
  to_flush_.clear();
  turns_.clear();
  for (const auto& connection : connections) {
    charge(*connection, 0);
    connection->slot_ = server_connection::no_slot;
    connection->abandon();
  }
  clock_.reset();
  grace_.reset();
  handler_.reset();
}

} // namespace troupe
