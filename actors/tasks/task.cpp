#include "actors/tasks/task.hpp"

#include "actors/models/context_window.hpp"
#include "actors/providers/model_traits.hpp"
#include "actors/tasks/attempt_end.hpp"
#include "actors/tasks/rules/chat_events.hpp"
#include "actors/timeouts.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/rules/budget_form.hpp"
#include "persistence/rules/budgets.hpp"

#include <caf/sec.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <stdexcept>

/// The model, streaming, and ends.
namespace troupe {

namespace {

constexpr int history_page = 500;

} // namespace

// -- the flow, in order -------------------------------------------------------

void task_state::start(claimed_task claim, std::shared_ptr<const task_context> context) {
  claim_ = std::move(claim);
  context_ = std::move(context);
  started_ = steady_now();
  budget_ = budget_in_spec(claim_.spec);
  if (!claim_.bot)
    fail(error_class::permanent, "The task's bot does not exist any more.");
  else if (!claim_.model)
    fail(error_class::permanent, "The model '" + claim_.bot->model + "' of the task's bot does not exist any more.");
  else if (claim_.has_history)
    read_history(0);
  else
    next_turn();
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
  // Finished turns of an attempt before this one are in the history: they are not asked for again, and count.
  for (const auto& message : *history_)
    if (message.task_id == claim_.id && !message.tool_calls.empty() && message.attempt > claim_.attempts_before)
      ++iterations_;
  if (const auto calls = ledger_.read(*history_, claim_.id); !calls.empty())
    take_up(calls);
  else
    next_turn();
}

void task_state::next_turn() {
  if (++iterations_ > claim_.bot->max_iterations) {
    fail(error_class::permanent, "The model still asked for tools after " + std::to_string(claim_.bot->max_iterations)
                                   + " calls (the bot's max_iterations).");
    return;
  }
  model_index_ = 0;
  turn_begin_ = answer_.text().size();
  // The builtin model does not ask what there is.
  if (claim_.model->kind == model_kind::builtin && claim_.fallbacks.empty())
    with_budget([this] { ask_model(); });
  else
    with_tools([this] { with_budget([this] { ask_model(); }); });
}

void task_state::with_budget(std::function<void()> then) {
  if (!claim_.budgeted && !budget_) {
    then();
    return;
  }
  const auto call = history_ ? estimate_call(*claim_.bot, *history_, {}) : estimate_call(*claim_.bot, {}, claim_.input);
  const auto wanted = amount_of(priced(call));
  const auto used_here = amount_of(used());
  if (budget_) {
    auto used_in_all = amount_of(claim_.usage);
    used_in_all += used_here;
    if (auto refusal = refuse_task_budget(*budget_, used_in_all, wanted)) {
      fail(error_class::budget_exceeded, std::move(*refusal));
      return;
    }
  }
  if (!claim_.budgeted) {
    then();
    return;
  }
  self_
    ->request(context_->peers->writer, timeouts::execution_write,
              reserve_budget{fence(), used_here, wanted, context_->clock()})
    .then(
      [this, then = std::move(then)](const budget_answer& answer) {
        if (answer.granted)
          then();
        else
          fail(error_class::budget_exceeded, answer.refusal);
      },
      [this](const caf::error& reason) { store_failed(reason); });
}

void task_state::ask_model() {
  const auto left = time_left();
  if (left.count() == 0) {
    out_of_time();
    return;
  }
  asking_ = true;
  // A model's limits may hold the request back, which takes none of the attempt's time: its call keeps that.
  const bool unlimited = model()->kind == model_kind::builtin && model()->limits == model_limits{};
  self_
    ->request(context_->peers->models, unlimited ? left : left + timeouts::admission,
              chat_request{model(), claim_.bot, chat(), claim_.input, history_, tools_, left, chat_listener{self_}})
    .then(
      [this](chat_result& result) {
        asking_ = false;
        if (auto* failure = std::get_if<chat_failure>(&result))
          turn_failed(*failure);
        else
          take_turn(std::get<chat_turn>(result));
      },
      [this](const caf::error& reason) {
        if (reason == caf::sec::request_timeout)
          out_of_time();
        else
          fail(cite("The model's actor died", reason));
      });
}

void task_state::turn_failed(chat_failure& failure) {
  context_->measured->model_asked(*model(), to_string(failure.kind), failure.usage);
  if (failure.model_down && model_index_ < claim_.fallbacks.size()) {
    usage_ += priced(failure.usage);
    ++model_index_;
    // It may have another price.
    with_budget([this] { ask_model(); });
    return;
  }
  // A model may refuse to go on where another has gone on in its place: then that one does.
  const auto other = failure.kind == error_class::permanent && model_index_ == 0 ? model_gone_on_with() : 0;
  if (other != 0) {
    usage_ += priced(failure.usage);
    model_index_ = other;
    with_budget([this] { ask_model(); });
    return;
  }
  fail(std::move(failure));
}

std::size_t task_state::model_gone_on_with() const {
  if (!history_)
    return 0;
  const auto last = std::find_if(history_->rbegin(), history_->rend(), [&](const message_record& message) {
    return message.task_id == claim_.id && !message.tool_calls.empty();
  });
  if (last == history_->rend() || last->origin.empty())
    return 0;
  const auto found = std::find_if(claim_.fallbacks.begin(), claim_.fallbacks.end(),
                                  [&](const auto& one) { return model_identity(*one) == last->origin; });
  return found == claim_.fallbacks.end() ? 0 : static_cast<std::size_t>(found - claim_.fallbacks.begin()) + 1;
}

void task_state::take_turn(chat_turn& turn) {
  context_->measured->model_asked(*model(), "answered", turn.usage);
  usage_ += priced(turn.usage);
  streamed_usage_ = {};
  started_ += turn.waited;
  note_first_token();
  // What the model did not stream comes with the turn.
  const auto streamed = answer_.text().size() - turn_begin_;
  if (turn.text.size() > streamed)
    answer_.add(std::string_view{turn.text}.substr(streamed), steady_now());
  if (turn.calls.empty())
    complete(turn);
  else
    with_tools_for(turn.calls, [this, turn] { store_intents(turn); });
}

void task_state::complete(const chat_turn& turn) {
  complete_task end{fence(),           turn.text,   {},          usage_,     model()->name,
                    context_->clock(), turn.finish, turn.origin, turn.replay};
  take_chunks(end.events);
  end.events.push_back(chat_done(model()->name, turn.finish, usage_));
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(end))
    .then([this](const done&) { self_->quit(); }, [this](const caf::error& reason) { store_failed(reason); });
}

