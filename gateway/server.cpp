#include "gateway/server.hpp"

#include "gateway/api/routes.hpp"
#include "gateway/server_parts.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <boost/asio/post.hpp>
#include <caf/send.hpp>

#include <string>
#include <utility>

namespace troupe {

namespace {

/// What an answer in progress gets after the drain.
constexpr std::chrono::milliseconds closing_grace{2000};

/// Beyond `drain_timeout`, for handing tasks back and closing down.
constexpr std::chrono::seconds drain_margin{30};

/// The embedded node says how it is; a store that is in trouble may never hear of it.
constexpr std::chrono::seconds announcement{2};

/// A drain waits so long for a store that cannot be written: what runs can end no sooner.
constexpr std::chrono::seconds store_patience{5};
constexpr std::chrono::milliseconds between_looks{200};

std::string url_of(const std::string& host, std::uint16_t port) {
  return "http://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

} // namespace

server::server(boost::asio::io_context& loop, const settings& s, std::shared_ptr<database> store,
               secret_box_ptr secrets)
  : settings_{s}, loop_{loop}, store_{std::move(store)}, secrets_{std::move(secrets)}, access_{make_access_log(
                                                                                         settings_)},
    system_{configure(config_, settings_, store_->info())}, self_{system_}, outbound_{std::make_shared<beast_client>(
                                                                              outbound_of(settings_))} {
  log_start();
  measured_->watch_store([opened = store_] { return opened->state(); });
  node_ = start_node();
}

server::~server() {
  take_down();
}

template <class Result, class Request>
std::optional<Result> server::ask(const Request& request) {
  std::optional<Result> answer;
  self_->request(node_, drain_margin, request)
    .receive([&](const Result& result) { answer = result; },
             [](const caf::error& reason) { say::error("the node does not answer: {}", loggable(reason)); });
  return answer;
}

// -- the way up -----------------------------------------------------------------

void server::log_start() const {
  logging::info("troupe starts", [this](auto& line) {
    line.add("version", TROUPE_VERSION).add("node", settings_.node_name).add("node_id", node_id_);
    line.add("role", to_string(settings_.role)).add("data_dir", settings_.data_dir);
    line.add("database", redacted_database(settings_.database)).add("capacity", settings_.capacity);
    line.add("auth", "none: loopback only").add("access_log", settings_.access_log);
  });
  if (!store_->info().shared)
    return;
  logging::info("in a cluster", [this](auto& line) {
    line.add("links", settings_.node_links).add("host", settings_.node_host).add("tls", uses_tls(settings_));
    line.add("lease_ms", std::chrono::microseconds{settings_.lease_time});
  });
}

node_actor server::start_node() {
  auto config = node_of(settings_, node_id_, store_->info().shared, store_clock());
  config.store = store_;
  config.outbound = outbound_;
  config.secrets = secrets_;
  config.measured = measured_;
  config.give_up = [this](std::string why) {
    say::critical("giving up: {}", why);
    boost::asio::post(loop_, [this] { end(1); });
  };
  return system_.spawn(node, std::move(config));
}

clock_function server::store_clock() const {
  return [store = store_] { return store->now(); };
}

gateway_config server::make_gateway_config() const {
  std::function<std::chrono::microseconds()> clock_ahead;
  if (store_->info().shared)
    clock_ahead = [store = store_] { return store->state().clock_ahead.value_or(std::chrono::microseconds{0}); };
  return {.clock = store_clock(),
          .measured = measured_,
          .node = settings_.node_name,
          .request_timeout = settings_.request_timeout,
          .draining = draining_,
          .serves_api = settings_.role != node_role::worker,
          .store_available = [store = store_] { return store->available(); },
          .clock_ahead = std::move(clock_ahead),
          .memory = memory_,
          .secrets = secrets_,
          .serve = dispatch};
}

bool server::listen(const std::shared_ptr<lane>& one, const std::string& host, std::uint16_t port, bool shared) {
  if (const auto error = one->listen(host, port, shared)) {
    say::critical("cannot listen on {}:{}: {}", host, port, error.message());
    return false;
  }
  lanes_.push_back(one);
  return true;
}

bool server::listen() {
  const auto origins = origins_of(settings_);
  for (int i = 0; i < settings_.io_threads; ++i) {
    const auto one = std::make_shared<lane>(limits_of(settings_, memory_), observer_of(measured_, access_), origins);
    // The first lane may take any free port, the others share it.
    const auto wanted = lanes_.empty() ? settings_.http_port : port();
    if (!listen(one, settings_.http_host, wanted, settings_.io_threads > 1))
      return false;
  }
  if (!settings_.metrics_port)
    return true;
  watched_ = std::make_shared<lane>(watched_limits_of(settings_, memory_), observer_of(measured_, access_),
                                    watched_origins_of(settings_));
  return listen(watched_, settings_.metrics_host, *settings_.metrics_port, false);
}

bool server::start() {
  if (!listen())
    return false;
  for (const auto& one : lanes_) {
    auto its = make_gateway_config();
    if (one == watched_)
      its.serve = dispatch_watched;
    const add_service service{"gateway",
                              [one, config = std::move(its)](caf::actor_system& system, const services_ptr& peers) {
                                return one->start_gateway(system, peers, config);
                              }};
    if (!ask<done>(service))
      return false;
    one->run();
  }
  if (!store_->info().shared)
    announce_alone(node_health::alive);
  if (watched_)
    say::info("metrics at {}/metrics", url_of(settings_.metrics_host, metrics_port()));
  say::info("troupe {} listening on {}", TROUPE_VERSION, url_of(settings_.http_host, port()));
  return true;
}

void server::announce_alone(node_health health) {
  const auto known = ask<services_ptr>(get_services{});
  if (!known)
    return;
  announce_node op;
  op.node.id = node_id_;
  op.node.health = health;
  op.node.name = settings_.node_name;
  op.node.version = TROUPE_VERSION;
  op.node.capacity = settings_.capacity;
  op.node.started_at = started_at_;
  self_->request((*known)->writer, announcement, op)
    .receive([](const node_list&) {},
             [](const caf::error& reason) { say::warn("the node is not listed: {}", loggable(reason)); });
}

int server::run() {
  loop_.run();
  take_down();
  return exit_code_;
}

// -- the drain --------------------------------------------------------------------

void server::drain() {
  draining_->store(true);
  if (!store_->info().shared && store_->available())
    announce_alone(node_health::draining);
  say::info("draining for at most {} ms", settings_.drain_timeout.count());
  const auto known = ask<services_ptr>(get_services{});
  if (!known)
    return end(1);
  wait_for_drain((*known)->supervisor);
  drain_without_store((*known)->supervisor, std::nullopt);
}

void server::wait_for_drain(const task_supervisor_actor& supervisor) {
  drain_thread_ = std::thread{[this, supervisor, grace = settings_.drain_timeout] {
    caf::scoped_actor asker{system_};
    int exit_code = 0;
    asker->request(supervisor, grace + drain_margin, troupe::drain{grace})
      .receive([](const drained& result) { say::info("drained; {} tasks go back to the queue", result.released); },
               [&exit_code](const caf::error& reason) {
                 exit_code = 1;
                 say::error("the drain failed; tasks that run go on at the next start, or on other nodes: {}",
                            loggable(reason));
               });
    boost::asio::post(loop_, [this, exit_code] { end(store_given_up_ ? 1 : exit_code); });
  }};
}

void server::drain_without_store(task_supervisor_actor supervisor,
                                 std::optional<std::chrono::steady_clock::time_point> away_since) {
  const auto time = std::chrono::steady_clock::now();
  if (store_->available())
    away_since.reset();
  else if (!away_since)
    away_since = time;
  if (away_since && time - *away_since >= store_patience) {
    say::critical("the database cannot be written, so that nothing that runs can end: not waiting for it");
    store_given_up_ = true;
    store_->give_up();
    caf::anon_send(supervisor, troupe::drain{std::chrono::milliseconds{0}});
    return;
  }
  look_timer_.expires_after(between_looks);
  look_timer_.async_wait([this, supervisor, away_since](const boost::system::error_code& error) {
    if (!error)
      drain_without_store(supervisor, away_since);
  });
}

// -- the way down -----------------------------------------------------------------

void server::end(int exit_code) {
  exit_code_ = exit_code;
  work_.reset();
  loop_.stop();
}

/// Stops accepting, closes sessions, ends actors, joins I/O threads: in this order, as each
/// may still use the next.
void server::take_down() {
  if (std::exchange(taken_down_, true))
    return;
  if (drain_thread_.joinable())
    drain_thread_.join();
  for (const auto& one : lanes_)
    one->stop(closing_grace);
  for (const auto& one : lanes_)
    one->join();
  // What a database that is away has not answered by now is not waited for.
  store_->give_up();
  if (!ask<done>(stop_node{}))
    say::error("the services did not end in time");
  node_ = nullptr;
  // It holds actors as long as it has calls.
  outbound_ = nullptr;
  watched_ = nullptr;
  lanes_.clear();
  if (access_)
    access_->stop();
  say::info("stopped");
}

} // namespace troupe
