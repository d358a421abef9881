#include "tests/cluster/load.hpp"

#include "tests/cluster/chaos_options.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe {

using clock = std::chrono::steady_clock;

std::vector<std::string> long_inputs() {
  return {"@delay=1000 long", "@delay=1500 longer", "@words=40 @pace=30", "@tool=now:{} @words=30 @pace=40"};
}

std::vector<std::string> all_kinds_of_inputs() {
  return {
    "Hello",
    "@delay=50 short",
    "@delay=1000 long",
    "@delay=2000 longer",
    "@words=40 @pace=5",
    "@words=30 @pace=40",
    R"(@tool=calculate:{"expression":"6*7"} @pace=20 one two three)",
    "@tool=now:{} @delay=100 time",
    "@fail=1:transient @delay=20 second time",
    "@fail=2:crash third time",
    "@fail=1:permanent never",
    "@fail=99:transient never",
    "@fail=1:throttled patience",
  };
}

struct load::client {
  client(const gateway_directory& directory, std::uint64_t seed, std::chrono::milliseconds limit)
    : random{seed}, http{directory, seed + 1, limit} {}

  std::mt19937_64 random;
  retrying_client http;
  std::string name;
  std::uint64_t calls = 0;

  std::string next_key() { return name + "-" + std::to_string(++calls); }
};

load::load(const gateway_directory& directory, history& record, load_plan plan)
  : directory_{directory}, history_{record}, plan_{std::move(plan)} {
  for (unsigned i = 0; i < plan_.clients; ++i) {
    threads_.emplace_back([this, i] { run(i); });
  }
}

load::~load() {
  stop();
}

void load::stop() {
  stopped_ = true;
  for (auto& thread : threads_) {
    thread.join();
  }
  threads_.clear();
}

void load::run(unsigned number) {
  client me{directory_, plan_.seed + 10UL * number, plan_.client_patience};
  me.name = std::to_string(plan_.seed) + "-" + std::to_string(number);
  const std::chrono::duration<double> pace{plan_.clients / plan_.tasks_per_second};
  auto next = clock::now();
  while (!stopped_) {
    // Clients come at their own pace, however long the cluster takes for each.
    next = std::max(next, clock::now() - 1s) + std::chrono::duration_cast<clock::duration>(pace);
    std::this_thread::sleep_until(next);
    try {
      create(me);
      const auto dice = me.random() % 100;
      if (dice < plan_.cancels) {
        cancel(me);
      } else if (dice >= 98) {
        repeat(me);
      }
    } catch (const std::exception& error) {
      history_.complain(error.what());
    }
  }
  history_.add(me.http.counts());
}

// -- what a client does ---------------------------------------------------------

void load::create(client& c) {
  acknowledged_task task;
  task.key = c.next_key();
  task.input = plan_.inputs[c.random() % plan_.inputs.size()];
  task.created_by = load_users[c.random() % load_users.size()];
  const bool at_once = c.random() % 8 != 0;
  json body{{"input", task.input},
            {"created_by", task.created_by},
            {"spec", {{"bot_name", load_bot}}},
            // With it the judge finds tasks that one key has made twice.
            {"metadata", {{"key", task.key}}},
            {"execute", at_once}};
  if (c.random() % 4 == 0) {
    if (const auto earlier = history_.pick(c.random, 10)) {
      body["thread_id"] = earlier->thread_id;
    }
  }
  const auto created = c.http.post("/api/v1/tasks", body.dump(), task.key);
  if (body.contains("thread_id") && has_vanished(created)) {
    return;
  }
  if (created.status != 201) {
    throw std::runtime_error{"a creation was answered with " + std::to_string(created.status) + ": " + created.body};
  }
  task.id = created.document().at("id");
  task.thread_id = created.document().at("thread_id");
  if (!at_once) {
    const auto executed
      = c.http.post("/api/v1/tasks/" + task.id + "/execute", {}, c.next_key(), {{"Prefer", "respond-async"}});
    if (has_vanished(executed)) {
      return;
    }
    if (executed.status != 202 && executed.status != 200) {
      throw std::runtime_error{"an execution was answered with " + std::to_string(executed.status) + ": "
                               + executed.body};
    }
  }
  history_.acknowledge(std::move(task));
}

void load::cancel(client& c) {
  const auto task = history_.pick(c.random, 20);
  if (!task) {
    return;
  }
  c.http.change_gateway();
  const auto reply = c.http.post("/api/v1/tasks/" + task->id + "/cancel", {}, c.next_key());
  // A task that has ended otherwise cannot be cancelled.
  if (reply.status == 409 || (task->may_vanish && has_vanished(reply))) {
    return;
  }
  if (reply.status != 200 || reply.document().at("status") != "CANCELLED") {
    throw std::runtime_error{"a cancel was answered with " + std::to_string(reply.status) + ": " + reply.body};
  }
  history_.acknowledge_cancel(task->id);
}

bool load::has_vanished(const http_reply& reply) const {
  return reply.status == 404 && history_.has_let_vanish();
}

void load::repeat(client& c) {
  // As a client does that died before it could write down the answer.
  const std::string key = c.next_key();
  const json body{{"input", "Hello"},
                  {"created_by", load_users[0]},
                  {"spec", {{"bot_name", load_bot}}},
                  {"metadata", {{"key", key}}},
                  {"execute", true}};
  const auto first = c.http.post("/api/v1/tasks", body.dump(), key);
  c.http.change_gateway();
  const auto second = c.http.post("/api/v1/tasks", body.dump(), key);
  if (first.status != 201 || second.status != 201
      || (first.document().at("id") != second.document().at("id") && !history_.has_let_vanish())) {
    throw std::runtime_error{"one key gave two answers: " + first.body + " and " + second.body};
  }
  // If the first one has vanished the second one is another, and both would be one too many.
  const json task = second.document();
  history_.acknowledge({task.at("id"), task.at("thread_id"), key, "Hello", load_users[0]});
}

} // namespace troupe
