#include "actors/toolbox/http_tool.hpp"

#include "actors/providers/provider.hpp"
#include "actors/providers/provider_json.hpp"
#include "actors/remote/foreign_text.hpp"
#include "actors/toolbox/json_schema.hpp"
#include "config/ascii.hpp"
#include "persistence/values/exact_json.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>
#include <utility>

namespace troupe {

namespace {

using json = nlohmann::json;

constexpr std::size_t max_answer = std::size_t{1024} * 1024;
constexpr std::size_t max_error_body = 2000;
constexpr std::size_t max_url = std::size_t{8} * 1024;
constexpr std::chrono::milliseconds longest_turn{30'000};
constexpr std::chrono::milliseconds longest_connect{10'000};

// -- URLs ---------------------------------------------------------------------------

/// RFC 3986, section 2.3: all but unreserved characters are encoded.
void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view unreserved = "-._~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : text) {
    if (unreserved.find(c) != unreserved.npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
}

bool has_dot_segment(std::string_view path) noexcept {
  while (!path.empty()) {
    const auto end = std::min(path.find('/'), path.size());
    const auto segment = path.substr(0, end);
    if (segment == "." || segment == "..")
      return true;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return false;
}

/// Puts arguments into a tool's URL.
class url_template {
public:
  url_template(std::string_view url, const json& arguments)
    : rest_{url.substr(0, url.find('#'))}, arguments_{arguments} {}

  /// A sentence if it cannot be done.
  std::optional<std::string> fill() {
    const auto scheme = rest_.find("://");
    if (scheme == rest_.npos)
      return "The tool's URL is none: it has no scheme.";
    const auto path = std::min(rest_.find_first_of("/?", scheme + 3), rest_.size());
    if (rest_.substr(0, path).find('{') != rest_.npos)
      return "The tool's URL has an {argument} before its path, where none may be.";
    take(path);
    while (!rest_.empty()) {
      take(std::min(rest_.find('{'), rest_.size()));
      if (!rest_.empty())
        if (auto wrong = put_argument())
          return wrong;
    }
    const auto whole = std::string_view{url_}.substr(path);
    if (has_dot_segment(whole.substr(0, whole.find('?'))))
      return "The arguments make the URL's path another: none may be '.' or '..'.";
    return std::nullopt;
  }

  std::string& url() noexcept { return url_; }
  [[nodiscard]] const std::set<std::string>& used() const noexcept { return used_; }

private:
  void take(std::size_t length) {
    url_ += rest_.substr(0, length);
    rest_.remove_prefix(length);
  }

  std::optional<std::string> put_argument() {
    const auto end = rest_.find('}');
    if (end == rest_.npos)
      return "The tool's URL has a { without its }.";
    const std::string name{rest_.substr(1, end - 1)};
    rest_.remove_prefix(end + 1);
    const auto found = arguments_.find(name);
    if (found == arguments_.end() || !(found->is_string() || is_exact_number(*found) || found->is_boolean()))
      return "The argument '" + name + "' must be given, as a string, a number or a boolean: it is part of the URL.";
    const auto text = exact_text(*found);
    if (text.empty() && url_.find('?') == url_.npos)
      return "The argument '" + name + "' must not be empty: it is part of the URL's path.";
    append_encoded(url_, text);
    used_.insert(name);
    return std::nullopt;
  }

  std::string_view rest_;
  const json& arguments_;
  std::string url_;
  std::set<std::string> used_;
};

void append_query(std::string& url, const json& arguments) {
  for (const auto& [name, value] : arguments.items()) {
    if (value.is_null())
      continue;
    const auto query = url.find('?');
    if (query == url.npos)
      url += '?';
    else if (query + 1 < url.size() && url.back() != '&')
      url += '&';
    append_encoded(url, name);
    url += '=';
    append_encoded(url, exact_text(value));
  }
}

// -- headers ------------------------------------------------------------------------

bool has_control_character(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

/// A sentence if one of them cannot be sent.
std::optional<std::string> fill_headers(const header_list& from, header_list& to) {
  for (const auto& [name, value] : from) {
    auto expanded = expand_env(value);
    if (!expanded)
      return "The tool's header " + name + " names an environment variable of the server that is not set.";
    if (has_control_character(*expanded))
      return "The tool's header " + name + " holds a control character, such as a line break.";
    to.emplace_back(name, *std::move(expanded));
  }
  return std::nullopt;
}

void add_unless_there(header_list& headers, std::string_view name, std::string_view value) {
  if (std::none_of(headers.begin(), headers.end(),
                   [&](const auto& one) { return equal_but_for_case(one.first, name); }))
    headers.emplace_back(name, value);
}

// -- results --------------------------------------------------------------------------

/// RFC 9110, section 15, and RFC 6585; empty for others.
std::string_view reason_of(unsigned status) noexcept {
  using entry = std::pair<unsigned, std::string_view>;
  constexpr std::array<entry, 30> reasons{{{301, "Moved Permanently"},
                                           {302, "Found"},
                                           {303, "See Other"},
                                           {304, "Not Modified"},
                                           {307, "Temporary Redirect"},
                                           {308, "Permanent Redirect"},
                                           {400, "Bad Request"},
                                           {401, "Unauthorized"},
                                           {402, "Payment Required"},
                                           {403, "Forbidden"},
                                           {404, "Not Found"},
                                           {405, "Method Not Allowed"},
                                           {406, "Not Acceptable"},
                                           {408, "Request Timeout"},
                                           {409, "Conflict"},
                                           {410, "Gone"},
                                           {411, "Length Required"},
                                           {412, "Precondition Failed"},
                                           {413, "Content Too Large"},
                                           {414, "URI Too Long"},
                                           {415, "Unsupported Media Type"},
                                           {422, "Unprocessable Content"},
                                           {423, "Locked"},
                                           {425, "Too Early"},
                                           {429, "Too Many Requests"},
                                           {500, "Internal Server Error"},
                                           {501, "Not Implemented"},
                                           {502, "Bad Gateway"},
                                           {503, "Service Unavailable"},
                                           {504, "Gateway Timeout"}}};
  const auto* found
    = std::find_if(reasons.begin(), reasons.end(), [status](const entry& one) { return one.first == status; });
  return found == reasons.end() ? std::string_view{} : found->second;
}

bool is_json_type(std::string_view type) {
  const auto media = lower_case(providers::trim(type.substr(0, type.find(';'))));
  return media.ends_with("/json") || media.ends_with("+json");
}

std::string to_json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string read_content(const outbound_head& head, std::string_view body) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (body.starts_with(byte_order_mark))
    body.remove_prefix(byte_order_mark.size());
  body = providers::trim(body);
  std::string content;
  if (body.empty()) {
    json_object{content}.add("status", head.status);
    return content;
  }
  const auto text = foreign::clean_text(body);
  if (is_json_type(head.header("content-type")) || text.starts_with('{') || text.starts_with('['))
    return json_or_string(text);
  return to_json_string(text);
}

} // namespace

tool_result failed_tool(std::string_view message) {
  tool_result result;
  result.failed = true;
  json_object{result.content}.add("error", foreign::clean_text(message));
  return result;
}

// -- requests -------------------------------------------------------------------------

std::variant<outbound_request, tool_result> make_tool_request(const tool_record& tool, std::string_view arguments,
                                                              const std::string& key) {
  if (providers::trim(arguments).empty())
    arguments = "{}";
  if (const auto wrong = refuse_arguments(tool.parameters, arguments))
    return failed_tool(*wrong);
  auto values = parse_exact_object(arguments).value_or(json::object());

  outbound_request request;
  request.method = tool.method;
  url_template url{tool.url, values};
  if (const auto wrong = url.fill())
    return failed_tool(*wrong);
  request.url = std::move(url.url());
  for (const auto& name : url.used())
    values.erase(name);
  if (const auto wrong = fill_headers(tool.headers, request.headers))
    return failed_tool(*wrong);
  add_unless_there(request.headers, "Accept", "application/json, text/*;q=0.9, */*;q=0.5");
  if (tool.method == "GET" || tool.method == "HEAD" || tool.method == "DELETE") {
    append_query(request.url, values);
  } else {
    request.body = dump_exact(values);
    add_unless_there(request.headers, "Content-Type", "application/json");
  }
  if (request.url.size() > max_url)
    return failed_tool("The arguments are too long for a URL: it may have 8192 bytes.");
  if (!key.empty() && tool.repeat != repeat_rule::safe) {
    std::erase_if(request.headers, [](const auto& one) { return equal_but_for_case(one.first, "Idempotency-Key"); });
    request.headers.emplace_back("Idempotency-Key", key);
  }
  const std::chrono::milliseconds timeout{tool.timeout};
  // A call that gets no turn says so within its time, as one that was not made.
  request.timeouts
    = {std::min(longest_turn, timeout / 2), std::min(longest_connect, timeout), timeout, timeout, timeout};
  request.max_answer = max_answer;
  request.repeat_if_dropped = tool.repeat != repeat_rule::never;
  return request;
}

// -- answers --------------------------------------------------------------------------

tool_result read_tool_response(const outbound_head& head, std::string_view body, timestamp at) {
  const auto status = head.status;
  tool_result result;
  result.status = status;
  if (status >= 200 && status < 300) {
    result.content = read_content(head, body);
    return result;
  }
  result.failed = true;
  std::string error = "HTTP " + std::to_string(status);
  if (const auto reason = reason_of(status); !reason.empty())
    error.append(" ").append(reason);
  if (status >= 300 && status < 400)
    error += ": redirects are not followed";
  {
    json_object content{result.content};
    content.add("error", error).add("status", status);
    if (const auto text = foreign::excerpt(body, max_error_body); !text.empty())
      content.add("body", text);
  }
  if (status != 408 && status != 425 && status != 429 && status < 500)
    return result;
  result.retry_after = providers::wait_asked_for(head, body, at);
  const bool is_throttled = result.retry_after || foreign::class_of_status(status) == error_class::throttled;
  result.retry = is_throttled ? error_class::throttled : error_class::transient;
  return result;
}

tool_result read_tool_failure(const outbound_failure& failure, repeat_rule rule) {
  if (rule == repeat_rule::never && failure.sent)
    return failed_tool(failure.error + " The call may have been carried out: its outcome is unknown.");
  auto result = failed_tool(failure.error);
  switch (failure.code) {
  case outbound_errc::unreachable:
  case outbound_errc::timed_out:
  case outbound_errc::cut_off: result.retry = error_class::transient; break;
  case outbound_errc::busy:
    result.retry = error_class::throttled;
    result.retry_after = busy_pause;
    break;
  case outbound_errc::refused:
  case outbound_errc::malformed: break;
  }
  return result;
}

// -- the environment --------------------------------------------------------------------

bool may_use_env(std::string_view name) noexcept {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && is_letter(name.front())
         && std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); })
         && !name.starts_with("TROUPE_") && !name.starts_with("PG");
}

std::optional<std::string> expand_env(std::string_view value) {
  constexpr std::string_view reference = "${env:";
  std::string expanded;
  for (auto at = value.find(reference); at != value.npos; at = value.find(reference)) {
    const auto end = value.find('}', at);
    if (end == value.npos)
      return std::nullopt;
    const std::string name{value.substr(at + reference.size(), end - at - reference.size())};
    const auto* variable = may_use_env(name) ? std::getenv(name.c_str()) : nullptr;
    if (!variable)
      return std::nullopt;
    expanded.append(value.substr(0, at)).append(variable);
    value.remove_prefix(end + 1);
  }
  return expanded.append(value);
}

} // namespace troupe
