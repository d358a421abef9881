#include "actors/providers/model_traits.hpp"

#include "actors/providers/provider_json.hpp"
#include "actors/remote/digest.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <utility>

namespace troupe {

namespace {

using nlohmann::json;
using providers::in_lower_case;
using providers::member;

constexpr std::size_t most_refused_tools = 64;
constexpr std::size_t longest_said = std::size_t{16} * 1024;

bool has_any(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return text.find(word) != std::string_view::npos; });
}

std::string tool_key(std::string_view name, std::string_view schema) {
  // However it was written.
  const auto same = json::parse(schema, nullptr, false);
  return std::string{name} + '#' + short_digest(same.is_discarded() ? std::string{schema} : same.dump(), 8);
}

/// The member is not known, or not taken, at all; not just this value of it.
bool is_unknown_member(std::string_view said) {
  return has_any(said, {"unsupported", "not supported", "does not support", "unknown", "unrecognized", "unexpected",
                        "extra inputs", "extra_forbidden", "extra fields", "not permitted", "not allowed", "not known",
                        "deprecated", "only the default", "additional properties", "no such"});
}

/// The value is out of its range: whoever has set it is to be told.
bool is_out_of_range(std::string_view said) {
  return has_any(said, {"less than", "greater than", "between", "too large", "too high", "exceeds", "at most",
                        "at least", "maximum value", "minimum value", "out of range", "<=", ">="});
}

/// What was said of one request, against what is known and what was sent.
class lesson {
public:
  lesson(const model_traits& known, std::string_view said, const json& sent)
    : traits_{known}, said_{in_lower_case(said.substr(0, longest_said))}, sent_{sent} {}

  std::optional<model_traits> take() {
    if (about_tokens() || about_stream() || about_temperature() || about_thinking() || about_signatures()
        || about_reasoning() || about_system() || about_a_tool())
      return traits_;
    return std::nullopt;
  }

private:
  [[nodiscard]] bool says(std::string_view word) const { return said_.find(word) != std::string::npos; }
  [[nodiscard]] bool sends(const char* name) const { return member(sent_, name) != nullptr; }

  bool note(model_trait one) {
    if (traits_.has(one))
      return false;
    traits_.add(one);
    return true;
  }

  bool about_tokens() {
    if (sends("max_tokens") && says("max_completion_tokens"))
      return note(model_trait::completion_tokens);
    if (sends("max_tokens") && says("max_tokens") && is_unknown_member(said_) && !is_out_of_range(said_))
      return note(model_trait::completion_tokens);
    if (sends("max_completion_tokens") && says("max_completion_tokens") && is_unknown_member(said_)
        && !is_out_of_range(said_))
      return note(model_trait::no_max_tokens);
    return false;
  }

  bool about_stream() {
    return sends("stream_options") && has_any(said_, {"stream_options", "include_usage"})
           && note(model_trait::no_stream_options);
  }

  bool about_temperature() {
    return sends("temperature") && says("temperature") && is_unknown_member(said_) && !is_out_of_range(said_)
           && note(model_trait::no_temperature);
  }

  bool about_thinking() {
    return has_any(said_, {"in `thinking` block", "must start with a thinking block", "expected `thinking`",
                           "blocks in the latest assistant message cannot be modified", "cannot contain `thinking`",
                           "content[].thinking` in the thinking mode"})
           && note(model_trait::no_thinking);
  }

  bool about_signatures() {
    if (!has_any(said_, {"thought_signature", "thoughtsignature", "extra_content"}))
      return false;
    if (says("missing") && !traits_.has(model_trait::wants_signatures))
      return note(model_trait::wants_signatures);
    return is_unknown_member(said_) && forget_members();
  }

  bool about_reasoning() {
    if (!says("reasoning"))
      return false;
    if (has_any(said_, {"must be passed back", "missing", "is required"})
        && !traits_.has(model_trait::wants_reasoning)) {
      traits_.remove(model_trait::plain_messages);
      return note(model_trait::wants_reasoning);
    }
    return is_unknown_member(said_) && forget_members();
  }

  /// Whatever goes beyond the protocol is left out, whoever wanted it before.
  bool forget_members() {
    traits_.remove(model_trait::wants_reasoning);
    traits_.remove(model_trait::wants_signatures);
    return note(model_trait::plain_messages);
  }

  bool about_system() {
    const bool refused = (says("system") && has_any(said_, {"role not supported", "role is not supported"}))
                         || has_any(said_, {"developer instruction is not enabled", "system role not supported",
                                            "only user and assistant roles are supported"});
    return refused && note(model_trait::no_system_role);
  }

