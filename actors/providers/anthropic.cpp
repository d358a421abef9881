#include "actors/providers/anthropic.hpp"

#include "actors/providers/anthropic_request.hpp"
#include "actors/providers/provider_json.hpp"
#include "actors/remote/foreign_text.hpp"
#include "persistence/values/exact_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace troupe {

namespace {

using nlohmann::json;
using providers::failure;
using providers::member;
using providers::said_error;
using providers::string_in;

constexpr std::size_t mebibyte = std::size_t{1024} * 1024;
constexpr std::size_t max_text = 8 * mebibyte;
constexpr std::size_t max_arguments = mebibyte;
constexpr std::size_t max_calls = 128;
constexpr std::size_t max_thinking_blocks = 1024;

// -- JSON that may be anything ------------------------------------------------

/// For names and ids.
std::string short_text_in(const json& object, const char* name) {
  return foreign::clean_text(string_in(object, name).substr(0, 256));
}

/// A whole number from 0 to what no count of tokens reaches.
std::optional<std::int64_t> count_in(const json& object, const char* name) {
  constexpr std::int64_t most = 1'000'000'000'000;
  const auto* found = member(object, name);
  if (found == nullptr || !found->is_number_integer())
    return std::nullopt;
  const auto value = found->get<std::int64_t>();
  return value >= 0 && value <= most ? std::optional{value} : std::nullopt;
}

/// Null if the member is missing or something else.
const json* object_in(const json& object, const char* name) {
  const auto* found = member(object, name);
  return found != nullptr && found->is_object() ? found : nullptr;
}

// -- failures -----------------------------------------------------------------

std::optional<error_class> class_of_type(std::string_view type) noexcept {
  constexpr std::array<std::pair<std::string_view, error_class>, 9> known{{
    {"overloaded_error", error_class::throttled},
    {"rate_limit_error", error_class::throttled},
    {"api_error", error_class::transient},
    {"timeout_error", error_class::transient},
    {"authentication_error", error_class::permanent},
    {"permission_error", error_class::permanent},
    {"not_found_error", error_class::permanent},
    {"invalid_request_error", error_class::permanent},
    {"request_too_large", error_class::permanent},
  }};
  const auto found = std::find_if(known.begin(), known.end(), [&](const auto& one) { return one.first == type; });
  return found == known.end() ? std::nullopt : std::optional{found->second};
}

/// The account has no money or no quota left, whatever status says so.
bool is_exhausted(const said_error& said) {
  constexpr std::array<std::string_view, 3> signs{"credit balance", "insufficient credit",
                                                  "exceeded your current quota"};
  const auto lower = providers::in_lower_case(said.message);
  return said.is_out_of_quota() || said.is("billing_error")
         || std::any_of(signs.begin(), signs.end(),
                        [&](std::string_view sign) { return lower.find(sign) != std::string::npos; });
}

provider_failure failure_saying(std::string what, const said_error& said, error_class kind) {
  auto failed = providers::cited(is_exhausted(said) ? error_class::permanent : kind, std::move(what), said.message);
  if (said.is_too_long() || said.message.find("prompt is too long") != std::string::npos)
    return providers::too_long(std::move(failed));
  return failed;
}

/// For an error within an answer that began well.
provider_failure failure_inside(const json& body) {
  const auto said = providers::read_error(body);
  return failure_saying("The provider sent an error", said, class_of_type(said.type).value_or(error_class::transient));
}

provider_failure broken(std::string sentence) {
  return failure(error_class::transient, std::move(sentence));
}

// -- the answer ---------------------------------------------------------------

class anthropic_reader final : public answer_reader {
public:
  std::optional<provider_failure> read(const sse_event& event, answer_delta& delta) override {
    // Some send their comments as data.
    if (ended_ || providers::trim(event.data).starts_with(':') || providers::trim(event.data).empty())
      return std::nullopt;
    auto data = events_.read(event.data);
    if (!data)
      return broken("The provider sent an event that is no JSON.");
    const auto named = string_in(*data, "type");
    const std::string_view type = named.empty() ? event.name : named;
    const auto index = count_in(*data, "index").value_or(0);
    if (type == "content_block_start") {
      const auto* block = object_in(*data, "content_block");
      // A call that comes whole: its numbers matter.
      if (const auto* input = block == nullptr ? nullptr : object_in(*block, "input"); input && !input->empty())
        if (auto exact = parse_exact_object(event.data)) {
          data = std::move(exact);
          block = object_in(*data, "content_block");
        }
      return block == nullptr ? std::nullopt : begin(index, *block, delta);
    }
    if (type == "content_block_delta") {
      const auto* piece = object_in(*data, "delta");
      return piece == nullptr ? std::nullopt : add(index, *piece, delta);
    }
    if (type == "content_block_stop")
      end(index);
    else if (type == "message_start")
      take_usage(object_in(*data, "message"), false);
    else if (type == "message_delta")
      return take_message_delta(*data);
    else if (type == "message_stop")
      finish();
    else if (type == "error")
      return failure_inside(*data);
    return std::nullopt;
  }

