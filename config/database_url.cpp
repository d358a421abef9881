#include "config/database_url.hpp"

#include "config/ascii.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>

namespace troupe {

namespace {

constexpr std::string_view hidden = "***";

constexpr bool is_word_character(char c) noexcept {
  return is_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

constexpr bool is_blank(char c) noexcept {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

constexpr bool is_control(unsigned char c) noexcept {
  return c < 0x20 || c == 0x7f;
}

/// Takes the longest beginning of `rest` that `part` is true of.
template <class Predicate>
std::string_view take_while(std::string_view& rest, Predicate part) {
  const auto end = std::find_if_not(rest.begin(), rest.end(), part);
  const auto result = rest.substr(0, static_cast<std::size_t>(end - rest.begin()));
  rest.remove_prefix(result.size());
  return result;
}

/// The connection parameters that libpq marks as passwords or hides in its own
/// output (PostgreSQL 18, "Parameter Key Words"). Matched at the end, so that
/// `sslpassword` is one too, and whatever stands before a malformed one is no way
/// round.
bool is_secret(std::string_view key) {
  constexpr std::array<std::string_view, 4> secrets{"password", "secret", "scram_client_key", "scram_server_key"};
  std::string lower(key);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::any_of(secrets.begin(), secrets.end(), [&lower](std::string_view s) { return lower.ends_with(s); });
}

// -- libpq's keywords ---------------------------------------------------------

struct keyword_pair {
  /// With the `=` and all blanks up to the value.
  std::string_view before_value;
  std::string_view key;
  /// As it stands there, with its quotes.
  std::string_view value;
};

/// The quotes end where libpq's `conninfo_parse` ends them. Nullopt if they do not.
std::optional<std::string_view> take_keyword_value(std::string_view& rest) {
  const bool quoted = rest.starts_with('\'');
  std::size_t end = quoted ? 1 : 0;
  const auto goes_on = [&] { return end < rest.size() && (quoted ? rest[end] != '\'' : !is_blank(rest[end])); };
  while (goes_on())
    end += rest[end] == '\\' && end + 1 < rest.size() ? 2 : 1;
  if (quoted && end == rest.size())
    return std::nullopt;
  const auto value = rest.substr(0, end + (quoted ? 1 : 0));
  rest.remove_prefix(value.size());
  return value;
}

/// Nullopt if `rest` does not begin with a keyword and its value. libpq lets another
/// keyword follow a closing quote at once; that is more likely a quote too many.
std::optional<keyword_pair> take_keyword_pair(std::string_view& rest) {
  const auto whole = rest;
  take_while(rest, is_blank);
  const auto key = take_while(rest, is_word_character);
  take_while(rest, is_blank);
  if (key.empty() || !rest.starts_with('='))
    return std::nullopt;
  rest.remove_prefix(1);
  take_while(rest, is_blank);
  const auto before_value = whole.substr(0, whole.size() - rest.size());
  const auto value = take_keyword_value(rest);
  if (!value || (!rest.empty() && !is_blank(rest.front())))
    return std::nullopt;
  return keyword_pair{before_value, key, *value};
}

bool has_keyword_form(std::string_view text) {
  take_while(text, is_blank);
  const auto word = take_while(text, is_word_character);
  take_while(text, is_blank);
  return !word.empty() && text.starts_with('=');
}

bool are_keywords(std::string_view text) {
  while (!text.empty()) {
    if (!take_keyword_pair(text))
      return false;
    take_while(text, is_blank);
  }
  return true;
}

std::string redact_keywords(std::string_view text) {
  std::string shown;
  for (shown.append(take_while(text, is_blank)); !text.empty(); shown.append(take_while(text, is_blank))) {
    const auto pair = take_keyword_pair(text);
    if (!pair)
      // A password with a blank and no quotes looks like this: the rest may be its own.
      return shown.append(hidden);
    shown.append(pair->before_value).append(is_secret(pair->key) ? hidden : pair->value);
  }
  return shown;
}

// -- URIs ---------------------------------------------------------------------

std::optional<std::string_view> after_postgres_scheme(std::string_view url) {
  for (const std::string_view scheme : {"postgres://", "postgresql://"}) {
    if (url.starts_with(scheme))
      return url.substr(scheme.size());
  }
  return std::nullopt;
}

/// Takes what stands before the next `separator`, and the separator.
std::string_view take_until(std::string_view& rest, char separator) {
  const auto result = rest.substr(0, rest.find(separator));
  rest.remove_prefix(std::min(result.size() + 1, rest.size()));
  return result;
}

/// The character of a `%XX` at the start of `text`. Nullopt if there is none, or if
/// it is a NUL, which libpq forbids.
std::optional<char> decoded(std::string_view text) {
  unsigned value = 0;
  if (text.size() < 3 || text.front() != '%')
    return std::nullopt;
  const auto [end, error] = std::from_chars(text.data() + 1, text.data() + 3, value, 16);
  if (error != std::errc{} || end != text.data() + 3 || value == 0)
    return std::nullopt;
  return static_cast<char>(value);
}

/// What cannot be decoded stays.
std::string decoded_key(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto special = decoded(text);
    result += special.value_or(text.front());
    text.remove_prefix(special ? 3 : 1);
  }
  return result;
}

bool has_wrong_escape(std::string_view text) {
  for (auto at = text.find('%'); at != text.npos; at = text.find('%', at + 1)) {
    if (!decoded(text.substr(at)))
      return true;
  }
  return false;
}

/// `hosts` may have ports. libpq cites the whole URI, with its password, where it
/// finds fault with brackets.
bool are_hosts(std::string_view hosts) {
  while (!hosts.empty()) {
    const auto host = take_until(hosts, ',');
    if (!host.starts_with('['))
      continue;
    const auto end = host.find(']');
    if (end == host.npos || end == 1 || (end + 1 < host.size() && host[end + 1] != ':'))
      return false;
  }
  return true;
}

/// Empty, or a `?` and at least one parameter; the last has no `&`.
bool is_query(std::string_view query) {
  bool more = !query.empty();
  take_until(query, '?');
  while (more) {
    more = query.find('&') != query.npos;
    const auto parameter = take_until(query, '&');
    if (parameter.starts_with('=') || std::count(parameter.begin(), parameter.end(), '=') != 1)
      return false;
  }
  return true;
}

/// `rest` follows the scheme. libpq takes all before an `@` as the user, if no `/`
/// stands before it; what follows a `:` therein as the password.
bool is_postgres_uri(std::string_view rest) {
  if (std::any_of(rest.begin(), rest.end(), is_blank) || has_wrong_escape(rest))
    return false;
  if (const auto at = rest.find('@'); at != rest.npos) {
    if (rest.find_first_of("/?") < at || rest.find('@', at + 1) != rest.npos)
      return false;
    rest.remove_prefix(at + 1);
  }
  return are_hosts(rest.substr(0, rest.find_first_of("/?")))
         && is_query(rest.substr(std::min(rest.find('?'), rest.size())));
}

/// The parameters after a `?`; also all of a text that has none, for want of a form.
std::string redact_query(std::string_view query) {
  std::string shown;
  bool after_secret = false;
  while (!query.empty()) {
    const bool last = query.find('&') == query.npos;
    const auto parameter = take_until(query, '&');
    const auto equals = parameter.find('=');
    if (equals == parameter.npos)
      // After a secret this is the rest of it, behind an `&` of its own.
      shown.append(after_secret ? hidden : parameter);
    else {
      after_secret = is_secret(decoded_key(parameter.substr(0, equals)));
      shown.append(parameter.substr(0, equals + 1)).append(after_secret ? hidden : parameter.substr(equals + 1));
    }
    shown.append(last ? "" : "&");
  }
  return shown;
}

/// For every scheme and for none: what is refused is shown as well.
std::string redact_uri(std::string_view url) {
  const auto separator = url.find("://");
  const bool has_scheme = separator != url.npos && separator > 0
                          && std::all_of(url.begin(), url.begin() + static_cast<std::ptrdiff_t>(separator), is_letter);
  auto rest = url.substr(has_scheme ? separator + 3 : 0);
  std::string shown(url.substr(0, url.size() - rest.size()));
  // The last `@`, not libpq's: a malformed password may hold some itself.
  const auto at = rest.rfind('@');
  if (const auto cut = rest.find_first_of(":?"); at != rest.npos && cut < at) {
    shown.append(rest.substr(0, cut + 1)).append(hidden);
    // If the `@` belongs to a parameter, what follows may be the rest of a secret.
    const auto question = rest.find('?');
    if (question == cut || (question < at && rest.find('=', question) < at))
      return shown;
    rest.remove_prefix(at);
  }
  const auto question = std::min(rest.find('?'), rest.size());
  if (question < rest.size()) {
    shown.append(rest.substr(0, question + 1));
    rest.remove_prefix(question + 1);
  }
  return shown + redact_query(rest);
}

} // namespace

bool is_postgres(const std::string& url) {
  return after_postgres_scheme(url).has_value() || has_keyword_form(url);
}

std::string redacted_database(const std::string& url) {
  // The name of a file has no password, whatever it looks like.
  if (url.starts_with("sqlite:"))
    return url;
  return has_keyword_form(url) ? redact_keywords(url) : redact_uri(url);
}

std::optional<std::string> refuse_database(const std::string& url) {
  const std::string forms = "must be sqlite:<file>, a PostgreSQL URI (postgres://<user>@<host>:<port>/<database>, or "
                            "postgresql://…) or libpq's keywords (host=<host> dbname=<database> user=<user>)";
  if (std::any_of(url.begin(), url.end(), is_control))
    return forms + ", without control characters";
  if (const auto rest = after_postgres_scheme(url)) {
    if (is_postgres_uri(*rest))
      return std::nullopt;
    return forms
           + "; in a URI the special characters of a user, a password or a value are written %XX, such as %40 "
             "for @, %2F for /, %3F for ? and %25 for %, an IPv6 address stands in brackets, and after a ? stand "
             "key=value, joined "
             "by &";
  }
  if (has_keyword_form(url)) {
    if (are_keywords(url))
      return std::nullopt;
    return forms + "; every keyword has its =value, and a value with blanks stands in single quotes";
  }
  // A SQLite database in memory is private to one connection; readers would see nothing.
  if (url.starts_with("sqlite:") && url.size() > 7 && url != "sqlite::memory:")
    return std::nullopt;
  return forms;
}

} // namespace troupe
