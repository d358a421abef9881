#include "tests/simulation/trial.hpp"

#include "persistence/values/uuid.hpp"
#include "tests/simulation/clients.hpp"
#include "tests/simulation/memory/memory_server.hpp"
#include "tests/simulation/network.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/verdict.hpp"
#include "tests/simulation/watch.hpp"
#include "tests/simulation/world.hpp"
#include "tests/stored.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// What a run may take behind its last fault, however much is left to do then.
constexpr milliseconds longest_end = 10min;

memory_faults faults_of(mutation put_back) {
  memory_faults faults;
  faults.blind_to_sessions = put_back == mutation::blind_to_sessions;
  faults.no_grace = put_back == mutation::no_grace;
  faults.no_fence = put_back == mutation::no_fence;
  faults.no_keys = put_back == mutation::no_keys;
  faults.no_thread_order = put_back == mutation::no_thread_order;
  return faults;
}

class trial {
public:
  trial(const plan& p, mutation put_back)
    : plan_{p}, mutation_{put_back}, world_{p.seed}, uuids_{[this] {
                                                              return std::chrono::floor<milliseconds>(
                                                                world_.now().time_since_epoch());
                                                            },
                                                            [this] { return world_.random(); }},
      network_{world_}, beyond_{world_}, server_{[this] { return world_.now(); }, memory_server::access::shared,
                                                 faults_of(put_back)},
      clients_{world_, [this](std::int64_t wish) { return choose(wish); }}, slots_(static_cast<std::size_t>(p.nodes)) {
    mirror_ = server_.open([this] { return world_.steady(); });
    reader_ = stored(mirror_->open_reader());
  }

  /// Every process ends before any is gone: each may hold a promise of another one's.
  ~trial() {
    for (const auto& one : slots_)
      if (one)
        one->kill();
    world_.forget();
    network_.forget();
    watches_.clear();
  }
  trial(const trial&) = delete;
  trial& operator=(const trial&) = delete;

  trial_result run() {
    set_up();
    for (const auto& step : plan_.steps)
      world_.after(step.at, [this, &step] { take(step); });
    world_.run_for(plan_.length);
    heal();
    wait_for_the_end();
    judge();
    result_.length = std::chrono::duration_cast<milliseconds>(world_.elapsed());
    result_.steps = world_.steps();
    result_.digest = world_.digest();
    return std::move(result_);
  }

private:
  /// A node of the plan, which may be a process or none at the moment.
  using slot = std::unique_ptr<process>;

  void flaw(std::string what) { result_.add(std::move(what)); }

  /// What may cost the node at this place the attempts that it runs, from now on for a while.
  void excuse(std::size_t index, milliseconds length = 0ms) {
    excuses_.push_back({"n" + std::to_string(index), world_.now(), world_.now() + length});
  }

  // -- the cluster --------------------------------------------------------------------

  void set_up() {
    const auto writer = stored(mirror_->open_writer());
    put_bot quick;
    quick.bot.name = "quick";
    quick.bot.ns = "default";
    quick.bot.model = "builtin";
    quick.bot.restart.delay = 200ms;
    for (const std::string tool : {"now", "calculate"})
      quick.bot.tools.emplace_back().name = tool;
    put_model model;
    model.model.name = model.model.model = "far";
    model.model.ns = "default";
    model.model.kind = model_kind::openai;
    model.model.base_url = "http://provider.example/v1";
    model.model.timeouts.first_token = 20s;
    auto far = quick;
    far.bot.name = far.bot.model = "far";
    far.bot.restart.max_attempts = 6;
    far.bot.budget = budget_limit{std::nullopt, 1'000'000, budget_period::total};
    far.bot.tools.clear();
    for (const auto rule : {repeat_rule::safe, repeat_rule::with_key, repeat_rule::never}) {
      auto& tool = far.bot.tools.emplace_back();
      tool.type = tool_kind::http;
      tool.name = to_string(rule);
      tool.url = "http://tools.example/" + tool.name;
      tool.repeat = rule;
    }
    quick.at = model.at = far.at = world_.now();
    const std::vector<operation> catalog{quick, model, far};
    writer->apply(catalog);
    for (std::size_t i = 0; i < slots_.size(); ++i)
      start(i);
    watch_room({room::kind::ns, {}, "default"}, after_position{0});
    watch_room({room::kind::user, {}, "ada"}, after_position{0});
  }

  void start(std::size_t index) {
    process_options options;
    options.number = static_cast<int>(index);
    options.name = "n" + std::to_string(index);
    options.lease = plan_.lease;
    options.trusts_own_clock = mutation_ == mutation::own_clocks;
    // Half of the machines are right.
    if (index % 2 == 1)
      options.clock_error = index % 4 == 1 ? 1h : -1h;
    slots_[index] = std::make_unique<process>(world_, network_, beyond_, server_, std::move(options));
    slots_[index]->set_way(!database_away_);
  }