  /// A message that came in one piece.
  std::optional<provider_failure> read_message(const json& message) {
    const auto* content = member(message, "content");
    if (content == nullptr || !content->is_array())
      return broken("The provider sent an answer without a message.");
    answer_delta unused;
    std::int64_t index = 0;
    for (const auto& block : *content) {
      if (auto wrong = begin(index, block, unused))
        return wrong;
      end(index++);
    }
    take_usage(&message, true);
    if (auto refused = take_stop_reason(message))
      return refused;
    finish();
    return close();
  }

  [[nodiscard]] bool ended() const noexcept override { return ended_; }

  [[nodiscard]] std::optional<provider_failure> close() override {
    if (!ended_ && !stopped_)
      return broken("The provider ended its answer before it was whole.");
    finish();
    write_replay();
    return std::nullopt;
  }

  [[nodiscard]] const provider_answer& answer() const noexcept override { return answer_; }

private:
  /// A block of which more may come.
  struct open_block {
    /// Of a tool call: its place in the answer, and the arguments that came with its start.
    std::optional<std::size_t> call;
    std::string given;
    /// Of thinking: what is to be sent back, and its place among the parts.
    json thinking;
    std::size_t part = 0;
  };

  /// A block as it will be sent back.
  struct part {
    /// Of text: how many bytes of the answer's.
    std::size_t bytes = 0;
    /// Of a call: its place among them.
    std::optional<std::size_t> call{};
    json thinking{};
  };

  std::optional<provider_failure> begin(std::int64_t index, const json& block, answer_delta& delta) {
    const auto type = string_in(block, "type");
    if (type == "text") {
      parts_.emplace_back();
      return add_text(string_in(block, "text"), delta);
    }
    if (type == "tool_use")
      return begin_call(index, block);
    if (type == "thinking" || type == "redacted_thinking")
      return begin_thinking(index, type, block, delta);
    return std::nullopt;
  }

  std::optional<provider_failure> begin_call(std::int64_t index, const json& block) {
    if (answer_.calls.size() == max_calls)
      return broken("The provider sent more than 128 tool calls.");
    auto& opened = open_.insert_or_assign(index, open_block{answer_.calls.size(), {}, {}}).first->second;
    parts_.push_back({0, answer_.calls.size()});
    auto& call = answer_.calls.emplace_back();
    call.provider_id = short_text_in(block, "id");
    call.tool = short_text_in(block, "name");
    if (const auto* input = object_in(block, "input"); input != nullptr && !input->empty())
      opened.given = dump_exact(*input);
    return within(opened.given);
  }

