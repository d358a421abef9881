#include "actors/metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <tuple>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

using buckets = prometheus::Histogram::BucketBoundaries;

const buckets execution_buckets{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 600};
const buckets commit_buckets{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1};
const buckets batch_buckets{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};

/// Of which there are series.
constexpr std::size_t most_models = 1000;
constexpr std::chrono::hours unused_life{1};

/// Resident memory from /proc; 0 where there is none.
double resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  long total = 0;
  long resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

} // namespace

struct metrics::series {
  prometheus::Registry registry;

  prometheus::Family<prometheus::Counter>& tasks = prometheus::BuildCounter()
                                                     .Name("troupe_tasks_total")
                                                     .Help("Runs of tasks that ended, by outcome")
                                                     .Register(registry);
  prometheus::Family<prometheus::Counter>& failures = prometheus::BuildCounter()
                                                        .Name("troupe_attempt_failures_total")
                                                        .Help("Attempts that failed, by error class")
                                                        .Register(registry);
  prometheus::Family<prometheus::Counter>& turns = prometheus::BuildCounter()
                                                     .Name("troupe_model_turns_total")
                                                     .Help("Turns asked of models, by model and outcome")
                                                     .Register(registry);
  prometheus::Family<prometheus::Counter>& tokens = prometheus::BuildCounter()
                                                      .Name("troupe_model_tokens_total")
                                                      .Help("Tokens of turns, by model and direction")
                                                      .Register(registry);
  prometheus::Family<prometheus::Counter>& tool_calls = prometheus::BuildCounter()
                                                          .Name("troupe_tool_calls_total")
                                                          .Help("Tool calls that had a result, by type and outcome")
                                                          .Register(registry);
  /// What is counted of one model: found without its labels being put together anew.
  struct model_series {
    std::map<std::string, prometheus::Counter*, std::less<>> outcomes;
    prometheus::Counter* input = nullptr;
    prometheus::Counter* output = nullptr;
    /// Grows with each turn of any model.
    std::uint64_t asked = 0;
    /// When it was seen at `asked`.
    timestamp seen_at{};
    std::uint64_t seen = 0;
  };
  using model_map = std::map<std::pair<std::string, std::string>, model_series>;
  std::mutex models_mutex;
  model_map models;
  std::uint64_t turns_asked = 0;

