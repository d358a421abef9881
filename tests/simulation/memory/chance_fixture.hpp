#pragma once

#include "tests/simulation/memory/memory_fixture.hpp"

#include <algorithm>
#include <cstddef>
#include <random>
#include <set>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

/// Batches of every operation that there is, made by chance, for several processes.
namespace troupe {

class chance_fixture : public memory_fixture {
protected:
  static constexpr std::size_t processes = 3;
  using maker = operation (chance_fixture::*)();

  /// What was asked, when, and what was answered.
  struct done_batch {
    timestamp at{};
    std::size_t process = 0;
    std::vector<operation> batch;
    std::string answer;
  };

  void SetUp() override {
    for (std::size_t i = 0; i < processes; ++i)
      nodes.push_back(join("node-" + std::to_string(i)));
  }

  // -- chance -------------------------------------------------------------------

  std::size_t dice(std::size_t sides) { return random() % sides; }
  std::string text() { return "text " + std::to_string(dice(1000)); }
  std::string some_namespace() { return dice(4) == 0 ? "team" : "default"; }
  std::string some_call() { return "call_" + std::to_string(dice(3)); }
  uuid some_task() {
    return tasks.empty() || dice(20) == 0 ? make_uuid()
                                          : tasks[tasks.size() - 1 - dice(std::min<std::size_t>(tasks.size(), 12))];
  }
  process& self() { return *nodes[turn]; }
  /// Of an attempt that this process may still hold.
  fence some_fence() {
    if (held[turn].empty())
      return {some_task(), 1, self().owner};
    return held[turn][held[turn].size() - 1 - dice(std::min<std::size_t>(held[turn].size(), 5))];
  }
  std::optional<idempotency_key> some_key() {
    if (dice(3) != 0)
      return std::nullopt;
    return idempotency_key{"key " + std::to_string(dice(30)), "a"};
  }
  token_usage some_usage() {
    return {static_cast<std::int64_t>(dice(50)), static_cast<std::int64_t>(dice(50)),
            static_cast<std::int64_t>(dice(9)), dice(5) == 0};
  }

  // -- one of each operation ------------------------------------------------------

  operation create() {
    auto op = make_task(text());
    op.task.ns = some_namespace();
    op.task.created_by = dice(2) == 0 ? "alice" : "bob";
    op.task.priority = static_cast<int>(dice(3));
    op.execute = dice(5) != 0;
    op.key = some_key();
    if (dice(3) == 0)
      op.task.thread_id = some_task();
    if (dice(5) == 0)
      op.task.run_at = clock + std::chrono::seconds{dice(20)};
    tasks.push_back(op.task.id);
    // The same identifier twice is a mistake that the store has to survive.
    if (!plain && dice(30) == 0)
      op.task.id = op.task.thread_id = some_task();
    return op;
  }
  operation enqueue() { return enqueue_task{some_task(), {}, {}, clock, some_key()}; }
  operation claim() { return claim_tasks{self().owner, self().name, 1 + static_cast<int>(dice(3)), clock}; }
  operation append() {
    append_journal op;
    op.fence = some_fence();
    op.at = clock;
    op.usage = some_usage();
    op.events.assign(dice(3), {event_type::chat_chunk, R"({"text":"a"})"});
    if (dice(2) == 0)
      add_call(op);
    if (dice(3) == 0)
      op.calls_begun = {some_call()};
    return op;
  }
  void add_call(append_journal& op) {
    message_record message;
    const auto call = some_call();
    if (dice(2) == 0) {
      message.role = message_role::tool;
      message.call_id = call;
      message.content = text();
    } else {
      message.role = message_role::assistant;
      message.tool_calls = {{call, "send", "{}"}};
      approval_record approval;
      approval.call_id = call;
      approval.tool = "send";
      approval.deadline = clock + 5s;
      op.approvals.assign(dice(3), approval);
      requested.push_back({op.fence.task_id, call});
    }
    op.messages.push_back(std::move(message));
  }
  operation complete() {
    complete_task op;
    op.fence = some_fence();
    op.output = text();
    op.usage = some_usage();
    op.at = clock;
    return op;
  }
  operation fail() {
    fail_attempt op;
    op.fence = some_fence();
    op.error = text();
    op.usage = some_usage();
    op.at = clock;
    if (dice(2) == 0)
      op.retry_at = clock + std::chrono::seconds{dice(10)};
    return op;
  }
  operation release() { return release_tasks{{some_fence(), some_fence()}, "drain", clock}; }
  operation cancel() {
    cancel_task op;
    op.id = some_task();
    op.partial_output = dice(2) == 0 ? text() : "";
    op.at = clock;
    op.key = some_key();
    return op;
  }
  operation retry() { return retry_task{some_task(), clock, some_key()}; }
  operation set_status() {
    return set_task_status{some_task(), static_cast<task_status>(dice(5)), text(), {}, self().name, clock};
  }
  operation remove() { return delete_task{some_task(), clock}; }
  operation recover() {
    return recover_tasks{2, clock, dice(3) == 0 ? std::vector{nodes[dice(processes)]->id} : std::vector<uuid>{}};
  }
  operation put_a_bot() {
    bot_record bot;
    bot.ns = some_namespace();
    bot.name = "default";
    bot.model = "builtin";
    bot.system_prompt = text();
    if (dice(2) == 0)
      bot.budget = budget_limit{std::nullopt, 200, budget_period::day};
    return put_bot{bot, clock};
  }
  operation delete_a_bot() { return delete_bot{"team", "default"}; }
  operation put_a_model() {
    model_record model;
    model.ns = some_namespace();
    model.name = "builtin";
    model.model = "builtin";
    model.parameters = dice(2) == 0 ? "{}" : "";
    return put_model{model, clock};
  }
  operation delete_a_model() { return delete_model{"team", "builtin"}; }
  operation tidy() { return clean_up{clock - std::chrono::seconds{dice(60)}}; }
  operation renew() {
    if (plain)
      return claim();
    return self().make_renewal(dice(4) == 0, 3s);
  }
  operation give_up_lease() {
    if (plain)
      return tidy();
    return end_lease{nodes[dice(processes)]->owner};
  }
  operation announce() {
    if (plain)
      return append();
    node_record node;
    node.id = self().id;
    node.name = self().name;
    node.lease = self().owner;
    node.running = static_cast<int>(dice(9));
    return announce_node{node, dice(10) == 0};
  }
  operation await() {
    await_approval op;
    op.fence = some_fence();
    op.usage = some_usage();
    op.at = clock;
    return op;
  }
  operation decide() {
    const auto [task, call] = requested.empty() || dice(8) == 0
                                ? approval_place{some_task(), some_call()}
                                : requested[requested.size() - 1 - dice(std::min<std::size_t>(requested.size(), 5))];
    return decide_approval{task, call, dice(2) == 0, std::nullopt, "carol", text(), clock};
  }
  operation reserve() { return reserve_budget{some_fence(), {1, 5}, {3, 20}, clock}; }
  operation put_a_budget() { return put_budget{some_namespace(), {std::nullopt, 1000, budget_period::total}, clock}; }
  operation delete_a_budget() { return delete_budget{some_namespace()}; }

