#include "strict_ground.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace troupe::strict {

using nlohmann::json;

namespace {

bool is_thinking(const json& block) {
  const auto type = text_of(block, "type");
  return type == "thinking" || type == "redacted_thinking";
}

bool holds(const json& message, std::string_view type) {
  const auto& content = member_of(message, "content");
  return content.is_array() && std::any_of(content.begin(), content.end(), [&](const json& block) {
           return text_of(block, "type") == type;
         });
}

bool is_empty_text(const json& block) {
  return text_of(block, "type") == "text" && is_blank(text_of(block, "text"));
}

// -- the shape of a conversation ------------------------------------------------

/// Walks the messages from the first to the last.
class claude_walk {
public:
  explicit claude_walk(report& out) : out_(out) {}

  void walk(const json& messages) {
    for (const auto& message : messages) {
      place_ = place_of("messages", index_++);
      if (out_.expect(message.is_object(), place_, "is no object"))
        take(message);
    }
    expect_no_open_call();
    // "This model does not support assistant message prefill. The conversation must end with a user message."
    // (anthropics/claude-code#52433)
    out_.expect(last_ == "user", place_, "the last message is not the user's");
  }

  [[nodiscard]] bool has_calls() const { return !ids_.empty(); }

private:
  void take(const json& message) {
    expect_members(out_, message, {"role", "content"}, place_);
    const auto role = text_of(message, "role");
    // "roles must alternate between "user" and "assistant"" (vercel/ai#2047)
    out_.expect(role != last_, place_, "two messages of one role in a row");
    out_.expect(role == "assistant" || role == "user", place_, "unknown role '" + role + "'");
    out_.expect(!last_.empty() || role == "user", place_, "the first message is not the user's");
    last_ = role;
    const auto& content = member_of(message, "content");
    if (content.is_string()) {
      out_.expect(!is_blank(content.get_ref<const std::string&>()), place_, "the content is blank");
      expect_no_open_call();
    } else if (out_.expect(content.is_array() && !content.empty(), place_, "it has no content")) {
      take_blocks(content);
    }
  }

  void take_blocks(const json& content) {
    const auto message = place_;
    std::size_t number = 0;
    for (const auto& block : content) {
      place_ = message + "." + place_of("content", number++);
      // "tool_use ids were found without tool_result blocks immediately after" (aliasrobotics/cai#182): the results
      // come first, all of them, before any text.
      if (last_ == "user" && text_of(block, "type") != "tool_result")
        expect_no_open_call();
      take_block(block);
    }
    place_ = message;
    if (last_ == "user")
      expect_no_open_call();
    else
      // cortexkit/anthropic-auth#49
      out_.expect(!is_thinking(content.back()), place_, "its last block is thinking");
  }

  void take_block(const json& block) {
    const auto type = text_of(block, "type");
    if (type == "text")
      take_text(block);
    else if (type == "tool_use")
      take_call(block);
    else if (type == "tool_result")
      take_result(block);
    else if (type == "thinking")
      take_thinking(block, {"type", "thinking", "signature"});
    else if (type == "redacted_thinking")
      take_thinking(block, {"type", "data"});
    else
      out_.say(place_, "unknown type '" + type + "'");
  }

  /// "text content blocks must be non-empty", "… must contain non-whitespace text" (home-assistant/core#175637)
  void take_text(const json& block) {
    expect_members(out_, block, {"type", "text", "cache_control"}, place_);
    out_.expect(!is_blank(text_of(block, "text")), place_, "the text is blank");
  }

  /// "tool_use.text: Extra inputs are not permitted" (anthropics/claude-code#4378)
  void take_call(const json& block) {
    expect_members(out_, block, {"type", "id", "name", "input", "cache_control"}, place_);
    out_.expect(last_ == "assistant", place_, "a call in a message of the user's");
    out_.expect(is_tool_name(text_of(block, "name")), place_, "the name '" + text_of(block, "name") + "'");
    out_.expect(member_of(block, "input").is_object(), place_, "the input is no object");
    // `^[a-zA-Z0-9_-]+$`, unique in the request (BerriAI/litellm#23510, anomalyco/opencode#1279)
    const auto id = text_of(block, "id");
    out_.expect(is_tool_name(id), place_, "the id '" + id + "'");
    out_.expect(ids_.insert(id).second, place_, "the id '" + id + "' is not unique");
    open_.insert(id);
  }

