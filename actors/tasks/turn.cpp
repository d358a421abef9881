#include "actors/tasks/turn.hpp"

#include "actors/timeouts.hpp"

#include <caf/stateful_actor.hpp>

#include <algorithm>

namespace troupe {

namespace {

/// How many tasks of a thread are asked for at once.
constexpr int tasks_page = 500;

} // namespace

void turn_state::start(services_ptr peers, clock_function clock) {
  peers_ = std::move(peers);
  clock_ = std::move(clock);
}

caf::typed_response_promise<task_result> turn_state::begin(const start_turn& request) {
  promise_ = self_->make_response_promise<task_result>();
  find_task(request.thread_of, [this, request](task_record& sibling) {
    find_rule(sibling.bot_ns, sibling.bot, [this, request, sibling](on_busy_rule rule) {
      if (rule == on_busy_rule::enqueue) {
        create(sibling, request);
        return;
      }
      find_busy(sibling, [this, request, sibling, rule](task_ids& busy) {
        if (!busy.empty() && rule == on_busy_rule::reject)
          fail(
            caf::make_error(errc::thread_busy, std::string{"The thread is busy, and its bot rejects new turns then."}));
        else
          interrupt(std::move(busy), [this, request, sibling] { create(sibling, request); });
      });
    });
  });
  return promise_;
}

caf::typed_response_promise<task_result> turn_state::cancel(const cancel_turn& request) {
  promise_ = self_->make_response_promise<task_result>();
  find_task(request.thread_of, [this](task_record& sibling) {
    find_busy(sibling, [this](task_ids& busy) {
      if (busy.empty()) {
        fail(caf::make_error(errc::illegal_transition, std::string{"The thread has no turn to cancel."}));
        return;
      }
      self_->request(peers_->supervisor, timeouts::execution_write, cancel_task{busy.front(), {}, {}, {}, clock_(), {}})
        .then([this](task_result& result) { answer(result); }, [this](caf::error& reason) { fail(std::move(reason)); });
    });
  });
  return promise_;
}

void turn_state::find_task(const uuid& id, std::function<void(task_record&)> then) {
  self_->request(peers_->readers.front(), timeouts::store_read, get_task{id})
    .then([then = std::move(then)](task_record& found) { then(found); },
          [this](caf::error& reason) { fail(std::move(reason)); });
}

void turn_state::find_rule(const std::string& ns, const std::string& bot, std::function<void(on_busy_rule)> then) {
  self_->request(peers_->readers.front(), timeouts::store_read, find_bot{ns, bot})
    .then([then](const bot_record& found) { then(found.on_busy); },
          [this, then](caf::error& reason) {
            if (reason != errc::not_found)
              fail(std::move(reason));
            else
              // A bot that is gone has no rule; the writer will refuse the turn and say why.
              then(on_busy_rule::enqueue);
          });
}

void turn_state::find_busy(const task_record& sibling, std::function<void(task_ids&)> then) {
  get_tasks question;
  question.filter.ns = sibling.ns;
  question.filter.thread_id = sibling.thread_id;
  question.filter.status = task_status::running;
  question.limit = tasks_page;
  collect(question, {}, [this, question, then = std::move(then)](task_ids& running) mutable {
    question.filter.status = task_status::pending;
    collect(std::move(question), {}, [busy = std::move(running), then](task_ids& pending) mutable {
      // Pages are newest first.
      busy.insert(busy.end(), pending.rbegin(), pending.rend());
      then(busy);
    });
  });
}

void turn_state::collect(get_tasks question, task_ids found, std::function<void(task_ids&)> then) {
  self_->request(peers_->readers.front(), timeouts::store_read, question)
    .then(
      [this, question, found = std::move(found), then = std::move(then)](const task_page& page) mutable {
        // A pending task that nobody executes keeps no thread busy.
        for (const auto& task : page.items)
          if (task.status == task_status::running || task.queued)
            found.push_back(task.id);
        question.before = page.next;
        if (page.next)
          collect(std::move(question), std::move(found), std::move(then));
        else
          then(found);
      },
      [this](caf::error& reason) { fail(std::move(reason)); });
}

void turn_state::interrupt(task_ids busy, std::function<void()> then) {
  if (busy.empty()) {
    then();
    return;
  }
  // The last first: cancelling the running one would let the next begin.
  const auto id = busy.back();
  busy.pop_back();
  const auto go_on = [this, busy, then] { interrupt(busy, then); };
  self_->request(peers_->supervisor, timeouts::execution_write, cancel_task{id, {}, {}, {}, clock_(), {}})
    .then([go_on](const task_result&) { go_on(); },
          [this, go_on](caf::error& reason) {
            // It has ended meanwhile.
            if (reason == errc::illegal_transition || reason == errc::not_found)
              go_on();
            else
              fail(std::move(reason));
          });
}

void turn_state::create(const task_record& sibling, const start_turn& request) {
  create_task command;
  command.execute = true;
  auto& fresh = command.task;
  fresh.id = make_uuid();
  fresh.thread_id = sibling.thread_id;
  fresh.ns = sibling.ns;
  fresh.name = request.name;
  fresh.input = request.input;
  fresh.metadata = request.metadata;
  fresh.bot = sibling.bot;
  fresh.bot_ns = sibling.bot_ns;
  fresh.created_by = sibling.created_by;
  fresh.created_at = clock_();
  fresh.updated_at = fresh.created_at;
  self_->request(peers_->writer, timeouts::store_write, std::move(command))
    .then([this](task_result& result) { answer(result); }, [this](caf::error& reason) { fail(std::move(reason)); });
}

void turn_state::answer(task_result& result) {
  promise_.deliver(std::move(result));
  self_->quit();
}

void turn_state::fail(caf::error reason) {
  promise_.deliver(std::move(reason));
  self_->quit();
}

turn_actor::behavior_type turn(turn_actor::stateful_pointer<turn_state> self, services_ptr peers,
                               clock_function clock) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->state.start(std::move(peers), std::move(clock));
  return {
    [self](const start_turn& request) { return self->state.begin(request); },
    [self](const cancel_turn& request) { return self->state.cancel(request); },
  };
}

} // namespace troupe