  /// With `models_mutex` in hand.
  model_map::iterator remove(model_map::iterator which) {
    for (const auto& [name, counter] : which->second.outcomes)
      turns.Remove(counter);
    tokens.Remove(which->second.input);
    tokens.Remove(which->second.output);
    return models.erase(which);
  }
  void make_room() {
    if (models.size() < most_models)
      return;
    remove(std::min_element(models.begin(), models.end(), [](const auto& left, const auto& right) {
      return left.second.asked < right.second.asked;
    }));
  }
  void remove_unused(timestamp at) {
    const std::lock_guard lock{models_mutex};
    for (auto which = models.begin(); which != models.end();) {
      auto& one = which->second;
      if (std::exchange(one.seen, one.asked) != one.asked)
        one.seen_at = at;
      which = at - one.seen_at > unused_life ? remove(which) : std::next(which);
    }
  }
  prometheus::Histogram& execution = prometheus::BuildHistogram()
                                       .Name("troupe_attempt_duration_seconds")
                                       .Help("Time from the start of an attempt to its end")
                                       .Register(registry)
                                       .Add({}, execution_buckets);
  prometheus::Histogram& first_token = prometheus::BuildHistogram()
                                         .Name("troupe_first_token_seconds")
                                         .Help("Time from the start of an attempt to the first text of its answer")
                                         .Register(registry)
                                         .Add({}, execution_buckets);
  prometheus::Gauge& running = prometheus::BuildGauge()
                                 .Name("troupe_tasks_running")
                                 .Help("Task actors alive on this node")
                                 .Register(registry)
                                 .Add({});
  prometheus::Counter& fenced = prometheus::BuildCounter()
                                  .Name("troupe_fenced_writes_total")
                                  .Help("Writes refused because another attempt had taken over")
                                  .Register(registry)
                                  .Add({});
  prometheus::Counter& recoveries = prometheus::BuildCounter()
                                      .Name("troupe_recoveries_total")
                                      .Help("Tasks that this node recovered after theirs had ended")
                                      .Register(registry)
                                      .Add({});
  prometheus::Counter& leases_lost = prometheus::BuildCounter()
                                       .Name("troupe_leases_lost_total")
                                       .Help("Leases of this node that others took over")
                                       .Register(registry)
                                       .Add({});
  prometheus::Gauge& links = prometheus::BuildGauge()
                               .Name("troupe_cluster_links")
                               .Help("Other nodes that this one is linked to")
                               .Register(registry)
                               .Add({});
  prometheus::Counter& relayed = prometheus::BuildCounter()
                                   .Name("troupe_events_relayed_total")
                                   .Help("Events sent to other nodes")
                                   .Register(registry)
                                   .Add({});
  prometheus::Counter& missed = prometheus::BuildCounter()
                                  .Name("troupe_event_gaps_total")
                                  .Help("Times that commits did not come and subscribers looked into the store")
                                  .Register(registry)
                                  .Add({});
  prometheus::Counter& woken = prometheus::BuildCounter()
                                 .Name("troupe_wake_ups_total")
                                 .Help("Wake-ups sent to other nodes")
                                 .Register(registry)
                                 .Add({});
  prometheus::Histogram& commit_size = prometheus::BuildHistogram()
                                         .Name("troupe_commit_operations")
                                         .Help("Operations that shared a commit")
                                         .Register(registry)
                                         .Add({}, batch_buckets);
  prometheus::Histogram& commit_time = prometheus::BuildHistogram()
                                         .Name("troupe_commit_duration_seconds")
                                         .Help("Time to apply and commit a batch")
                                         .Register(registry)
                                         .Add({}, commit_buckets);
  prometheus::Family<prometheus::Counter>& outages = prometheus::BuildCounter()
                                                       .Name("troupe_store_outages_total")
                                                       .Help("Times that the store could not be written, by reason")
                                                       .Register(registry);
  prometheus::Gauge& store_available = prometheus::BuildGauge()
                                         .Name("troupe_store_available")
                                         .Help("1 while the store can be written, else 0")
                                         .Register(registry)
                                         .Add({}, 1);
  prometheus::Family<prometheus::Gauge>& store_room = prometheus::BuildGauge()
                                                        .Name("troupe_store_free_bytes")
                                                        .Help("Room left on the volume of the database file")
                                                        .Register(registry);
  prometheus::Family<prometheus::Gauge>& store_clock
    = prometheus::BuildGauge()
        .Name("troupe_store_clock_ahead_seconds")
        .Help("By how much this machine's clock is ahead of the database's, by which all nodes go")
        .Register(registry);
  prometheus::Family<prometheus::Counter>& requests = prometheus::BuildCounter()
                                                        .Name("troupe_http_requests_total")
                                                        .Help("HTTP requests answered, by method, route and status")
                                                        .Register(registry);
  prometheus::Gauge& http_connections = prometheus::BuildGauge()
                                          .Name("troupe_http_connections")
                                          .Help("Open connections that have not become WebSockets")
                                          .Register(registry)
                                          .Add({});
  prometheus::Gauge& websockets
    = prometheus::BuildGauge().Name("troupe_websocket_connections").Help("Open WebSockets").Register(registry).Add({});
  prometheus::Family<prometheus::Counter>& frames = prometheus::BuildCounter()
                                                      .Name("troupe_websocket_frames_total")
                                                      .Help("WebSocket messages, by direction")
                                                      .Register(registry);
  prometheus::Counter& frames_sent = frames.Add({{"direction", "sent"}});
  prometheus::Counter& frames_received = frames.Add({{"direction", "received"}});
  prometheus::Counter& slow_readers = prometheus::BuildCounter()
                                        .Name("troupe_slow_readers_closed_total")
                                        .Help("Subscribers closed because their queue was full")
                                        .Register(registry)
                                        .Add({});
  prometheus::Family<prometheus::Counter>& restarts = prometheus::BuildCounter()
                                                        .Name("troupe_service_restarts_total")
                                                        .Help("Service actors started again after they died")
                                                        .Register(registry);
  prometheus::Family<prometheus::Gauge>& queue = prometheus::BuildGauge()
                                                   .Name("troupe_queue_tasks")
                                                   .Help("Tasks in the queue, by what they wait for")
                                                   .Register(registry);
  prometheus::Gauge& oldest_due = prometheus::BuildGauge()
                                    .Name("troupe_queue_oldest_due_age_seconds")
                                    .Help("How long the longest-waiting due task has waited")
                                    .Register(registry)
                                    .Add({});
  prometheus::Gauge& memory
    = prometheus::BuildGauge().Name("process_resident_memory_bytes").Help("Resident memory").Register(registry).Add({});

