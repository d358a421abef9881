#include "actors/providers/anthropic_request.hpp"

#include "actors/providers/provider_json.hpp"
#include "persistence/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

namespace troupe {

namespace {

using nlohmann::json;
using providers::member;
using providers::string_in;

constexpr std::size_t max_depth = 64;
constexpr int default_max_tokens = 4096;

// -- the conversation ---------------------------------------------------------

/// The API refuses texts of white space alone.
bool is_blank(std::string_view text) noexcept {
  return text.find_first_not_of(" \t\n\r\f\v") == std::string_view::npos;
}

bool is_thinking(const json& block) {
  const auto has_text = [&](const char* name) {
    const auto* found = member(block, name);
    return found != nullptr && found->is_string();
  };
  const auto type = string_in(block, "type");
  return type == "thinking" ? has_text("thinking") : type == "redacted_thinking" && has_text("data");
}

json stored_thinking(const std::string& stored) {
  auto blocks = json::array();
  if (stored.empty() || !json_nesting_within(stored, max_depth))
    return blocks;
  const auto all = json::parse(stored, nullptr, false);
  if (all.is_array())
    std::copy_if(all.begin(), all.end(), std::back_inserter(blocks), is_thinking);
  return blocks;
}

json tool_result(const std::string& id, const std::string& content) {
  json block{{"type", "tool_result"}, {"tool_use_id", id}, {"content", content}};
  std::string first_key;
  const auto note_key = [&](int depth, json::parse_event_t event, json& key) {
    if (event == json::parse_event_t::key && depth == 1 && first_key.empty())
      first_key = key.get<std::string>();
    return true;
  };
  const auto value
    = json_nesting_within(content, max_depth) ? json::parse(content, note_key, false) : json(json::value_t::discarded);
  if (value.is_string()) {
    block["content"] = value;
  } else if (value.is_object() && value.contains("error")) {
    const auto& error = value["error"];
    const auto strings = std::count_if(value.begin(), value.end(), [](const json& one) { return one.is_string(); });
    if ((error.is_string() && strings == 1) || (first_key == "error" && !error.is_null()))
      block["is_error"] = true;
  }
  return block;
}

/// The API wants `[A-Za-z0-9_-]+` for names and ids; what other providers' models made up may be anything.
std::string api_name(std::string_view name, std::string_view otherwise) {
  const auto refused = [](char c) {
    return (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '_' && c != '-';
  };
  std::string made{(name.empty() ? otherwise : name).substr(0, 64)};
  std::replace_if(made.begin(), made.end(), refused, '_');
  return made;
}

/// Makes the thread's messages the API's, which alternate between two roles.
class conversation {
public:
  void add(const message_record& message) {
    switch (message.role) {
    case message_role::user:
      if (!is_blank(message.content))
        append("user", text_block(message.content));
      break;
    case message_role::assistant:
      // The first message must be a user's.
      if (!messages_.empty())
        add_assistant(message);
      break;
    case message_role::tool:
      // The first of them: should ids recur, results still come in the order of the calls.
      if (const auto [call, last] = open_.equal_range({message.task_id, message.call_id}); call != last) {
        append("user", tool_result(call->second, message.content));
        open_.erase(call);
      }
    }
  }

  /// What the assistant says last would be taken for the beginning of the answer, which newer models refuse.
  json finish() && {
    while (!messages_.empty() && messages_.back()["role"] == "assistant"
           && messages_.back()["content"].back()["type"] != "tool_use")
      messages_.erase(messages_.size() - 1);
    return std::move(messages_);
  }

private:
  static json text_block(const std::string& text) { return {{"type", "text"}, {"text", text}}; }

  void add_assistant(const message_record& message) {
    if (is_blank(message.content) && message.tool_calls.empty())
      return;
    if (!is_blank(message.content))
      append("assistant", text_block(message.content));
    for (const auto& call : message.tool_calls) {
      auto id = unique_id(call.call_id);
      append("assistant", {{"type", "tool_use"},
                           {"id", id},
                           {"name", api_name(call.tool, "unknown")},
                           {"input", parse_json_object(call.arguments, max_depth).value_or(json::object())}});
      open_.emplace(std::pair{message.task_id, call.call_id}, std::move(id));
    }
    auto& content = messages_.back()["content"];
    const auto thinking = stored_thinking(message.thinking);
    content.insert(content.begin(), thinking.begin(), thinking.end());
  }

  void append(std::string_view role, json block) {
    if (messages_.empty() || messages_.back()["role"] != role)
      messages_.push_back({{"role", role}, {"content", json::array()}});
    messages_.back()["content"].push_back(std::move(block));
  }

  /// Unique in the request, as the API wants them; those of other tasks and providers need not be.
  std::string unique_id(std::string_view call_id) {
    const auto id = api_name(call_id, "call");
    auto unique = id;
    for (auto number = ids_.size(); !ids_.insert(unique).second; ++number)
      unique = id + "_" + std::to_string(number);
    return unique;
  }

  json messages_ = json::array();
  std::set<std::string> ids_;
  /// The calls that have no result yet, by task and their own id, and what they are called here.
  std::multimap<std::pair<uuid, std::string>, std::string> open_;
};

// -- the request --------------------------------------------------------------

json tools_of(std::span<const tool_definition> tools) {
  auto list = json::array();
  for (const auto& tool : tools) {
    json one{{"name", tool.name}};
    if (!tool.description.empty())
      one["description"] = tool.description;
    auto schema = parse_json_object(tool.parameters, max_depth).value_or(json::object());
    schema.emplace("type", "object");
    one["input_schema"] = std::move(schema);
    list.push_back(std::move(one));
  }
  return list;
}

/// A whole number from 0 to what no count of tokens reaches.
std::optional<std::int64_t> count_in(const json& object, const char* name) {
  constexpr std::int64_t most = 1'000'000'000'000;
  const auto* found = member(object, name);
  if (found == nullptr || !found->is_number_integer())
    return std::nullopt;
  const auto value = found->get<std::int64_t>();
  return value >= 0 && value <= most ? std::optional{value} : std::nullopt;
}

/// A model that thinks takes no temperature, and its budget must leave room for an answer.
void make_room_for_thinking(json& body) {
  const auto* thinking = member(body, "thinking");
  if (thinking == nullptr)
    return;
  const auto type = string_in(*thinking, "type");
  if (type != "enabled" && type != "adaptive")
    return;
  const auto budget = count_in(*thinking, "budget_tokens");
  const auto most = count_in(body, "max_tokens");
  if (budget && most && *most <= *budget)
    body["max_tokens"] = *budget + default_max_tokens;
  body.erase("temperature");
}

json body_of(const prompt& what) {
  json body{
    {"model", what.model.model}, {"max_tokens", what.bot.max_tokens.value_or(default_max_tokens)}, {"stream", true}};
  if (!is_blank(what.bot.system_prompt))
    body["system"] = what.bot.system_prompt;
  conversation messages;
  for (const auto& message : what.history)
    messages.add(message);
  body["messages"] = std::move(messages).finish();
  if (what.bot.temperature)
    body["temperature"] = *what.bot.temperature;
  if (!what.tools.empty())
    body["tools"] = tools_of(what.tools);
  if (const auto parameters = parse_json_object(what.model.parameters, max_depth))
    body.merge_patch(*parameters);
  make_room_for_thinking(body);
  return body;
}

std::string url_of(std::string_view base) {
  const auto scheme = base.find("://");
  const auto host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const auto path = base.substr(std::min(base.find('/', host), base.size()));
  return providers::join_url(base, path.find_first_not_of('/') == std::string_view::npos ? "v1/messages" : "messages");
}

header_list headers_of(const model_record& model, std::string_view key) {
  header_list headers{
    {"content-type", "application/json"}, {"accept", "text/event-stream"}, {"anthropic-version", "2023-06-01"}};
  if (!key.empty())
    headers.emplace_back("x-api-key", key);
  providers::replace_headers(headers, model.headers);
  return headers;
}

} // namespace

outbound_request anthropic_request(const prompt& what, std::string_view key) {
  outbound_request request;
  request.url = url_of(what.model.base_url);
  request.headers = headers_of(what.model, key);
  request.body = providers::dump(body_of(what));
  return request;
}

} // namespace troupe
