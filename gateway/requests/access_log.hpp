#pragma once

#include "persistence/logging/log.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

/// The access log: one line per request, with `access_log` on. Connections count what becomes
/// of a request in its record and write the line when its answer is complete. Lines are
/// collected and written by a thread of their own, so that no I/O thread waits for whoever
/// reads them, and none of them makes a system call for it.
namespace troupe {

struct http_request;

/// What becomes of one request. Written on its connection's I/O thread, but for the route.
struct access_record {
  std::string method;
  /// As received, not decoded, without the query, which may hold what nobody else should see.
  std::string path;
  std::string request_id;
  /// `127.0.0.1:51234`; null if it was gone before anybody asked.
  std::shared_ptr<const std::string> client;
  std::chrono::steady_clock::time_point began{};
  /// The pattern of the route that serves it; null for none. Set by whoever finds the route.
  std::atomic<const char*> route{nullptr};
  /// 0 if there was no answer, which is logged as 499.
  unsigned status = 0;
  /// Of bodies, or of messages.
  std::uint64_t bytes = 0;
  /// How it ended other than whole: `client_gone`, `slow_reader`, `given_up`, `server_stopped`; empty for whole.
  std::string_view cut{};

  // -- of a WebSocket
  std::optional<unsigned> close_code{};
  std::uint64_t frames_received = 0;
  std::uint64_t frames_sent = 0;
};

/// Appends the record as the fields of its line.
void append_access(logging::fields& line, const access_record& record, std::chrono::steady_clock::time_point now);

class access_log {
public:
  /// Takes whole lines; called on the writing thread. False if they were not taken.
  using output = std::function<bool(std::string_view lines)>;

  /// Lines have the form that `style` and `node` say, as all others do.
  access_log(logging::style style, std::string node, output out);
  ~access_log();
  access_log(const access_log&) = delete;
  access_log& operator=(const access_log&) = delete;

  /// From any thread. The line is written within a quarter of a second; if nobody takes the
  /// lines, those beyond 4 MiB are dropped, and the log says how many.
  void write(const access_record& record);

  /// Writes what there is; later lines are dropped.
  void stop();

private:
  void append_head(std::string& line) const;
  void run();

  logging::style style_;
  std::string node_;
  output out_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string lines_;
  std::uint64_t dropped_ = 0;
  bool stopped_ = false;
  std::thread writer_;
};

/// Standard error, where all other lines go too.
bool write_to_stderr(std::string_view lines);

/// One connection's side of the access log: the record of the request that it is about. Each
/// call does nothing while the log is off, or there is no request.
class access_trail {
public:
  /// A request was read, or as much of it as could be; its id is set. `client` is called
  /// once per connection.
  template <class Client>
  void begin(const std::shared_ptr<access_log>& log, http_request& request, Client client) {
    if (!log)
      return;
    if (!client_)
      client_ = std::make_shared<const std::string>(client());
    begin(log, request);
  }

  /// Of a request that another connection has begun.
  void take_over(const std::shared_ptr<access_log>& log, const http_request& request);
  /// Somebody else goes on with it.
  void let_go() noexcept { record_ = nullptr; }

  void answered(unsigned status, std::size_t bytes) noexcept {
    if (record_) {
      record_->status = status;
      record_->bytes += bytes;
    }
  }
  void sent(std::size_t bytes) noexcept {
    if (record_) {
      record_->bytes += bytes;
      ++record_->frames_sent;
    }
  }
  void received() noexcept {
    if (record_)
      ++record_->frames_received;
  }
  /// The first one counts.
  void closed(unsigned code) noexcept {
    if (record_ && !record_->close_code)
      record_->close_code = code;
  }
  void cut(std::string_view why) noexcept {
    if (record_ && record_->cut.empty())
      record_->cut = why;
  }
  /// The request is over: its line is written.
  void end();

private:
  void begin(const std::shared_ptr<access_log>& log, http_request& request);

  std::shared_ptr<access_log> log_;
  std::shared_ptr<access_record> record_;
  std::shared_ptr<const std::string> client_;
};

} // namespace troupe
