#pragma once

#include "actors/remote/outbound.hpp"
#include "gateway/outbound/connection.hpp"
#include "gateway/outbound/connector.hpp"
#include "gateway/outbound/core.hpp"
#include "gateway/outbound/message.hpp"
#include "gateway/outbound/response_reader.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace troupe {

/// One call, from its URL to the end of its answer: takes a connection that is there
/// or has one made, writes the request, and passes on what comes. Owned by the core
/// until it ends; then its connection is closed, or lies in the pool if another request
/// may follow on it.
class outbound_call final : public std::enable_shared_from_this<outbound_call>,
                            private connection_reader,
                            private response_sink {
public:
  outbound_call(outbound_core& core, std::uint64_t number, outbound_request request,
                std::shared_ptr<outbound_listener> listener);

  /// Call once the core has it.
  void start();
  /// It is its turn.
  void begin();
  /// Ends without a word.
  void cancel() { end(); }

private:
  using clock = std::chrono::steady_clock;

  enum class phase {
    /// For its turn.
    queued,
    connecting,
    /// The request is under way; nothing of the answer has counted as progress.
    waiting,
    streaming,
  };

  bool prepare();
  [[nodiscard]] std::string busy_sentence(std::string_view why) const;
  void connect();
  void use(std::shared_ptr<outbound_connection> connection, bool reused);
  void on_written(const boost::system::error_code& error, std::size_t count);

  void on_bytes(outbound_connection& from, std::string_view bytes) override;
  void on_closed(outbound_connection& from, const boost::system::error_code& why) override;
  void on_head(outbound_head head) override;
  bool on_part(std::string_view part) override;

  void on_unanswered(const boost::system::error_code& why);
  [[nodiscard]] bool may_resend() const;

  [[nodiscard]] clock::time_point due() const;
  void set_timer();
  void on_time();

  void complete();
  void fail(outbound_errc code, std::string error);
  void end();
  [[nodiscard]] bool has_ended() const noexcept { return listener_ == nullptr; }

  outbound_core& core_;
  std::uint64_t number_;
  outbound_share share_;
  /// Null once the call has ended.
  std::shared_ptr<outbound_listener> listener_;
  outbound_timeouts timeouts_;
  std::size_t max_answer_;
  /// Until the message is made of it.
  std::optional<outbound_request> request_;
  std::shared_ptr<const outbound_route> route_;
  /// Until an answer begins: it may have to be sent again.
  std::optional<outbound_message> message_;
  std::shared_ptr<outbound_connector> connector_;
  std::shared_ptr<outbound_connection> connection_;
  std::optional<response_reader> answer_;
  /// Why the connection ended while the request was being written.
  std::optional<boost::system::error_code> lost_;

  io_timer timer_;
  clock::time_point end_;
  /// The last time that something went on.
  clock::time_point mark_;
  /// When the timer will look next; none if it is not set.
  std::optional<clock::time_point> look_;

  phase phase_ = phase::queued;
  bool is_head_ = false;
  bool is_safe_ = false;
  /// See `outbound_request::repeat_if_dropped`.
  bool may_repeat_ = false;
  bool sent_ = false;
  bool writing_ = false;
  /// To its end.
  bool written_ = false;
  bool reused_ = false;
};

} // namespace troupe