  std::optional<provider_failure> begin_thinking(std::int64_t index, std::string_view type, const json& block,
                                                 answer_delta& delta) {
    if (++thinking_blocks_ > max_thinking_blocks)
      return broken("The provider sent more than 1024 blocks of thinking.");
    json kept{{"type", type}};
    if (type == "thinking") {
      kept["thinking"] = std::string{};
      kept["signature"] = std::string{};
    } else {
      kept["data"] = std::string{};
    }
    auto& opened
      = open_.insert_or_assign(index, open_block{std::nullopt, {}, std::move(kept), parts_.size()}).first->second;
    parts_.push_back({0, std::nullopt, opened.thinking});
    delta.thinking += foreign::clean_text(string_in(block, "thinking"));
    for (const auto* name : {"thinking", "signature", "data"})
      if (auto wrong = keep(opened, name, string_in(block, name)))
        return wrong;
    return std::nullopt;
  }

  std::optional<provider_failure> add(std::int64_t index, const json& piece, answer_delta& delta) {
    const auto type = string_in(piece, "type");
    if (type == "text_delta")
      return add_text(string_in(piece, "text"), delta);
    if (type == "thinking_delta")
      delta.thinking += foreign::clean_text(string_in(piece, "thinking"));
    const auto found = open_.find(index);
    if (found == open_.end())
      return std::nullopt;
    if (type == "thinking_delta")
      return keep(found->second, "thinking", string_in(piece, "thinking"));
    if (type == "signature_delta")
      return keep(found->second, "signature", string_in(piece, "signature"));
    if (type == "input_json_delta" && found->second.call)
      return add_arguments(answer_.calls[*found->second.call], string_in(piece, "partial_json"));
    return std::nullopt;
  }

  std::optional<provider_failure> add_text(std::string_view text, answer_delta& delta) {
    const auto clean = foreign::clean_text(text);
    if (answer_.text.size() + clean.size() > max_text)
      return broken("The provider sent more than 8 MiB of text.");
    if (parts_.empty() || parts_.back().call || !parts_.back().thinking.is_null())
      parts_.emplace_back();
    parts_.back().bytes += clean.size();
    answer_.text += clean;
    delta.text += clean;
    return std::nullopt;
  }

  static std::optional<provider_failure> within(const std::string& arguments) {
    if (arguments.size() > max_arguments)
      return broken("The provider sent more than 1 MiB of arguments for a tool call.");
    return std::nullopt;
  }

  static std::optional<provider_failure> add_arguments(tool_call& call, std::string_view json_piece) {
    call.arguments += foreign::clean_text(json_piece);
    return within(call.arguments);
  }

  /// Uncleaned: what is sent back must be what was signed.
  std::optional<provider_failure> keep(open_block& block, const char* name, std::string_view piece) {
    const auto kept = block.thinking.find(name);
    if (kept == block.thinking.end())
      return std::nullopt;
    thinking_size_ += piece.size();
    if (thinking_size_ > max_text)
      return broken("The provider sent more than 8 MiB of thinking.");
    kept->get_ref<std::string&>() += piece;
    return std::nullopt;
  }

  void end(std::int64_t index) {
    if (const auto found = open_.find(index); found != open_.end()) {
      close(found->second);
      open_.erase(found);
    }
  }

  void close(const open_block& block) {
    if (!block.call) {
      parts_[block.part].thinking = block.thinking;
      return;
    }
    // Nothing at all stays nothing: who reads on knows whether it was cut off.
    if (auto& arguments = answer_.calls[*block.call].arguments; arguments.empty())
      arguments = block.given;
  }

  /// The blocks in the order in which they came, for Claude takes them in no other
  /// (UKGovernmentBEIS/inspect_ai#4922). Text and calls are kept elsewhere and only named.
  void write_replay() {
    auto blocks = json::array();
    // Text and then calls is what is made of a message that has none.
    bool is_plain = true;
    bool called = false;
    for (const auto& one : parts_) {
      is_plain = is_plain && one.thinking.is_null() && (one.call || !called || one.bytes == 0);
      called = called || one.call;
      if (!one.thinking.is_null())
        blocks.push_back(one.thinking);
      else if (one.call)
        blocks.push_back({{"type", "tool_use"}, {"call", *one.call}});
      else
        blocks.push_back({{"type", "text"}, {"bytes", one.bytes}});
    }
    if (!is_plain)
      answer_.replay = providers::dump(blocks);
  }

