#include "actors/providers/openai_request.hpp"

#include "actors/providers/provider_json.hpp"
#include "actors/providers/request_body.hpp"
#include "actors/remote/foreign_text.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace troupe {

namespace {

using nlohmann::json;

/// The documented stand-in for a signature that another model's call does not have
/// (ai.google.dev/gemini-api/docs/thought-signatures).
constexpr std::string_view no_signature = R"({"google":{"thought_signature":"skip_thought_signature_validator"}})";

/// Adds the members of what was kept.
void add_members(json_object& to, const json& kept) {
  for (const auto& [name, value] : kept.items())
    if (name != content_prefix && name.find_first_of("\"\\") == std::string::npos)
      to.add_raw(name, providers::dump(value));
}

json kept_in(std::string_view text) {
  return text.empty() ? json::object() : parse_json_object(text).value_or(json::object());
}

/// DeepSeek and Kimi want to see what was thought before each message, and take the same
/// words again and again for a pattern (Lingtai-AI/lingtai-kernel#9), nothing at all for
/// missing (NousResearch/hermes-agent#17341): of a message that another model made they
/// are told what it does.
std::string thought_of(const shown_message& message) {
  if (message.calls.empty())
    return "Answering: " + foreign::excerpt(message.text, 60);
  std::string thought = "Calling";
  for (const auto& call : message.calls)
    thought.append(thought == "Calling" ? " " : ", ").append(call.name);
  return thought + " with " + foreign::excerpt(message.calls.front().arguments, 60);
}

class openai_writer {
public:
  openai_writer(const prompt& what, const model_traits& traits) : what_{what}, traits_{traits} {}

  std::string messages(std::span<const shown_message> shown) {
    std::string out;
    {
      json_array all{out};
      if (!is_blank(what_.bot.system_prompt) && !traits_.has(model_trait::no_system_role))
        json_object{all.open()}.add("role", "system").add("content", what_.bot.system_prompt);
      for (const auto& message : shown) {
        add(json_object{all.open()}, message);
        for (const auto& call : message.calls)
          json_object{all.open()}
            .add("role", "tool")
            .add("content", shown_result(call.result))
            .add("tool_call_id", call.id);
      }
    }
    return out;
  }

  static std::string tools(std::span<const tool_definition> offered) {
    if (offered.empty())
      return {};
    std::string out;
    {
      json_array all{out};
      for (const auto& tool : offered) {
        json_object one{all.open()};
        one.add("type", "function");
        json_object function{one.open("function")};
        function.add("name", tool.name);
        if (!tool.description.empty())
          function.add("description", tool.description);
        function.add_raw("parameters", tool.parameters);
      }
    }
    return out;
  }

private:
  void add(json_object&& out, const shown_message& message) const {
    out.add("role", message.from_user ? "user" : "assistant");
    const auto kept = kept_in(message.replay);
    const auto prefix = providers::string_in(kept, content_prefix);
    if (message.text.empty() && prefix.empty())
      out.add("content", nullptr);
    else
      out.add("content", std::string{prefix} + message.text);
    if (message.from_user)
      return;
    add_thought(out, message, kept);
    if (message.calls.empty())
      return;
    json_array calls{out.open("tool_calls")};
    for (const auto& call : message.calls)
      add(json_object{calls.open()}, message, call);
  }

  void add(json_object&& out, const shown_message& message, const shown_call& call) const {
    out.add("id", call.id).add("type", "function");
    json_object{out.open("function")}.add("name", call.name).add("arguments", call.arguments);
    if (traits_.has(model_trait::plain_messages))
      return;
    if (message.own && !call.call->extra.empty())
      add_members(out, kept_in(call.call->extra));
    else if (!message.own && traits_.has(model_trait::wants_signatures) && &call == &message.calls.front())
      out.add_raw("extra_content", no_signature);
  }

  void add_thought(json_object& out, const shown_message& message, const json& kept) const {
    if (traits_.has(model_trait::plain_messages) || traits_.has(model_trait::no_thinking))
      return;
    add_members(out, kept);
    if (!traits_.has(model_trait::wants_reasoning) || kept.contains("reasoning_content"))
      return;
    // Where it comes as `reasoning` it is still wanted under the other name (can1357/oh-my-pi#972).
    const auto thought = providers::string_in(kept, "reasoning");
    out.add("reasoning_content", thought.empty() ? thought_of(message) : std::string{thought});
  }

  const prompt& what_;
  const model_traits& traits_;
};

void heed(const model_traits& traits, json& head) {
  if (traits.has(model_trait::no_temperature))
    head.erase("temperature");
  // Also where an operator has set it among the model's parameters.
  if (traits.has(model_trait::no_max_tokens)) {
    head.erase("max_tokens");
    head.erase("max_completion_tokens");
  } else if (traits.has(model_trait::completion_tokens) && head.contains("max_tokens")) {
    head.emplace("max_completion_tokens", head["max_tokens"]);
    head.erase("max_tokens");
  }
  if (traits.has(model_trait::no_thinking) && head.contains("thinking"))
    head["thinking"] = {{"type", "disabled"}};
}

json head_of(const prompt& what, const model_traits& traits) {
  json head{{"model", what.model.model}, {"stream", true}};
  if (!traits.has(model_trait::no_stream_options))
    head["stream_options"] = {{"include_usage", true}};
  if (what.bot.temperature)
    head["temperature"] = *what.bot.temperature;
  if (what.bot.max_tokens)
    head["max_tokens"] = *what.bot.max_tokens;
  providers::apply_parameters(head, what.model);
  heed(traits, head);
  return head;
}

} // namespace

outbound_request openai_request(const prompt& what, std::string_view key) {
  auto traits = guessed_traits(what.model);
  // What was learnt is truer than what was guessed.
  if (what.traits.has(model_trait::wants_reasoning) || what.traits.has(model_trait::wants_signatures))
    traits.remove(model_trait::plain_messages);
  if (what.traits.has(model_trait::plain_messages))
    traits = {};
  traits |= what.traits;
  auto shown = show_thread(what.history, model_identity(what.model));
  const auto tools = providers::offered_tools(what, shown);
  if (traits.has(model_trait::no_system_role))
    providers::tell_as_user(what.bot.system_prompt, shown);

  outbound_request made;
  made.url = providers::join_url(what.model.base_url, "chat/completions");
  made.headers = {{"Accept", "text/event-stream"}, {"Content-Type", "application/json"}};
  if (!key.empty())
    made.headers.emplace_back("Authorization", "Bearer " + std::string{key});
  providers::replace_headers(made.headers, what.model.headers);
  openai_writer body{what, traits};
  made.body = providers::finish_body(head_of(what, traits), body.messages(shown), openai_writer::tools(tools));
  return made;
}

} // namespace troupe
