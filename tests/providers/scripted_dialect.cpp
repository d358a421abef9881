#include "tests/providers/scripted_dialect.hpp"

#include <array>
#include <numeric>

namespace troupe::script {

using nlohmann::json;

namespace {

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_true(const json& object, const char* name) {
  const auto found = object.is_object() ? object.find(name) : object.end();
  return found != object.end() && found->is_boolean() && found->get<bool>();
}

std::string joined(const std::vector<std::string>& words) {
  return std::accumulate(words.begin(), words.end(), std::string{});
}

std::string model_of(const seen_request& request) {
  const auto model = request.document.is_object() ? request.document.find("model") : request.document.end();
  return model != request.document.end() && model->is_string() ? model->get<std::string>() : "scripted";
}

tokens usage_of(const reply& answer) {
  return answer.usage.value_or(tokens{10, static_cast<std::int64_t>(answer.words.size() + answer.calls.size())});
}

/// Unlike any other request's.
std::string call_id(std::string_view prefix, const seen_request& request, std::size_t index) {
  return std::string{prefix} + std::to_string(request.number) + "_" + std::to_string(index);
}

/// Arguments come in two pieces, as they do in life.
std::array<std::string, 2> pieces_of(const json& arguments) {
  const std::string text = dump(arguments);
  return {text.substr(0, text.size() / 2), text.substr(text.size() / 2)};
}

// -- OpenAI ---------------------------------------------------------------------

class openai_dialect final : public dialect {
public:
  openai_dialect(const reply& answer, const seen_request& request)
    : answer_{answer}, request_{request},
      start_{R"(data: {"id":"chatcmpl-scripted","object":"chat.completion.chunk","created":1700000000,"model":)"
             + dump(model_of(request)) + R"(,"choices":[)"} {}

  [[nodiscard]] std::string opening() const override {
    std::string events = delta(R"({"role":"assistant","content":""})");
    if (!answer_.thinking.empty()) {
      events += delta(R"({"reasoning_content":)" + dump(answer_.thinking) + "}");
    }
    return events;
  }

  [[nodiscard]] std::string word(const std::string& text) const override {
    return delta(R"({"content":)" + dump(text) + "}");
  }

  [[nodiscard]] std::string closing() const override {
    std::string events;
    for (std::size_t i = 0; i < answer_.calls.size(); ++i) {
      const auto& called = answer_.calls[i];
      events += call_delta({{"index", i},
                            {"id", call_id("call_", request_, i)},
                            {"type", "function"},
                            {"function", {{"name", called.name}, {"arguments", ""}}}});
      for (const auto& piece : pieces_of(called.arguments)) {
        events += call_delta({{"index", i}, {"function", {{"arguments", piece}}}});
      }
    }
    events += delta("{}", dump(finish_reason()));
    if (answer_.tells_usage && wants_usage(request_)) {
      events += start_ + R"(],"usage":)" + dump(usage()) + "}\n\n";
    }
    return events + "data: [DONE]\n\n";
  }

  [[nodiscard]] std::string whole() const override {
    json message{{"role", "assistant"}, {"content", joined(answer_.words)}};
    if (!answer_.thinking.empty()) {
      message["reasoning_content"] = answer_.thinking;
    }
    for (std::size_t i = 0; i < answer_.calls.size(); ++i) {
      const auto& called = answer_.calls[i];
      message["tool_calls"].push_back({{"id", call_id("call_", request_, i)},
                                       {"type", "function"},
                                       {"function", {{"name", called.name}, {"arguments", dump(called.arguments)}}}});
    }
    json choice{{"index", 0}, {"message", std::move(message)}, {"finish_reason", finish_reason()}};
    json body{{"id", "chatcmpl-scripted"},
              {"object", "chat.completion"},
              {"created", 1700000000},
              {"model", model_of(request_)},
              {"choices", json::array({std::move(choice)})}};
    if (answer_.tells_usage) {
      body["usage"] = usage();
    }
    return dump(body);
  }

private:
  [[nodiscard]] std::string delta(const std::string& object, const std::string& reason = "null") const {
    return start_ + R"({"index":0,"delta":)" + object + R"(,"finish_reason":)" + reason + "}]}\n\n";
  }

  [[nodiscard]] std::string call_delta(json part) const {
    return delta(dump({{"tool_calls", json::array({std::move(part)})}}));
  }

  [[nodiscard]] std::string finish_reason() const {
    if (!answer_.finish_reason.empty()) {
      return answer_.finish_reason;
    }
    return answer_.calls.empty() ? "stop" : "tool_calls";
  }

  [[nodiscard]] json usage() const {
    const auto [input, output] = usage_of(answer_);
    return {{"prompt_tokens", input}, {"completion_tokens", output}, {"total_tokens", input + output}};
  }

  const reply& answer_;
  const seen_request& request_;
  std::string start_;
};

// -- Anthropic -------------------------------------------------------------------

class anthropic_dialect final : public dialect {
public:
  anthropic_dialect(const reply& answer, const seen_request& request)
    : answer_{answer}, request_{request}, text_index_{answer.thinking.empty() ? 0U : 1U} {}

