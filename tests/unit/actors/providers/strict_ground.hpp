#pragma once

#include "strict_provider.hpp"

#include <cstddef>
#include <string>
#include <string_view>

/// What the strict validators are made of.
namespace troupe::strict {

/// Collects sentences.
class report {
public:
  void say(std::string_view place, std::string_view what) {
    found_.push_back(std::string{place} + ": " + std::string{what});
  }
  /// Says it unless `holds`; gives `holds` back.
  bool expect(bool holds, std::string_view place, std::string_view what) {
    if (!holds)
      say(place, what);
    return holds;
  }
  [[nodiscard]] violations take() && { return std::move(found_); }

private:
  violations found_;
};

/// `messages[3]`.
std::string place_of(std::string_view list, std::size_t index);

/// Null if there is no such member.
const nlohmann::json& member_of(const nlohmann::json& object, const char* name);

/// Empty if it is no string.
std::string text_of(const nlohmann::json& object, const char* name);

/// Nothing but white space, or nothing.
bool is_blank(std::string_view text);

/// `^[a-zA-Z0-9_-]{1,64}$`, as OpenAI, Mistral and DeepSeek want names of tools (openai/openai-python's API reference;
/// mistralai/mistral-common, validator.py; refly-ai/refly#1794).
bool is_tool_name(std::string_view name);

/// Says what other members than these an object has.
void expect_members(report& out, const nlohmann::json& object, const std::set<std::string_view>& known,
                    std::string_view place);

/// What a tool's schema must be for those who are strict about it. OpenAI: "schema must have type 'object' and not have
/// 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level" (nspady/google-calendar-mcp#39), "object schema missing
/// properties". Anthropic: "input_schema does not support oneOf, allOf, or anyOf at the top level"
/// (anthropics/claude-code#40075).
void expect_schema(report& out, const nlohmann::json& schema, std::string_view place);

/// What a kind of chat completions adds to the ground that all of them share.
struct openai_rules {
  /// Members of messages beside those that all know.
  std::set<std::string_view> assistant_members;
  /// Members of calls, likewise.
  std::set<std::string_view> call_members;
};

/// The ground that all servers of chat completions share, told by the strictest of them.
void expect_openai_ground(report& out, const nlohmann::json& body, const openai_rules& rules);

} // namespace troupe::strict
