#include "actors/providers/shown_thread.hpp"

#include "actors/providers/provider_json.hpp"
#include "actors/remote/digest.hpp"
#include "config/ascii.hpp"
#include "persistence/rules/events_json.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace troupe {

namespace {

constexpr std::size_t id_length = 9;
constexpr std::size_t longest_name = 64;
constexpr std::size_t deepest_arguments = 64;

constexpr std::string_view nothing_said = "(The message is empty.)";
constexpr std::string_view turn_ended = "(This turn ended before it was answered.)";

bool is_name_character(char c) noexcept {
  return is_alphanumeric(c) || c == '_' || c == '-';
}

/// Gemini wants a letter or '_' (google-gemini/gemini-cli#2966, kaitranntt/ccs#25).
bool may_begin_name(char c) noexcept {
  return is_name_character(c) && c != '-' && (c < '0' || c > '9');
}

bool is_valid_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= longest_name && may_begin_name(name.front())
         && std::all_of(name.begin(), name.end(), is_name_character);
}

/// An id that its provider reads something from, or would have made like ours: Kimi numbers
/// its calls `functions.<name>:<n>`, LiteLLM hides signatures in ids (BerriAI/litellm#16895).
bool has_meaning(std::string_view id) noexcept {
  const bool is_nine = id.size() == id_length && std::all_of(id.begin(), id.end(), is_alphanumeric);
  return is_nine || id.starts_with("functions.") || id.find("__thought__") != std::string_view::npos;
}

bool is_object(std::string_view text) {
  return json_nesting_within(text, deepest_arguments) && providers::trim(text).starts_with('{')
         && nlohmann::json::accept(text);
}

class arranger {
public:
  arranger(std::size_t size, std::string_view asked) : asked_{asked} { shown_.reserve(size); }

  void add(const message_record& message) {
    switch (message.role) {
    case message_role::user: add_user(message); return;
    case message_role::assistant: add_assistant(message); return;
    case message_role::tool: add_result(message); return;
    }
  }

  std::vector<shown_message> finish() && {
    // What the assistant says last would be taken for the beginning of the answer, which newer models refuse.
    while (!shown_.empty() && !shown_.back().from_user && shown_.back().calls.empty())
      shown_.pop_back();
    if (shown_.empty())
      say(true, nothing_said);
    for (auto at = shown_.rbegin(); at != shown_.rend() && !at->from_user; ++at)
      at->is_current = true;
    return std::move(shown_);
  }

private:
  shown_message& say(bool from_user, std::string_view text) {
    auto& made = shown_.emplace_back();
    made.from_user = from_user;
    made.text = text;
    return made;
  }

  void add_user(const message_record& message) {
    if (shown_.empty() || (!shown_.back().from_user && shown_.back().calls.empty())) {
      say(true, is_blank(message.content) ? nothing_said : std::string_view{message.content});
      return;
    }
    if (!shown_.back().from_user) {
      say(false, turn_ended);
      say(true, is_blank(message.content) ? nothing_said : std::string_view{message.content});
    } else if (!is_blank(message.content)) {
      auto& text = shown_.back().text;
      text = text == nothing_said ? message.content : text.append("\n\n").append(message.content);
    }
  }

  void add_assistant(const message_record& message) {
    owner_ = nullptr;
    // The first message must be a user's.
    if (shown_.empty() || (is_blank(message.content) && message.tool_calls.empty()))
      return;
    if (!shown_.back().from_user && shown_.back().calls.empty()) {
      if (answered_ != message.task_id) {
        merge(shown_.back(), message);
        return;
      }
      // A turn that was cancelled and tried again: what it said then did not stand there
      // when the later answer was made, which is its model's own only without it.
      shown_.pop_back();
    }
    answered_ = message.task_id;
    auto& made = say(false, is_blank(message.content) ? std::string_view{} : std::string_view{message.content});
    made.own = !message.interrupted && !message.origin.empty() && message.origin == asked_;
    if (made.own)
      made.replay = message.replay;
    add_calls(made, message);
  }

  /// Two in a row are one, which is nobody's own any more.
  void merge(shown_message& last, const message_record& message) {
    if (!is_blank(message.content))
      last.text.append("\n\n").append(message.content);
    last.own = false;
    last.replay = {};
    add_calls(last, message);
  }

  void add_calls(shown_message& to, const message_record& message) {
    owner_ = &message;
    to.calls.reserve(message.tool_calls.size());
    for (const auto& call : message.tool_calls) {
      auto& shown = to.calls.emplace_back();
      shown.call = &call;
      shown.id = id_of(message, call);
      shown.name = shown_name(call.tool);
      shown.arguments = is_object(call.arguments) ? std::string_view{call.arguments} : std::string_view{"{}"};
      shown.result = unfinished_call_result();
    }
  }

  /// To the first call of that id that has none: should ids recur, results still come in the order of the calls.
  void add_result(const message_record& message) {
    if (owner_ == nullptr || owner_->task_id != message.task_id)
      return;
    for (auto& shown : shown_.back().calls)
      if (shown.call->call_id == message.call_id && shown.result.data() == unfinished_call_result().data()) {
        shown.result = message.content;
        return;
      }
  }

  /// The same in each request, as far as can be, so that what a provider has cached of the last one fits.
  std::string id_of(const message_record& message, const tool_call& call) {
    const bool own = !message.origin.empty() && message.origin == asked_;
    if (own && has_meaning(call.provider_id) && ids_.insert(call.provider_id).second)
      return call.provider_id;
    const auto& task = message.task_id.bytes;
    auto hash = fnv1a(call.call_id, fnv1a({reinterpret_cast<const char*>(task.data()), task.size()}));
    for (;; hash = fnv1a("again", hash))
      if (auto id = alphanumeric(hash, id_length); ids_.insert(id).second)
        return id;
  }

  std::string_view asked_;
  std::vector<shown_message> shown_;
  /// The task of the assistant's last message.
  uuid answered_;
  /// Whose calls the results that come belong to.
  const message_record* owner_ = nullptr;
  std::unordered_set<std::string> ids_;
};

} // namespace

std::vector<shown_message> show_thread(std::span<const message_record> window, std::string_view asked) {
  arranger all{window.size(), asked};
  for (const auto& message : window)
    all.add(message);
  return std::move(all).finish();
}

std::string shown_name(std::string_view name) {
  constexpr std::size_t digest_length = 8;
  if (is_valid_name(name))
    return std::string{name};
  if (name.empty())
    return "unnamed";
  std::string clean{name.substr(0, longest_name - digest_length - 2)};
  std::replace_if(
    clean.begin(), clean.end(), [](char c) { return !is_name_character(c); }, '_');
  if (!may_begin_name(clean.front()))
    clean.insert(clean.begin(), '_');
  return clean + '_' + short_digest(name, digest_length);
}

std::string shown_result(std::string_view content) {
  constexpr std::string_view empty = "(The result is empty.)";
  if (is_blank(content))
    return std::string{empty};
  if (!providers::trim(content).starts_with('"'))
    return std::string{content};
  const auto value = nlohmann::json::parse(content, nullptr, false);
  if (!value.is_string())
    return std::string{content};
  const auto& text = value.get_ref<const std::string&>();
  return is_blank(text) ? std::string{empty} : text;
}

bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(" \t\n\r\f\v") == std::string_view::npos;
}

} // namespace troupe
