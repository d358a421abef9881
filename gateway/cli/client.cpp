#include "gateway/cli/client.hpp"

#include "config/addresses.hpp"
#include "persistence/values/uuid.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/status.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <deque>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

namespace troupe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using std::chrono::milliseconds;

/// An answer of the most bytes that a server takes from a provider (16 MiB), each written as \u00XX, and room to spare.
constexpr std::size_t largest_event = std::size_t{128} * 1024 * 1024;

// -- errors ---------------------------------------------------------------------

bool call_error::may_pass() const noexcept {
  switch (kind_) {
  case call_failure::unreachable:
  case call_failure::broken: return true;
  case call_failure::refused: return status_ == 408 || status_ == 503;
  case call_failure::unintelligible: return false;
  }
  return false;
}

namespace {

/// A member that should be a string; empty if it is not.
std::string text_of(const api_json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::string status_line(unsigned status) {
  const auto reason = http::obsolete_reason(http::int_to_status(status));
  return std::to_string(status) + " " + std::string{reason};
}

} // namespace

std::string problem_sentence(unsigned status, std::string_view body) {
  const auto problem = api_json::parse(body, nullptr, false);
  auto sentence = problem.is_object() ? text_of(problem, "detail") : std::string{};
  if (sentence.empty() && problem.is_object())
    sentence = text_of(problem, "title");
  if (sentence.empty())
    return "The answer was " + status_line(status) + ", without a reason; is it a Troupe server?";
  const auto errors = problem.find("errors");
  if (errors == problem.end() || !errors->is_array())
    return sentence;
  const auto detail = sentence;
  for (const auto& error : *errors) {
    if (!error.is_object())
      continue;
    const auto what = text_of(error, "detail");
    if (what.empty() || detail.find(what) != detail.npos)
      continue;
    auto where = text_of(error, "pointer");
    if (where.empty())
      where = text_of(error, "parameter");
    sentence += "\n  " + (where.empty() ? what : where + ": " + what);
  }
  return sentence;
}

// -- targets ----------------------------------------------------------------------

std::string percent_encode(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool is_alphanumeric = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (is_alphanumeric || c == '-' || c == '.' || c == '_' || c == '~') {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
  return out;
}

request_target& request_target::add(std::string_view name, std::string_view value) {
  if (value.empty())
    return *this;
  text_ += std::exchange(separator_, '&');
  text_ += name;
  text_ += '=';
  text_ += percent_encode(value);
  return *this;
}

std::string server_address::authority() const {
  const bool is_ipv6 = host.find(':') != host.npos;
  return (is_ipv6 ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

std::string server_address::url() const {
  return "http://" + authority();
}

// -- one connection ---------------------------------------------------------------

namespace {

/// Where to try, in this order: a server may listen on any of them.
std::vector<asio::ip::tcp::endpoint> endpoints_of(const server_address& address, error_code& failure) {
  std::vector<asio::ip::tcp::endpoint> endpoints;
  for (const auto& each : loopback_addresses(address.host))
    endpoints.emplace_back(asio::ip::make_address(each, failure), address.port);
  return endpoints;
}

} // namespace

/// A connection for one request, driven by the thread that calls. The time limits are
/// the stream's own, which is why its asynchronous operations are used.
class client_connection {
public:
  client_connection(const server_address& address, milliseconds limit) : address_{address}, stream_{io_} {
    error_code failure;
    const auto endpoints = endpoints_of(address, failure);
    if (!failure) {
      stream_.expires_after(limit);
      stream_.async_connect(endpoints, [&](error_code error, const auto&) { failure = error; });
      run();
    }
    if (failure)
      throw call_error{call_failure::unreachable,
                       "No server answers at " + address.url() + "; start one with `troupe serve`"};
    error_code ignored;
    stream_.socket().set_option(asio::ip::tcp::no_delay{true}, ignored);
  }

  /// The limit covers everything up to the next call of this function.
  void send(const http::request<http::string_body>& request, milliseconds limit) {
    error_code failure;
    stream_.expires_after(limit);
    http::async_write(stream_, request, [&](error_code error, std::size_t) { failure = error; });
    run();
    // The server may refuse a body before it has read all of it: read what it says.
    if (failure && failure != asio::error::broken_pipe && failure != asio::error::connection_reset)
      fail(failure);
  }

  void read_header() {
    parser_.body_limit(boost::none);
    parser_.eager(true);
    error_code failure;
    http::async_read_header(stream_, buffer_, parser_, [&](error_code error, std::size_t) { failure = error; });
    run();
    if (failure)
      fail(failure);
  }

  void read_body() {
    if (parser_.is_done())
      return;
    error_code failure;
    http::async_read(stream_, buffer_, parser_, [&](error_code error, std::size_t) { failure = error; });
    run();
    if (failure)
      fail(failure);
  }

  asio::io_context& io() noexcept { return io_; }
  beast::tcp_stream& stream() noexcept { return stream_; }
  beast::flat_buffer& buffer() noexcept { return buffer_; }
  http::response_parser<http::string_body>& parser() noexcept { return parser_; }
  http::response<http::string_body>& response() { return parser_.get(); }

private:
  void run() {
    io_.restart();
    io_.run();
  }

  [[noreturn]] void fail(error_code failure) const {
    const auto server = "The server at " + address_.url();
    if (failure == beast::error::timeout)
      throw call_error{call_failure::broken, server + " did not answer in time."};
    if (failure == http::error::end_of_stream || failure == http::error::partial_message
        || failure.category() == asio::error::get_system_category())
      throw call_error{call_failure::broken, server + " closed the connection before it had answered."};
    throw call_error{call_failure::unintelligible,
                     "What answers at " + address_.url() + " is no Troupe server (" + failure.message() + ")."};
  }

  server_address address_;
  asio::io_context io_;
  beast::tcp_stream stream_;
  beast::flat_buffer buffer_;
  http::response_parser<http::string_body> parser_;
};

namespace {

http::request<http::string_body> make_request(std::string_view method, const std::string& target,
                                              const server_address& address, std::string_view accept) {
  http::request<http::string_body> request;
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, address.authority());
  request.set(http::field::user_agent, "troupe/" TROUPE_VERSION);
  request.set(http::field::accept, accept);
  return request;
}

[[noreturn]] void refuse(unsigned status, std::string_view body) {
  throw call_error{call_failure::refused, problem_sentence(status, body), status};
}

bool is_success(unsigned status) noexcept {
  return status >= 200 && status < 300;
}

} // namespace

// -- calls ------------------------------------------------------------------------

api_client::api_client(server_address address, client_timeouts timeouts)
  : address_{std::move(address)}, timeouts_{timeouts} {}

api_json api_client::get(const std::string& target) const {
  return call("GET", target, {}, {});
}

api_json api_client::post(const std::string& target, const api_json& body) const {
  // Arguments may hold any bytes; what is not UTF-8 cannot be said in JSON.
  return post_text(target, body.dump(-1, ' ', false, api_json::error_handler_t::replace));
}

api_json api_client::post(const std::string& target) const {
  return post_text(target, {});
}

api_json api_client::post_text(const std::string& target, const std::string& body) const {
  const auto key = make_uuid().to_string();
  constexpr int repeats = 2;
  milliseconds pause{200};
  for (int repeat = 0;; ++repeat, pause *= 3) {
    try {
      return call("POST", target, body, key);
    } catch (const call_error& error) {
      // Where nobody listens at first, nothing was lost: that is said at once.
      const bool is_first_and_unreachable = repeat == 0 && error.kind() == call_failure::unreachable;
      if (repeat == repeats || is_first_and_unreachable || !error.may_pass())
        throw;
    }
    std::this_thread::sleep_for(pause);
  }
}

api_json api_client::call(std::string_view method, const std::string& target, const std::string& body,
                          const std::string& idempotency_key) const {
  auto request = make_request(method, target, address_, "application/json, application/problem+json");
  request.keep_alive(false);
  if (!idempotency_key.empty())
    request.set("Idempotency-Key", idempotency_key);
  if (!body.empty())
    request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();

  client_connection link{address_, timeouts_.connect};
  link.send(request, timeouts_.answer);
  link.read_header();
  link.read_body();
  const auto& response = link.response();
  if (!is_success(response.result_int()))
    refuse(response.result_int(), response.body());
  auto document = api_json::parse(response.body(), nullptr, false);
  if (document.is_discarded())
    throw call_error{call_failure::unintelligible,
                     "What answers at " + address_.url() + " is no Troupe server (its answer is no JSON)."};
  return document;
}

// -- streams ----------------------------------------------------------------------

class api_stream::impl {
public:
  impl(const api_client& client, const std::string& target, const std::string& last_event_id)
    : link_{client.address(), client.timeouts().connect}, silence_{client.timeouts().silence} {
    auto request = make_request("GET", target, client.address(), "text/event-stream");
    request.set(http::field::cache_control, "no-store");
    if (!last_event_id.empty())
      request.set("Last-Event-ID", last_event_id);
    link_.send(request, client.timeouts().answer);
    link_.read_header();
    const auto status = link_.response().result_int();
    if (!is_success(status)) {
      link_.read_body();
      refuse(status, link_.response().body());
    }
    is_exhausted_ = status == 204;
    if (is_exhausted_)
      return;
    if (!link_.response()[http::field::content_type].starts_with("text/event-stream"))
      throw call_error{call_failure::unintelligible,
                       "What answers at " + client.address().url() + " is no Troupe server (it sends no events)."};
    take_events();
    read();
  }

  std::optional<sse_event> next(milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    auto& io = link_.io();
    io.restart();
    while (inbox_.empty() && reading_ && io.run_one_until(deadline) != 0) {
    }
    if (inbox_.empty())
      return std::nullopt;
    auto event = std::move(inbox_.front());
    inbox_.pop_front();
    return event;
  }

  [[nodiscard]] bool is_open() const noexcept { return reading_ || !inbox_.empty(); }
  [[nodiscard]] bool is_exhausted() const noexcept { return is_exhausted_; }

private:
  void read() {
    reading_ = !link_.parser().is_done();
    if (!reading_)
      return;
    link_.stream().expires_after(silence_);
    http::async_read_some(link_.stream(), link_.buffer(), link_.parser(), [this](error_code error, std::size_t) {
      take_events();
      if (error)
        reading_ = false;
      else
        read();
    });
  }

  void take_events() {
    auto bytes = std::exchange(link_.response().body(), {});
    std::vector<sse_event> events;
    if (!parser_.read(bytes, events))
      throw call_error{call_failure::unintelligible, "The server sent an event that is larger than 128 MiB."};
    std::move(events.begin(), events.end(), std::back_inserter(inbox_));
  }

  client_connection link_;
  milliseconds silence_;
  sse_parser parser_{largest_event};
  std::deque<sse_event> inbox_;
  bool reading_ = false;
  bool is_exhausted_ = false;
};

api_stream::api_stream(const api_client& client, const std::string& target, const std::string& last_event_id)
  : impl_{std::make_unique<impl>(client, target, last_event_id)} {}

api_stream::~api_stream() = default;

std::optional<sse_event> api_stream::next(milliseconds limit) {
  return impl_->next(limit);
}

bool api_stream::is_open() const noexcept {
  return impl_->is_open();
}

bool api_stream::is_exhausted() const noexcept {
  return impl_->is_exhausted();
}

} // namespace troupe
