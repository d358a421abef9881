#pragma once

#include "gateway/http/pace.hpp"
#include "gateway/http/server.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/wait_traits.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

/// What the connections of one server share. It owns them while they are open,
/// keeps their one coarse clock, gathers their writes into rounds, and is where
/// answers from other threads come in. Those who answer hold it longer than the
/// I/O context may live, so it refuses work once it is closed.
namespace troupe {

class http_session;

/// A socket of the concrete executor: nothing is type-erased on the way to it.
using tcp_socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;
using io_timer
  = boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                      boost::asio::io_context::executor_type>;

/// `127.0.0.1:51234`, `[::1]:51234`; empty if the client has gone.
std::string client_address(const tcp_socket& socket);

/// An open connection as the core sees it. All of it happens on the I/O thread.
class server_connection {
public:
  server_connection() = default;
  virtual ~server_connection() = default;

  server_connection(const server_connection&) = delete;
  server_connection& operator=(const server_connection&) = delete;

  /// The clock has moved on: the place to judge deadlines and to give back memory.
  virtual void on_tick() = 0;
  /// The server stops: end when what is under way is done.
  virtual void on_stop() = 0;
  /// Writes what is queued; asked for by `server_core::schedule_flush`.
  virtual void flush() = 0;
  /// Ends now and tells those who wait.
  virtual void abort() = 0;
  /// Lets go of the socket and of everybody else, without a word: the I/O context
  /// has stopped and is about to go.
  virtual void abandon() = 0;

  // -- when clients hold too much in sum: who has done so the longest goes ------------

  /// The tick since when a request or a message of this client is unfinished; 0 if none
  /// is.
  [[nodiscard]] virtual std::uint32_t unfinished_since() const noexcept { return 0; }
  /// The tick since when the socket takes nothing more of what is queued; 0 if it does.
  [[nodiscard]] virtual std::uint32_t unread_since() const noexcept { return 0; }
  virtual void shed_unfinished() {}
  virtual void shed_unread() {}

private:
  friend class server_core;

  static constexpr std::size_t no_slot = static_cast<std::size_t>(-1);

  std::size_t slot_ = no_slot;
  std::size_t charged_ = 0;
  bool flush_scheduled_ = false;
};

class server_core : public std::enable_shared_from_this<server_core> {
public:
  /// Time as the connections count it. One timer serves all of them.
  using ticks = std::uint32_t;
  static constexpr std::chrono::milliseconds tick_interval{500};

  server_core(boost::asio::io_context& io, std::shared_ptr<request_handler> handler, transport_limits limits,
              transport_observer observer);

  // -- on the I/O thread -------------------------------------------------------

  /// Starts the clock; the calling thread is from now on the I/O thread.
  void start();

  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] request_handler& handler() noexcept { return *handler_; }
  [[nodiscard]] const transport_limits& limits() const noexcept { return limits_; }
  [[nodiscard]] const transport_observer& observer() const noexcept { return observer_; }
  [[nodiscard]] bool stopping() const noexcept { return stopping_; }
  [[nodiscard]] std::size_t connections() const noexcept { return connections_.size(); }

  [[nodiscard]] ticks now() const noexcept { return now_; }
  /// The first tick by which `after` has certainly passed.
  [[nodiscard]] ticks deadline(std::chrono::milliseconds after) const noexcept;
  /// How fast a client has to send a body or message of at most so many bytes.
  [[nodiscard]] pace_rule sending_rule(std::size_t largest) const noexcept;
  /// How fast it has to read what is written.
  [[nodiscard]] pace_rule reading_rule() const noexcept;
  /// How fast it has to read what is left at the end, and then to leave.
  [[nodiscard]] pace_rule closing_rule() const noexcept;
  /// The Date header of this moment, with its line end.
  [[nodiscard]] std::string_view date_line() const noexcept { return {date_line_.data(), date_line_size_}; }

  void add(std::shared_ptr<server_connection> connection);
  /// `next` takes the place of `current`, whose socket it has taken over.
  void replace(server_connection& current, std::shared_ptr<server_connection> next);
  void remove(server_connection& connection);

