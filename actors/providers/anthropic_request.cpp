#include "actors/providers/anthropic_request.hpp"

#include "actors/providers/provider_json.hpp"
#include "actors/providers/request_body.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

using nlohmann::json;
using providers::member;
using providers::string_in;

constexpr std::size_t deepest_content = 64;
constexpr int default_max_tokens = 4096;

// -- what is sent back ----------------------------------------------------------

bool is_thinking(const json& block) {
  const auto has_text = [&](const char* name) {
    const auto* found = member(block, name);
    return found != nullptr && found->is_string();
  };
  const auto type = string_in(block, "type");
  return type == "thinking" ? has_text("thinking") : type == "redacted_thinking" && has_text("data");
}

/// The blocks of a message as they came (`provider_answer::replay`); none if it is not
/// the model's own, or has thought nothing.
json own_blocks(const shown_message& message) {
  if (message.replay.empty() || !json_nesting_within(message.replay, deepest_content))
    return json::array();
  auto blocks = json::parse(message.replay, nullptr, false);
  return blocks.is_array() ? blocks : json::array();
}

/// True if it begins with a thought.
bool begins_with_thinking(const shown_message& message) {
  const auto blocks = own_blocks(message);
  return !blocks.empty() && is_thinking(blocks.front());
}

bool is_error(std::string_view content) {
  if (!providers::trim(content).starts_with('{') || !json_nesting_within(content, deepest_content))
    return false;
  std::string first_key;
  const auto note_key = [&](int depth, json::parse_event_t event, json& key) {
    if (event == json::parse_event_t::key && depth == 1 && first_key.empty())
      first_key = key.get<std::string>();
    return true;
  };
  const auto value = json::parse(content, note_key, false);
  if (!value.is_object() || !value.contains("error"))
    return false;
  const auto& error = value["error"];
  if (error == false || (error.is_string() && error.get_ref<const std::string&>().empty()) || error == 0)
    return false;
  const auto strings = std::count_if(value.begin(), value.end(), [](const json& one) { return one.is_string(); });
  return (error.is_string() && strings == 1) || (first_key == "error" && !error.is_null());
}

// -- the conversation ---------------------------------------------------------

class anthropic_writer {
public:
  explicit anthropic_writer(bool thinks) : thinks_{thinks} {}

  std::string messages(std::span<const shown_message> shown) const {
    std::string out;
    {
      json_array all{out};
      const shown_message* calling = nullptr;
      for (const auto& message : shown) {
        // Results are the user's; what the arrangement has put behind them is the assistant's.
        if (calling != nullptr)
          add_results(all.open(), *calling);
        calling = message.calls.empty() ? nullptr : &message;
        json_object one{all.open()};
        one.add("role", message.from_user ? "user" : "assistant");
        json_array content{one.open("content")};
        if (message.from_user)
          add_text(content, message.text);
        else
          add_blocks(content, message);
      }
      if (calling != nullptr)
        add_results(all.open(), *calling);
    }
    return out;
  }

private:
  static void add_text(json_array& content, std::string_view text) {
    // The API refuses texts of white space alone.
    if (!is_blank(text))
      json_object{content.open()}.add("type", "text").add("text", text);
  }

  static void add_call(json_array& content, const shown_call& call) {
    json_object{content.open()}
      .add("type", "tool_use")
      .add("id", call.id)
      .add("name", call.name)
      .add_raw("input", call.arguments);
  }

  static void add_results(std::string& out, const shown_message& message) {
    json_object one{out};
    one.add("role", "user");
    json_array content{one.open("content")};
    for (const auto& call : message.calls) {
      json_object block{content.open()};
      block.add("type", "tool_result").add("tool_use_id", call.id).add("content", shown_result(call.result));
      if (is_error(call.result))
        block.add("is_error", true);
    }
  }

  void add_blocks(json_array& content, const shown_message& message) const {
    const auto blocks = thinks_ ? own_blocks(message) : json::array();
    if (fits(blocks, message)) {
      add_own(content, message, blocks);
      return;
    }
    add_text(content, message.text);
    for (const auto& call : message.calls)
      add_call(content, call);
  }

  /// True if the blocks name the message's text and calls, all of them and once.
  static bool fits(const json& blocks, const shown_message& message) {
    std::size_t bytes = 0;
    std::size_t calls = 0;
    for (const auto& block : blocks) {
      const auto type = string_in(block, "type");
      if (type == "text")
        bytes += block.value("bytes", std::size_t{0});
      else if (type == "tool_use" && block.value("call", std::size_t{0}) != calls++)
        return false;
    }
    return !blocks.empty() && bytes == message.text.size() && calls == message.calls.size();
  }

