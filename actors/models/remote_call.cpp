#include "actors/models/remote_call.hpp"

#include "actors/answer_relay.hpp"
#include "actors/models/api_key.hpp"
#include "actors/models/context_window.hpp"
#include "actors/providers/answer_check.hpp"
#include "persistence/logging/log.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

using std::chrono::milliseconds;

/// The thread with this task's messages last, as an earlier turn that is tried again has
/// others behind it, and without what the task itself had said before it was cancelled.
/// A new vector only if the request's is not like that.
conversation history_of(const chat_request& request) {
  if (!request.history) {
    message_record input;
    input.task_id = request.id.task_id;
    input.content = request.input;
    return std::make_shared<const std::vector<message_record>>(std::vector{std::move(input)});
  }
  const auto is_other = [&](const auto& message) { return message.task_id != request.id.task_id; };
  const auto is_void = [&](const auto& message) { return message.interrupted && !is_other(message); };
  const auto& given = *request.history;
  if (std::is_partitioned(given.begin(), given.end(), is_other) && std::none_of(given.begin(), given.end(), is_void))
    return request.history;
  auto ordered = given;
  std::erase_if(ordered, is_void);
  std::stable_partition(ordered.begin(), ordered.end(), is_other);
  return std::make_shared<const std::vector<message_record>>(std::move(ordered));
}

std::int64_t tokens_of(const std::vector<tool_definition>& tools) {
  std::int64_t sum = 0;
  for (const auto& tool : tools)
    sum += providers::estimate_tokens(tool.name) + providers::estimate_tokens(tool.description)
           + providers::estimate_tokens(tool.parameters);
  return sum;
}

/// For a turn among this node's calls, beside the time that a model's gate lets wait.
constexpr milliseconds longest_model_turn{30'000};

outbound_timeouts timeouts_of(const model_timeouts& model, milliseconds time_left) {
  outbound_timeouts result;
  result.turn = longest_model_turn;
  result.connect = model.connect;
  result.first_data = model.first_token;
  result.idle = model.idle;
  result.total = std::max(std::min<milliseconds>(model.total, time_left), milliseconds{1});
  return result;
}

} // namespace

// -- the request ----------------------------------------------------------------

void remote_call_state::start(model_gate_actor gate, std::uint64_t number, chat_request request,
                              remote_call_config config) {
  gate_ = std::move(gate);
  number_ = number;
  request_ = std::move(request);
  config_ = std::move(config);
  provider_ = &provider_of(request_.model->kind);
  reader_ = provider_->reader();
  // The end of the task is told even if it came before this.
  self_->monitor(request_.listener);
  traits_ = config_.traits;
  send_request();
}

std::variant<outbound_request, provider_failure> remote_call_state::make_request() {
  static const std::vector<tool_definition> no_tools;
  const auto key = read_api_key(*request_.model);
  if (const auto* missing = std::get_if<key_missing>(&key))
    return provider_failure{error_class::permanent, missing->error, std::nullopt};
  const auto& tools = request_.tools ? request_.tools->definitions : no_tools;
  const auto reserved = tokens_of(tools) + request_.bot->max_tokens.value_or(0);
  const auto& prompt_text = request_.bot->system_prompt;
  const auto history = history_of(request_);
  const auto window = fit_window(*history, prompt_text, reserved, request_.bot->context_tokens);
  prompt_tokens_ = tokens_of(tools) + providers::estimate_tokens(prompt_text);
  for (const auto& message : window)
    prompt_tokens_ += estimate_tokens(message);
  auto model = *request_.model;
  if (auto wrong = open_headers(model.headers, {model.ns, "model", model.name, {}, {}}, config_.secrets.get()))
    return provider_failure{error_class::permanent, *std::move(wrong), std::nullopt};
  for (auto& [field, value] : model.headers) {
    auto expanded = expand_env(value);
    if (!expanded)
      return provider_failure{error_class::permanent,
                              "The model's header " + field + " names an environment variable that is not set.",
                              std::nullopt};
    value = std::move(*expanded);
  }
  return provider_->request({model, *request_.bot, window, tools, traits_}, std::get<std::string>(key));
}

