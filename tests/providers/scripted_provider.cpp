#include "tests/providers/scripted_provider.hpp"

#include "tests/providers/scripted_connection.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace troupe {

namespace asio = boost::asio;
using boost::system::error_code;
using clock = std::chrono::steady_clock;
using nlohmann::json;
using script::reply;

namespace {

bool is_model(const seen_request& request) {
  return request.addressed_to() == endpoint::openai || request.addressed_to() == endpoint::anthropic;
}

std::string error_body(const std::string& type, const std::string& message) {
  // Both protocols' errors: OpenAI's clients look at `error`, Anthropic's at `type` too.
  return json{{"type", "error"}, {"error", {{"type", type}, {"message", message}}}}.dump(
    -1, ' ', false, json::error_handler_t::replace);
}

reply throttled(std::optional<std::chrono::milliseconds> wait) {
  reply answer = script::status(429, error_body("rate_limit_error", "Slow down."));
  if (wait) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(*wait);
    answer.headers.emplace_back("Retry-After", std::to_string(seconds.count()));
    if (seconds != *wait) {
      answer.headers.emplace_back("retry-after-ms", std::to_string(wait->count()));
    }
  }
  return answer;
}

} // namespace

class scripted_provider::core final : public script::connection_owner {
public:
  core(handler answer, std::uint16_t port)
    : acceptor_{io_, {asio::ip::address_v4::loopback(), port}}, handler_{std::move(answer)} {
    acceptor_.non_blocking(true);
    accept();
    thread_ = std::thread{[this] { io_.run(); }};
  }

  ~core() override {
    io_.stop();
    thread_.join();
  }

  core(const core&) = delete;
  core& operator=(const core&) = delete;

  // -- connection_owner ---------------------------------------------------------------

  script::sending on_request(seen_request& request) override {
    handler handle;
    bool throttle = false;
    std::optional<std::chrono::milliseconds> wait;
    {
      const std::lock_guard guard{mutex_};
      request.number = ++counts_.requests;
      request.number_at_path = ++by_path_[request.path];
      if (is_model(request)) {
        counts_.most_answers_open = std::max(counts_.most_answers_open, ++counts_.answers_open);
      }
      if (keep_) {
        places_[request.number] = requests_.size();
        requests_.push_back(request);
      }
      throttle = throttles(request.time);
      wait = retry_after_;
      handle = handler_;
    }
    changed_.notify_all();
    script::sending sent = renderer_.render(throttle ? throttled(wait) : decide(handle, request), request);
    const std::lock_guard guard{mutex_};
    if (const auto place = places_.find(request.number); place != places_.end()) {
      requests_[place->second].status = sent.status;
      places_.erase(place);
    }
    return sent;
  }

  void on_answer_over(const seen_request& request, bool closed_by_peer) override {
    {
      const std::lock_guard guard{mutex_};
      if (is_model(request)) {
        --counts_.answers_open;
      }
      if (closed_by_peer) {
        abandoned_.push_back({request.number, request.connection, request.path, request.time, clock::now()});
      }
    }
    changed_.notify_all();
  }

  void on_closed() override {
    const std::lock_guard guard{mutex_};
    --counts_.connections_open;
  }

  script::pacer& clock_of_streams() override { return pacer_; }

private:
  friend class scripted_provider;

  void accept() {
    acceptor_.async_wait(asio::ip::tcp::acceptor::wait_read, [this](error_code error) {
      if (error) {
        return;
      }
      // As many as there are: a crowd at the door must not wait for one round of all streams each.
      for (;;) {
        asio::ip::tcp::socket socket{io_};
        acceptor_.accept(socket, error);
        if (error) {
          break;
        }
        take(std::move(socket));
      }
      if (error == asio::error::would_block || error == asio::error::connection_aborted) {
        accept();
        return;
      }
      // Out of descriptors, say: another try is worth it only later.
      later_.expires_after(10ms);
      later_.async_wait([this](error_code stopped) {
        if (!stopped) {
          accept();
        }
      });
    });
  }

  void take(asio::ip::tcp::socket socket) {
    std::size_t number = 0;
    {
      const std::lock_guard guard{mutex_};
      number = ++counts_.connections_accepted;
      ++counts_.connections_open;
    }
    std::make_shared<script::connection>(std::move(socket), *this, number)->read();
  }

  /// With the mutex held.
  bool throttles(clock::time_point at) {
    if (throttle_length_) {
      throttled_until_ = at + *std::exchange(throttle_length_, std::nullopt);
    }
    return at < throttled_until_;
  }