  /// `tools[5].function.parameters`, `tools.9.custom.input_schema`, at Gemini's endpoint
  /// `tools[0].function_declarations[7].name` (kaitranntt/ccs#25): that one is left out.
  bool about_a_tool() {
    const auto* tools = member(sent_, "tools");
    const std::string_view list = says("function_declarations[") ? "function_declarations" : "tools";
    const auto at = said_.find(list);
    const auto separator = at + list.size();
    if (tools == nullptr || !tools->is_array() || at == std::string::npos || separator + 1 >= said_.size())
      return false;
    std::size_t index = 0;
    const auto parsed = std::from_chars(said_.data() + separator + 1, said_.data() + said_.size(), index);
    if ((said_[separator] != '[' && said_[separator] != '.') || parsed.ec != std::errc{} || index >= tools->size())
      return false;
    const auto& tool = (*tools)[index];
    const auto* function = member(tool, "function");
    const auto& named = function == nullptr ? tool : *function;
    const auto name = providers::string_in(named, "name");
    const auto* schema = member(named, function == nullptr ? "input_schema" : "parameters");
    const auto text = schema == nullptr ? std::string{} : schema->dump();
    if (name.empty() || traits_.refuses(name, text))
      return false;
    traits_.refuse(name, text);
    return traits_.refuses(name, text);
  }

  model_traits traits_;
  std::string said_;
  const json& sent_;
};

} // namespace

// -- the set ------------------------------------------------------------------------

bool model_traits::refuses(std::string_view name, std::string_view schema) const {
  return !tools_.empty() && tools_.contains(tool_key(name, schema));
}

void model_traits::refuse(std::string_view name, std::string_view schema) {
  if (tools_.size() < most_refused_tools)
    tools_.insert(tool_key(name, schema));
}

model_traits& model_traits::operator|=(const model_traits& other) {
  bits_ |= other.bits_;
  tools_.insert(other.tools_.begin(), other.tools_.end());
  return *this;
}

std::vector<std::string> model_traits::names() const {
  constexpr std::array<std::pair<model_trait, std::string_view>, 9> all{{
    {model_trait::completion_tokens, "max_completion_tokens"},
    {model_trait::no_max_tokens, "no_max_tokens"},
    {model_trait::no_stream_options, "no_stream_options"},
    {model_trait::no_temperature, "no_temperature"},
    {model_trait::no_system_role, "no_system_role"},
    {model_trait::wants_reasoning, "reasoning_content"},
    {model_trait::wants_signatures, "thought_signature"},
    {model_trait::plain_messages, "plain_messages"},
    {model_trait::no_thinking, "no_thinking"},
  }};
  std::vector<std::string> names;
  for (const auto& [one, name] : all)
    if (has(one))
      names.emplace_back(name);
  for (const auto& tool : tools_)
    names.push_back("without_tool:" + tool.substr(0, tool.rfind('#')));
  return names;
}

// -- models -------------------------------------------------------------------------

std::string model_identity(const model_record& model) {
  auto base = std::string_view{model.base_url};
  while (base.ends_with('/'))
    base.remove_suffix(1);
  return std::string{to_string(model.kind)}.append(" ").append(base).append(" ").append(model.model);
}

model_traits guessed_traits(const model_record& model) {
  model_traits traits;
  if (model.kind != model_kind::openai)
    return traits;
  const auto name = in_lower_case(model.model);
  const auto host = in_lower_case(model.base_url);
  if (has_any(name, {"deepseek", "kimi"}) || has_any(host, {"deepseek.com", "moonshot."}))
    traits.add(model_trait::wants_reasoning);
  if (has_any(name, {"gemini"}) || has_any(host, {"generativelanguage.googleapis.com", "aiplatform.googleapis.com"}))
    traits.add(model_trait::wants_signatures);
  if (has_any(name, {"mistral", "codestral", "devstral", "magistral", "ministral"}) || has_any(host, {"mistral.ai"}))
    traits.add(model_trait::plain_messages);
  return traits;
}

bool may_teach(unsigned status) noexcept {
  return status == 400 || status == 404 || status == 422 || status == 500 || status == 501;
}

std::optional<model_traits> learn(const model_traits& known, const refused_request& refused) {
  if (!may_teach(refused.status))
    return std::nullopt;
  const auto sent = json::parse(refused.sent, nullptr, false);
  return sent.is_object() ? lesson{known, refused.said, sent}.take() : std::nullopt;
}

} // namespace troupe
