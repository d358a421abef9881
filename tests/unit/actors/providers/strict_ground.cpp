#include "strict_ground.hpp"

#include <algorithm>
#include <utility>

namespace troupe::strict {

using nlohmann::json;

// -- small things -------------------------------------------------------------

std::string place_of(std::string_view list, std::size_t index) {
  return std::string{list} + "[" + std::to_string(index) + "]";
}

const json& member_of(const json& object, const char* name) {
  static const json none;
  if (!object.is_object())
    return none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

std::string text_of(const json& object, const char* name) {
  const auto& value = member_of(object, name);
  return value.is_string() ? value.get<std::string>() : std::string{};
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

bool is_tool_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), allowed);
}

void expect_members(report& out, const json& object, const std::set<std::string_view>& known, std::string_view place) {
  for (const auto& [name, value] : object.items())
    out.expect(known.contains(name), place, "unknown member '" + name + "'");
}

void expect_schema(report& out, const json& schema, std::string_view place) {
  if (!out.expect(schema.is_object(), place, "the schema is no object"))
    return;
  out.expect(text_of(schema, "type") == "object", place, "the schema's type is not \"object\"");
  out.expect(member_of(schema, "properties").is_object(), place, "the schema's properties are no object");
  for (const auto* combinator : {"anyOf", "oneOf", "allOf", "enum", "not"})
    out.expect(!schema.contains(combinator), place, std::string{"the schema has "} + combinator + " at its top");
}

namespace {

// -- messages -----------------------------------------------------------------

/// Walks a conversation of chat completions from its first message to its last.
class openai_walk {
public:
  openai_walk(report& out, const openai_rules& rules) : out_(out), rules_(rules) {}

  void walk(const json& messages) {
    for (const auto& message : messages) {
      place_ = place_of("messages", index_);
      if (out_.expect(message.is_object(), place_, "is no object"))
        take(message);
      ++index_;
    }
    expect_no_open_call();
    // "Expected last role User or Tool" (0xPlaygrounds/rig#1130).
    out_.expect(last_ == "user" || last_ == "tool", place_, "the last message is the " + last_ + "'s");
  }

  [[nodiscard]] bool has_calls() const { return !ids_.empty(); }

private:
  void take(const json& message) {
    const auto role = text_of(message, "role");
    if (role == "system")
      take_system(message);
    else if (role == "user")
      take_user(message);
    else if (role == "assistant")
      take_assistant(message);
    else if (role == "tool")
      take_tool(message);
    else
      out_.say(place_, "unknown role '" + role + "'");
    last_ = role;
  }

  /// "After the optional system message, conversation roles must alternate user and assistant roles"
  /// (charmbracelet/crush#279).
  void take_system(const json& message) {
    expect_members(out_, message, {"role", "content"}, place_);
    out_.expect(last_.empty(), place_, "the system message is not the first");
    expect_text(message);
  }

  void take_user(const json& message) {
    expect_members(out_, message, {"role", "content"}, place_);
    expect_no_open_call();
    // mistralai/mistral-vibe#255, vllm-project/vllm#6862
    out_.expect(last_ != "user", place_, "two user messages in a row");
    // "Unexpected role 'user' after role 'tool'" (onyx-dot-app/onyx#6458, avante-corp/avante.nvim#2695); not known
    // to Troupe where Mistral stands behind somebody else (NousResearch/hermes-agent#20154).
    out_.expect(last_ != "tool", place_, "a user message right behind a tool message");
    expect_text(message);
  }

  void take_assistant(const json& message) {
    auto known = rules_.assistant_members;
    known.insert({"role", "content", "tool_calls"});
    expect_members(out_, message, known, place_);
    expect_no_open_call();
    // "function call turn comes immediately after a user turn or after a function response turn"
    // (google-gemini/gemini-cli#26486)
    out_.expect(last_ == "user" || last_ == "tool", place_,
                last_ == "assistant" ? "two assistant messages in a row" : "an assistant message begins");
    if (!message.contains("tool_calls")) {
      // "Assistant message must have either content or tool_calls, but not none" (OpenHands/OpenHands#8685);
      // "it has an empty text parameter" (microsoft/autogen#5762)
      expect_text(message);
      return;
    }
    const auto& content = member_of(message, "content");
    out_.expect(content.is_null() || content.is_string(), place_, "the content is neither text nor null");
    take_calls(member_of(message, "tool_calls"));
  }

  void take_calls(const json& calls) {
    if (!out_.expect(calls.is_array() && !calls.empty(), place_, "tool_calls is no list, or an empty one"))
      return;
    // gptscript-ai/gptscript#547
    out_.expect(calls.size() <= 128, place_, "more than 128 calls");
    std::size_t number = 0;
    for (const auto& call : calls)
      take_call(call, place_ + "." + place_of("tool_calls", number++));
  }

