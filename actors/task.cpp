#include "actors/task.hpp"

#include "actors/builtin_tools.hpp"
#include "actors/timeouts.hpp"
#include "persistence/json_text.hpp"

#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <stdexcept>

namespace troupe {

namespace {

constexpr int history_page = 500;

new_event tool_started(const tool_call& call) {
  new_event event{event_type::chat_tool_start, R"({"call_id":)"};
  append_json_string(event.data, call.call_id);
  event.data += R"(,"tool":)";
  append_json_string(event.data, call.tool);
  event.data += R"(,"args":)";
  event.data += call.arguments;
  event.data += '}';
  return event;
}

new_event tool_finished(const tool_call& call, const std::string& result) {
  new_event event{event_type::chat_tool_result, R"({"call_id":)"};
  append_json_string(event.data, call.call_id);
  event.data += R"(,"tool":)";
  append_json_string(event.data, call.tool);
  event.data += R"(,"result":)";
  event.data += result;
  event.data += '}';
  return event;
}

new_event chat_done(const token_usage& usage) {
  return {event_type::chat_done, R"({"finish_reason":"stop","usage":{"input_tokens":)"
                                   + std::to_string(usage.input_tokens) + R"(,"output_tokens":)"
                                   + std::to_string(usage.output_tokens) + "}}"};
}

} // namespace

// -- the flow, in order -------------------------------------------------------

void task_state::start(claimed_task claim, std::shared_ptr<const task_context> context) {
  claim_ = std::move(claim);
  context_ = std::move(context);
  started_ = steady_now();
  if (!claim_.bot)
    fail(error_class::permanent, "The task's bot does not exist any more.");
  else if (!claim_.model)
    fail(error_class::permanent, "The model '" + claim_.bot->model + "' of the task's bot does not exist any more.");
  else if (claim_.has_history)
    read_history(0);
  else
    ask_model();
}

void task_state::read_history(std::int64_t after) {
  if (!history_)
    history_ = std::make_shared<std::vector<message_record>>();
  self_->request(reader(), timeouts::store_read, get_thread_messages{claim_.thread_id, after, history_page})
    .then(
      [this](message_page& found) {
        std::move(found.items.begin(), found.items.end(), std::back_inserter(*history_));
        if (found.next)
          read_history(*found.next);
        else
          resume();
      },
      [this](const caf::error& reason) { store_failed(reason); });
}

void task_state::resume() {
  // An attempt before this one may have died between an intent and its result. The built-in tools change nothing
  // anywhere, so an unknown outcome is settled by calling again; finished calls are never repeated.
  if (const auto calls = open_calls(); !calls.empty())
    call_tools(calls);
  else
    ask_model();
}

void task_state::ask_model() {
  if (++iterations_ > claim_.bot->max_iterations) {
    fail(error_class::permanent, "The model still asked for tools after " + std::to_string(claim_.bot->max_iterations)
                                   + " calls (the bot's max_iterations).");
    return;
  }
  const auto remaining = started_ + claim_.bot->timeout - steady_now();
  asking_ = true;
  self_
    ->request(context_->peers->models, std::max<std::chrono::nanoseconds>(remaining, std::chrono::milliseconds{1}),
              chat_request{claim_.model, claim_.bot, chat(), claim_.input, history_, chat_listener{self_}})
    .then(
      [this](chat_result& result) {
        asking_ = false;
        if (auto* failure = std::get_if<chat_failure>(&result))
          fail(std::move(*failure));
        else
          take_turn(std::get<chat_turn>(result));
      },
      [this](const caf::error& reason) {
        if (reason == caf::sec::request_timeout)
          fail(error_class::transient, "The attempt took longer than " + std::to_string(claim_.bot->timeout.count())
                                         + " s (the bot's timeout_s).");
        else
          fail(error_class::transient, "The model's actor died: " + sentence_of(reason));
      });
}

void task_state::take_turn(chat_turn& turn) {
  usage_ += turn.usage;
  streamed_usage_ = {};
  note_first_token();
  if (!turn.calls.empty())
    store_intents(std::move(turn.calls));
  else
    complete(turn.text);
}

void task_state::store_intents(std::vector<tool_call> calls) {
  std::vector<new_event> events;
  for (const auto& call : calls)
    events.push_back(tool_started(call));
  message_record intent;
  intent.task_id = claim_.id;
  intent.role = message_role::assistant;
  intent.tool_calls = calls;
  intent.attempt = claim_.attempt;
  remember({intent});
  append(std::move(events), {std::move(intent)}, [this, calls = std::move(calls)] { call_tools(calls); });
}

void task_state::call_tools(const std::vector<tool_call>& calls) {
  std::vector<new_event> events;
  std::vector<message_record> results;
  for (const auto& call : calls) {
    const auto& allowed = claim_.bot->tools;
    message_record result;
    result.task_id = claim_.id;
    result.role = message_role::tool;
    result.call_id = call.call_id;
    result.tool = call.tool;
    result.attempt = claim_.attempt;
    result.content = std::find(allowed.begin(), allowed.end(), call.tool) == allowed.end()
                       ? std::string{R"({"error":"This bot has no such tool."})"}
                       : call_builtin_tool(call.tool, call.arguments, context_->clock()).result;
    events.push_back(tool_finished(call, result.content));
    results.push_back(std::move(result));
  }
  remember(results);
  append(std::move(events), std::move(results), [this] { ask_model(); });
}

void task_state::complete(const std::string& answer) {
  // What the model did not stream comes with the turn.
  if (answer.size() > answer_.text().size())
    answer_.add(std::string_view{answer}.substr(answer_.text().size()), steady_now());
  complete_task end{fence(), answer, {}, usage_, context_->clock()};
  if (auto chunk = answer_.take_chunk(steady_now()))
    end.events.push_back(std::move(*chunk));
  end.events.push_back(chat_done(usage_));
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(end))
    .then([this](const done&) { self_->quit(); }, [this](const caf::error& reason) { store_failed(reason); });
}