void remote_call_state::send_request() {
  auto made = make_request();
  if (auto* failure = std::get_if<provider_failure>(&made)) {
    fail(std::move(*failure));
    return;
  }
  auto& outgoing = std::get<outbound_request>(made);
  outgoing.timeouts = timeouts_of(request_.model->timeouts, request_.time_left);
  outgoing.share = outbound_share::model;
  outgoing.repeat_if_dropped = true;
  head_ = {};
  if (logging::is_on(logging::level::debug)) {
    host_ = logging::host_of(outgoing.url);
    asked_at_ = self_->clock().now();
  }
  call_ = config_.outbound->start(std::move(outgoing),
                                  std::make_shared<answer_relay<remote_call_actor, true>>(remote_call_actor{self_}));
}

bool remote_call_state::ask_otherwise(unsigned status, std::string_view said) {
  constexpr int most_lessons = 8;
  if (has_streamed() || lessons_ == most_lessons || !may_teach(status))
    return false;
  // What was sent comes out alike when it is made again: it need not be kept for the case of a refusal.
  const auto sent = make_request();
  const auto* request = std::get_if<outbound_request>(&sent);
  auto learnt = request == nullptr ? std::nullopt : learn(traits_, {status, said, request->body});
  if (!learnt)
    return false;
  ++lessons_;
  head_.status = status;
  log_end("refused", "It is asked again in another way.");
  close();
  traits_ = *learnt;
  // What this conversation cannot have another may.
  learnt->remove(model_trait::no_thinking);
  self_->send(gate_, model_learnt{std::move(*learnt)});
  reader_ = provider_->reader();
  send_request();
  return true;
}

// -- the answer -------------------------------------------------------------------

void remote_call_state::read(const answer_arrived& arrived) {
  if (call_ == 0)
    return;
  if (arrived.head)
    head_ = *arrived.head;
  answer_delta delta;
  for (const auto& event : arrived.events) {
    if (auto failure = reader_->read(event, delta)) {
      stream(delta);
      if (!ask_otherwise(failure->status, event.data))
        fail(std::move(*failure));
      return;
    }
    if (reader_->ended())
      break;
  }
  stream(delta);
  if (reader_->ended()) {
    // The rest of the stream is its end; the connection is kept for the next call.
    call_ = 0;
    close_answer(head_);
  }
}

void remote_call_state::close_answer(const outbound_head& head) {
  if (auto failure = reader_->close())
    fail(std::move(*failure));
  else
    succeed(reader_->answer(), head);
}

void remote_call_state::stream(answer_delta& delta) {
  if (delta.empty())
    return;
  if (!has_streamed()) {
    // The conversation was written out and taken: it need not be held while the answer comes.
    request_.history = nullptr;
    request_.input = {};
  }
  streamed_bytes_ += delta.text.size() + delta.thinking.size();
  self_->send(request_.listener,
              chat_delta{std::move(delta.text), usage_of(reader_->answer()), std::move(delta.thinking)});
}

void remote_call_state::finish(answer_ended& end) {
  if (std::exchange(call_, 0) == 0)
    return;
  head_ = end.head;
  const auto at = config_.clock();
  if (end.head.status / 100 != 2) {
    if (!ask_otherwise(end.head.status, end.body))
      fail(provider_->failure_of(end.head, end.body, at));
    return;
  }
  // Nothing at all is a stream that has ended too soon.
  if (end.streamed || end.body.empty()) {
    close_answer(end.head);
    return;
  }
  provider_answer whole;
  if (auto failure = provider_->read_whole(end.body, whole))
    fail(std::move(*failure));
  else
    succeed(whole, end.head);
}

token_usage remote_call_state::usage_of(const provider_answer& answer) const {
  token_usage usage;
  usage.estimated = !answer.input_tokens || !answer.output_tokens;
  usage.input_tokens = answer.input_tokens.value_or(prompt_tokens_);
  usage.output_tokens = answer.output_tokens.value_or(providers::estimate_tokens(answer.text));
  return usage;
}

// -- ends -------------------------------------------------------------------------

