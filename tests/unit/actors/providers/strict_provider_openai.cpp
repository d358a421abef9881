#include "strict_ground.hpp"

#include <algorithm>

/// The kinds of chat completions, each with what it adds to the common ground.
namespace troupe::strict {

using nlohmann::json;

namespace {

/// Calls `visit` with each assistant message and its place.
template <class Visit>
void each_assistant(const json& body, Visit visit) {
  std::size_t index = 0;
  for (const auto& message : member_of(body, "messages")) {
    const auto place = place_of("messages", index++);
    if (text_of(message, "role") == "assistant")
      visit(message, place);
  }
}

/// Calls `visit` with each call and its place.
template <class Visit>
void each_call(const json& message, const std::string& place, Visit visit) {
  std::size_t number = 0;
  for (const auto& call : member_of(message, "tool_calls"))
    visit(call, place + "." + place_of("tool_calls", number++));
}

bool has_calls(const json& body) {
  bool found = false;
  each_assistant(body, [&](const json& message, const std::string&) { found |= message.contains("tool_calls"); });
  return found;
}

// -- Mistral --------------------------------------------------------------------

bool is_mistral_id(std::string_view id) {
  const auto allowed
    = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return id.size() == 9 && std::all_of(id.begin(), id.end(), allowed);
}

// -- DeepSeek -------------------------------------------------------------------

/// "The `reasoning_content` in the thinking mode must be passed back to the API" (earendil-works/pi#3636); also of
/// answers without calls, once the conversation has some (openclaw/openclaw#73417, MoonshotAI/kimi-cli#2141).
void expect_reasoning(report& out, const json& message, const known_values& known, const std::string& place) {
  if (!out.expect(member_of(message, "reasoning_content").is_string(), place, "lacks reasoning_content"))
    return;
  // What it did not make itself is refused by some if it is empty (NousResearch/hermes-agent#17341).
  const auto text = text_of(message, "reasoning_content");
  out.expect(!text.empty() || known.own.contains(text) || !message.contains("tool_calls"), place,
             "has an empty reasoning_content that DeepSeek did not make");
}

// -- Gemini -----------------------------------------------------------------------

/// "Must start with a letter or an underscore" (google-gemini/gemini-cli#2966, kaitranntt/ccs#25)
bool begins_like_a_word(std::string_view name) {
  if (name.empty())
    return false;
  const char c = name.front();
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// For calls that another model made (ai.google.dev/gemini-api/docs/thought-signatures, the questions at its end).
bool is_dummy_signature(std::string_view signature) {
  return signature == "skip_thought_signature_validator" || signature == "context_engineering_is_the_way_to_go";
}

/// Which signatures a request has, each where it belongs.
class signature_walk {
public:
  signature_walk(report& out, const known_values& known) : out_(out), known_(known) {}

  /// The first call of each step bears one (ai.google.dev/gemini-api/docs/thought-signatures); by that page in the
  /// current turn only, by the reports in earlier ones too (zed-industries/zed#64035).
  void take(const json& message, const std::string& place) {
    expect_value(message, place);
    bool is_first = true;
    each_call(message, place, [&](const json& call, const std::string& where) {
      out_.expect(!is_first || call.contains("extra_content"), where, "the first call has no signature");
      expect_value(call, where);
      is_first = false;
    });
  }

private:
  void expect_value(const json& owner, const std::string& place) {
    if (!owner.contains("extra_content"))
      return;
    const auto signature = text_of(member_of(owner["extra_content"], "google"), "thought_signature");
    if (is_dummy_signature(signature))
      return;
    out_.expect(known_.own.contains(signature), place,
                known_.foreign.contains(signature) ? "has a signature of another model"
                                                   : "has a signature of nobody's");
    out_.expect(seen_.insert(signature).second, place, "has a signature that stands elsewhere too");
  }

  report& out_;
  const known_values& known_;
  std::set<std::string> seen_;
};

void expect_gemini_names(report& out, const json& body) {
  std::size_t index = 0;
  for (const auto& tool : member_of(body, "tools")) {
    const auto name = text_of(member_of(tool, "function"), "name");
    out.expect(begins_like_a_word(name), place_of("tools", index++), "the name '" + name + "' begins with no letter");
  }
  each_assistant(body, [&](const json& message, const std::string& place) {
    each_call(message, place, [&](const json& call, const std::string& where) {
      const auto name = text_of(member_of(call, "function"), "name");
      out.expect(begins_like_a_word(name), where, "the name '" + name + "' begins with no letter");
    });
  });
}

} // namespace

violations violations_for_openai(const json& body) {
  report out;
  expect_openai_ground(out, body, {});
  return std::move(out).take();
}

violations violations_for_mistral(const json& body) {
  report out;
  // What it does not know is refused, 422 `extra_forbidden`: reasoning_content (charmbracelet/crush#1590,
  // BerriAI/litellm#30835), extra_content, names of users (Gage-Technologies/mistral-go#3).
  expect_openai_ground(out, body, {});
  // "must be a-z, A-Z, 0-9, with a length of 9" (mistralai/mistral-common, validator.py; anomalyco/opencode#1680)
  each_assistant(body, [&](const json& message, const std::string& place) {
    each_call(message, place, [&](const json& call, const std::string& where) {
      const auto id = text_of(call, "id");
      out.expect(is_mistral_id(id), where, "the id '" + id + "' is not nine letters or digits");
    });
  });
  return std::move(out).take();
}

violations violations_for_deepseek(const json& body, const known_values& reasoning) {
  report out;
  expect_openai_ground(out, body, {{"reasoning_content"}, {}});
  const bool thinks = text_of(member_of(body, "thinking"), "type") != "disabled";
  const bool is_required = thinks && has_calls(body);
  each_assistant(body, [&](const json& message, const std::string& place) {
    if (is_required)
      expect_reasoning(out, message, reasoning, place);
    out.expect(!reasoning.foreign.contains(text_of(message, "reasoning_content")), place,
               "has the reasoning of another model");
  });
  return std::move(out).take();
}

violations violations_for_gemini(const json& body, const known_values& signatures) {
  report out;
  expect_openai_ground(out, body, {{"extra_content"}, {"extra_content"}});
  expect_gemini_names(out, body);
  signature_walk walk{out, signatures};
  each_assistant(body, [&](const json& message, const std::string& place) { walk.take(message, place); });
  return std::move(out).take();
}

} // namespace troupe::strict