// -- streaming ----------------------------------------------------------------

void task_state::stream(const chat_delta& delta) {
  note_first_token();
  streamed_usage_ = delta.usage;
  const auto wait = answer_.add(delta.text, steady_now());
  if (!wait)
    return;
  if (wait->count() == 0)
    flush();
  else
    self_->delayed_send(self_, *wait, flush_journal{});
}

void task_state::flush() {
  if (auto chunk = answer_.take_chunk(steady_now()))
    append({std::move(*chunk)}, {}, [] {});
}

template <class F>
void task_state::append(std::vector<new_event> events, std::vector<message_record> messages, F then) {
  const auto at = context_->clock();
  for (auto& message : messages)
    message.created_at = at;
  self_
    ->request(context_->peers->writer, timeouts::execution_write,
              append_journal{fence(), std::move(events), std::move(messages), used(), at})
    .then([then = std::move(then)](const done&) { then(); },
          [this](const caf::error& reason) { store_failed(reason); });
}

// -- ends ---------------------------------------------------------------------

stopped_task task_state::stop() {
  stopped_task last{answer_.text(), {}, used()};
  if (auto chunk = answer_.take_chunk(steady_now()))
    last.events.push_back(std::move(*chunk));
  if (asking_)
    self_->send(context_->peers->models, stop_chat{claim_.model, chat()});
  self_->quit();
  return last;
}

void task_state::fail(error_class kind, std::string error) {
  fail(chat_failure{kind, std::move(error), std::nullopt, {}, false});
}

void task_state::fail(chat_failure failure) {
  if (failure.usage != token_usage{}) {
    usage_ += failure.usage;
    streamed_usage_ = {};
  }
  if (failure.crash)
    throw std::runtime_error{failure.error};
  if (std::exchange(asking_, false))
    self_->send(context_->peers->models, stop_chat{claim_.model, chat()});
  auto end = failure_so_far(failure.kind, std::move(failure.error));
  end.retry_after = failure.retry_after;
  self_->quit(caf::make_error(errc::attempt_failed, std::move(end)));
}

caf::error task_state::crash(const std::exception_ptr& thrown) {
  return caf::make_error(
    errc::attempt_failed,
    failure_so_far(error_class::transient, "The task's actor crashed: " + sentence_of(to_error(thrown))));
}

attempt_failure task_state::failure_so_far(error_class kind, std::string error) {
  attempt_failure end;
  end.kind = kind;
  end.error = std::move(error);
  end.usage = used();
  end.chat_started = claim_.bot && claim_.model;
  if (auto chunk = answer_.take_chunk(steady_now()))
    end.events.push_back(std::move(*chunk));
  return end;
}

void task_state::store_failed(const caf::error& reason) {
  if (reason == errc::fenced) {
    context_->measured->write_fenced();
    stop();
  } else {
    fail(error_class::transient, "The store did not answer: " + sentence_of(reason));
  }
}

// -- helpers ------------------------------------------------------------------

void task_state::remember(const std::vector<message_record>& messages) {
  // A new vector each time: the model may still look at the one it was given.
  auto longer = std::make_shared<std::vector<message_record>>();
  if (history_) {
    *longer = *history_;
  } else {
    message_record input;
    input.task_id = claim_.id;
    input.content = claim_.input;
    longer->push_back(std::move(input));
  }
  longer->insert(longer->end(), messages.begin(), messages.end());
  history_ = std::move(longer);
}

fence task_state::fence() const {
  return {claim_.id, claim_.attempt, context_->owner};
}

token_usage task_state::used() const {
  auto sum = usage_;
  sum += streamed_usage_;
  return sum;
}

std::vector<tool_call> task_state::open_calls() const {
  std::vector<tool_call> open;
  for (const auto& message : *history_) {
    if (message.task_id != claim_.id)
      continue;
    open.insert(open.end(), message.tool_calls.begin(), message.tool_calls.end());
    if (message.role == message_role::tool)
      std::erase_if(open, [&](const tool_call& call) { return call.call_id == message.call_id; });
  }
  return open;
}

task_state::steady_time task_state::steady_now() const {
  return self_->clock().now();
}

const reader_actor& task_state::reader() const {
  const auto& readers = context_->peers->readers;
  return readers[std::hash<uuid>{}(claim_.id) % readers.size()];
}

void task_state::note_first_token() {
  if (!std::exchange(first_token_seen_, true))
    context_->measured->first_token(steady_now() - started_);
}

task_actor::behavior_type task(task_actor::stateful_pointer<task_state> self, claimed_task claim,
                               std::shared_ptr<const task_context> context) {
  self->set_exception_handler([self](std::exception_ptr& thrown) { return self->state.crash(thrown); });
  self->state.start(std::move(claim), std::move(context));
  return {
    [self](const chat_delta& delta) { self->state.stream(delta); },
    [self](const flush_journal&) { self->state.flush(); },
    [self](const stop_task&) { return self->state.stop(); },
  };
}

} // namespace troupe