void remote_call_state::succeed(const provider_answer& answer, const outbound_head& head) {
  chat_turn turn;
  turn.usage = usage_of(answer);
  if (!answer.output_tokens)
    for (const auto& call : answer.calls)
      turn.usage.output_tokens += providers::estimate_tokens(call.tool) + providers::estimate_tokens(call.arguments);
  turn.text = answer.text;
  turn.calls = answer.calls;
  turn.finish = finish_of(answer.finish_reason);
  turn.refused = refused_calls(turn.calls, turn.finish);
  turn.replay = answer.replay;
  const bool has_extra = std::any_of(turn.calls.begin(), turn.calls.end(),
                                     [](const auto& call) { return !call.extra.empty() || !call.provider_id.empty(); });
  if (!turn.replay.empty() || has_extra)
    turn.origin = model_identity(*request_.model);
  end(std::move(turn), providers::wait_asked_for(head, config_.clock()));
}

void remote_call_state::fail(const outbound_failure& failure) {
  if (std::exchange(call_, 0) == 0)
    return;
  // Some servers neither say that it is over nor end it.
  if (failure.code == outbound_errc::timed_out && !reader_->close()) {
    succeed(reader_->answer(), head_);
    return;
  }
  if (failure.code == outbound_errc::busy) {
    send_back(failure);
    return;
  }
  const auto kind = failure.code == outbound_errc::refused ? error_class::permanent : error_class::transient;
  fail(provider_failure{kind, failure.error, std::nullopt});
}

void remote_call_state::fail(provider_failure failure) {
  chat_failure result;
  result.kind = failure.kind;
  result.error = std::move(failure.error);
  result.own_words = failure.own_words;
  result.retry_after = failure.retry_after;
  result.finish = failure.finish;
  // Text that was seen already cannot be followed by another model's.
  result.model_down
    = !has_streamed() && (failure.kind == error_class::transient || failure.kind == error_class::throttled);
  // A provider that refuses has counted nothing.
  if (has_streamed())
    result.usage = usage_of(reader_->answer());
  const auto pause = failure.kind == error_class::throttled ? failure.retry_after : std::nullopt;
  close();
  end(std::move(result), pause);
}

/// It was not asked: the provider has nothing to do with it.
void remote_call_state::send_back(const outbound_failure& failure) {
  chat_failure result;
  result.kind = error_class::throttled;
  result.error = failure.error;
  result.retry_after = busy_pause;
  result.no_room = true;
  end(std::move(result), std::nullopt);
}

void remote_call_state::close() {
  if (const auto open = std::exchange(call_, 0); open != 0)
    config_.outbound->cancel(open);
}

void remote_call_state::abandon() {
  close();
  end(chat_failure{error_class::cancelled, "The chat was stopped.", std::nullopt, {}}, std::nullopt);
}

void remote_call_state::log_end(std::string_view how, std::string_view error) const {
  logging::debug("provider call", [&](auto& line) {
    line.add("model", request_.model->ns + '/' + request_.model->name).add("host", host_);
    line.add("status", head_.status).add("outcome", how);
    line.add("took_ms", std::chrono::duration_cast<std::chrono::microseconds>(self_->clock().now() - asked_at_));
    line.add("task", request_.id.task_id).add("attempt", request_.id.attempt).add_if_any("error", error);
  });
}

void remote_call_state::end(chat_result result, std::optional<milliseconds> pause) {
  if (const auto* failure = std::get_if<chat_failure>(&result))
    log_end(to_string(failure->kind), logging::own_part(failure->error, failure->own_words));
  else
    log_end("answered", {});
  self_->send(gate_, call_ended{number_, std::move(result), pause});
  self_->quit();
}

remote_call_actor::behavior_type remote_call(remote_call_actor::stateful_pointer<remote_call_state> self,
                                             model_gate_actor gate, std::uint64_t number, chat_request request,
                                             remote_call_config config) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.close();
    return to_error(thrown);
  });
  self->set_down_handler([self](const caf::down_msg&) { self->state.abandon(); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.close();
    self->quit(exit.reason);
  });
  self->state.start(std::move(gate), number, std::move(request), std::move(config));
  return {
    [self](const answer_arrived& arrived) { self->state.read(arrived); },
    [self](answer_ended& end) { self->state.finish(end); },
    [self](const answer_failed& failed) { self->state.fail(failed.failure); },
  };
}

} // namespace troupe
