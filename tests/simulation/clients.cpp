#include "tests/simulation/clients.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;

/// How long a client waits for an answer.
constexpr world::duration patience = 15s;

/// Whether asking again may bring another answer.
bool is_passing(const store_error& reason) {
  return reason.code == errc::unavailable;
}

} // namespace

template <class Value>
void clients::make(std::shared_ptr<call<Value>> c) {
  ++c->tries;
  const auto number = c->tries;
  const auto again = [this, c, number](world::duration pause) {
    if (c->answered || c->tries != number)
      return;
    ++c->where;
    // Whatever the former try still brings is as good as the next one's.
    world_.after(pause, [this, c, number] {
      if (!c->answered && c->tries == number)
        make(c);
    });
  };
  const auto on_value = [this, c](const Value& answer) {
    if (std::exchange(c->answered, true))
      return;
    --open_;
    c->on_value(answer);
  };
  const auto on_error = [this, c, again](const store_error& reason) {
    if (is_passing(reason)) {
      again(world_.random_between(50ms, 500ms));
      return;
    }
    if (std::exchange(c->answered, true))
      return;
    --open_;
    c->on_refusal(reason);
  };
  auto* process = choose_(c->where);
  if (!process || !process->at_gateway([c, on_value, on_error](simulated_gateway_state& gateway) {
        c->ask(gateway, on_value, on_error);
      })) {
    again(world_.random_between(50ms, 500ms));
    return;
  }
  world_.after(patience, [again] { again(0ms); });
}

const known_task* clients::latest(std::int64_t which) const {
  if (tasks_.empty())
    return nullptr;
  const auto back = static_cast<std::size_t>(which) % tasks_.size();
  return &tasks_[tasks_.size() - 1 - back];
}

create_task clients::make_task(const known_task& wanted, bool at_once, std::optional<uuid> thread) {
  create_task command;
  command.execute = at_once;
  auto& fresh = command.task;
  fresh.id = make_uuid();
  fresh.thread_id = thread.value_or(fresh.id);
  fresh.ns = fresh.bot_ns = "default";
  fresh.bot = wanted.input.starts_with("far ") ? "far" : "quick";
  fresh.run_at = wanted.run_at;
  fresh.name = wanted.key;
  fresh.created_by = wanted.created_by;
  fresh.input = wanted.input;
  fresh.created_at = world_.now();
  command.key = idempotency_key{wanted.key, wanted.input};
  return command;
}

void clients::create(const std::string& input, std::int64_t user, std::int64_t dice, std::int64_t where) {
  static constexpr std::array<const char*, 4> users{"ada", "bob", "eve", "mia"};
  known_task wanted{{}, {}, next_key(), input, users.at(static_cast<std::size_t>(user) % users.size()), std::nullopt};
  if (dice == 5 || dice == 6)
    wanted.run_at = world_.now() + (dice == 5 ? 3s : 30s);
  const auto* earlier = dice < 2 ? latest(dice + 3) : nullptr;
  const auto thread = earlier ? std::optional{earlier->thread_id} : std::nullopt;
  const bool at_once = dice != 7;
  auto c = std::make_shared<call<task_result>>();
  c->where = where;
  c->ask = [this, wanted, at_once, thread](auto& gateway, auto on_value, auto on_error) {
    gateway.template ask<task_result>(gateway.peers().writer, make_task(wanted, at_once, thread), on_value, on_error);
  };
  c->on_value = [this, wanted, at_once, where](const task_result& made) {
    auto task = wanted;
    task.id = made.task.id;
    task.thread_id = made.task.thread_id;
    if (at_once)
      tasks_.push_back(std::move(task));
    else
      execute(task, where);
  };
  c->on_refusal = [this, wanted](const store_error& reason) {
    // The thread may have been deleted.
    if (reason.code != errc::thread_not_found && reason.code != errc::not_found)
      complaints_.push_back("a creation (" + wanted.key + ") was refused: " + reason.message);
  };
  ++open_;
  make(std::move(c));
}

void clients::execute(const known_task& task, std::int64_t where) {
  const auto key = next_key();
  auto c = std::make_shared<call<task_result>>();
  c->where = where + 1;
  c->ask = [this, id = task.id, key](auto& gateway, auto on_value, auto on_error) {
    enqueue_task command;
    command.id = id;
    command.at = world_.now();
    command.key = idempotency_key{key, key};
    gateway.template ask<task_result>(gateway.peers().writer, command, on_value, on_error);
  };
  c->on_value = [this, task](const task_result&) { tasks_.push_back(task); };
  c->on_refusal = [this, task](const store_error& reason) {
    complaints_.push_back("the execution of task " + task.id.to_string() + " was refused: " + reason.message);
  };
  ++open_;
  make(std::move(c));
}

void clients::cancel(std::int64_t which, std::int64_t where) {
  const auto* task = latest(which);
  if (!task)
    return;
  auto c = std::make_shared<call<task_result>>();
  c->where = where;
  c->ask = [this, id = task->id, key = next_key()](auto& gateway, auto on_value, auto on_error) {
    cancel_task command;
    command.id = id;
    command.at = world_.now();
    command.key = idempotency_key{key, key};
    gateway.template ask<task_result>(gateway.peers().supervisor, command, on_value, on_error);
  };
  c->on_value = [this, id = task->id](const task_result& done) {
    if (done.task.status != task_status::cancelled)
      complaints_.push_back("a cancel of task " + id.to_string() + " was answered with one that is not");
    cancelled_.insert(id);
  };
  // It may have ended otherwise, or be deleted.
  c->on_refusal = [](const store_error&) {};
  ++open_;
  make(std::move(c));
}

void clients::remove(std::int64_t which, std::int64_t where) {
  const auto* task = latest(which);
  if (!task)
    return;
  auto c = std::make_shared<call<done>>();
  c->where = where;
  c->ask = [this, id = task->id](auto& gateway, auto on_value, auto on_error) {
    gateway.template ask<done>(gateway.peers().supervisor, delete_task{id, world_.now()}, on_value, on_error);
  };
  c->on_value = [this, id = task->id](const done&) { deleted_.insert(id); };
  c->on_refusal = [this, id = task->id](const store_error& reason) {
    // A try before this one may have done it.
    if (reason.code == errc::not_found)
      deleted_.insert(id);
  };
  ++open_;
  make(std::move(c));
}

void clients::repeat(std::int64_t which, std::int64_t where) {
  const auto* found = latest(which);
  if (!found || deleted_.contains(found->id))
    return;
  const auto task = *found;
  auto c = std::make_shared<call<task_result>>();
  c->where = where;
  c->ask = [this, task](auto& gateway, auto on_value, auto on_error) {
    gateway.template ask<task_result>(gateway.peers().writer, make_task(task, true, std::nullopt), on_value, on_error);
  };
  c->on_value = [this, task](const task_result& again) {
    if (again.task.id != task.id)
      complaints_.push_back("one key has made two tasks: " + task.id.to_string() + " and " + again.task.id.to_string());
  };
  c->on_refusal = [this, task](const store_error& reason) {
    if (reason.code != errc::not_found)
      complaints_.push_back("a repeated creation was refused: " + reason.message);
  };
  ++open_;
  make(std::move(c));
}

} // namespace troupe