// -- streaming ----------------------------------------------------------------

void task_state::stream(const chat_delta& delta) {
  note_first_token();
  streamed_usage_ = priced(delta.usage);
  std::optional<std::chrono::milliseconds> wait;
  if (!delta.thinking.empty())
    wait = thinking_.add(delta.thinking, steady_now());
  if (!delta.text.empty())
    if (const auto sooner = answer_.add(delta.text, steady_now()))
      wait = wait ? std::min(*wait, *sooner) : sooner;
  if (!wait)
    return;
  if (wait->count() == 0)
    flush();
  else
    self_->delayed_send(self_, *wait, flush_journal{});
}

void task_state::flush() {
  // One at a time: where the store is slow, chunks grow instead of their number.
  if (flushing_) {
    flush_again_ = true;
    return;
  }
  append_journal step;
  take_chunks(step.events);
  if (step.events.empty())
    return;
  flushing_ = true;
  append(std::move(step), [this] {
    flushing_ = false;
    if (std::exchange(flush_again_, false))
      flush();
  });
}

void task_state::take_chunks(std::vector<new_event>& events) {
  for (auto* stream : {&thinking_, &answer_})
    if (auto chunk = stream->take_chunk(steady_now()))
      events.push_back(std::move(*chunk));
}

void task_state::append(append_journal step, std::function<void()> then) {
  step.fence = fence();
  step.usage = used();
  step.model = model()->name;
  step.at = context_->clock();
  for (auto& message : step.messages)
    message.created_at = step.at;
  self_->request(context_->peers->writer, timeouts::execution_write, std::move(step))
    .then([then = std::move(then)](const done&) { then(); },
          [this](const caf::error& reason) { store_failed(reason); });
}