  void take_call(const json& call, const std::string& place) {
    if (!out_.expect(call.is_object(), place, "is no object"))
      return;
    auto known = rules_.call_members;
    known.insert({"id", "type", "function"});
    expect_members(out_, call, known, place);
    out_.expect(text_of(call, "type") == "function", place, "its type is not \"function\"");
    const auto& function = member_of(call, "function");
    if (function.is_object())
      expect_members(out_, function, {"name", "arguments"}, place);
    out_.expect(is_tool_name(text_of(function, "name")), place, "the name '" + text_of(function, "name") + "'");
    // mastra-ai/mastra#13632, sqlrooms/sqlrooms#678
    out_.expect(json::parse(text_of(function, "arguments"), nullptr, false).is_object(), place,
                "the arguments are no JSON object as text");
    take_id(text_of(call, "id"), place);
  }

  void take_id(const std::string& id, const std::string& place) {
    // "string too long. Expected a string with maximum length 40" (vercel/ai#5171, microsoft/autogen#6377)
    out_.expect(!id.empty() && id.size() <= 40, place, "the id '" + id + "' is empty or longer than 40");
    // BerriAI/litellm#23510, anomalyco/opencode#1279: unique in the whole request where Claude is behind it
    out_.expect(ids_.insert(id).second, place, "the id '" + id + "' is not unique");
    open_.insert(id);
  }

  void take_tool(const json& message) {
    // MiniMax refuses a name (temm1e#29), Mistral what it does not know.
    expect_members(out_, message, {"role", "content", "tool_call_id"}, place_);
    // "Messages with role 'tool' must be a response to a preceding message with 'tool_calls'"
    // (FoundationAgents/OpenManus#23)
    const auto id = text_of(message, "tool_call_id");
    out_.expect(open_.erase(id) == 1, place_, "a result of '" + id + "', which no call right before it waits for");
    out_.expect(member_of(message, "content").is_string(), place_, "the content is no text");
  }

  /// "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'"
  /// (TurixAI/TuriX-CUA#15; Gemini: microsoft/vscode#299295)
  void expect_no_open_call() {
    for (const auto& id : open_)
      out_.say(place_, "the call '" + id + "' before it has no result");
    open_.clear();
  }

  void expect_text(const json& message) {
    const auto& content = member_of(message, "content");
    out_.expect(content.is_string() && !content.get_ref<const std::string&>().empty(), place_, "it has no text");
  }

  report& out_;
  const openai_rules& rules_;
  std::size_t index_ = 0;
  std::string place_ = "messages";
  std::string last_;
  std::set<std::string> ids_;
  std::set<std::string> open_;
};

// -- tools --------------------------------------------------------------------

void expect_tool(report& out, const json& tool, const std::string& place, std::set<std::string>& names) {
  if (!out.expect(tool.is_object() && text_of(tool, "type") == "function", place, "is no function"))
    return;
  const auto& function = member_of(tool, "function");
  const auto name = text_of(function, "name");
  // "string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'"
  // (refly-ai/refly#1794)
  out.expect(is_tool_name(name), place, "the name '" + name + "'");
  // google-gemini/gemini-cli#28970, activepieces/activepieces#11544
  out.expect(names.insert(name).second, place, "the name '" + name + "' is there twice");
  expect_schema(out, member_of(function, "parameters"), place);
}

void expect_tools(report& out, const json& body, bool has_calls) {
  if (!body.contains("tools")) {
    // earendil-works/pi#149, anthropics/anthropic-sdk-typescript#602
    out.expect(!has_calls, "tools", "the conversation has calls, but there are none");
    return;
  }
  const auto& tools = body["tools"];
  // An empty list: partITech/php-mistral#76.
  if (!out.expect(tools.is_array() && !tools.empty(), "tools", "is no list, or an empty one"))
    return;
  // "array too long. Expected an array with maximum length 128" (vishalmysore/Tools4AI#16)
  out.expect(tools.size() <= 128, "tools", "more than 128");
  std::set<std::string> names;
  std::size_t index = 0;
  for (const auto& tool : tools)
    expect_tool(out, tool, place_of("tools", index++), names);
}

} // namespace

void expect_openai_ground(report& out, const json& body, const openai_rules& rules) {
  out.expect(!text_of(body, "model").empty(), "model", "is missing");
  const auto& messages = member_of(body, "messages");
  if (!out.expect(messages.is_array() && !messages.empty(), "messages", "is no list, or an empty one"))
    return;
  openai_walk walk{out, rules};
  walk.walk(messages);
  expect_tools(out, body, walk.has_calls());
}

} // namespace troupe::strict