  prometheus::Counter& completed = tasks.Add({{"outcome", "completed"}});
  prometheus::Counter& failed = tasks.Add({{"outcome", "failed"}});
  prometheus::Counter& cancelled = tasks.Add({{"outcome", "cancelled"}});

  // Looking a label set up in a family hashes and copies it; a request should not pay for that.
  std::mutex routes_mutex;
  std::mutex store_mutex;
  std::function<store_state()> ask_store;
  std::map<std::tuple<std::string, std::string, unsigned>, prometheus::Counter*, std::less<>> routes;
};

metrics::metrics() : series_{std::make_unique<series>()} {
  prometheus::BuildGauge()
    .Name("troupe_build_info")
    .Help("Always 1; the label names the version")
    .Register(series_->registry)
    .Add({{"version", TROUPE_VERSION}})
    .Set(1);
}

metrics::~metrics() = default;

void metrics::task_ended(task_status status) {
  switch (status) {
  case task_status::completed: series_->completed.Increment(); break;
  case task_status::failed: series_->failed.Increment(); break;
  case task_status::cancelled: series_->cancelled.Increment(); break;
  case task_status::pending:
  case task_status::running: break;
  }
}

void metrics::attempt_failed(error_class kind) {
  series_->failures.Add({{"class", std::string{to_string(kind)}}}).Increment();
}

void metrics::model_asked(const model_record& model, std::string_view end, const token_usage& usage) {
  const std::lock_guard lock{series_->models_mutex};
  auto where = series_->models.find({model.ns, model.name});
  if (where == series_->models.end()) {
    // Whoever may put models could otherwise have as many series as they like.
    series_->make_room();
    where = series_->models.try_emplace({model.ns, model.name}).first;
  }
  auto& counted = where->second;
  counted.asked = ++series_->turns_asked;
  const auto with = [&](const char* name, std::string_view value) {
    return prometheus::Labels{{"namespace", model.ns}, {"model", model.name}, {name, std::string{value}}};
  };
  if (!counted.input) {
    counted.input = &series_->tokens.Add(with("direction", "input"));
    counted.output = &series_->tokens.Add(with("direction", "output"));
  }
  auto found = counted.outcomes.find(end);
  if (found == counted.outcomes.end())
    found = counted.outcomes.emplace(end, &series_->turns.Add(with("outcome", end))).first;
  found->second->Increment();
  counted.input->Increment(static_cast<double>(usage.input_tokens));
  counted.output->Increment(static_cast<double>(usage.output_tokens));
}

void metrics::forget_model(const std::string& ns, const std::string& name) {
  const std::lock_guard lock{series_->models_mutex};
  if (const auto found = series_->models.find({ns, name}); found != series_->models.end())
    series_->remove(found);
}

std::size_t metrics::counted_models() const {
  const std::lock_guard lock{series_->models_mutex};
  return series_->models.size();
}

void metrics::tool_called(tool_kind kind, bool failed) {
  series_->tool_calls.Add({{"type", std::string{to_string(kind)}}, {"outcome", failed ? "failed" : "succeeded"}})
    .Increment();
}

