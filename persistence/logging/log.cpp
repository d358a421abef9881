#include "persistence/logging/log.hpp"

#include "persistence/logging/say.hpp"
#include "persistence/values/json_text.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cxxabi.h>
#include <memory>
#include <new>
#include <typeinfo>

namespace troupe::logging {

namespace {

constexpr std::size_t longest_value = 500;

std::atomic<style> chosen_style{style::text};

spdlog::level::level_enum level_of(level severity) noexcept {
  switch (severity) {
  case level::trace: return spdlog::level::trace;
  case level::debug: return spdlog::level::debug;
  case level::info: return spdlog::level::info;
  case level::warn: return spdlog::level::warn;
  case level::error: return spdlog::level::err;
  case level::critical: return spdlog::level::critical;
  }
  return spdlog::level::err;
}

/// Characters that need no quotes, as a table: each line of the access log asks for a hundred.
constexpr auto plain = [] {
  std::array<bool, 256> table{};
  for (const char c :
       std::string_view{"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-:/@+,%~{}[]()*"})
    table[static_cast<unsigned char>(c)] = true;
  return table;
}();

bool is_plain(char c) noexcept {
  return plain[static_cast<unsigned char>(c)];
}

/// The code point of the well-formed sequence of two or three bytes that starts `text`.
unsigned code_point(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  if ((byte(0) & 0xe0U) == 0xc0U)
    return (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU);
  return (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
}

/// Characters that a JSON string holds as they are, and a line of a log does not.
bool is_unfit(unsigned point) noexcept {
  return (point >= 0x7f && point <= 0x9f) || point == 0x61c || (point >= 0x200b && point <= 0x200f)
         || (point >= 0x2028 && point <= 0x202e) || (point >= 0x2060 && point <= 0x2069) || point == 0xfeff;
}

void append_code(std::string& out, unsigned point) {
  std::array<char, 8> code{};
  const auto size = std::snprintf(code.data(), code.size(), "\\u%04x", point);
  out.append(code.data(), static_cast<std::size_t>(size));
}

/// `text` is well-formed UTF-8.
void append_without_unfit(std::string& out, std::string_view text) {
  while (!text.empty()) {
    const auto lead = static_cast<unsigned char>(text.front());
    std::size_t length = 1;
    if (lead >= 0xf0)
      length = 4;
    else if (lead >= 0xe0)
      length = 3;
    else if (lead >= 0xc0)
      length = 2;
    const auto point = length == 2 || length == 3 ? code_point(text) : unsigned{lead};
    if (length < 4 && is_unfit(point))
      append_code(out, point);
    else
      out += text.substr(0, length);
    text.remove_prefix(length);
  }
}

bool is_printable_ascii(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

/// At a character's end.
std::string_view cut(std::string_view text) noexcept {
  if (text.size() <= longest_value)
    return text;
  auto end = longest_value;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U)
    --end;
  return text.substr(0, end);
}

} // namespace

const char* const fields_mark = "fields";

void set_style(style chosen) noexcept {
  chosen_style.store(chosen, std::memory_order_relaxed);
}

style current_style() noexcept {
  return chosen_style.load(std::memory_order_relaxed);
}

bool is_on(level severity) noexcept {
  return spdlog::default_logger_raw()->should_log(level_of(severity));
}

void write(level severity, std::string_view text, std::size_t said) {
  spdlog::default_logger_raw()->log(spdlog::source_loc{fields_mark, static_cast<int>(said), ""}, level_of(severity),
                                    spdlog::string_view_t{text.data(), text.size()});
}

// -- fields -----------------------------------------------------------------------

void fields::open(std::string_view key) {
  if (style_ == style::json) {
    *out_ += ",\"";
    *out_ += key;
    *out_ += "\":";
  } else {
    *out_ += ' ';
    *out_ += key;
    *out_ += '=';
  }
}

fields& fields::add(std::string_view key, std::string_view value) {
  open(key);
  const auto kept = cut(value);
  const auto append = style_ == style::json ? append_quoted : append_value;
  if (kept.size() == value.size())
    append(*out_, value);
  else
    append(*out_, std::string{kept} + "\xe2\x80\xa6");
  return *this;
}

fields& fields::add(std::string_view key, const uuid& value) {
  return add(key, value.to_string());
}

fields& fields::add(std::string_view key, std::chrono::microseconds value) {
  open(key);
  const auto micros = std::max<std::int64_t>(value.count(), 0);
  append_json_integer(*out_, micros / 1000);
  const auto rest = micros % 1000;
  *out_ += '.';
  for (const auto digit : {rest / 100, rest / 10 % 10, rest % 10})
    *out_ += static_cast<char>('0' + digit);
  return *this;
}

fields& fields::add(std::string_view key, bool value) {
  open(key);
  *out_ += value ? "true" : "false";
  return *this;
}

fields& fields::add_integer(std::string_view key, std::int64_t value) {
  open(key);
  append_json_integer(*out_, value);
  return *this;
}

// -- what strangers wrote -----------------------------------------------------------

void append_quoted(std::string& out, std::string_view text) {
  std::string quoted;
  append_json_string(quoted, text);
  append_without_unfit(out, quoted);
}

void append_clean(std::string& out, std::string_view text) {
  if (is_printable_ascii(text)) {
    out += text;
    return;
  }
  std::string quoted;
  append_quoted(quoted, text);
  const auto inner = std::string_view{quoted}.substr(1, quoted.size() - 2);
  // Without quotes around it, neither a quote nor a backslash is anything special.
  for (std::size_t i = 0; i < inner.size(); ++i) {
    if (inner[i] == '\\' && (inner[i + 1] == '"' || inner[i + 1] == '\\'))
      ++i;
    else if (inner[i] == '\\') {
      out += inner[i++];
    }
    out += inner[i];
  }
}

void append_value(std::string& out, std::string_view text) {
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain))
    out += text;
  else
    append_quoted(out, text);
}

std::string_view own_part(std::string_view error, std::size_t own_words) noexcept {
  auto own = error.substr(0, own_words);
  while (!own.empty() && (own.back() == ' ' || own.back() == ':'))
    own.remove_suffix(1);
  return own;
}

std::string type_of(const std::exception& thrown) {
  const auto* mangled = typeid(thrown).name();
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> name{abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                         &std::free};
  return name ? name.get() : mangled;
}

std::string_view host_of(std::string_view url) noexcept {
  const auto scheme = url.find("://");
  url.remove_prefix(scheme == std::string_view::npos ? 0 : scheme + 3);
  url = url.substr(0, url.find_first_of("/?#\\"));
  const auto user = url.rfind('@');
  url.remove_prefix(user == std::string_view::npos ? 0 : user + 1);
  return url;
}

} // namespace troupe::logging

namespace troupe::say {

void sentence(logging::level severity, fmt::string_view text, fmt::format_args values) noexcept {
  if (!logging::is_on(severity))
    return;
  auto* logger = spdlog::default_logger_raw();
  try {
    logger->log(logging::level_of(severity), spdlog::string_view_t{fmt::vformat(text, values)});
  } catch (const std::bad_alloc&) {
    logger->log(logging::level_of(severity), text);
  }
}

} // namespace troupe::say