  void take_result(const json& block) {
    expect_members(out_, block, {"type", "tool_use_id", "content", "is_error", "cache_control"}, place_);
    out_.expect(last_ == "user", place_, "a result in a message of the assistant's");
    const auto id = text_of(block, "tool_use_id");
    out_.expect(open_.erase(id) == 1, place_, "a result of '" + id + "', which no call right before it waits for");
    const auto& content = member_of(block, "content");
    if (!content.is_array())
      return;
    for (const auto& part : content)
      out_.expect(!is_empty_text(part), place_, "a blank text in the result");
  }

  void take_thinking(const json& block, const std::set<std::string_view>& known) {
    expect_members(out_, block, known, place_);
    out_.expect(last_ == "assistant", place_, "thinking in a message of the user's");
  }

  void expect_no_open_call() {
    for (const auto& id : open_)
      if (last_ == "user")
        out_.say(place_, "the call '" + id + "' has no result at the beginning of the message behind it");
    if (last_ == "user")
      open_.clear();
  }

  report& out_;
  std::size_t index_ = 0;
  std::string place_ = "messages";
  std::string last_;
  std::set<std::string> ids_;
  std::set<std::string> open_;
};

// -- what else a body holds -----------------------------------------------------

/// "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$'"
bool is_property_name(std::string name) {
  std::replace(name.begin(), name.end(), '.', '_');
  return is_tool_name(name);
}

void expect_tools(report& out, const json& body, bool has_calls) {
  if (!body.contains("tools")) {
    // earendil-works/pi#149, anthropics/anthropic-sdk-typescript#602
    out.expect(!has_calls, "tools", "the conversation has calls, but there are none");
    return;
  }
  if (!out.expect(body["tools"].is_array() && !body["tools"].empty(), "tools", "is no list, or an empty one"))
    return;
  std::set<std::string> names;
  std::size_t index = 0;
  for (const auto& tool : body["tools"]) {
    const auto place = place_of("tools", index++);
    const auto name = text_of(tool, "name");
    out.expect(is_tool_name(name), place, "the name '" + name + "'");
    out.expect(names.insert(name).second, place, "the name '" + name + "' is there twice");
    const auto& schema = member_of(tool, "input_schema");
    expect_schema(out, schema, place);
    for (const auto& [property, unused] : member_of(schema, "properties").items())
      out.expect(is_property_name(property), place, "the property '" + property + "'");
  }
}

/// platform.claude.com/docs/en/build-with-claude/extended-thinking
void expect_parameters(report& out, const json& body) {
  out.expect(!text_of(body, "model").empty(), "model", "is missing");
  const auto& most = member_of(body, "max_tokens");
  out.expect(most.is_number_integer() && most > 0, "max_tokens", "is missing or not positive");
  if (body.contains("system"))
    out.expect(!is_blank(text_of(body, "system")), "system", "is blank");
  const auto& thinking = member_of(body, "thinking");
  const auto type = text_of(thinking, "type");
  if (type != "enabled" && type != "adaptive")
    return;
  out.expect(!body.contains("temperature") || body["temperature"] == 1, "temperature", "stands beside thinking");
  const auto& budget = member_of(thinking, "budget_tokens");
  if (type == "enabled")
    out.expect(budget.is_number_integer() && budget >= 1024 && budget < most, "thinking",
               "the budget is less than 1024, or not less than max_tokens");
}

// -- the turn that runs -----------------------------------------------------------

/// The assistant's messages behind the last one in which the user has said something.
std::vector<std::size_t> running_turn(const json& messages) {
  std::vector<std::size_t> turn;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    const auto& message = messages[i];
    if (text_of(message, "role") == "assistant")
      turn.push_back(i);
    else if (holds(message, "text") || member_of(message, "content").is_string())
      turn.clear();
  }
  return turn;
}