  /// Has `connection` flushed once what is ready to run now has run, so that
  /// writes of one round become one system call.
  void schedule_flush(server_connection& connection);
  /// Frames queued since the last round, for the observer.
  void count_frame_sent() noexcept { ++frames_sent_; }

  /// `connection` holds so many bytes of requests that are unfinished or unanswered.
  void charge(server_connection& connection, std::size_t bytes);
  /// `text`, counted as unread until the last who has it lets go.
  [[nodiscard]] std::shared_ptr<const std::string> share(std::string text);
  /// Something was queued that a client may not read: if that is too much in sum,
  /// somebody has to go.
  void look_at_unread();

  /// Runs `f` for a connection, which is ended if it throws: no fault of one is another's.
  template <class F>
  void guarded(server_connection& connection, F f) noexcept {
    try {
      f();
    } catch (...) {
      end_after_fault(connection);
    }
  }

  /// Runs `task` soon, from the event loop.
  void defer(std::function<void()> task);

  /// A request or message that is longer than this is read in turns.
  static constexpr std::size_t read_at_once = std::size_t{64} * 1024;
  /// Runs `step`, the next one of a long piece of work, once all others that wait for the
  /// same have had one. Between any two of them whatever is ready besides is done: dozens
  /// who send long bodies do not keep up somebody with a short question.
  void take_turn(std::function<void()> step);

  /// Room for one gathered write or for bytes that nobody wants.
  [[nodiscard]] std::span<char> scratch() noexcept { return scratch_; }
  /// A string with room for answers, lent to whoever writes some.
  [[nodiscard]] std::string& spare_string() noexcept { return spare_string_; }

  /// See `http_server::stop`.
  void stop(std::chrono::milliseconds grace, std::function<void()> done);

  // -- on any thread -----------------------------------------------------------

  /// Hands an answer to its session; without one the request was dropped
  /// unanswered. At once on the I/O thread, else with the next batch.
  void deliver(std::weak_ptr<http_session> session, std::optional<http_response> answer);

  /// Takes no further work and lets go of every connection. The I/O context has
  /// stopped.
  void close();

private:
  struct late_answer {
    std::weak_ptr<http_session> session;
    std::optional<http_response> answer;
  };

  /// From so many on that want a turn they have half of the time: a burst of long bodies takes a core otherwise.
  static constexpr std::size_t turn_crowd = 4;
  static constexpr std::chrono::steady_clock::duration least_rest = std::chrono::microseconds{100};

  /// `rest` is the other half.
  void schedule_turn(std::chrono::steady_clock::duration rest);
  void next_turn();
  void wait_for_tick();
  void on_tick();
  void update_date();
  void flush_round();
  void take_late_answers();
  void finish_if_empty();
  void schedule_relief();
  void relieve();
  void end_after_fault(server_connection& connection) noexcept;
  template <class Function>
  void for_each_connection(Function function);

  boost::asio::io_context& io_;
  std::shared_ptr<request_handler> handler_;
  transport_limits limits_;
  transport_observer observer_;

  std::vector<std::shared_ptr<server_connection>> connections_;
  std::vector<std::shared_ptr<server_connection>> to_flush_;
  std::size_t frames_sent_ = 0;
  std::deque<std::function<void()>> turns_;
  bool turn_scheduled_ = false;

  std::optional<io_timer> clock_;
  std::optional<io_timer> grace_;
  ticks now_ = 1;
  std::int64_t date_second_ = 0;
  std::array<char, 64> date_line_{};
  std::size_t date_line_size_ = 0;

  bool stopping_ = false;
  bool relief_scheduled_ = false;
  std::vector<std::function<void()>> when_stopped_;

  std::vector<char> scratch_;
  std::string spare_string_;

  std::atomic<std::thread::id> io_thread_;
  std::mutex late_mutex_;
  std::vector<late_answer> late_answers_;
  bool closed_ = false;
};

} // namespace troupe
