#include "actors/providers/provider_json.hpp"

#include "actors/remote/foreign_text.hpp"
#include "config/ascii.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace troupe::providers {

namespace {

bool same_ignoring_case(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c); };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

using nlohmann::json;

constexpr std::string_view cut_mark = "\xe2\x80\xa6";

char lower(char c) noexcept {
  return static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/// The UTF-16 code unit that the escape at `text[at]` stands for.
std::optional<unsigned> escaped_unit(std::string_view text, std::size_t at) {
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u')
    return std::nullopt;
  unsigned unit = 0;
  for (const char c : text.substr(at + 2, 4)) {
    const auto digit = std::string_view{"0123456789abcdef"}.find(lower(c));
    if (digit == std::string_view::npos)
      return std::nullopt;
    unit = unit * 16 + static_cast<unsigned>(digit);
  }
  return unit;
}

std::string mend_surrogates(std::string text) {
  for (std::size_t i = text.find('\\'); i != std::string::npos; i = text.find('\\', i)) {
    const auto unit = escaped_unit(text, i);
    if (!unit) {
      i += 2;
      continue;
    }
    const auto next = escaped_unit(text, i + 6).value_or(0);
    if (*unit >= 0xd800 && *unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
      i += 12;
      continue;
    }
    if (*unit >= 0xd800 && *unit <= 0xdfff)
      text.replace(i, 6, "\\ufffd");
    i += 6;
  }
  return text;
}

/// How much of `text` begins like a key; the mark itself, and what follows it.
std::pair<std::size_t, std::size_t> secret_at(std::string_view text) {
  constexpr std::string_view bearer = "Bearer ";
  constexpr std::array<std::string_view, 8> marks{"sk-", "sk_", "gsk_", "xai-", "hf_", "nvapi-", "AIza", bearer};
  const auto starts = [text](std::string_view mark) {
    return text.size() >= mark.size()
           && std::equal(mark.begin(), mark.end(), text.begin(), [](char a, char b) { return lower(a) == lower(b); });
  };
  const auto* mark = std::find_if(marks.begin(), marks.end(), starts);
  if (mark == marks.end())
    return {};
  const auto in_token
    = [](char c) { return is_alphanumeric(c) || std::string_view{"-._~+/=*"}.find(c) != std::string_view::npos; };
  auto token = text.substr(mark->size());
  token.remove_suffix(static_cast<std::size_t>(token.end() - std::find_if_not(token.begin(), token.end(), in_token)));
  while (token.ends_with('.'))
    token.remove_suffix(1);
  // "Bearer authentication" is no secret.
  const bool is_word
    = *mark == bearer && token.size() < 20 && token.find_first_of("0123456789*_.") == std::string_view::npos;
  return token.size() < 4 || is_word ? std::pair<std::size_t, std::size_t>{} : std::pair{mark->size(), token.size()};
}

std::string mask_secrets(std::string_view text) {
  std::string masked;
  while (!text.empty()) {
    const bool starts_word = masked.empty() || !is_alphanumeric(masked.back());
    const auto [mark, length] = starts_word ? secret_at(text) : std::pair<std::size_t, std::size_t>{};
    masked += text.substr(0, std::max<std::size_t>(mark, 1));
    if (length > 0)
      masked += cut_mark;
    text.remove_prefix(std::max<std::size_t>(mark + length, 1));
  }
  return masked;
}

std::string message_in(const json& value, int depth = 0) {
  constexpr int deepest = 4;
  if (value.is_string())
    return value.get<std::string>();
  if (depth == deepest)
    return {};
  if (value.is_array() && !value.empty())
    return message_in(value.front(), depth + 1);
  for (const char* name : {"message", "error", "detail", "msg"}) {
    const auto* found = member(value, name);
    auto text = found == nullptr ? std::string{} : message_in(*found, depth + 1);
    if (text.empty())
      continue;
    const auto* place = member(value, "loc");
    if (place != nullptr && place->is_array() && !place->empty() && place->back().is_string())
      text.insert(0, place->back().get<std::string>() + ": ");
    return text;
  }
  return {};
}

/// A number, or a text that is one.
unsigned status_in(const json& code) {
  std::uint64_t number = 0;
  if (code.is_number_unsigned()) {
    number = code.get<std::uint64_t>();
  } else if (code.is_string()) {
    const auto& text = code.get_ref<const std::string&>();
    std::from_chars(text.data(), text.data() + text.size(), number);
  }
  return number >= 400 && number <= 599 ? static_cast<unsigned>(number) : 0;
}

/// MiniMax says under HTTP 200 what went wrong.
void read_base_response(const json& base, said_error& said) {
  const auto* code = member(base, "status_code");
  if (code == nullptr || !code->is_number_integer() || *code == 0)
    return;
  said.message = string_in(base, "status_msg");
  said.code = code->dump();
  const auto number = code->get<std::int64_t>();
  if (number == 1002 || number == 1039)
    said.status = 429;
  else if (number == 1004 || number == 1008 || number == 1026 || number == 2013)
    said.status = 400;
  else
    said.status = 500;
}

/// The text between the first tags of a name.
std::string title_of(std::string_view page) {
  const auto begin = page.find("<title>");
  const auto end = begin == std::string_view::npos ? begin : page.find("</title>", begin);
  if (end == std::string_view::npos)
    return "a web page";
  return "a web page, '" + foreign::excerpt(page.substr(begin + 7, end - begin - 7), 120) + "'";
}

} // namespace