  operation any_operation() {
    using t = chance_fixture;
    static const std::vector<std::pair<int, maker>> makers{
      {24, &t::create},        {6, &t::enqueue}, {24, &t::claim},    {24, &t::append},       {12, &t::complete},
      {8, &t::fail},           {3, &t::release}, {5, &t::cancel},    {4, &t::retry},         {4, &t::set_status},
      {3, &t::remove},         {3, &t::recover}, {1, &t::put_a_bot}, {1, &t::delete_a_bot},  {1, &t::put_a_model},
      {1, &t::delete_a_model}, {1, &t::tidy},    {8, &t::renew},     {1, &t::give_up_lease}, {3, &t::announce},
      {5, &t::await},          {8, &t::decide},  {4, &t::reserve},   {2, &t::put_a_budget},  {1, &t::delete_a_budget}};
    static_assert(std::variant_size_v<operation> == 25, "one of each");
    std::size_t all = 0;
    for (const auto& one : makers)
      all += static_cast<std::size_t>(one.first);
    auto at = dice(all);
    for (const auto& [weight, make] : makers) {
      if (at < static_cast<std::size_t>(weight))
        return (this->*make)();
      at -= static_cast<std::size_t>(weight);
    }
    throw std::logic_error{"the weights have changed"};
  }

  // -- the story ------------------------------------------------------------------

  /// Every process ends, and begins again: nothing that it remembers is at play.
  void reopen_all() {
    for (const auto& node : nodes)
      node->open();
  }

  std::string answer(const done_batch& asked) {
    clock = asked.at;
    const auto result = nodes[asked.process]->writer->apply(asked.batch);
    for (const auto& one : result.outcomes) {
      note_kind(one);
      if (const auto* claimed = std::get_if<claimed_tasks>(&one))
        for (const auto& task : claimed->tasks)
          held[asked.process].push_back({task.id, task.attempt, nodes[asked.process]->owner});
    }
    return dump_of(result);
  }

  done_batch act() {
    advance(std::chrono::milliseconds{1 + dice(400)});
    turn = dice(processes);
    done_batch next{clock, turn, {}, {}};
    for (auto size = 1 + dice(4); size > 0; --size)
      next.batch.push_back(any_operation());
    next.answer = answer(next);
    for (const auto& op : next.batch)
      asked_for.insert(op.index());
    return next;
  }

  void note_kind(const outcome& one) { answered.insert(one.index()); }

  static std::string shown_by(store_reader& reader) { return dump_of(reader, {{"default", "team"}, {"alice", "bob"}}); }
  std::string shown() { return shown_by(*nodes[0]->reader); }

  std::mt19937 random{20261130};
  /// Nothing that only databases which are shared answer alike, and no mistakes.
  bool plain = false;
  std::vector<std::unique_ptr<process>> nodes;
  std::size_t turn = 0;
  std::vector<uuid> tasks;
  std::vector<fence> held[processes];
  /// Calls that somebody wanted to be asked for.
  std::vector<approval_place> requested;
  /// Kinds of operations and of outcomes that there were.
  std::set<std::size_t> asked_for;
  std::set<std::size_t> answered;
};

} // namespace troupe
