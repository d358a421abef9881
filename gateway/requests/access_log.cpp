#include "gateway/requests/access_log.hpp"

#include "gateway/requests/transport.hpp"
#include "persistence/logging/say.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/time.hpp"

#include <spdlog/details/console_globals.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

namespace troupe {

namespace {

using std::chrono::microseconds;

/// How long lines wait for others, and how many of them do not.
constexpr std::chrono::milliseconds patience{200};
constexpr std::size_t log_batch_bytes = std::size_t{64} * 1024;

/// What waits for somebody to take it.
constexpr std::size_t most_bytes = std::size_t{4} * 1024 * 1024;

constexpr std::size_t longest_path = 256;
constexpr std::size_t longest_method = 32;

/// nginx's word for a client that has gone before it was answered.
constexpr unsigned client_gone_status = 499;

/// RFC 6455, section 7.1.5: a connection that ended without a close frame.
constexpr unsigned abnormal_closure = 1006;

/// `2026-01-31T12:00:00` and `+00:00` of a second, which many lines share.
struct second_text {
  std::time_t second = 0;
  std::string before;
  std::string behind;

  void update(std::time_t now) {
    if (now == second)
      return;
    second = now;
    std::tm local{};
    ::localtime_r(&now, &local);
    std::array<char, 32> text{};
    before.assign(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &local));
    behind.assign(text.data(), std::strftime(text.data(), text.size(), "%z", &local));
    behind.insert(behind.size() - 2, ":");
  }
};

} // namespace

// -- lines ------------------------------------------------------------------------

void append_access(logging::fields& line, const access_record& record, std::chrono::steady_clock::time_point now) {
  line.add("method", record.method.empty() ? "-" : std::string_view{record.method}.substr(0, longest_method));
  const auto* route = record.route.load(std::memory_order_acquire);
  line.add_if_any("route", route ? route : "");
  line.add("path", record.path.empty() ? "-" : std::string_view{record.path}.substr(0, longest_path));
  line.add("status", record.status == 0 ? client_gone_status : record.status).add("bytes", record.bytes);
  line.add("took_ms", std::chrono::duration_cast<microseconds>(now - record.began));
  line.add("request_id", record.request_id).add("client", record.client ? *record.client : "-");
  if (record.status == 101)
    line.add("close_code", record.close_code.value_or(abnormal_closure))
      .add("frames_in", record.frames_received)
      .add("frames_out", record.frames_sent);
  line.add_if_any("cut", record.cut);
}

void access_log::append_head(std::string& line) const {
  const auto now = std::chrono::time_point_cast<microseconds>(std::chrono::system_clock::now());
  if (style_ == logging::style::json) {
    line += R"({"at":")";
    line += to_rfc3339(now);
    line += R"(","level":"info","node":)";
    append_json_string(line, node_);
    line += R"(,"message":"request")";
    return;
  }
  static thread_local second_text text;
  const auto since = now.time_since_epoch();
  text.update(std::chrono::floor<std::chrono::seconds>(since).count());
  const auto millis = static_cast<int>(since.count() / 1000 % 1000);
  line += text.before;
  line += '.';
  line += static_cast<char>('0' + millis / 100);
  line += static_cast<char>('0' + millis / 10 % 10);
  line += static_cast<char>('0' + millis % 10);
  line += text.behind;
  line += " info  request";
}

// -- the log ----------------------------------------------------------------------

access_log::access_log(logging::style style, std::string node, output out)
  : style_{style}, node_{std::move(node)}, out_{std::move(out)}, writer_{[this] { run(); }} {}

access_log::~access_log() {
  stop();
}

void access_log::write(const access_record& record) {
  static thread_local std::string line;
  line.clear();
  append_head(line);
  logging::fields fields{line, style_};
  append_access(fields, record, std::chrono::steady_clock::now());
  line += style_ == logging::style::json ? "}\n" : "\n";
  bool wanted = false;
  {
    const std::lock_guard lock{mutex_};
    if (stopped_)
      return;
    if (lines_.size() + line.size() > most_bytes) {
      ++dropped_;
      return;
    }
    const auto before = lines_.size();
    lines_ += line;
    wanted = before == 0 || (before < log_batch_bytes && lines_.size() >= log_batch_bytes);
  }
  if (wanted)
    wake_.notify_one();
}

void access_log::run() {
  std::string batch;
  std::unique_lock lock{mutex_};
  while (!stopped_ || !lines_.empty()) {
    wake_.wait(lock, [this] { return stopped_ || !lines_.empty(); });
    wake_.wait_for(lock, patience, [this] { return stopped_ || lines_.size() >= log_batch_bytes; });
    batch.clear();
    batch.swap(lines_);
    auto dropped = std::exchange(dropped_, 0);
    lock.unlock();
    if (!batch.empty() && !out_(batch))
      dropped += static_cast<std::uint64_t>(std::count(batch.begin(), batch.end(), '\n'));
    if (dropped > 0)
      say::warn("{} lines of the access log were dropped: nobody took them", dropped);
    lock.lock();
  }
}

void access_log::stop() {
  {
    const std::lock_guard lock{mutex_};
    stopped_ = true;
  }
  wake_.notify_one();
  if (writer_.joinable())
    writer_.join();
}

bool write_to_stderr(std::string_view lines) {
  // The lock of the other lines' sink.
  const std::lock_guard lock{spdlog::details::console_mutex::mutex()};
  return std::fwrite(lines.data(), 1, lines.size(), stderr) == lines.size();
}

// -- a connection's side -------------------------------------------------------------

void access_trail::begin(const std::shared_ptr<access_log>& log, http_request& request) {
  log_ = log;
  record_ = std::make_shared<access_record>();
  record_->method = request.method_name;
  record_->path = request.path;
  record_->request_id = request.id;
  record_->client = client_;
  record_->began = std::chrono::steady_clock::now();
  request.access = record_;
}

void access_trail::take_over(const std::shared_ptr<access_log>& log, const http_request& request) {
  log_ = log;
  record_ = request.access;
}

void access_trail::end() {
  if (const auto record = std::exchange(record_, nullptr))
    log_->write(*record);
}

} // namespace troupe