  reply decide(const handler& handle, const seen_request& request) {
    if (!handle) {
      return usual_of(request);
    }
    try {
      reply answer = handle(request);
      const bool for_a_model = answer.what == reply::kind::answer && answer.then == reply::ending::whole;
      return answer.what == reply::kind::usual || (for_a_model && !is_model(request)) ? usual_of(request) : answer;
    } catch (const std::exception& error) {
      return script::status(500, error_body("api_error", error.what()));
    }
  }

  reply usual_of(const seen_request& request) {
    switch (request.addressed_to()) {
    case endpoint::openai:
    case endpoint::anthropic: return script::converse(request);
    case endpoint::mcp: return mcp_.answer(request);
    case endpoint::tool: break;
    }
    constexpr std::string_view counting = "/count/";
    json answer{{"args", request.document}};
    if (request.path.starts_with(counting)) {
      const std::string key = request.header("idempotency-key");
      const std::lock_guard guard{mutex_};
      answer["count"] = ++tool_calls_[request.path.substr(counting.size())][key.empty() ? request.body : key];
    } else {
      answer["method"] = request.method;
      answer["path"] = request.path;
      answer["query"] = request.query;
    }
    return script::status(200, answer.dump(-1, ' ', false, json::error_handler_t::replace));
  }

  asio::io_context io_{1};
  asio::ip::tcp::acceptor acceptor_;
  asio::steady_timer later_{io_};
  script::pacer pacer_{io_};
  script::renderer renderer_;
  script::mcp_server mcp_;

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  handler handler_;
  bool keep_ = true;
  std::optional<std::chrono::milliseconds> throttle_length_;
  std::optional<std::chrono::milliseconds> retry_after_;
  clock::time_point throttled_until_;
  provider_counts counts_;
  std::map<std::string, std::size_t> by_path_;
  std::vector<seen_request> requests_;
  /// Where in `requests_` those stand that are being answered.
  std::map<std::size_t, std::size_t> places_;
  std::map<std::string, std::map<std::string, std::size_t>> tool_calls_;
  std::vector<abandoned_request> abandoned_;

  std::thread thread_;
};

scripted_provider::scripted_provider(handler answer, std::uint16_t port)
  : core_{std::make_unique<core>(std::move(answer), port)} {}

scripted_provider::~scripted_provider() = default;

std::uint16_t scripted_provider::port() const noexcept {
  error_code ignored;
  return core_->acceptor_.local_endpoint(ignored).port();
}

std::string scripted_provider::url(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(port()) + std::string{path};
}

void scripted_provider::answer_with(handler answer) {
  const std::lock_guard guard{core_->mutex_};
  core_->handler_ = std::move(answer);
}

void scripted_provider::throttle_for(std::chrono::milliseconds duration,
                                     std::optional<std::chrono::milliseconds> retry_after) {
  const std::lock_guard guard{core_->mutex_};
  core_->throttle_length_ = duration;
  core_->retry_after_ = retry_after;
}

script::mcp_server& scripted_provider::mcp() noexcept {
  return core_->mcp_;
}

void scripted_provider::keep_requests(bool keep) {
  const std::lock_guard guard{core_->mutex_};
  core_->keep_ = keep;
}

std::vector<seen_request> scripted_provider::requests(std::string_view path) const {
  const std::lock_guard guard{core_->mutex_};
  std::vector<seen_request> found;
  std::copy_if(core_->requests_.begin(), core_->requests_.end(), std::back_inserter(found),
               [&](const seen_request& request) { return path.empty() || request.path == path; });
  return found;
}

std::map<std::string, std::size_t> scripted_provider::requests_by_path() const {
  const std::lock_guard guard{core_->mutex_};
  return core_->by_path_;
}

provider_counts scripted_provider::counts() const {
  const std::lock_guard guard{core_->mutex_};
  return core_->counts_;
}

std::map<std::string, std::size_t> scripted_provider::tool_calls(const std::string& name) const {
  const std::lock_guard guard{core_->mutex_};
  const auto found = core_->tool_calls_.find(name);
  return found == core_->tool_calls_.end() ? std::map<std::string, std::size_t>{} : found->second;
}

std::vector<abandoned_request> scripted_provider::abandoned() const {
  const std::lock_guard guard{core_->mutex_};
  return core_->abandoned_;
}

bool scripted_provider::wait_for_requests(std::size_t count, std::chrono::milliseconds limit) const {
  std::unique_lock lock{core_->mutex_};
  return core_->changed_.wait_for(lock, limit, [&] { return core_->counts_.requests >= count; });
}

std::optional<abandoned_request> scripted_provider::wait_until_closed(std::chrono::milliseconds limit,
                                                                      std::size_t count) const {
  std::unique_lock lock{core_->mutex_};
  if (!core_->changed_.wait_for(lock, limit, [&] { return core_->abandoned_.size() >= count; })) {
    return std::nullopt;
  }
  return core_->abandoned_[count - 1];
}

} // namespace troupe