bool begins_with_thinking(const json& message) {
  const auto& content = member_of(message, "content");
  return content.is_array() && !content.empty() && is_thinking(content.front());
}

/// What an answer says besides its thinking, whatever its calls are named here.
json said_in(const json& content) {
  auto said = json::array();
  for (const auto& block : content) {
    if (text_of(block, "type") == "tool_use")
      said.push_back(member_of(block, "input"));
    else if (text_of(block, "type") == "text" && !is_blank(text_of(block, "text")))
      said.push_back(text_of(block, "text"));
  }
  return said;
}

bool was_made_without_thinking(const json& message, const claude_memory& memory) {
  const auto said = said_in(member_of(message, "content"));
  return std::any_of(memory.answers.begin(), memory.answers.end(), [&](const claude_answer& answer) {
    return !answer.content.empty() && !is_thinking(answer.content.front()) && said_in(answer.content) == said;
  });
}

/// "When `thinking` is enabled, a final `assistant` message must start with a thinking block (preceeding the lastmost
/// set of `tool_use` and `tool_result` blocks)" (anomalyco/opencode#3077, mastra-ai/mastra#7799). A turn is one
/// assistant message in this, however many calls it makes: it begins with thinking, and so does its last message,
/// unless Claude made that without any.
void expect_leading_thinking(report& out, const json& messages, const claude_memory& memory) {
  if (const auto turn = running_turn(messages); !turn.empty())
    out.expect(begins_with_thinking(messages[turn.front()]), place_of("messages", turn.front()),
               "the running turn does not begin with thinking");
  if (messages.size() < 2 || !holds(messages.back(), "tool_result"))
    return;
  const auto last = messages.size() - 2;
  out.expect(begins_with_thinking(messages[last]) || was_made_without_thinking(messages[last], memory),
             place_of("messages", last), "the last answer does not begin with thinking");
}

/// "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`"
/// (tailcallhq/forgecode#1853)
void expect_no_thinking(report& out, const json& messages) {
  for (const auto index : running_turn(messages))
    out.expect(!holds(messages[index], "thinking") && !holds(messages[index], "redacted_thinking"),
               place_of("messages", index), "thinking in the running turn, though it is off");
}

void expect_running_turn(report& out, const json& body, const claude_memory& memory) {
  const auto type = text_of(member_of(body, "thinking"), "type");
  const auto& messages = member_of(body, "messages");
  if (type == "enabled")
    expect_leading_thinking(out, messages, memory);
  else if (type == "disabled" || (type.empty() && !memory.thinks_by_default))
    expect_no_thinking(out, messages);
}

// -- thinking that was made before ------------------------------------------------

/// A block of an answer.
struct made_at {
  std::size_t answer = 0;
  std::size_t block = 0;

  bool operator<(const made_at& other) const noexcept {
    return answer != other.answer ? answer < other.answer : block < other.block;
  }
};

/// The messages without their thinking: what it may be left out of.
json without_thinking(json messages, std::size_t count) {
  messages.erase(messages.begin() + static_cast<std::ptrdiff_t>(std::min(count, messages.size())), messages.end());
  for (auto& message : messages)
    if (message["content"].is_array())
      std::erase_if(message["content"].get_ref<json::array_t&>(), is_thinking);
  return messages;
}

/// Holds the thinking in a request against what was made.
class thinking_walk {
public:
  thinking_walk(report& out, const json& body, const claude_memory& memory) : out_(out), body_(body), memory_(memory) {}

  void walk() {
    const auto& messages = member_of(body_, "messages");
    for (std::size_t i = 0; i < messages.size(); ++i) {
      const auto& content = member_of(messages[i], "content");
      if (!content.is_array())
        continue;
      for (std::size_t k = 0; k < content.size(); ++k)
        if (is_thinking(content[k]))
          take(i, k);
    }
    expect_none_missing();
  }

private:
  /// "Invalid `signature` in `thinking` block" (hermes-agent#24401, vybestack/llxprt-code#2335): edited, another
  /// model's, or moved; "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified"
  /// (anthropics/claude-code#63295).
  void take(std::size_t message, std::size_t number) {
    place_ = place_of("messages", message) + "." + place_of("content", number);
    const auto& content = body_["messages"][message]["content"];
    const auto found = find(content[number]);
    if (!out_.expect(found.has_value(), place_, "thinking that Claude did not make, or not like this"))
      return;
    out_.expect(seen_.empty() || seen_.back() < *found, place_, "thinking out of its order");
    seen_.push_back(*found);
    expect_surroundings(content, number, *found);
    if (memory_.binds_thinking)
      expect_prefix(message, memory_.answers[found->answer].request);
  }