  std::optional<provider_failure> take_message_delta(const json& data) {
    take_usage(&data, true);
    const auto* delta = object_in(data, "delta");
    return delta == nullptr ? std::nullopt : take_stop_reason(*delta);
  }

  std::optional<provider_failure> take_stop_reason(const json& from) {
    const auto reason = string_in(from, "stop_reason");
    if (reason.empty())
      return std::nullopt;
    if (reason == "refusal") {
      auto refused = failure(error_class::permanent, "The model refused to answer.");
      refused.finish = finish_reason::refusal;
      return refused;
    }
    if (reason == "max_tokens" || reason == "model_context_window_exceeded")
      answer_.finish_reason = "length";
    else if (reason == "tool_use")
      answer_.finish_reason = "tool_calls";
    else if (reason == "end_turn" || reason == "stop_sequence")
      answer_.finish_reason = "stop";
    else
      answer_.finish_reason = foreign::excerpt(reason, 64);
    stopped_ = true;
    close_all();
    return std::nullopt;
  }

  /// The output is only known in the end; the input may be told again then, with what the provider's own tools read.
  void take_usage(const json* from, bool at_end) {
    const auto* usage = from == nullptr ? nullptr : object_in(*from, "usage");
    if (usage == nullptr)
      return;
    if (const auto plain = count_in(*usage, "input_tokens")) {
      const auto all = *plain + count_in(*usage, "cache_creation_input_tokens").value_or(0)
                       + count_in(*usage, "cache_read_input_tokens").value_or(0);
      answer_.input_tokens = std::max(answer_.input_tokens.value_or(0), all);
    }
    if (const auto output = count_in(*usage, "output_tokens"); output && at_end)
      answer_.output_tokens = output;
  }

  void close_all() {
    for (const auto& [index, block] : open_)
      close(block);
    open_.clear();
  }

  void finish() {
    close_all();
    ended_ = true;
  }

  provider_answer answer_;
  providers::event_json events_;
  std::map<std::int64_t, open_block> open_;
  std::vector<part> parts_;
  std::size_t thinking_blocks_ = 0;
  std::size_t thinking_size_ = 0;
  bool stopped_ = false;
  bool ended_ = false;
};

} // namespace

outbound_request anthropic_provider::request(const prompt& what, std::string_view key) const {
  return anthropic_request(what, key);
}

std::unique_ptr<answer_reader> anthropic_provider::reader() const {
  return std::make_unique<anthropic_reader>();
}

std::optional<provider_failure> anthropic_provider::read_whole(std::string_view body, provider_answer& answer) const {
  auto message = parse_exact_object(body);
  if (!message)
    message = providers::read_object(body);
  if (!message)
    return providers::no_answer(body);
  if (member(*message, "error") != nullptr || string_in(*message, "type") == "error")
    return failure_inside(*message);
  anthropic_reader reader;
  if (auto wrong = reader.read_message(*message))
    return wrong;
  answer = reader.answer();
  return std::nullopt;
}

provider_failure anthropic_provider::failure_of(const outbound_head& head, std::string_view body, timestamp at) const {
  const auto said = providers::read_error_body(body);
  auto kind = foreign::class_of_status(head.status);
  if (kind != error_class::throttled)
    kind = class_of_type(said.type).value_or(kind);
  auto failed = failure_saying("The provider answered " + std::to_string(head.status), said, kind);
  const bool is_told_to_wait = !head.header("retry-after").empty() || !head.header("retry-after-ms").empty();
  const auto wait = providers::wait_asked_for(head, body, at);
  if (failed.kind == error_class::transient && is_told_to_wait && wait)
    failed.kind = error_class::throttled;
  if (failed.kind == error_class::throttled || (failed.kind == error_class::transient && head.status == 503))
    failed.retry_after = wait;
  return failed;
}

} // namespace troupe
