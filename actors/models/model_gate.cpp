#include "actors/models/model_gate.hpp"

#include "actors/models/context_window.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// Waiting costs little, so a few may do it even if the model is slow.
constexpr std::size_t least_waiting = 64;

/// Where only a pause or a trial holds requests back.
constexpr std::size_t most_without_limit = 100'000;

/// A provider that refuses without saying for how long is asked again after so long,
/// doubled each time.
constexpr milliseconds first_pause{1000};
constexpr int most_doublings = 6;

/// Bots take turns: one with many tasks delays no other's.
std::string turn_of(const bot_record& bot) {
  return bot.ns + '/' + bot.name;
}

std::int64_t estimate(const chat_request& request) {
  const auto usage = request.history ? estimate_call(*request.bot, *request.history, {})
                                     : estimate_call(*request.bot, {}, request.input);
  return usage.input_tokens + usage.output_tokens;
}

milliseconds ceil_ms(std::chrono::steady_clock::duration wait) {
  return std::max(std::chrono::ceil<milliseconds>(wait), milliseconds{0});
}

} // namespace

void model_gate_state::start(model_gate_config config) {
  config_ = std::move(config);
  limiter_.emplace(config_.model->limits, config_.shares);
}

// -- requests ---------------------------------------------------------------------

caf::typed_response_promise<chat_result> model_gate_state::chat(chat_request& request) {
  auto answer = self_->make_response_promise<chat_result>();
  const auto at = now();
  if (breaker_.current(at) == circuit_breaker::state::open) {
    answer.deliver(chat_result{down()});
    return answer;
  }
  const auto pause = limiter_->paused_until(at);
  if (pause && *pause - at > longest_wait)
    send_back(answer, ceil_ms(*pause - at), true);
  else if (waiting_.size() >= most_waiting())
    send_back(answer, next_slot(at), false);
  else {
    const auto turn = turn_of(*request.bot);
    // A long conversation is not gone through for a limit that is not there.
    const auto tokens = config_.model->limits.tokens_per_minute ? estimate(request) : 0;
    waiting_.push(turn, {std::move(request), answer, tokens, at});
    admit();
  }
  return answer;
}

void model_gate_state::stop(const chat_id& id) {
  // A call of its own sees the end of the task itself.
  waiting_.remove([&](const waiting_request& entry) { return entry.request.id == id; },
                  [](waiting_request& entry) {
                    entry.answer.deliver(
                      chat_result{chat_failure{error_class::cancelled, "The chat was stopped.", std::nullopt, {}}});
                  });
}

// -- admission --------------------------------------------------------------------

void model_gate_state::admit() {
  const auto at = now();
  while (!waiting_.empty()) {
    if (breaker_.current(at) == circuit_breaker::state::open) {
      while (!waiting_.empty())
        waiting_.pop().answer.deliver(chat_result{down()});
      return;
    }
    const auto tokens = waiting_.front().tokens;
    if (breaker_.current(at) == circuit_breaker::state::half_open && limiter_->active() > 0)
      return;
    if (!limiter_->take(tokens, at)) {
      if (const auto next = limiter_->next_chance(tokens, at))
        wake_at(*next);
      return;
    }
    breaker_.allow(at);
    begin(waiting_.pop(), at);
  }
}

void model_gate_state::begin(waiting_request entry, clock_time at) {
  const auto number = ++last_number_;
  const auto waited = std::chrono::duration_cast<milliseconds>(at - entry.since);
  const auto [open, is_new] = calls_.emplace(number, open_call{entry.answer, entry.tokens, waited, {}});
  open->second.actor = config_.call(model_gate_actor{self_}, number, std::move(entry.request), traits_);
  self_->monitor(open->second.actor);
}

void model_gate_state::wake_at(clock_time when) {
  if (alarm_at_ && *alarm_at_ <= when)
    return;
  alarm_at_ = when;
  self_->delayed_send(self_, std::max(when - now(), clock_time::duration{0}), admission_due{++alarm_});
}

void model_gate_state::admit_due(const admission_due& tick) {
  if (tick.number != alarm_)
    return;
  alarm_at_.reset();
  admit();
}

double model_gate_state::per_second() const {
  const auto& limits = config_.model->limits;
  double rate = 0;
  if (limits.requests_per_minute)
    rate = static_cast<double>(*limits.requests_per_minute) / 60;
  if (limits.tokens_per_minute) {
    constexpr double usual_tokens = 1000;
    const auto by_tokens = static_cast<double>(*limits.tokens_per_minute) / 60 / usual_tokens;
    rate = rate > 0 ? std::min(rate, by_tokens) : by_tokens;
  }
  // Of a model that limits nothing but calls at once, one may be done in a second.
  if (rate == 0 && limits.concurrency)
    rate = *limits.concurrency;
  return rate / std::max(config_.shares, 1);
}