  [[nodiscard]] std::optional<made_at> find(const json& block) const {
    for (std::size_t i = 0; i < memory_.answers.size(); ++i) {
      const auto& content = memory_.answers[i].content;
      const auto found = std::find(content.begin(), content.end(), block);
      if (found != content.end())
        return made_at{i, static_cast<std::size_t>(found - content.begin())};
    }
    return std::nullopt;
  }

  /// Between two blocks of thinking stands what stood there (UKGovernmentBEIS/inspect_ai#4922, BerriAI/litellm#23137).
  void expect_surroundings(const json& content, std::size_t number, const made_at& found) {
    const auto before = types_before(content, number);
    const auto made = types_before(memory_.answers[found.answer].content, found.block);
    const auto shared = std::min(before.size(), made.size());
    out_.expect(std::equal(before.end() - static_cast<std::ptrdiff_t>(shared), before.end(),
                           made.end() - static_cast<std::ptrdiff_t>(shared))
                  && (made.empty() || !before.empty()),
                place_, "what stands before this thinking in its message is not what stood there");
  }

  /// The types of the blocks before one, but for blank texts, which cannot be sent.
  static std::vector<std::string> types_before(const json& content, std::size_t number) {
    std::vector<std::string> types;
    for (std::size_t i = 0; i < number; ++i)
      if (!is_empty_text(content[i]))
        types.push_back(text_of(content[i], "type"));
    return types;
  }

  /// "The block is bound to a different conversation": `system`, `tools` or a message before it has changed since it
  /// was made (platform.claude.com/docs/en/build-with-claude/preserved-thinking; pydantic/pydantic-ai#7984,
  /// anomalyco/opencode#48637).
  void expect_prefix(std::size_t message, const json& made_for) {
    for (const auto* name : {"system", "tools"})
      out_.expect(member_of(body_, name) == member_of(made_for, name), place_,
                  std::string{"thinking that was made for another "} + name);
    const auto& before = member_of(made_for, "messages");
    out_.expect(message == before.size()
                  && without_thinking(body_["messages"], message) == without_thinking(before, message),
                place_, "thinking that was made behind other messages");
  }

  /// What is sent of an answer's thinking is all of it; and "it also fails if a thinking block between others was left
  /// out" (…/preserved-thinking/prefix-checks). All of it up to some answer may be left out.
  void expect_none_missing() {
    if (seen_.empty())
      return;
    for (auto answer = seen_.front().answer; answer <= seen_.back().answer; ++answer) {
      const auto sent
        = std::count_if(seen_.begin(), seen_.end(), [&](const made_at& at) { return at.answer == answer; });
      const auto& content = memory_.answers[answer].content;
      const auto made = std::count_if(content.begin(), content.end(), is_thinking);
      if (sent < made && (sent > 0 || memory_.binds_thinking))
        out_.say("messages", "thinking between other thinking is left out");
    }
  }

  report& out_;
  const json& body_;
  const claude_memory& memory_;
  std::string place_;
  std::vector<made_at> seen_;
};

} // namespace

violations violations_for_claude(const json& body, const claude_memory& memory) {
  report out;
  expect_parameters(out, body);
  const auto& messages = member_of(body, "messages");
  if (!out.expect(messages.is_array() && !messages.empty(), "messages", "is no list, or an empty one"))
    return std::move(out).take();
  claude_walk walk{out};
  walk.walk(messages);
  expect_tools(out, body, walk.has_calls());
  expect_running_turn(out, body, memory);
  thinking_walk{out, body, memory}.walk();
  return std::move(out).take();
}

} // namespace troupe::strict
