#include "actors/providers/openai.hpp"

#include "actors/providers/openai_request.hpp"
#include "actors/providers/provider_json.hpp"
#include "actors/providers/think_splitter.hpp"
#include "actors/remote/foreign_text.hpp"
#include "persistence/values/exact_json.hpp"
#include "persistence/values/parse_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace troupe {

namespace {

using nlohmann::json;
using providers::failure;
using providers::member;
using providers::string_in;
using providers::text_in;

constexpr std::size_t longest_text = std::size_t{8} * 1024 * 1024;
constexpr std::size_t most_tool_calls = 128;
constexpr std::size_t longest_arguments = std::size_t{1024} * 1024;
constexpr std::size_t max_tool_name = 64;
// Signatures of several KB are hidden in some (BerriAI/litellm#16895).
constexpr std::size_t max_call_id = std::size_t{64} * 1024;
constexpr std::size_t max_details = 4096;

// -- what went wrong ----------------------------------------------------------

/// An error within an answer that began well.
provider_failure failure_in_answer(const json& body) {
  const auto said = providers::read_error(body);
  auto failed = providers::cited(error_class::transient, "The provider sent an error", said.message);
  if (said.is_too_long())
    return providers::too_long(std::move(failed));
  auto kind = said.status == 0 ? error_class::transient : foreign::class_of_status(said.status);
  if (said.is("rate_limit_exceeded") || said.is("rate_limit_error"))
    kind = error_class::throttled;
  if (said.is_bad_luck())
    return failed;
  if (said.is_out_of_quota() || said.is("invalid_request_error") || said.is("authentication_error")
      || said.is("content_filter") || said.is("content_policy_violation"))
    kind = error_class::permanent;
  failed.kind = kind;
  failed.status = said.status != 0 || !said.is("invalid_request_error") ? said.status : 400;
  return failed;
}

bool is_error(const json& body) {
  const auto* error = member(body, "error");
  if (error != nullptr && (error->is_structured() ? !error->empty() : !string_in(body, "error").empty()))
    return true;
  const auto* base = member(body, "base_resp");
  const auto* code = base == nullptr ? nullptr : member(*base, "status_code");
  if (code != nullptr && code->is_number_integer() && *code != 0)
    return true;
  return string_in(body, "object") == "error" && member(body, "choices") == nullptr;
}

/// True if a call's arguments are JSON and not text: then its numbers matter.
bool has_whole_arguments(const json& chunk) {
  const auto* choices = member(chunk, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty())
    return false;
  for (const auto* name : {"delta", "message"}) {
    const auto* said = member(choices->front(), name);
    const auto* calls = said == nullptr ? nullptr : member(*said, "tool_calls");
    if (calls == nullptr || !calls->is_array())
      continue;
    for (const auto& call : *calls) {
      const auto* function = member(call, "function");
      const auto* arguments = function == nullptr ? nullptr : member(*function, "arguments");
      if (arguments != nullptr && arguments->is_structured())
        return true;
    }
  }
  return false;
}

std::optional<json> exactly(std::optional<json> read, std::string_view text) {
  if (read && has_whole_arguments(*read))
    if (auto exact = parse_exact_object(text))
      return exact;
  return read;
}

provider_failure refusal(finish_reason how, std::string what, std::string_view said = {}) {
  auto failed = providers::cited(error_class::permanent, std::move(what), said);
  failed.finish = how;
  return failed;
}

// -- the answer ---------------------------------------------------------------

class openai_reader final : public answer_reader {
public:
  std::optional<provider_failure> read(const sse_event& event, answer_delta& delta) override {
    const auto data = providers::trim(event.data);
    // Some send their comments as data (anomalyco/opencode#50871, mnfst/llm-gateway#2053).
    if (ended() || data.empty() || data.starts_with(':'))
      return std::nullopt;
    if (data == "[DONE]") {
      done_ = true;
      return std::nullopt;
    }
    const auto chunk = exactly(events_.read(data), data);
    if (event.name == "error")
      return failure_in_answer(chunk ? *chunk : json(foreign::clean_text(data)));
    if (!chunk)
      return failure(error_class::transient, "The provider sent an event that is no JSON.");
    return take(*chunk, delta);
  }