  [[nodiscard]] std::string opening() const override {
    json start = message();
    start["stop_reason"] = nullptr;
    start["content"] = json::array();
    std::string events = event("message_start", {{"message", std::move(start)}}) + event("ping", json::object());
    if (!answer_.thinking.empty()) {
      events += block_start(0, {{"type", "thinking"}, {"thinking", ""}, {"signature", ""}});
      events += block_delta(0, {{"type", "thinking_delta"}, {"thinking", answer_.thinking}});
      events += block_delta(0, {{"type", "signature_delta"}, {"signature", "c2NyaXB0ZWQ="}});
      events += block_stop(0);
    }
    if (!answer_.words.empty()) {
      events += block_start(text_index_, {{"type", "text"}, {"text", ""}});
    }
    return events;
  }

  [[nodiscard]] std::string word(const std::string& text) const override {
    return block_delta(text_index_, {{"type", "text_delta"}, {"text", text}});
  }

  [[nodiscard]] std::string closing() const override {
    std::string events;
    std::size_t index = text_index_;
    if (!answer_.words.empty()) {
      events += block_stop(index++);
    }
    for (std::size_t i = 0; i < answer_.calls.size(); ++i, ++index) {
      const auto& called = answer_.calls[i];
      events += block_start(index, {{"type", "tool_use"},
                                    {"id", call_id("toolu_", request_, i)},
                                    {"name", called.name},
                                    {"input", json::object()}});
      for (const auto& piece : pieces_of(called.arguments)) {
        events += block_delta(index, {{"type", "input_json_delta"}, {"partial_json", piece}});
      }
      events += block_stop(index);
    }
    json last{{"delta", {{"stop_reason", stop_reason()}, {"stop_sequence", nullptr}}}};
    if (answer_.tells_usage) {
      last["usage"]["output_tokens"] = usage_of(answer_).output;
    }
    return events + event("message_delta", std::move(last)) + event("message_stop", json::object());
  }

  [[nodiscard]] std::string whole() const override {
    json content = json::array();
    if (!answer_.thinking.empty()) {
      content.push_back({{"type", "thinking"}, {"thinking", answer_.thinking}, {"signature", "c2NyaXB0ZWQ="}});
    }
    if (!answer_.words.empty()) {
      content.push_back({{"type", "text"}, {"text", joined(answer_.words)}});
    }
    for (std::size_t i = 0; i < answer_.calls.size(); ++i) {
      content.push_back({{"type", "tool_use"},
                         {"id", call_id("toolu_", request_, i)},
                         {"name", answer_.calls[i].name},
                         {"input", answer_.calls[i].arguments}});
    }
    json body = message();
    body["content"] = std::move(content);
    body["stop_reason"] = stop_reason();
    return dump(body);
  }

private:
  [[nodiscard]] json message() const {
    json body{{"id", "msg_scripted"},
              {"type", "message"},
              {"role", "assistant"},
              {"model", model_of(request_)},
              {"stop_sequence", nullptr}};
    if (answer_.tells_usage) {
      const auto [input, output] = usage_of(answer_);
      body["usage"] = {{"input_tokens", input}, {"output_tokens", output}};
    }
    return body;
  }

  [[nodiscard]] std::string stop_reason() const {
    if (!answer_.finish_reason.empty()) {
      return answer_.finish_reason;
    }
    return answer_.calls.empty() ? "end_turn" : "tool_use";
  }

  static std::string event(const char* type, json body) {
    body["type"] = type;
    return std::string{"event: "} + type + "\ndata: " + dump(body) + "\n\n";
  }
  static std::string block_start(std::size_t index, json block) {
    return event("content_block_start", {{"index", index}, {"content_block", std::move(block)}});
  }
  static std::string block_delta(std::size_t index, json delta) {
    return event("content_block_delta", {{"index", index}, {"delta", std::move(delta)}});
  }
  static std::string block_stop(std::size_t index) { return event("content_block_stop", {{"index", index}}); }

  const reply& answer_;
  const seen_request& request_;
  std::size_t text_index_;
};

// -- no model --------------------------------------------------------------------

class plain_dialect final : public dialect {
public:
  explicit plain_dialect(const reply& answer) : answer_{answer} {}

  [[nodiscard]] std::string opening() const override { return {}; }
  [[nodiscard]] std::string word(const std::string& text) const override { return text; }
  [[nodiscard]] std::string closing() const override { return {}; }
  [[nodiscard]] std::string whole() const override { return joined(answer_.words); }

private:
  const reply& answer_;
};

} // namespace

std::unique_ptr<dialect> dialect_for(const reply& answer, const seen_request& request) {
  switch (request.addressed_to()) {
  case endpoint::openai: return std::make_unique<openai_dialect>(answer, request);
  case endpoint::anthropic: return std::make_unique<anthropic_dialect>(answer, request);
  case endpoint::mcp:
  case endpoint::tool: break;
  }
  return std::make_unique<plain_dialect>(answer);
}

bool wants_stream(const seen_request& request) {
  return is_true(request.document, "stream");
}

bool wants_usage(const seen_request& request) {
  const auto& document = request.document;
  const auto options = document.is_object() ? document.find("stream_options") : document.end();
  return options != document.end() && is_true(*options, "include_usage");
}

} // namespace troupe::script
