#include "tests/cluster/cluster_test.hpp"

#include <algorithm>
#include <iostream>
#include <numeric>

namespace troupe {

namespace {

/// So much of a node's log is shown when a test has failed.
constexpr std::size_t shown_of_log = 6000;

std::string joined(const std::vector<std::string>& lines) {
  return std::accumulate(lines.begin(), lines.end(), std::string{},
                         [](std::string all, const std::string& line) { return std::move(all) + "\n" + line; });
}

std::string tail_of(const std::string& text) {
  return text.size() <= shown_of_log ? text : "…" + text.substr(text.size() - shown_of_log);
}

} // namespace

// -- stage ------------------------------------------------------------------------

stage::stage(cluster& nodes, history& record, std::uint64_t seed, std::chrono::milliseconds length)
  : nodes_{nodes}, history_{record}, random_{seed}, end_{std::chrono::steady_clock::now() + length} {}

void stage::await_tasks(std::size_t count) {
  const auto wanted = history_.size() + count;
  if (!eventually([&] { return history_.size() >= wanted; })) {
    ADD_FAILURE() << "the cluster takes no tasks any more; the last complaints are" << joined(history_.complaints());
  }
}

node& stage::any_of(const std::vector<node*>& among) {
  return *among.at(random_() % among.size());
}

node& stage::busiest_of(const std::vector<node*>& among) {
  std::pair<double, node*> most{0, among.front()};
  EXPECT_TRUE(eventually([&] {
    for (auto* one : among) {
      most = std::max(most, {one->metric("troupe_tasks_running"), one});
    }
    return most.first > 0;
  }))
    << "nobody runs anything";
  return *most.second;
}

// -- the fixture --------------------------------------------------------------------

void cluster_test::start(roles counts, const flag_map& flags) {
  start_empty(flags);
  for (const auto& [role, letter, count] :
       {std::tuple{"all", "n", counts.all}, {"gateway", "g", counts.gateways}, {"worker", "w", counts.workers}}) {
    for (int i = 1; i <= count; ++i) {
      nodes().add(letter + std::to_string(i), role);
    }
  }
  become_ready();
}

void cluster_test::start_empty(const flag_map& flags) {
  cluster_.emplace(flags);
}

void cluster_test::start_empty_on(const postgres_database& elsewhere, const flag_map& flags) {
  cluster_.emplace(elsewhere, flags);
}

void cluster_test::become_ready() {
  nodes().wait_until_whole();
  put_bot(load_bot);
}

load_result cluster_test::under_load(const load_test& test, const std::function<void(stage&)>& faults) {
  const auto seed = chaos_seed();
  history record;
  watchers spectators{
    nodes().directory(), record, {"namespace:default", "namespace:default", "user:" + load_users[0]}, 2, seed + 100};
  EXPECT_TRUE(eventually([&] { return spectators.have_joined(); })) << "a subscriber could not join";
  // Once a subscriber has seen an event it knows where it stands, whatever happens then.
  for (const auto& user : load_users) {
    const std::string id = start_task("Hello", {{"created_by", user}}).at("id");
    EXPECT_TRUE(eventually([&] { return spectators.have_seen_end_of(id, user); })) << "a subscriber hears nothing";
  }
  {
    load clients{nodes().directory(),
                 record,
                 {.seed = seed + 1000,
                  .tasks_per_second = test.tasks_per_second,
                  .inputs = test.inputs,
                  .client_patience = test.client_patience}};
    stage scene{nodes(), record, seed, test.length};
    faults(scene);
    clients.stop();
  }
  nodes().wait_until_whole();
  load_result result{judge(nodes(), record, spectators), record.counts()};
  std::cout << "[ LOAD     ] " << describe(result) << "\n[ LOAD     ] " << describe(result.calls) << std::endl;
  EXPECT_TRUE(result.flaws.empty()) << joined(result.flaws);
  return result;
}

void cluster_test::put_bot(const std::string& name, const json& members) {
  json bot{
    {"model", "builtin"},
    {"tools", {{{"type", "builtin"}, {"name", "now"}}, {{"type", "builtin"}, {"name", "calculate"}}}},
    {"restart", {{"max_attempts", 3}, {"backoff", "fixed"}, {"delay_ms", 20}, {"max_delay_ms", 20}, {"jitter", 0}}}};
  bot.merge_patch(members);
  http_client http{nodes().any_port()};
  const auto reply = http.put("/api/v1/bots/" + name, bot);
  ASSERT_TRUE(reply.status == 200 || reply.status == 201) << reply.body;
}

json cluster_test::start_task(const std::string& input, json members, std::uint16_t port) {
  members["input"] = input;
  members["execute"] = true;
  http_client http{port == 0 ? nodes().any_port() : port};
  return create_task_from(http, members);
}

json cluster_test::task(const std::string& id) {
  http_client http{nodes().any_port()};
  const auto reply = http.get(task_path(id));
  EXPECT_EQ(reply.status, 200U) << reply.body;
  return reply.document();
}

json cluster_test::wait_for_end_of(const std::string& id) {
  http_client http{nodes().any_port()};
  return wait_for_end(http, id);
}

json cluster_test::wait_for_status(const std::string& id, const std::string& status) {
  json found;
  EXPECT_TRUE(eventually([&] { return (found = task(id)).at("status") == status; })) << found;
  return found;
}

std::vector<json> cluster_test::journal(const std::string& id) {
  http_client http{nodes().any_port()};
  return journal_of(http, id);
}

std::vector<json> cluster_test::attempts(const std::string& id) {
  http_client http{nodes().any_port()};
  return list_all(http, task_path(id) + "/attempts");
}

std::optional<timestamp> cluster_test::time_of(const std::string& id, const std::string& type, int attempt) {
  for (const auto& entry : journal(id)) {
    if (entry.at("type") == type && entry.at("attempt") == attempt) {
      return parse_rfc3339(entry.at("at").get<std::string>());
    }
  }
  return std::nullopt;
}

void cluster_test::expect_sound(const std::string& id) {
  http_client http{nodes().any_port()};
  const task_evidence evidence{task(id), journal_of(http, id), list_all(http, task_path(id) + "/messages?limit=500"),
                               attempts(id)};
  EXPECT_TRUE(flaws_of(evidence).empty()) << joined(flaws_of(evidence)) << "\n" << json(evidence.journal);
}

void cluster_test::TearDown() {
  if (!cluster_) {
    return;
  }
  for (auto* n : nodes().nodes()) {
    if (n->is_started()) {
      EXPECT_TRUE(n->is_running()) << n->name() << " has ended by itself";
      n->drain();
    }
  }
  for (auto* n : nodes().nodes()) {
    if (n->is_started()) {
      try {
        EXPECT_EQ(n->wait_for_end(), 0) << n->name();
      } catch (const std::runtime_error&) {
        ADD_FAILURE() << n->name() << " does not end when told to";
      }
    }
  }
  if (HasFailure()) {
    for (const auto* n : nodes().nodes()) {
      std::cout << "---- " << n->name() << " wrote:\n" << tail_of(n->output()) << std::endl;
    }
  }
}

} // namespace troupe