  [[nodiscard]] bool ended() const noexcept override { return done_; }

  [[nodiscard]] std::optional<provider_failure> close() override {
    if (auto failed = refused())
      return failed;
    answer_.text += splitter_.finish().text;
    if (!done_ && !finished_)
      return failure(error_class::transient, "The provider ended its answer before it was whole.");
    finish_replay();
    return std::nullopt;
  }

  [[nodiscard]] const provider_answer& answer() const noexcept override { return answer_; }

  /// Of an answer in one piece, which is whole though it may not say so.
  std::optional<provider_failure> close_whole() {
    finished_ = true;
    return close();
  }

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

private:
  /// Why what was said is no answer.
  [[nodiscard]] std::optional<provider_failure> refused() const {
    if (!refusal_.empty())
      return refusal(finish_reason::refusal, "The model refused to answer", refusal_);
    if (answer_.finish_reason == "content_filter" && answer_.text.empty() && answer_.calls.empty())
      return refusal(finish_reason::content_filter, "The provider's content filter held the answer back");
    const auto& reason = answer_.finish_reason;
    if (reason == "malformed_function_call" || reason == "MALFORMED_FUNCTION_CALL")
      return failure(error_class::transient, "The model wrote a tool call that its provider could not read.");
    if (reason == "error")
      return failure(error_class::transient, "The provider gave the answer up with an error.");
    // `network_error`, and what portkey 1.15.2 makes of an error in the midst of an Anthropic stream: its type.
    if (reason.ends_with("_error"))
      return failure_in_answer({{"error", {{"type", reason}, {"message", reason}}}});
    return std::nullopt;
  }

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
      answer_.finish_reason = foreign::excerpt(reason, 64);
    }
    return std::nullopt;
  }

  std::optional<provider_failure> take_message(const json& said, answer_delta& delta) {
    if (auto failed = take_replay(said))
      return failed;
    auto thinking = foreign::clean_text(text_in(said, "reasoning_content"));
    if (thinking.empty())
      thinking = foreign::clean_text(text_in(said, "reasoning"));
    if (thinking.empty())
      thinking = foreign::clean_text(thinking_in(said));
    auto [text, thought] = splitter_.take(foreign::clean_text(text_in(said, "content")));
    thinking += thought;
    const auto refusal = foreign::clean_text(string_in(said, "refusal"));
    said_ += thinking.size() + text.size() + refusal.size();
    if (said_ > longest_text)
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
    if (place == most_tool_calls)
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
      call.provider_id = foreign::clean_text(open.id);
    }
    take_name(string_in(function, "name"), call.tool);
    take_extra(piece, call);
    return take_arguments(member(function, "arguments"), open, call.arguments);
  }

  /// Which call a piece belongs to; the number of calls for a new one. Pieces go
  /// together by their index, without one by their id, without both they continue the
  /// last call unless they name a tool. Servers that number every call 0 are told by
  /// another id with another name, or, where they give no ids, by a name behind arguments
  /// that are whole already (omnigent-ai/omnigent#28, su-kaka/gcli2api#406).
  [[nodiscard]] std::size_t place_of(const json& piece, std::string_view name) const {
    const auto id = string_in(piece, "id").substr(0, max_call_id);
    const auto* index = member(piece, "index");
    const bool has_index = index != nullptr && index->is_number_integer();
    if (!has_index && id.empty())
      return name.empty() && !open_.empty() ? open_.size() - 1 : open_.size();
    for (std::size_t i = open_.size(); i-- > 0;) {
      const auto& open = open_[i];
      const bool another
        = !name.empty()
          && (!id.empty() && !open.id.empty() ? id != open.id
                                              : id.empty() && open.id.empty() && begins_another(i, piece));
      if (has_index ? open.index == index->get<std::int64_t>() && !another : open.id == id)
        return i;
    }
    return open_.size();
  }

  /// True if a piece of the same number can be no part of call `i`: that has whole
  /// arguments, and the piece has some of its own.
  [[nodiscard]] bool begins_another(std::size_t i, const json& piece) const {
    const auto* function = member(piece, "function");
    const auto* more = function == nullptr ? nullptr : member(*function, "arguments");
    const bool has_more = more != nullptr && (!more->is_string() || !more->get_ref<const std::string&>().empty());
    // An object may be followed by the text that it stands for.
    const bool stands_for_text = open_[i].whole && string_in(*function, "name") == answer_.calls[i].tool;
    return has_more && !stands_for_text && parse_json_object(answer_.calls[i].arguments).has_value();
  }

  /// The name comes once, or again with each piece, or in pieces.
  static void take_name(std::string_view piece, std::string& name) {
    const auto more = foreign::clean_text(piece.substr(0, max_tool_name));
    if (more != name && name.size() < max_tool_name)
      name.append(more);
  }

  /// Gemini's signature, under whatever name its endpoint has for it (earendil-works/pi#6733).
  static void take_extra(const json& piece, tool_call& call) {
    const auto* extra = member(piece, "extra_content");
    if (extra == nullptr || !extra->is_object() || extra->empty() || !call.extra.empty())
      return;
    auto kept = providers::dump({{"extra_content", *extra}});
    if (kept.size() <= longest_arguments)
      call.extra = std::move(kept);
  }

  // -- what is to be sent back ----------------------------------------------------

  /// Text that a model thinks, among the parts of its content (Mistral's magistral).
  static std::string thinking_in(const json& said) {
    std::string thinking;
    const auto* parts = member(said, "content");
    if (parts != nullptr && parts->is_array())
      for (const auto& part : *parts)
        if (string_in(part, "type") == "thinking")
          thinking += text_in(part, "thinking");
    return thinking;
  }

  std::optional<provider_failure> take_replay(const json& said) {
    for (auto& [name, text] : thoughts_)
      if (const auto* more = member(said, name); more != nullptr && more->is_string()) {
        const auto& piece = more->get_ref<const std::string&>();
        text = text.value_or("") + piece;
        replayed_ += piece.size();
      }
    if (const auto* extra = member(said, "extra_content"); extra != nullptr && extra->is_object() && !extra->empty()) {
      extra_ = *extra;
      replayed_ += providers::dump(*extra).size();
    }
    const auto* details = member(said, "reasoning_details");
    if (details != nullptr && details->is_array())
      for (const auto& detail : *details)
        take_detail(detail);
    if (replayed_ > longest_text || details_.size() > max_details)
      return failure(error_class::transient, "The provider sent more than 8 MiB of thinking.");
    return std::nullopt;
  }

  /// OpenRouter: pieces of one block share type and index, wherever they stand in the
  /// chunk; text grows, what else there is comes once (agno-agi/agno#8794).
  void take_detail(const json& detail) {
    if (!detail.is_object())
      return;
    replayed_ += providers::dump(detail).size();
    const auto* index = member(detail, "index");
    const auto same = std::find_if(details_.begin(), details_.end(), [&](const json& one) {
      return index != nullptr && index->is_number_integer() && one.value("index", json()) == *index
             && one.value("type", json()) == detail.value("type", json());
    });
    if (same == details_.end()) {
      details_.push_back(detail);
      return;
    }
    for (const auto& [name, value] : detail.items()) {
      auto& kept = (*same)[name];
      const bool grows = name == "text" || name == "summary" || name == "data";
      if (grows && kept.is_string() && value.is_string())
        kept.get_ref<std::string&>() += value.get_ref<const std::string&>();
      else if (kept.is_null() || (name == "signature" && !value.is_null()))
        kept = value;
    }
  }

  void finish_replay() {
    json replay = json::object();
    for (const auto& [name, text] : thoughts_)
      if (text)
        replay[name] = *text;
    if (!details_.empty())
      replay["reasoning_details"] = details_;
    if (!extra_.is_null())
      replay["extra_content"] = extra_;
    if (!splitter_.prefix().empty())
      replay[content_prefix] = splitter_.prefix();
    if (!replay.empty())
      answer_.replay = providers::dump(replay);
  }

  static std::optional<provider_failure> take_arguments(const json* piece, open_call& open, std::string& arguments) {
    if (piece == nullptr || (piece->is_string() && piece->get_ref<const std::string&>().empty()))
      return std::nullopt;
    const bool whole = !piece->is_string();
    if (whole || open.whole)
      arguments.clear();
    open.whole = whole;
    arguments += foreign::clean_text(whole ? dump_exact(*piece) : piece->get_ref<const std::string&>());
    if (arguments.size() > longest_arguments)
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
        return;
      constexpr std::uint64_t most = std::numeric_limits<std::int32_t>::max();
      count = static_cast<std::int64_t>(std::min(value->get<std::uint64_t>(), most));
    };
    take_count("prompt_tokens", answer_.input_tokens);
    take_count("completion_tokens", answer_.output_tokens);
  }

  provider_answer answer_;
  std::vector<open_call> open_;
  std::string refusal_;
  std::size_t said_ = 0;
  bool finished_ = false;
  bool done_ = false;
  /// What was thought, under each name that it came under.
  std::array<std::pair<const char*, std::optional<std::string>>, 2> thoughts_{
    {{"reasoning_content", std::nullopt}, {"reasoning", std::nullopt}}};
  providers::event_json events_;
  think_splitter splitter_;
  json details_ = json::array();
  json extra_;
  std::size_t replayed_ = 0;
};

} // namespace

