#include "spoken_answer.hpp"

#include <string_view>
#include <utility>

namespace troupe::strict {

using nlohmann::json;

namespace {

/// Two pieces of a text, cut between characters.
std::pair<std::string, std::string> halves(const std::string& text) {
  auto middle = text.size() / 2;
  while (middle > 0 && (static_cast<unsigned char>(text[middle]) & 0xC0) == 0x80)
    --middle;
  return {text.substr(0, middle), text.substr(middle)};
}

/// Chunks of chat completions.
class chunks {
public:
  void add(json delta, json finish = nullptr) {
    const json choice{{"index", 0}, {"delta", std::move(delta)}, {"finish_reason", std::move(finish)}};
    add_data(json{{"object", "chat.completion.chunk"}, {"choices", {choice}}}.dump());
  }

  void add_text(const char* name, const std::string& text) {
    const auto [first, rest] = halves(text);
    add({{name, first}});
    add({{name, rest}});
  }

  std::vector<sse_event> end(const spoken_answer& answer) && {
    add(json::object(), answer.cut ? "length" : answer.calls.empty() ? "stop" : "tool_calls");
    add_data(R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":5,"total_tokens":12}})");
    add_data("[DONE]");
    return std::move(events_);
  }

private:
  void add_data(std::string data) { events_.push_back({"", std::move(data)}); }

  std::vector<sse_event> events_;
};

json extra_of(const std::string& signature) {
  return {{"google", {{"thought_signature", signature}}}};
}

void add_answer_text(chunks& out, const spoken_answer& answer) {
  if (!answer.text.empty())
    out.add_text("content", answer.text);
  if (!answer.signature.empty())
    out.add({{"content", ""}, {"extra_content", extra_of(answer.signature)}});
}

void add_calls(chunks& out, const std::vector<spoken_call>& calls) {
  int index = 0;
  for (const auto& call : calls) {
    const auto [first, rest] = halves(call.arguments);
    json begin{{"index", index},
               {"id", call.id},
               {"type", "function"},
               {"function", {{"name", call.name}, {"arguments", first}}}};
    if (!call.signature.empty())
      begin["extra_content"] = extra_of(call.signature);
    out.add({{"tool_calls", {begin}}});
    out.add({{"tool_calls", {{{"index", index}, {"function", {{"arguments", rest}}}}}}});
    ++index;
  }
}

// -- Anthropic ------------------------------------------------------------------

sse_event event(json data) {
  auto name = data["type"].get<std::string>();
  return {std::move(name), data.dump()};
}

sse_event delta_of(std::size_t index, const char* type, const char* name, const std::string& text) {
  return event({{"type", "content_block_delta"}, {"index", index}, {"delta", {{"type", type}, {name, text}}}});
}

/// A block with what comes later still empty.
json begun(const json& block) {
  auto start = block;
  for (const auto* name : {"text", "thinking", "signature"})
    if (start.contains(name))
      start[name] = "";
  if (start.contains("input"))
    start["input"] = json::object();
  return start;
}

void add_block(std::vector<sse_event>& out, std::size_t index, const json& block) {
  out.push_back(event({{"type", "content_block_start"}, {"index", index}, {"content_block", begun(block)}}));
  const auto type = block["type"].get<std::string>();
  const auto add = [&](const char* kind, const char* name, const std::string& text) {
    const auto [first, rest] = halves(text);
    for (const auto& piece : {first, rest})
      if (!piece.empty())
        out.push_back(delta_of(index, kind, name, piece));
  };
  if (type == "text") {
    add("text_delta", "text", block["text"]);
  } else if (type == "thinking") {
    add("thinking_delta", "thinking", block["thinking"]);
    add("signature_delta", "signature", block["signature"]);
  } else if (type == "tool_use") {
    // A text where the model's own was no JSON.
    add("input_json_delta", "partial_json",
        block["input"].is_string() ? block["input"].get<std::string>() : block["input"].dump());
  }
  out.push_back(event({{"type", "content_block_stop"}, {"index", index}}));
}

} // namespace

std::vector<sse_event> stream_of(const spoken_answer& answer) {
  chunks out;
  out.add({{"role", "assistant"}, {"content", ""}});
  if (answer.reasoning)
    out.add_text("reasoning_content", *answer.reasoning);
  add_answer_text(out, answer);
  add_calls(out, answer.calls);
  return std::move(out).end(answer);
}

std::vector<sse_event> openrouter_stream_of(const spoken_answer& answer, const std::string& signature) {
  chunks out;
  if (answer.reasoning) {
    const auto [first, rest] = halves(*answer.reasoning);
    for (const auto& piece : {first, rest}) {
      const json detail{{"type", "reasoning.text"}, {"index", 0}, {"text", piece}, {"format", "anthropic-claude-v1"}};
      out.add({{"reasoning", piece}, {"reasoning_details", {detail}}});
    }
    const json last{{"type", "reasoning.text"}, {"index", 0}, {"signature", signature}};
    out.add({{"reasoning_details", {last}}});
  }
  add_answer_text(out, answer);
  add_calls(out, answer.calls);
  return std::move(out).end(answer);
}

std::vector<sse_event> odd_stream_of(const spoken_answer& answer) {
  chunks out;
  add_answer_text(out, answer);
  for (const auto& call : answer.calls)
    out.add({{"tool_calls",
              {{{"index", 0},
                {"id", call.id},
                {"type", "function"},
                {"function", {{"name", call.name}, {"arguments", call.arguments}}}}}}});
  return std::move(out).end(answer);
}

std::vector<sse_event> anthropic_stream_of(const json& blocks, bool cut) {
  std::vector<sse_event> out;
  out.push_back(
    event({{"type", "message_start"}, {"message", {{"usage", {{"input_tokens", 7}, {"output_tokens", 1}}}}}}));
  bool calls = false;
  std::size_t index = 0;
  for (const auto& block : blocks) {
    calls = calls || block["type"] == "tool_use";
    add_block(out, index++, block);
  }
  const auto* reason = cut ? "max_tokens" : calls ? "tool_use" : "end_turn";
  out.push_back(
    event({{"type", "message_delta"}, {"delta", {{"stop_reason", reason}}}, {"usage", {{"output_tokens", 5}}}}));
  out.push_back(event({{"type", "message_stop"}}));
  return out;
}

} // namespace troupe::strict