  static void add_own(json_array& content, const shown_message& message, const json& blocks) {
    // A message must not end with a thought (cortexkit/anthropic-auth#49).
    auto end = blocks.size();
    while (end > 0 && is_thinking(blocks[end - 1]))
      --end;
    std::size_t at = 0;
    for (std::size_t i = 0; i < end; ++i) {
      const auto& block = blocks[i];
      const auto type = string_in(block, "type");
      if (type == "text") {
        const auto bytes = block.value("bytes", std::size_t{0});
        add_text(content, std::string_view{message.text}.substr(at, bytes));
        at += bytes;
      } else if (type == "tool_use") {
        add_call(content, message.calls[block.value("call", std::size_t{0})]);
      } else if (is_thinking(block)) {
        content.open() += providers::dump(block);
      }
    }
  }

  bool thinks_;
};

// -- the request --------------------------------------------------------------

std::string tools_of(std::span<const tool_definition> tools) {
  if (tools.empty())
    return {};
  std::string out;
  {
    json_array list{out};
    for (const auto& tool : tools) {
      json_object one{list.open()};
      one.add("name", tool.name);
      if (!tool.description.empty())
        one.add("description", tool.description);
      one.add_raw("input_schema", tool.parameters);
    }
  }
  return out;
}

/// A whole number from 0 to what no count of tokens reaches.
std::optional<std::int64_t> whole_number_in(const json& object, const char* name) {
  constexpr std::int64_t most = 1'000'000'000'000;
  const auto* found = member(object, name);
  if (found == nullptr || !found->is_number_integer())
    return std::nullopt;
  const auto value = found->get<std::int64_t>();
  return value >= 0 && value <= most ? std::optional{value} : std::nullopt;
}

std::string_view thinking_type(const json& head) {
  const auto* thinking = member(head, "thinking");
  return thinking == nullptr ? std::string_view{} : string_in(*thinking, "type");
}

/// A model that thinks takes no temperature, and its budget must leave room for an answer.
void make_room_for_thinking(json& head) {
  const auto type = thinking_type(head);
  if (type != "enabled" && type != "adaptive")
    return;
  const auto budget = whole_number_in(head["thinking"], "budget_tokens");
  const auto most = whole_number_in(head, "max_tokens");
  if (budget && most && *most <= *budget)
    head["max_tokens"] = *budget + default_max_tokens;
  head.erase("temperature");
}

/// Thinking that was asked for with a budget has to stand at the beginning of the turn under
/// way, and before the calls of others in it: where another model has gone on meanwhile
/// (anomalyco/opencode#3077) the turn ends without it. A model that does not think between
/// its calls makes all but the first without, which it takes again as it was.
bool lacks_thinking(const json& head, std::span<const shown_message> shown) {
  if (thinking_type(head) != "enabled")
    return false;
  bool is_first = true;
  for (const auto& message : shown) {
    if (!message.is_current || message.calls.empty())
      continue;
    if ((is_first || !message.own) && !begins_with_thinking(message))
      return true;
    is_first = false;
  }
  return false;
}

json head_of(const prompt& what) {
  json head{
    {"model", what.model.model}, {"max_tokens", what.bot.max_tokens.value_or(default_max_tokens)}, {"stream", true}};
  if (!is_blank(what.bot.system_prompt))
    head["system"] = what.bot.system_prompt;
  if (what.bot.temperature)
    head["temperature"] = *what.bot.temperature;
  providers::apply_parameters(head, what.model);
  make_room_for_thinking(head);
  if (what.traits.has(model_trait::no_temperature))
    head.erase("temperature");
  return head;
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
  const auto shown = show_thread(what.history, model_identity(what.model));
  auto head = head_of(what);
  bool thinks = !what.traits.has(model_trait::no_thinking);
  if (!thinks || lacks_thinking(head, shown)) {
    thinks = false;
    if (thinking_type(head) == "enabled")
      head.erase("thinking");
  }
  outbound_request request;
  request.url = url_of(what.model.base_url);
  request.headers = headers_of(what.model, key);
  request.body = providers::finish_body(head, anthropic_writer{thinks}.messages(shown),
                                        tools_of(providers::offered_tools(what, shown)));
  return request;
}

} // namespace troupe
