#include "actors/providers/openai.hpp"

#include "actors/providers/provider_json.hpp"
#include "persistence/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace troupe {

namespace {

using nlohmann::json;
using providers::failure;
using providers::member;
using providers::string_in;
using providers::text_in;

constexpr std::size_t max_text = std::size_t{8} * 1024 * 1024;
constexpr std::size_t max_calls = 128;
constexpr std::size_t max_arguments = std::size_t{1024} * 1024;
constexpr std::size_t max_tool_name = 64;
constexpr std::size_t max_call_id = 256;

// -- what went wrong ----------------------------------------------------------

/// An error within an answer that began well.
provider_failure failure_in_answer(const json& body) {
  const auto said = providers::read_error(body);
  auto text = providers::sentence("The provider sent an error", said.message);
  if (said.is_too_long())
    return failure(error_class::permanent, providers::too_long(text));
  auto kind = said.status == 0 ? error_class::transient : providers::class_of_status(said.status);
  if (said.is("rate_limit_exceeded") || said.is("rate_limit_error"))
    kind = error_class::throttled;
  if (said.is_out_of_quota() || said.is("invalid_request_error") || said.is("authentication_error")
      || said.is("content_filter") || said.is("content_policy_violation"))
    kind = error_class::permanent;
  return failure(kind, std::move(text));
}

bool is_error(const json& body) {
  const auto* error = member(body, "error");
  if (error != nullptr && (error->is_structured() ? !error->empty() : !string_in(body, "error").empty()))
    return true;
  return string_in(body, "object") == "error" && member(body, "choices") == nullptr;
}

bool is_name_character(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

// -- the answer ---------------------------------------------------------------

class openai_reader final : public answer_reader {
public:
  std::optional<provider_failure> read(const sse_event& event, answer_delta& delta) override {
    const auto data = providers::trim(event.data);
    if (ended() || data.empty())
      return std::nullopt;
    if (data == "[DONE]") {
      done_ = true;
      return refused();
    }
    const auto chunk = providers::read_object(data);
    if (event.name == "error")
      return failure_in_answer(chunk ? *chunk : json(providers::clean_text(data)));
    if (!chunk)
      return failure(error_class::transient, "The provider sent an event that is no JSON.");
    if (auto failed = take(*chunk, delta))
      return failed;
    return finished_ ? refused() : std::nullopt;
  }

  [[nodiscard]] bool ended() const noexcept override { return done_ || (finished_ && counted_); }
  [[nodiscard]] bool may_end() const noexcept override { return done_ || finished_; }
  [[nodiscard]] const provider_answer& answer() const noexcept override { return answer_; }

  /// Takes a chunk of a stream, or an answer in one piece.
  std::optional<provider_failure> take(const json& chunk, answer_delta& delta) {
    if (is_error(chunk))
      return failure_in_answer(chunk);
    const auto* choices = member(chunk, "choices");
    if (choices != nullptr && choices->is_array() && !choices->empty()) {
      if (auto failed = take_choice(choices->front(), delta))
        return failed;
    }
    take_usage(chunk);
    if (!answer_.calls.empty() && answer_.finish_reason == "stop")
      answer_.finish_reason = "tool_calls";
    return std::nullopt;
  }

  /// Why what was said is no answer.
  [[nodiscard]] std::optional<provider_failure> refused() const {
    if (!refusal_.empty())
      return failure(error_class::permanent, providers::sentence("The model refused to answer", refusal_));
    if (answer_.finish_reason == "content_filter" && answer_.text.empty() && answer_.calls.empty())
      return failure(error_class::permanent, "The provider's content filter held the answer back.");
    if (answer_.finish_reason == "error")
      return failure(error_class::transient, "The provider gave the answer up with an error.");
    return std::nullopt;
  }

private:
  /// A call that is being put together.
  struct open_call {
    std::optional<std::int64_t> index;
    std::string id;
    /// Its arguments came as JSON and not as text.
    bool whole = false;
  };

  std::optional<provider_failure> take_choice(const json& choice, answer_delta& delta) {
    const auto* said = member(choice, "delta");
    if (said == nullptr)
      said = member(choice, "message");
    if (said != nullptr) {
      if (auto failed = take_message(*said, delta))
        return failed;
    }
    const auto reason = string_in(choice, "finish_reason");
    if (!reason.empty()) {
      finished_ = true;
      answer_.finish_reason = providers::excerpt(reason, 64);
    }
    return std::nullopt;
  }

  std::optional<provider_failure> take_message(const json& said, answer_delta& delta) {
    auto thinking = providers::clean_text(text_in(said, "reasoning_content"));
    if (thinking.empty())
      thinking = providers::clean_text(text_in(said, "reasoning"));
    const auto text = providers::clean_text(text_in(said, "content"));
    const auto refusal = providers::clean_text(string_in(said, "refusal"));
    said_ += thinking.size() + text.size() + refusal.size();
    if (said_ > max_text)
      return failure(error_class::transient, "The provider sent more than 8 MiB of text.");
    delta.thinking += thinking;
    delta.text += text;
    answer_.text += text;
    refusal_ += refusal;
    const auto* calls = member(said, "tool_calls");
    if (calls == nullptr || !calls->is_array())
      return std::nullopt;
    for (const auto& piece : *calls) {
      auto failed = piece.is_object() ? take_call(piece) : std::nullopt;
      if (failed)
        return failed;
    }
    return std::nullopt;
  }

  std::optional<provider_failure> take_call(const json& piece) {
    const json none;
    const auto* found = member(piece, "function");
    const auto& function = found == nullptr ? none : *found;
    const auto place = place_of(piece, string_in(function, "name"));
    if (place == max_calls)
      return failure(error_class::transient, "The provider sent more than 128 tool calls.");
    if (place == open_.size()) {
      open_.emplace_back();
      answer_.calls.emplace_back();
    }
    auto& open = open_[place];
    auto& call = answer_.calls[place];
    const auto* index = member(piece, "index");
    if (index != nullptr && index->is_number_integer())
      open.index = index->get<std::int64_t>();
    if (open.id.empty()) {
      open.id = string_in(piece, "id").substr(0, max_call_id);
      call.call_id = providers::clean_text(open.id);
    }
    take_name(string_in(function, "name"), call.tool);
    return take_arguments(member(function, "arguments"), open, call.arguments);
  }

  /// Which call a piece belongs to; the number of calls for a new one. Pieces go
  /// together by their index, without one by their id, without both they continue the
  /// last call unless they name a tool. Servers that number every call 0 are told by
  /// another id with another name.
  [[nodiscard]] std::size_t place_of(const json& piece, std::string_view name) const {
    const auto id = string_in(piece, "id").substr(0, max_call_id);
    const auto* index = member(piece, "index");
    const bool has_index = index != nullptr && index->is_number_integer();
    if (!has_index && id.empty())
      return name.empty() && !open_.empty() ? open_.size() - 1 : open_.size();
    for (std::size_t i = open_.size(); i-- > 0;) {
      const auto& open = open_[i];
      const bool another = !id.empty() && !open.id.empty() && id != open.id && !name.empty();
      if (has_index ? open.index == index->get<std::int64_t>() && !another : open.id == id)
        return i;
    }
    return open_.size();
  }

  /// The name comes once, or again with each piece, or in pieces. One that no tool can
  /// have is made one that can be sent again in the history.
  static void take_name(std::string_view piece, std::string& name) {
    std::string more{piece.substr(0, max_tool_name)};
    std::replace_if(
      more.begin(), more.end(), [](char c) { return !is_name_character(c); }, '_');
    if (more != name)
      name.append(more, 0, max_tool_name - name.size());
  }

  static std::optional<provider_failure> take_arguments(const json* piece, open_call& open, std::string& arguments) {
    if (piece == nullptr || (piece->is_string() && piece->get_ref<const std::string&>().empty()))
      return std::nullopt;
    const bool whole = !piece->is_string();
    if (whole || open.whole)
      arguments.clear();
    open.whole = whole;
    arguments += providers::clean_text(whole ? providers::dump(*piece) : piece->get_ref<const std::string&>());
    if (arguments.size() > max_arguments)
      return failure(error_class::transient, "The provider sent more than 1 MiB of arguments for a tool call.");
    return std::nullopt;
  }

  void take_usage(const json& chunk) {
    const auto* usage = member(chunk, "usage");
    if (usage == nullptr)
      return;
    const auto take_count = [&](const char* name, std::optional<std::int64_t>& count) {
      const auto* value = member(*usage, name);
      if (value == nullptr || !value->is_number_unsigned())
        return false;
      constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
      count = static_cast<std::int64_t>(std::min(value->get<std::uint64_t>(), most));
      return true;
    };
    const bool has_input = take_count("prompt_tokens", answer_.input_tokens);
    const bool has_output = take_count("completion_tokens", answer_.output_tokens);
    // Counts that come along with earlier chunks are not the last ones.
    counted_ = finished_ && (has_input || has_output);
  }

  provider_answer answer_;
  std::vector<open_call> open_;
  std::string refusal_;
  std::size_t said_ = 0;
  bool finished_ = false;
  bool counted_ = false;
  bool done_ = false;
};

// -- the request --------------------------------------------------------------

/// A tool's result is kept as JSON; a model reads plain text better than its escapes.
std::string result_text(const std::string& content) {
  if (!providers::trim(content).starts_with('"'))
    return content;
  const auto value = json::parse(content, nullptr, false);
  return value.is_string() ? value.get<std::string>() : content;
}

json call_in_request(const tool_call& call) {
  return {{"id", call.call_id},
          {"type", "function"},
          {"function", {{"name", call.tool}, {"arguments", call.arguments.empty() ? "{}" : call.arguments}}}};
}

json message_in_request(const message_record& message) {
  json made{{"role", to_string(message.role)}, {"content", message.content}};
  switch (message.role) {
  case message_role::user: break;
  case message_role::assistant:
    if (message.tool_calls.empty())
      break;
    if (message.content.empty())
      made["content"] = nullptr;
    made["tool_calls"] = json::array();
    for (const auto& call : message.tool_calls)
      made["tool_calls"].push_back(call_in_request(call));
    break;
  case message_role::tool:
    made["content"] = result_text(message.content);
    made["tool_call_id"] = message.call_id;
    break;
  }
  return made;
}

json tool_in_request(const tool_definition& tool) {
  json function{{"name", tool.name}};
  if (!tool.description.empty())
    function["description"] = tool.description;
  auto parameters = parse_json_object(tool.parameters);
  function["parameters"]
    = parameters ? std::move(*parameters) : json{{"type", "object"}, {"properties", json::object()}};
  return {{"type", "function"}, {"function", std::move(function)}};
}

json body_of(const prompt& what) {
  json body{{"model", what.model.model}, {"stream", true}, {"stream_options", {{"include_usage", true}}}};
  auto& messages = body["messages"] = json::array();
  if (!what.bot.system_prompt.empty())
    messages.push_back({{"role", "system"}, {"content", what.bot.system_prompt}});
  for (const auto& message : what.history)
    messages.push_back(message_in_request(message));
  for (const auto& tool : what.tools)
    body["tools"].push_back(tool_in_request(tool));
  if (what.bot.temperature)
    body["temperature"] = *what.bot.temperature;
  if (what.bot.max_tokens)
    body["max_tokens"] = *what.bot.max_tokens;
  const auto parameters = parse_json_object(what.model.parameters);
  if (!parameters)
    return body;
  for (const auto& [name, value] : parameters->items()) {
    if (value.is_null())
      body.erase(name);
    else
      body[name] = value;
  }
  return body;
}

} // namespace

outbound_request openai_provider::request(const prompt& what, std::string_view key) const {
  outbound_request made;
  made.url = providers::join_url(what.model.base_url, "chat/completions");
  made.headers = {{"Accept", "text/event-stream"}, {"Content-Type", "application/json"}};
  if (!key.empty())
    made.headers.emplace_back("Authorization", "Bearer " + std::string{key});
  providers::replace_headers(made.headers, what.model.headers);
  made.body = providers::dump(body_of(what));
  return made;
}

std::unique_ptr<answer_reader> openai_provider::reader() const {
  return std::make_unique<openai_reader>();
}

std::optional<provider_failure> openai_provider::read_whole(std::string_view body, provider_answer& answer) const {
  const auto whole = providers::read_object(body);
  if (!whole)
    return failure(error_class::transient, providers::sentence("The provider sent an answer that is no JSON", body));
  openai_reader reader;
  answer_delta all;
  if (auto failed = reader.take(*whole, all))
    return failed;
  if (auto failed = reader.refused())
    return failed;
  const auto* choices = member(*whole, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty() || member(choices->front(), "message") == nullptr)
    return failure(error_class::transient, "The provider sent an answer without a message.");
  answer = reader.answer();
  return std::nullopt;
}

provider_failure openai_provider::failure_of(const outbound_head& head, std::string_view body, timestamp at) const {
  const auto said = providers::read_error_body(body);
  auto failed = failure(providers::class_of_status(head.status),
                        providers::sentence("The provider answered " + std::to_string(head.status), said.message));
  if (failed.kind == error_class::permanent && said.is_too_long())
    failed.error = providers::too_long(failed.error);
  const bool is_told_to_wait = !head.header("retry-after").empty() || !head.header("retry-after-ms").empty();
  const auto wait = providers::wait_asked_for(head, at);
  if (head.status >= 500 && is_told_to_wait && wait)
    failed.kind = error_class::throttled;
  if (said.is_out_of_quota())
    failed.kind = error_class::permanent;
  if (failed.kind == error_class::throttled || (failed.kind == error_class::transient && head.status == 503))
    failed.retry_after = wait;
  return failed;
}

} // namespace troupe
