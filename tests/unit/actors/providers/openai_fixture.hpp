#pragma once

#include "actors/providers/openai.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What the tests of chat completions share: a conversation that becomes a request, and
/// answers that are read.
namespace troupe::chat_completions {

inline const openai_provider openai{};

// -- requests -------------------------------------------------------------------

struct conversation {
  model_record model;
  bot_record bot;
  std::vector<message_record> history;
  std::vector<tool_definition> tools;

  conversation() {
    model.base_url = "https://host/v1/";
    model.model = "gpt";
  }
  message_record& add(message_role role, std::string content) {
    auto& message = history.emplace_back();
    message.role = role;
    message.content = std::move(content);
    return message;
  }
  [[nodiscard]] outbound_request request(std::string_view key = {}) const {
    return openai.request({model, bot, history, tools}, key);
  }
  [[nodiscard]] nlohmann::json body() const { return nlohmann::json::parse(request().body); }
};

// -- answers --------------------------------------------------------------------

struct outcome {
  provider_answer answer;
  answer_delta delta;
  std::optional<provider_failure> failure;
  /// The same, or what the end of the stream makes of it.
  std::optional<provider_failure> closed;
  bool ended = false;
  bool may_end = false;
};

inline outcome read_events(const std::vector<sse_event>& events) {
  const auto reader = openai.reader();
  outcome out;
  for (const auto& event : events) {
    out.failure = reader->read(event, out.delta);
    if (out.failure)
      break;
  }
  out.ended = reader->ended();
  out.closed = out.failure ? out.failure : reader->close();
  out.may_end = !out.closed;
  out.answer = reader->answer();
  return out;
}

inline outcome read_chunks(const std::vector<std::string>& chunks) {
  std::vector<sse_event> events;
  for (const auto& chunk : chunks)
    events.push_back({"", chunk});
  return read_events(events);
}

inline tool_call call(std::string provider_id, std::string tool, std::string arguments) {
  return {"", std::move(tool), std::move(arguments), std::move(provider_id)};
}

/// A chunk with this delta.
inline std::string delta(const std::string& members) {
  return R"({"choices":[{"index":0,"delta":{)" + members + R"(},"finish_reason":null}]})";
}

inline std::string calls(const std::string& elements) {
  return delta(R"("tool_calls":[)" + elements + "]");
}

inline std::string finish(const std::string& reason) {
  return R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + reason + R"("}]})";
}

inline const std::string usage = R"({"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}})";

inline provider_failure failure_of(unsigned status, std::string_view body, header_list headers = {}) {
  return openai.failure_of({status, std::move(headers)}, body, timestamp{});
}

} // namespace troupe::chat_completions
