#include "tests/providers/scripted_reply.hpp"

#include <algorithm>

namespace troupe {

using nlohmann::json;

namespace {

/// The member of an object; null without one.
const json& member(const json& object, const char* name) {
  static const json none;
  if (!object.is_object()) {
    return none;
  }
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::string text_member(const json& object, const char* name) {
  const json& value = member(object, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

/// The text of a message's content, or of a tool result's: a string, or blocks.
std::string text_of(const json& content) {
  if (content.is_string()) {
    return content.get<std::string>();
  }
  std::string text;
  if (content.is_array()) {
    for (const json& block : content) {
      text += text_member(block, "text");
    }
  }
  return text;
}

const json& messages_of(const seen_request& request) {
  const json& messages = member(request.document, "messages");
  static const json none = json::array();
  return messages.is_array() ? messages : none;
}

/// The length of the JSON object that `text` begins with; 0 if there is none.
std::size_t object_length(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{') {
      ++depth;
    } else if (c == '}' && --depth <= 0) {
      return depth == 0 ? i + 1 : 0;
    }
    if (depth == 0) {
      return 0;
    }
  }
  return 0;
}

std::vector<script::call> directives_of(std::string_view text) {
  constexpr std::string_view mark = "tools=";
  std::vector<script::call> calls;
  while (text.starts_with(mark)) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) {
      break;
    }
    const auto length = object_length(text.substr(colon + 1));
    json arguments = json::parse(text.substr(colon + 1, length), nullptr, false);
    if (!arguments.is_object()) {
      break;
    }
    calls.push_back({std::string{text.substr(mark.size(), colon - mark.size())}, std::move(arguments)});
    text.remove_prefix(colon + 1 + length);
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  }
  return calls;
}

/// Each with the blank that follows it, so that the words together are the text.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const auto length = std::min(text.find(' '), text.size() - 1) + 1;
    words.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return words;
}

} // namespace

endpoint endpoint_of(std::string_view path) noexcept {
  if (path.ends_with("/chat/completions")) {
    return endpoint::openai;
  }
  if (path.ends_with("/messages")) {
    return endpoint::anthropic;
  }
  return path == "/mcp" ? endpoint::mcp : endpoint::tool;
}

std::string seen_request::header(std::string_view name) const {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& h) { return h.first == name; });
  return found == headers.end() ? std::string{} : found->second;
}

std::string seen_request::last_user_text() const {
  const json& messages = messages_of(*this);
  if (messages.empty() || text_member(messages.back(), "role") != "user") {
    return {};
  }
  return text_of(member(messages.back(), "content"));
}

std::vector<std::string> seen_request::last_tool_results() const {
  const json& messages = messages_of(*this);
  std::vector<std::string> results;
  // OpenAI: the messages of role `tool` at the end.
  for (auto m = messages.rbegin(); m != messages.rend() && text_member(*m, "role") == "tool"; ++m) {
    results.insert(results.begin(), text_of(member(*m, "content")));
  }
  // Anthropic: blocks of the last message.
  if (const json& content = messages.empty() ? messages : member(messages.back(), "content"); content.is_array()) {
    for (const json& block : content) {
      if (text_member(block, "type") == "tool_result") {
        results.push_back(text_of(member(block, "content")));
      }
    }
  }
  return results;
}

namespace script {

reply usual() {
  return {};
}

reply say(std::string_view text, milliseconds pace) {
  reply answer;
  answer.what = reply::kind::answer;
  answer.words = words_of(text);
  answer.pace = pace;
  return answer;
}

reply chunks(std::size_t n, milliseconds pace) {
  reply answer;
  answer.what = reply::kind::answer;
  answer.pace = pace;
  answer.words.reserve(n);
  for (std::size_t i = 1; i <= n; ++i) {
    answer.words.push_back(std::to_string(i) + (i == n ? "" : " "));
  }
  return answer;
}

reply call_tools(std::vector<call> calls) {
  reply answer;
  answer.what = reply::kind::answer;
  answer.calls = std::move(calls);
  return answer;
}

reply think(std::string thinking, std::string_view text) {
  reply answer = say(text);
  answer.thinking = std::move(thinking);
  return answer;
}

reply status(unsigned code, std::string body, std::vector<std::pair<std::string, std::string>> headers) {
  reply answer;
  answer.what = reply::kind::status;
  answer.code = code;
  answer.body = std::move(body);
  answer.headers = std::move(headers);
  return answer;
}

reply hang() {
  reply answer;
  answer.what = reply::kind::silence;
  return answer;
}

reply hang_after(std::size_t k, milliseconds pace) {
  reply answer = chunks(k, pace);
  answer.then = reply::ending::hang;
  return answer;
}

reply cut_after(std::size_t k, milliseconds pace) {
  reply answer = chunks(k, pace);
  answer.then = reply::ending::cut;
  return answer;
}

reply raw(std::string bytes) {
  reply answer;
  answer.what = reply::kind::raw;
  answer.body = std::move(bytes);
  return answer;
}

reply converse(const seen_request& request) {
  if (const auto results = request.last_tool_results(); !results.empty()) {
    std::string text = "The tools said:";
    for (const auto& result : results) {
      text += " " + result;
    }
    return say(text);
  }
  const std::string text = request.last_user_text();
  if (auto calls = directives_of(text); !calls.empty()) {
    return call_tools(std::move(calls));
  }
  return say("You said: " + text);
}

} // namespace script

} // namespace troupe