std::size_t model_gate_state::most_waiting() const {
  const auto rate = per_second();
  if (rate == 0)
    return most_without_limit;
  const auto in_time = static_cast<std::size_t>(rate * std::chrono::duration<double>{longest_wait}.count());
  return std::max(least_waiting, in_time);
}

milliseconds model_gate_state::next_slot(clock_time at) {
  // A model without limits has no rate: those beyond the many that may wait are told some time.
  constexpr double usual_rate = 1000;
  const auto rate = per_second() > 0 ? per_second() : usual_rate;
  const auto each = std::chrono::duration_cast<clock_time::duration>(std::chrono::duration<double>{1 / rate});
  slots_until_ = std::max(slots_until_, at + longest_wait) + each;
  return ceil_ms(slots_until_ - at);
}

void model_gate_state::send_back(promise& to, milliseconds wait, bool asked_by_provider) {
  chat_failure failure;
  failure.kind = error_class::throttled;
  failure.retry_after = wait;
  failure.model_down = true;
  failure.no_room = !asked_by_provider;
  failure.error = "The model '" + config_.model->name + "' "
                  + (asked_by_provider ? "is paused, as its provider asked." : "has no room within its limits.");
  to.deliver(chat_result{std::move(failure)});
}

// -- ends -------------------------------------------------------------------------

void model_gate_state::ended(call_ended& end) {
  close(end.call, std::move(end.result), end.pause);
}

void model_gate_state::learn(const model_learnt& news) {
  auto all = traits_;
  // What was thought of as wanted may turn out to be refused.
  if (news.traits.has(model_trait::plain_messages)) {
    all.remove(model_trait::wants_reasoning);
    all.remove(model_trait::wants_signatures);
  } else {
    all.remove(model_trait::plain_messages);
  }
  all |= news.traits;
  if (all == std::exchange(traits_, all))
    return;
  std::string names;
  for (const auto& trait : traits_.names())
    names += (names.empty() ? "" : ", ") + trait;
  say::info("model {}/{}: its provider has refused a request; from now on: {}", config_.model->ns, config_.model->name,
            names);
}

void model_gate_state::call_died(const caf::down_msg& down) {
  const auto found
    = std::find_if(calls_.begin(), calls_.end(), [&](const auto& entry) { return entry.second.actor == down.source; });
  if (found == calls_.end())
    return;
  chat_failure failure;
  auto [text, own_words] = cite("The call to the model's provider died", down.reason);
  failure.error = std::move(text);
  failure.own_words = own_words;
  close(found->first, std::move(failure), std::nullopt);
}

void model_gate_state::close(std::uint64_t number, chat_result result, std::optional<milliseconds> pause) {
  const auto found = calls_.find(number);
  if (found == calls_.end())
    return;
  auto call = std::move(found->second);
  calls_.erase(found);
  self_->demonitor(call.actor);
  judge(call, result, pause);
  if (auto* turn = std::get_if<chat_turn>(&result))
    turn->waited = call.waited;
  call.answer.deliver(std::move(result));
  admit();
}

void model_gate_state::judge(const open_call& call, chat_result& result, std::optional<milliseconds> pause) {
  const auto at = now();
  if (const auto* turn = std::get_if<chat_turn>(&result)) {
    unexplained_ = 0;
    breaker_.succeeded();
    limiter_->settle(call.tokens, turn->usage.input_tokens + turn->usage.output_tokens,
                     rate_limiter::outcome::succeeded, at);
    // The provider's own limit is used up: it says when there is more.
    if (pause)
      hold_all(*pause, true);
    return;
  }
  auto& failure = std::get<chat_failure>(result);
  const auto used = failure.usage.input_tokens + failure.usage.output_tokens;
  if (failure.no_room) {
    // The node itself was busy: nothing was learnt of the model.
    breaker_.abandoned();
    limiter_->settle(call.tokens, used, rate_limiter::outcome::failed, at);
    return;
  }
  switch (failure.kind) {
  case error_class::throttled: {
    breaker_.succeeded();
    limiter_->settle(call.tokens, used, rate_limiter::outcome::throttled, at);
    if (!pause) {
      pause = first_pause * (1 << std::min(unexplained_, most_doublings));
      unexplained_ += limiter_->paused_until(at) ? 0 : 1;
    }
    failure.retry_after = pause;
    hold_all(*pause, true);
    return;
  }
  case error_class::transient:
    last_error_ = failure.error;
    last_own_words_ = failure.own_words;
    breaker_.failed(at);
    limiter_->settle(call.tokens, used, rate_limiter::outcome::failed, at);
    if (breaker_.current(at) == circuit_breaker::state::open)
      say::warn("model {}/{} is down: {}", config_.model->ns, config_.model->name,
                logging::own_part(failure.error, failure.own_words));
    return;
  case error_class::permanent:
  case error_class::budget_exceeded:
    breaker_.succeeded();
    limiter_->settle(call.tokens, used, rate_limiter::outcome::failed, at);
    return;
  case error_class::cancelled:
    breaker_.abandoned();
    limiter_->settle(call.tokens, used, rate_limiter::outcome::failed, at);
    return;
  }
}