void metrics::task_executed(std::chrono::duration<double> attempt_time) {
  series_->execution.Observe(attempt_time.count());
}

void metrics::first_token(std::chrono::duration<double> since_start) {
  series_->first_token.Observe(since_start.count());
}

void metrics::running_changed(int by) {
  series_->running.Increment(by);
}

void metrics::write_fenced() {
  series_->fenced.Increment();
}

void metrics::tasks_recovered(int count) {
  series_->recoveries.Increment(count);
}

void metrics::lease_lost() {
  series_->leases_lost.Increment();
}

void metrics::linked_to(std::size_t nodes) {
  series_->links.Set(static_cast<double>(nodes));
}

void metrics::events_relayed(std::size_t count) {
  series_->relayed.Increment(static_cast<double>(count));
}

void metrics::events_missed() {
  series_->missed.Increment();
}

void metrics::node_woken() {
  series_->woken.Increment();
}

void metrics::committed(std::size_t operations, std::chrono::duration<double> took) {
  series_->commit_size.Observe(static_cast<double>(operations));
  series_->commit_time.Observe(took.count());
}

void metrics::watch_store(std::function<store_state()> ask) {
  const std::lock_guard lock{series_->store_mutex};
  series_->ask_store = std::move(ask);
}

void metrics::note_store() {
  const std::lock_guard lock{series_->store_mutex};
  if (!series_->ask_store)
    return;
  const auto state = series_->ask_store();
  series_->store_available.Set(state.available ? 1 : 0);
  for (std::size_t i = 0; i < state.outages.size(); ++i) {
    auto& counter = series_->outages.Add({{"reason", std::string{to_string(static_cast<store_trouble>(i))}}});
    counter.Increment(static_cast<double>(state.outages[i]) - counter.Value());
  }
  if (state.free_bytes)
    series_->store_room.Add({}).Set(static_cast<double>(*state.free_bytes));
  if (state.clock_ahead)
    series_->store_clock.Add({}).Set(std::chrono::duration<double>(*state.clock_ahead).count());
}

void metrics::http_request(std::string_view method, std::string_view route, unsigned status) {
  const std::lock_guard lock{series_->routes_mutex};
  auto found = series_->routes.find(std::tuple{method, route, status});
  if (found == series_->routes.end()) {
    auto& counter = series_->requests.Add(
      {{"method", std::string{method}}, {"route", std::string{route}}, {"status", std::to_string(status)}});
    found = series_->routes.emplace(std::tuple{std::string{method}, std::string{route}, status}, &counter).first;
  }
  found->second->Increment();
}

void metrics::http_connections_changed(int by) {
  series_->http_connections.Increment(by);
}

void metrics::websocket_connections_changed(int by) {
  series_->websockets.Increment(by);
}

void metrics::websocket_frames(std::string_view direction, std::size_t count) {
  (direction == "sent" ? series_->frames_sent : series_->frames_received).Increment(static_cast<double>(count));
}

void metrics::slow_reader_closed() {
  series_->slow_readers.Increment();
}

void metrics::service_restarted(std::string_view name) {
  series_->restarts.Add({{"service", std::string{name}}}).Increment();
}

std::string metrics::render(const queue_stats& queue, timestamp at) {
  const auto& sum = queue.totals;
  const auto set = [this](const char* state, std::int64_t value) {
    series_->queue.Add({{"state", state}}).Set(static_cast<double>(value));
  };
  set("ready", sum.ready);
  set("scheduled", sum.scheduled);
  set("retrying", sum.retrying);
  set("blocked", sum.blocked);
  set("running", sum.running);
  const auto age = sum.oldest_due && *sum.oldest_due < at ? at - *sum.oldest_due : timestamp::duration{0};
  series_->oldest_due.Set(std::chrono::duration<double>{age}.count());
  series_->memory.Set(resident_bytes());
  note_store();
  series_->remove_unused(at);
  return prometheus::TextSerializer{}.Serialize(series_->registry.Collect());
}

} // namespace troupe
