#include "tests/providers/scripted_stream.hpp"

#include "tests/providers/scripted_dialect.hpp"

#include <boost/beast/http/status.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace troupe::script {

namespace {

using header_list = std::vector<std::pair<std::string, std::string>>;

bool names(const header_list& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(), [&](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), name.begin(), name.end(), [](char a, char b) {
      return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
    });
  });
}

std::string head_of(unsigned code, const header_list& headers, const seen_request& request) {
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(code));
  std::string head = "HTTP/1.1 " + std::to_string(code) + " " + std::string{reason} + "\r\n";
  for (const auto& [name, value] : headers) {
    head += name + ": " + value + "\r\n";
  }
  return head + (request.keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

std::string with_body(unsigned code, header_list headers, std::string_view body, const seen_request& request) {
  if (code != 204 && code != 304) {
    headers.emplace_back("Content-Length", std::to_string(body.size()));
    if (!body.empty() && !names(headers, "content-type")) {
      headers.emplace_back("Content-Type", "application/json");
    }
  }
  return head_of(code, headers, request).append(body);
}

/// A chunk of a chunked body (RFC 9112, section 7.1).
void append_chunk(std::string& out, std::string_view part) {
  if (part.empty()) {
    return;
  }
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", part.size());
  out.append(size.data()).append(part).append("\r\n");
}

rendered render_stream(const reply& answer, const seen_request& request) {
  const auto speaker = dialect_for(answer, request);
  const bool is_model = request.addressed_to() == endpoint::openai || request.addressed_to() == endpoint::anthropic;
  rendered out;
  out.bytes = head_of(200,
                      {{"Content-Type", is_model ? "text/event-stream" : "text/plain"},
                       {"Cache-Control", "no-cache"},
                       {"Transfer-Encoding", "chunked"}},
                      request);
  std::string part = speaker->opening();
  const std::size_t steps = std::max<std::size_t>(1, answer.words.size());
  for (std::size_t i = 0; i < steps; ++i) {
    if (i < answer.words.size()) {
      part += speaker->word(answer.words[i]);
    }
    const bool is_end = i + 1 == steps && answer.then == reply::ending::whole;
    if (is_end) {
      part += speaker->closing();
    }
    append_chunk(out.bytes, part);
    if (is_end) {
      out.bytes += "0\r\n\r\n";
    }
    out.ends.push_back(out.bytes.size());
    part.clear();
  }
  return out;
}

std::shared_ptr<const rendered> in_one_step(std::string bytes) {
  rendered out;
  out.ends.push_back(bytes.size());
  out.bytes = std::move(bytes);
  return std::make_shared<const rendered>(std::move(out));
}

/// An answer that is no stream comes when the stream would have ended, and half of it if
/// the stream would not have.
sending render_whole(const reply& answer, const seen_request& request) {
  const std::string body = dialect_for(answer, request)->whole();
  std::string bytes = with_body(200, {}, body, request);
  if (answer.then != reply::ending::whole) {
    bytes.erase(bytes.size() - body.size() / 2);
  }
  const auto words = static_cast<int>(answer.words.size());
  return {in_one_step(std::move(bytes)), answer.delay + answer.pace * std::max(0, words - 1), 0ms, answer.then, 200};
}

} // namespace

sending renderer::render(const reply& answer, const seen_request& request) {
  switch (answer.what) {
  case reply::kind::usual:
  case reply::kind::silence: break;
  case reply::kind::raw: return {in_one_step(answer.body), answer.delay, 0ms, reply::ending::cut, 0};
  case reply::kind::status:
    return {in_one_step(with_body(answer.code, answer.headers, answer.body, request)), answer.delay, 0ms,
            reply::ending::whole, answer.code};
  case reply::kind::answer:
    if (wants_stream(request) || request.addressed_to() == endpoint::tool) {
      return {stream_of(answer, request), answer.delay, answer.pace, answer.then, 200};
    }
    return render_whole(answer, request);
  }
  return {nullptr, 0ms, 0ms, reply::ending::hang, 0};
}

std::shared_ptr<const rendered> renderer::stream_of(const reply& answer, const seen_request& request) {
  constexpr std::size_t long_answer = 16;
  constexpr std::size_t most_kept = 256;
  if (answer.words.size() < long_answer || !answer.calls.empty()) {
    return std::make_shared<const rendered>(render_stream(answer, request));
  }
  // All that the bytes are made of: two streams of the same key have the same bytes.
  const auto [input, output] = answer.usage.value_or(tokens{-1, -1});
  std::string key = request.path + '\n' + dialect_for({}, request)->opening();
  key += std::to_string(input) + ' ' + std::to_string(output) + (answer.tells_usage ? " u" : " -")
         + (request.keep_alive ? 'k' : '-') + std::to_string(static_cast<int>(answer.then)) + '\n'
         + (wants_usage(request) ? 'u' : '-') + '\n' + answer.finish_reason + '\n' + answer.thinking + '\n';
  for (const auto& word : answer.words) {
    key += word + '\n';
  }
  if (kept_.size() > most_kept) {
    kept_.clear();
  }
  auto& kept = kept_[key];
  if (kept == nullptr) {
    kept = std::make_shared<const rendered>(render_stream(answer, request));
  }
  return kept;
}

} // namespace troupe::script