  process* at(std::int64_t number) { return slots_[static_cast<std::size_t>(number) % slots_.size()].get(); }

  /// As a load balancer does that does not know who is frozen.
  process* choose(std::int64_t wish) {
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (auto* one = at(wish + static_cast<std::int64_t>(i)); one && one->is_alive())
        return one;
    return nullptr;
  }

  void end(std::size_t index) {
    auto gone = std::move(slots_[index]);
    if (!gone)
      return;
    gone->kill();
    for (const auto& one : watches_)
      one->lose(*gone);
    graveyard_.push_back(std::move(gone));
  }

  // -- the plan -----------------------------------------------------------------------

  void take(const plan_step& step) {
    const auto& n = step.numbers;
    const auto is
      = [&step](const char* kind, std::size_t numbers) { return step.kind == kind && step.numbers.size() == numbers; };
    if (is("task", 4))
      clients_.create(simulated_inputs()[static_cast<std::size_t>(n[0]) % simulated_inputs().size()], n[1], n[2], n[3]);
    else if (is("cancel", 2))
      clients_.cancel(n[0], n[1]);
    else if (is("repeat", 2))
      clients_.repeat(n[0], n[1]);
    else if (is("delete", 2))
      clients_.remove(n[0], n[1]);
    else if (is("follow", 2))
      follow(n[0]);
    else if (is("hang up", 1))
      watches_[static_cast<std::size_t>(n[0]) % watches_.size()]->lose();
    else
      trouble(step);
  }

  void trouble(const plan_step& step) {
    const auto& n = step.numbers;
    if (n.empty())
      return;
    const auto index = static_cast<std::size_t>(n[0]) % slots_.size();
    const milliseconds length{n.back()};
    if (step.kind == "kill")
      kill(index, length);
    else if (step.kind == "freeze")
      freeze(index, length);
    else if (step.kind == "drain")
      drain(index, length);
    else if (step.kind == "cut" && n.size() == 3)
      cut(n[0], n[1], length);
    else if (step.kind == "slow")
      network_.slow_down(length);
    else if (step.kind == "lose database")
      lose_database(index, length);
    else if (step.kind == "database away")
      take_database_away(length, true);
    else if (step.kind == "stall")
      take_database_away(length, false);
    else if (step.kind == "fail over")
      fail_over(length);
    else if (step.kind == "crash" && slots_[index])
      crash(index, n.back());
    else if (step.kind == "provider")
      set_provider(static_cast<provider_mood>(n[0] % 5), length);
    else if (step.kind == "tools")
      set_tools(static_cast<tool_mood>(n[0] % 5), length);
  }

  void kill(std::size_t index, milliseconds length) {
    if (!slots_[index])
      return;
    excuse(index);
    end(index);
    world_.after(length, [this, index] {
      if (!slots_[index])
        start(index);
    });
  }

  void freeze(std::size_t index, milliseconds length) {
    auto* one = slots_[index].get();
    if (!one || one->is_frozen())
      return;
    one->freeze();
    excuse(index, length);
    world_.after(length, [this, index, one] {
      if (slots_[index].get() == one)
        one->thaw();
    });
    // Its clients notice, sooner or later.
    world_.after(10s, [this, index, one] {
      if (slots_[index].get() != one || !one->is_frozen())
        return;
      for (const auto& watcher : watches_)
        watcher->lose(*one);
    });
  }

  void drain(std::size_t index, milliseconds grace) {
    auto* one = slots_[index].get();
    if (!one || one->is_frozen())
      return;
    const auto restart = [this, index, one] {
      if (slots_[index].get() != one)
        return;
      excuse(index);
      end(index);
      start(index);
    };
    // It ends its lease before it ends.
    excuse(index, grace + 33s);
    one->drain(grace, restart);
    // An operator has no more patience than that.
    world_.after(grace + 30s, restart);
  }

  void cut(std::int64_t a, std::int64_t b, milliseconds length) {
    const auto one = static_cast<int>(a % plan_.nodes);
    const auto other = static_cast<int>(b % plan_.nodes);
    if (one == other)
      return;
    network_.cut(one, other);
    world_.after(length, [this, one, other] { network_.mend(one, other); });
  }

  void lose_database(std::size_t index, milliseconds length) {
    auto* one = slots_[index].get();
    if (!one)
      return;
    one->set_way(false);
    excuse(index, length);
    world_.after(length, [this, index, one] {
      if (slots_[index].get() == one)
        one->set_way(!database_away_);
    });
  }

  /// For everybody. Sessions end with a server; with one that is frozen, or whose disk is, they stay.
  void take_database_away(milliseconds length, bool ends_sessions) {
    if (std::exchange(database_away_, true))
      return;
    for (const auto& one : slots_)
      if (one && ends_sessions)
        one->set_way(false);
      else if (one)
        one->hold_way();
    world_.after(length, [this] { bring_database_back(); });
  }