const json* member(const json& object, const char* name) {
  if (!object.is_object())
    return nullptr;
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string_view string_in(const json& object, const char* name) {
  const auto* value = member(object, name);
  if (value == nullptr || !value->is_string())
    return {};
  return value->get_ref<const std::string&>();
}

std::string text_in(const json& object, const char* name) {
  const auto* value = member(object, name);
  if (value == nullptr || !value->is_array())
    return std::string{string_in(object, name)};
  std::string text;
  for (const auto& part : *value)
    text += string_in(part, "text");
  return text;
}

std::optional<json> read_object(std::string_view text) {
  if (auto value = parse_json_object(text))
    return value;
  return parse_json_object(mend_surrogates(foreign::clean_text(text)));
}

std::string mended_json(std::string_view text) {
  return mend_surrogates(foreign::clean_text(text));
}

std::optional<json> event_json::read(std::string_view text) {
  if (half_.empty())
    if (auto value = parse_json_object(text))
      return value;
  auto mended = foreign::clean_text(text);
  if (const auto half = std::exchange(half_, {}); !half.empty())
    for (auto at = mended.find("\"\\u"); at != std::string::npos; at = mended.find("\"\\u", at + 1))
      if (const auto unit = escaped_unit(mended, at + 1); unit && *unit >= 0xdc00 && *unit <= 0xdfff) {
        mended.insert(at + 1, half);
        break;
      }
  for (auto at = mended.find("\\u"); at != std::string::npos; at = mended.find("\\u", at + 2)) {
    const auto unit = escaped_unit(mended, at);
    const bool ends_text = at + 6 < mended.size() && mended[at + 6] == '"';
    // A backslash before it would make it text.
    const bool is_escape = at == 0 || mended[at - 1] != '\\';
    if (unit && *unit >= 0xd800 && *unit <= 0xdbff && ends_text && is_escape) {
      half_ = mended.substr(at, 6);
      mended.erase(at, 6);
      break;
    }
  }
  return parse_json_object(mend_surrogates(std::move(mended)));
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void replace_headers(header_list& headers, const header_list& theirs) {
  std::erase_if(headers, [&](const auto& ours) {
    return std::any_of(theirs.begin(), theirs.end(),
                       [&](const auto& one) { return same_ignoring_case(ours.first, one.first); });
  });
  headers.insert(headers.end(), theirs.begin(), theirs.end());
}

std::string in_lower_case(std::string_view text) {
  std::string made{text};
  std::transform(made.begin(), made.end(), made.begin(), lower);
  return made;
}

std::string_view trim(std::string_view text) noexcept {
  constexpr std::string_view space = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
  return text.substr(0, text.find_last_not_of(space) + 1);
}

provider_failure failure(error_class kind, std::string error) {
  return {kind, std::move(error), std::nullopt};
}

provider_failure cited(error_class kind, std::string what, std::string_view message) {
  const auto own_words = what.size();
  auto failed = failure(kind, sentence(std::move(what), message));
  failed.own_words = own_words;
  return failed;
}

provider_failure no_answer(std::string_view body) {
  if (!is_page(body))
    return cited(error_class::transient, "The provider sent an answer that is no JSON", body);
  auto failed = failure(error_class::permanent, "The provider answered with " + title_of(body)
                                                  + ", and not with JSON: is the model's base_url right? It often ends "
                                                    "with /v1.");
  failed.own_words = std::string_view{"The provider answered with a web page"}.size();
  return failed;
}

std::string sentence(std::string what, std::string_view message) {
  constexpr std::size_t more_than_shown = 4096;
  const auto said = foreign::excerpt(mask_secrets(foreign::clean_text(message.substr(0, more_than_shown))));
  if (!said.empty())
    what.append(": ").append(said);
  const bool ends = said.ends_with('.') || said.ends_with('!') || said.ends_with('?') || said.ends_with(cut_mark);
  return ends ? what : what + '.';
}

bool said_error::is_out_of_quota() const {
  return is("insufficient_quota") || is("billing_hard_limit_reached");
}

bool said_error::is_too_long() const {
  constexpr std::array<std::string_view, 6> signs{
    "maximum context length",     "prompt is too long", "maximum allowed input length",
    "exceeds the context window", "exceed context",     "context size has been exceeded"};
  return is("context_length_exceeded") || is("exceed_context_size_error") || is("context_exceeded")
         || std::any_of(signs.begin(), signs.end(),
                        [&](std::string_view sign) { return message.find(sign) != std::string::npos; });
}

bool said_error::is_loading() const {
  return message.find("oading model") != std::string::npos || message.find("is loading") != std::string::npos
         || message.find("being loaded") != std::string::npos;
}

bool said_error::is_bad_luck() const {
  return is("tool_use_failed") || message.find("Failed to parse tool call") != std::string::npos
         || message.find("Failed to parse input at pos") != std::string::npos;
}

said_error read_error(const json& body) {
  said_error said;
  said.message = message_in(body);
  const auto* error = member(body, "error");
  if (error != nullptr && error->is_array() && !error->empty())
    error = &error->front();
  // A list within the list of one, as {"error":[{"error":{…}}]}.
  if (error != nullptr && member(*error, "error") != nullptr)
    error = member(*error, "error");
  if (error == nullptr || !error->is_object())
    error = &body;
  said.type = string_in(*error, "type");
  said.code = string_in(*error, "code");
  if (said.message.empty())
    said.message = said.code.empty() ? said.type : said.code;
  for (const auto* name : {"code", "status", "http_code"})
    if (const auto* code = member(*error, name); code != nullptr && said.status == 0)
      said.status = status_in(*code);
  if (const auto* base = member(body, "base_resp"))
    read_base_response(*base, said);
  return said;
}

said_error read_error_body(std::string_view body) {
  body = trim(body);
  if (is_page(body))
    return said_error{title_of(body), {}, {}, 0};
  // Some servers send a list of errors.
  const auto parsed = read_object(body.starts_with('[') ? R"({"error":)" + std::string{body} + "}" : std::string{body});
  return parsed ? read_error(*parsed) : said_error{std::string{body}, {}, {}, 0};
}

bool is_page(std::string_view body) noexcept {
  body = trim(body);
  return body.starts_with("<!") || body.starts_with("<html") || body.starts_with("<HTML") || body.starts_with("<?xml");
}

provider_failure too_long(provider_failure failed) {
  constexpr std::string_view advice
    = "The conversation is longer than the model can read; lower the bot's context_tokens. ";
  failed.kind = error_class::permanent;
  failed.error.insert(0, advice);
  if (failed.own_words != logging::all_own)
    failed.own_words += advice.size();
  return failed;
}

} // namespace troupe::providers