// -- ends ---------------------------------------------------------------------

stopped_task task_state::stop() {
  stopped_task last{answer_.text(), {}, used()};
  take_chunks(last.events);
  stop_asking();
  self_->quit();
  return last;
}

void task_state::out_of_time() {
  fail(error_class::transient,
       "The attempt took longer than " + std::to_string(claim_.bot->timeout.count()) + " s (the bot's timeout_s).");
}

void task_state::fail(error_class kind, std::string error) {
  chat_failure failure;
  failure.kind = kind;
  failure.error = std::move(error);
  fail(std::move(failure));
}

void task_state::fail(cited_error cited) {
  chat_failure failure;
  failure.error = std::move(cited.text);
  failure.own_words = cited.own_words;
  fail(std::move(failure));
}

void task_state::fail(toolbox_failure failure) {
  chat_failure none;
  none.kind = failure.kind;
  none.error = std::move(failure.error);
  none.own_words = failure.own_words;
  none.retry_after = failure.retry_after;
  fail(std::move(none));
}

void task_state::fail(chat_failure failure) {
  if (failure.usage != token_usage{}) {
    usage_ += priced(failure.usage);
    streamed_usage_ = {};
  }
  if (failure.crash)
    throw std::runtime_error{failure.error};
  stop_asking();
  auto end = failure_so_far(failure.kind, {std::move(failure.error), failure.own_words});
  end.retry_after = failure.retry_after;
  end.no_room = failure.no_room;
  end.finish = failure.finish;
  self_->quit(exit_reason_of(std::move(end)));
}

caf::error task_state::crash(const std::exception_ptr& thrown) {
  return exit_reason_of(failure_so_far(error_class::transient, cite("The task's actor crashed", to_error(thrown))));
}

attempt_failure task_state::failure_so_far(error_class kind, cited_error cited) {
  attempt_failure end;
  end.kind = kind;
  end.error = std::move(cited.text);
  end.own_words = cited.own_words;
  end.usage = used();
  end.chat_started = claim_.bot && claim_.model;
  if (end.chat_started)
    end.model = model()->name;
  take_chunks(end.events);
  return end;
}

void task_state::store_failed(const caf::error& reason) {
  if (reason == errc::fenced) {
    context_->measured->write_fenced();
    logging::debug("attempt is another's by now",
                   [this](auto& line) { line.add("task", claim_.id).add("attempt", claim_.attempt); });
    stop();
    return;
  }
  stop_asking();
  auto end = failure_so_far(error_class::transient, cite("The store did not answer", reason));
  end.store_away = reason == caf::sec::request_timeout;
  self_->quit(exit_reason_of(std::move(end)));
}

void task_state::stop_asking() {
  if (std::exchange(asking_, false))
    self_->send(context_->peers->models, stop_chat{model(), chat()});
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

const std::shared_ptr<const model_record>& task_state::model() const {
  return model_index_ == 0 ? claim_.model : claim_.fallbacks[model_index_ - 1];
}

token_usage task_state::priced(token_usage usage) const {
  if (claim_.model)
    usage.cost = cost_of(usage, model()->price);
  return usage;
}

std::chrono::milliseconds task_state::time_left() const {
  const auto left = started_ + claim_.bot->timeout - steady_now();
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(left), std::chrono::milliseconds{0});
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
