#include "actors/models/builtin_model.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <optional>

namespace troupe {

namespace {

/// The results of this task's tool calls, in the order of the calls.
std::vector<tool_answer> answers_in(const chat_request& request) {
  std::vector<tool_answer> answers;
  if (request.history)
    for (const auto& message : *request.history)
      if (message.role == message_role::tool && message.task_id == request.id.task_id)
        answers.push_back({message.tool, message.content});
  return answers;
}

std::int64_t tokens_in(const chat_request& request) {
  auto count = count_tokens(request.bot->system_prompt);
  if (!request.history)
    return count + count_tokens(request.input);
  for (const auto& message : *request.history)
    count += count_tokens(message.content);
  return count;
}

chat_failure scripted(const failure_script& fail, const chat_request& request) {
  chat_failure failure;
  failure.usage.input_tokens = tokens_in(request);
  failure.error = "The input asked for attempt " + std::to_string(request.id.attempt) + " to fail.";
  switch (fail.kind) {
  case scripted_failure::transient: failure.kind = error_class::transient; break;
  case scripted_failure::throttled: failure.kind = error_class::throttled; break;
  case scripted_failure::permanent: failure.kind = error_class::permanent; break;
  case scripted_failure::crash:
    failure.kind = error_class::transient;
    failure.crash = true;
    break;
  }
  return failure;
}

/// What the script comes to, once its delay is over.
chat_result result_of(const builtin_script& script, const chat_request& request) {
  if (script.fail && request.id.attempt <= script.fail->attempts)
    return scripted(*script.fail, request);
  chat_turn turn;
  turn.usage.input_tokens = tokens_in(request);
  const auto answers = answers_in(request);
  if (answers.size() < script.tools.size()) {
    turn.calls = script.tools;
    return turn;
  }
  turn.text = builtin_answer(script, answers);
  turn.usage.output_tokens = count_tokens(turn.text);
  return turn;
}

} // namespace

caf::result<chat_result> builtin_model_state::chat(chat_request& request) {
  auto parsed = parse_builtin_script(request.input);
  if (auto* wrong = std::get_if<script_error>(&parsed))
    return chat_result{chat_failure{error_class::permanent, std::move(wrong->message), std::nullopt, {}, false}};
  auto& script = std::get<builtin_script>(parsed);
  if (script.delay.count() == 0 && script.pace.count() == 0)
    return result_of(script, request);
  const auto number = ++last_number_;
  const auto wait = script.delay;
  auto promise = self_->make_response_promise<chat_result>();
  by_chat_[request.id] = number;
  streams_.emplace(number, stream{std::move(script), std::move(request), promise, {}, 0, {}});
  step_after(wait, number);
  return promise;
}

void builtin_model_state::step(std::uint64_t number) {
  const auto found = streams_.find(number);
  if (found == streams_.end())
    return;
  auto& open = found->second;
  if (open.words.empty()) {
    auto result = result_of(open.script, open.request);
    const auto* turn = std::get_if<chat_turn>(&result);
    if (!turn || !turn->calls.empty() || open.script.pace.count() == 0) {
      end(number, std::move(result));
      return;
    }
    open.words = words_of(turn->text);
    open.usage.input_tokens = turn->usage.input_tokens;
  }
  if (open.next < open.words.size()) {
    ++open.usage.output_tokens;
    self_->send(open.request.listener, chat_delta{open.words[open.next++], open.usage});
  }
  if (open.next < open.words.size())
    step_after(open.script.pace, number);
  else
    end(number, result_of(open.script, open.request));
}

void builtin_model_state::stop(const chat_id& chat) {
  if (const auto found = by_chat_.find(chat); found != by_chat_.end())
    end(found->second, chat_failure{error_class::cancelled, "The chat was stopped.", std::nullopt, {}, false});
}

void builtin_model_state::abandon() {
  while (!streams_.empty())
    end(streams_.begin()->first,
        chat_failure{error_class::transient, "The model was shut down.", std::nullopt, {}, false});
}

void builtin_model_state::step_after(std::chrono::milliseconds wait, std::uint64_t number) {
  self_->delayed_send(self_, wait, stream_step{number});
}

void builtin_model_state::end(std::uint64_t number, chat_result result) {
  const auto found = streams_.find(number);
  found->second.promise.deliver(std::move(result));
  by_chat_.erase(found->second.request.id);
  streams_.erase(found);
}

model_actor::behavior_type builtin_model(model_actor::stateful_pointer<builtin_model_state> self) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.abandon();
    return to_error(thrown);
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.abandon();
    self->quit(exit.reason);
  });
  return {
    [self](chat_request& request) { return self->state.chat(request); },
    [self](const stop_chat& request) { self->state.stop(request.id); },
    [self](const stream_step& step) { self->state.step(step.stream); },
  };
}

} // namespace troupe