outbound_request openai_provider::request(const prompt& what, std::string_view key) const {
  return openai_request(what, key);
}

std::unique_ptr<answer_reader> openai_provider::reader() const {
  return std::make_unique<openai_reader>();
}

std::optional<provider_failure> openai_provider::read_whole(std::string_view body, provider_answer& answer) const {
  const auto whole = exactly(providers::read_object(body), body);
  if (!whole)
    return providers::no_answer(body);
  openai_reader reader;
  answer_delta all;
  if (auto failed = reader.take(*whole, all))
    return failed;
  const auto* choices = member(*whole, "choices");
  if (choices == nullptr || !choices->is_array() || choices->empty() || member(choices->front(), "message") == nullptr)
    return failure(error_class::transient, "The provider sent an answer without a message.");
  if (auto failed = reader.close_whole())
    return failed;
  answer = reader.answer();
  return std::nullopt;
}

provider_failure openai_provider::failure_of(const outbound_head& head, std::string_view body, timestamp at) const {
  const auto said = providers::read_error_body(body);
  auto failed = providers::cited(foreign::class_of_status(head.status),
                                 "The provider answered " + std::to_string(head.status), said.message);
  if (failed.kind != error_class::throttled && said.is_too_long())
    failed = providers::too_long(std::move(failed));
  if (failed.kind == error_class::permanent && said.is_bad_luck())
    failed.kind = error_class::transient;
  // It takes as long as it takes: no attempt is charged for that.
  if (head.status == 503 && said.is_loading())
    failed.kind = error_class::throttled;
  const bool is_told_to_wait = !head.header("retry-after").empty() || !head.header("retry-after-ms").empty();
  const auto wait = providers::wait_asked_for(head, body, at);
  if (head.status >= 500 && is_told_to_wait && wait)
    failed.kind = error_class::throttled;
  if (said.is_out_of_quota())
    failed.kind = error_class::permanent;
  if (failed.kind == error_class::throttled || (failed.kind == error_class::transient && head.status == 503))
    failed.retry_after = wait;
  return failed;
}

} // namespace troupe