chat_failure model_gate_state::down() const {
  // Whoever has not even asked has not failed: it waits for the next trial.
  const auto at = now();
  chat_failure failure;
  failure.kind = error_class::throttled;
  failure.retry_after = ceil_ms(breaker_.opens_at(at).value_or(at) - at);
  failure.error = "The model '" + config_.model->name + "' is down: ";
  failure.own_words = failure.error.size() + std::min(last_own_words_, last_error_.size());
  failure.error += last_error_;
  failure.model_down = true;
  return failure;
}

// -- pauses -----------------------------------------------------------------------

void model_gate_state::pause(const pause_model& request) {
  hold_all(request.wait, false);
}

void model_gate_state::hold_all(milliseconds wait, bool tell) {
  const auto at = now();
  const auto before = limiter_->paused_until(at);
  limiter_->pause(at + wait);
  // Others need not hear of every refusal of the same moment.
  constexpr auto news = 250ms;
  const bool longer = !before || at + wait > *before + news;
  if (tell && longer)
    config_.tell_pause(wait);
  if (longer)
    say::info("model {}/{} is paused for {} ms, as its provider asked", config_.model->ns, config_.model->name,
              wait.count());
  // Nor is anybody held for long by one short pause after the other.
  while (waiting_.remove([&](const auto& entry) { return at + wait - entry.since > longest_wait; },
                         [&](auto& entry) { send_back(entry.answer, wait, true); }))
    continue;
  alarm_at_.reset();
  if (!waiting_.empty())
    wake_at(at + wait);
}

void model_gate_state::share(int nodes) {
  config_.shares = std::max(nodes, 1);
  limiter_->set_shares(config_.shares);
  admit();
}

// -- the state --------------------------------------------------------------------

model_state model_gate_state::state() const {
  const auto at = now();
  model_state result;
  const auto breaker = breaker_.current(at);
  result.breaker = to_string(breaker);
  if (breaker != circuit_breaker::state::closed)
    result.last_error = last_error_;
  if (const auto until = limiter_->paused_until(at))
    result.paused_for = ceil_ms(*until - at);
  result.active = limiter_->active();
  result.waiting = static_cast<int>(waiting_.size());
  result.requests_left = limiter_->requests_left(at);
  result.tokens_left = limiter_->tokens_left(at);
  result.learnt = traits_.names();
  return result;
}

void model_gate_state::abandon() {
  const auto refuse = [](promise& to) {
    to.deliver(chat_result{chat_failure{error_class::transient, "The model was shut down.", std::nullopt, {}}});
  };
  while (!waiting_.empty()) {
    auto entry = waiting_.pop();
    refuse(entry.answer);
  }
  for (auto& [number, call] : calls_) {
    refuse(call.answer);
    if (const auto actor = caf::actor_cast<caf::actor>(call.actor))
      self_->send_exit(actor, caf::exit_reason::user_shutdown);
  }
  calls_.clear();
}

// -- the actor --------------------------------------------------------------------

model_gate_actor::behavior_type model_gate(model_gate_actor::stateful_pointer<model_gate_state> self,
                                           model_gate_config config) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.abandon();
    return to_error(thrown);
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.abandon();
    self->quit(exit.reason);
  });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.call_died(down); });
  self->state.start(std::move(config));
  return {
    [self](chat_request& request) { return self->state.chat(request); },
    [self](const stop_chat& request) { self->state.stop(request.id); },
    [](const stream_step&) {
      // The builtin model's own.
    },
    [self](call_ended& end) { self->state.ended(end); },
    [self](const model_learnt& news) { self->state.learn(news); },
    [self](const admission_due& tick) { self->state.admit_due(tick); },
    [self](const pause_model& request) { self->state.pause(request); },
    [self](const share_models& request) { self->state.share(request.nodes); },
    [self](const get_model_state&) { return self->state.state(); },
  };
}

} // namespace troupe