  void bring_database_back() {
    database_away_ = false;
    for (const auto& one : slots_)
      if (one)
        one->set_way(true);
  }

  void crash(std::size_t index, std::int64_t which) {
    excuse(index, 10s);
    slots_[index]->crash_service(which);
  }

  /// To a standby that has every acknowledged commit.
  void fail_over(milliseconds length) {
    if (mutation_ == mutation::acknowledged_without_standby && !database_away_)
      world_.after(length / 2, [this, commits = server_.commits()] { server_.undo_to(commits > 4 ? commits - 4 : 0); });
    take_database_away(length, true);
  }

  void set_provider(provider_mood mood, milliseconds length) {
    beyond_.set(mood);
    world_.after(length, [this] { beyond_.set(provider_mood::well); });
  }

  void set_tools(tool_mood mood, milliseconds length) {
    beyond_.set(mood);
    world_.after(length, [this] { beyond_.set(tool_mood::well); });
  }

  // -- subscribers --------------------------------------------------------------------

  void watch_room(room where, resume_point from) {
    const auto wish = static_cast<std::int64_t>(watches_.size());
    auto made = std::make_shared<watch>(
      world_, std::move(where), from, [this, wish, turn = wish]() mutable { return choose(turn += 1 + wish); },
      [this](const live_event& event) {
        if (event.type == event_type::task_started)
          first_seen_.emplace(event.source->task_id, world_.now());
      });
    watches_.push_back(made);
    made->connect();
  }

  void follow(std::int64_t which) {
    if (const auto* task = clients_.latest(which); task && !clients_.deleted().contains(task->id))
      watch_room({room::kind::task, task->thread_id, {}}, after_seq{0});
  }

  // -- the end ------------------------------------------------------------------------

  void heal() {
    network_.slow_down(0ms);
    for (int a = 0; a < plan_.nodes; ++a)
      for (int b = a + 1; b < plan_.nodes; ++b)
        network_.mend(a, b);
    bring_database_back();
    beyond_.set(provider_mood::well);
    beyond_.set(tool_mood::well);
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i])
        slots_[i]->thaw();
      else
        start(i);
    }
  }

  [[nodiscard]] bool is_at_rest() {
    const auto queue = stored(reader_->queue({}, 0)).totals;
    return clients_.open_calls() == 0
           && queue.ready + queue.scheduled + queue.retrying + queue.blocked + queue.running == 0
           && std::all_of(watches_.begin(), watches_.end(), [this](const auto& w) { return has_seen_all(*w); });
  }

  bool has_seen_all(const watch& w) {
    for (const auto& task : clients_.tasks()) {
      if (!concerns(w, task))
        continue;
      const auto outline = reader_->outline(task.id);
      if (const auto* found = std::get_if<task_outline>(&outline); found && !w.has_seen(task.id, found->last_seq))
        return false;
    }
    return true;
  }

  void wait_for_the_end() {
    const auto end = world_.steady() + longest_end;
    while (!is_at_rest() && world_.steady() < end)
      world_.run_for(1s);
    if (is_at_rest())
      return;
    const auto queue = stored(reader_->queue({}, 0)).totals;
    flaw("ten minutes after the last fault there is no rest: " + std::to_string(queue.ready) + " ready, "
         + std::to_string(queue.scheduled) + " scheduled, " + std::to_string(queue.retrying) + " retrying, "
         + std::to_string(queue.blocked) + " blocked, " + std::to_string(queue.running) + " running, "
         + std::to_string(clients_.open_calls()) + " calls without an answer");
  }

  void judge() {
    for (const auto& complaint : clients_.complaints())
      flaw(complaint);
    for (const auto& one : slots_)
      if (one)
        for (const auto& why : one->given_up())
          flaw("node " + one->name() + " gave up: " + why);
    for (auto& one : beyond_.flaws())
      flaw(std::move(one));
    judge_run({clients_, *reader_, watches_, excuses_, first_seen_, plan_.lease, world_.now()}, result_);
  }

  const plan& plan_;
  mutation mutation_;
  world world_;
  scripted_uuids uuids_;
  network network_;
  outside beyond_;
  memory_server server_;
  std::shared_ptr<database> mirror_;
  std::unique_ptr<store_reader> reader_;
  clients clients_;
  std::vector<slot> slots_;
  std::vector<std::unique_ptr<process>> graveyard_;
  std::vector<std::shared_ptr<watch>> watches_;
  bool database_away_ = false;
  std::vector<excuse_for> excuses_;
  /// When a subscriber saw a task begin.
  std::map<uuid, timestamp> first_seen_;
  trial_result result_;
};

} // namespace

trial_result run_trial(const plan& p, mutation put_back) {
  return trial{p, put_back}.run();
}

} // namespace troupe
