#include "gateway/serve.hpp"

#include "actors/node.hpp"
#include "gateway/api/routes.hpp"
#include "gateway/live/lane.hpp"
#include "gateway/outbound/beast_client.hpp"
#include "gateway/requests/access_log.hpp"
#include "gateway/requests/origin_policy.hpp"
#include "gateway/requests/own_addresses.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/log_lines.hpp"
#include "persistence/store.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <malloc.h>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <utility>
#include <vector>

namespace troupe {

namespace {

/// What an answer in progress gets after the drain.
constexpr std::chrono::milliseconds closing_grace{2000};

/// Beyond `drain_timeout`, for handing tasks back and closing down.
constexpr std::chrono::seconds drain_margin{30};

/// A database server that is just starting is waited for.
constexpr std::chrono::seconds open_patience{10};
constexpr std::chrono::milliseconds between_openings{500};

/// The embedded node says how it is; a store that is in trouble may never hear of it.
constexpr std::chrono::seconds announcement{2};

/// A drain waits so long for a store that cannot be written: what runs can end no sooner.
constexpr std::chrono::seconds store_patience{5};
constexpr std::chrono::milliseconds between_looks{200};

/// Design §10: a peer that is frozen or cut off is noticed in this time.
constexpr std::chrono::seconds heartbeat_interval{1};
constexpr std::chrono::seconds connection_timeout{5};

bool uses_tls(const settings& s) {
  return !s.node_tls_cert.empty();
}

/// CAF's network layer, for nodes that share a database. Those of another one, or of
/// another version of the wire format, are refused in the handshake.
void load_network(caf::actor_system_config& config, const settings& s, const uuid& database_id) {
  config.load<caf::io::middleman>();
  config.set("middleman.heartbeat-interval", caf::timespan{heartbeat_interval});
  config.set("middleman.connection-timeout", caf::timespan{connection_timeout});
  config.set("middleman.app-identifiers",
             std::vector<std::string>{"troupe-" + std::to_string(wire_version) + "-" + database_id.to_string()});
  if (!uses_tls(s))
    return;
  config.load<caf::openssl::manager>();
  config.openssl_certificate = s.node_tls_cert;
  config.openssl_key = s.node_tls_key;
  config.openssl_cafile = s.node_tls_ca;
}

caf::actor_system_config& configure(caf::actor_system_config& config, const settings& s, const database_info& store) {
  config.add_message_types<caf::id_block::troupe_wire>();
  config.add_message_types<caf::id_block::troupe_messages>();
  config.add_message_types<caf::id_block::troupe_handles>();
  config.add_message_types<caf::id_block::troupe_gateway>();
  // The default policy, stealing, walks its whole run queue at each steal.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", static_cast<std::size_t>(s.worker_threads));
  if (store.shared && s.node_links)
    load_network(config, s, store.id);
  return config;
}

random_function make_random() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>{}(*engine); };
}

transport_limits limits_of(const settings& s, std::shared_ptr<client_memory> memory) {
  transport_limits limits;
  limits.memory = std::move(memory);
  limits.body_bytes = s.max_body_bytes;
  limits.connections = static_cast<std::size_t>(s.max_connections);
  return limits;
}

transport_observer observer_of(const metrics_ptr& measured, std::shared_ptr<access_log> access) {
  transport_observer observer;
  observer.http_connections = [measured](int change) { measured->http_connections_changed(change); };
  observer.websocket_connections = [measured](int change) { measured->websocket_connections_changed(change); };
  observer.websocket_frames_sent = [measured](std::size_t count) { measured->websocket_frames("sent", count); };
  observer.websocket_frames_received = [measured](std::size_t count) { measured->websocket_frames("received", count); };
  observer.slow_reader_closed = [measured] { measured->slow_reader_closed(); };
  observer.access = std::move(access);
  return observer;
}

/// Null while it is off.
std::shared_ptr<access_log> make_access_log(const settings& s) {
  return s.access_log ? std::make_shared<access_log>(logging::current_style(), s.node_name, write_to_stderr) : nullptr;
}

std::shared_ptr<const origin_policy> origins_of(const settings& s) {
  return std::make_shared<origin_policy>(origin_rules{
    .allowed_hosts = s.http_allowed_hosts,
    .cors_origins = s.cors_origins,
    .is_own_address = [own = std::make_shared<own_addresses>()](const auto& address) { return own->contains(address); },
    .methods_of = allowed_methods});
}

std::size_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : 1024;
}

outbound_config outbound_of(const settings& s) {
  outbound_config config;
  config.allow = s.outbound_allow;
  config.proxy = read_proxy_environment();
  config.ca_file = s.outbound_ca_file;
  set_bounds(config, descriptor_limit(), static_cast<std::size_t>(s.outbound_connections),
             static_cast<std::size_t>(s.outbound_per_target));
  return config;
}

/// A server while it runs. Built and taken down on the main thread, in this order:
/// store, actors, lanes, signals; and back.
class server {
public:
  server(const settings& s, std::shared_ptr<database> store, secret_box_ptr secrets)
    : settings_{s}, store_{std::move(store)}, secrets_{std::move(secrets)},
      system_{configure(config_, s, store_->info())}, self_{system_} {
    log_start();
    measured_->watch_store([opened = store_] { return opened->state(); });
    node_ = start_node();
  }

  int run() {
    if (!start_lanes())
      return shut_down(1);
    wait_for_signals();
    main_.run();
    return shut_down(exit_code_);
  }

private:
  void log_start() const {
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

  node_actor start_node() {
    const auto shared = store_->info().shared;
    node_config config;
    config.store = store_;
    config.readers = static_cast<std::size_t>(settings_.store_readers);
    config.outbound = outbound_;
    config.secrets = secrets_;
    config.measured = measured_;
    config.supervisor = {.capacity = settings_.capacity,
                         .max_recoveries = settings_.max_recoveries,
                         .node = settings_.node_name,
                         .node_id = node_id_,
                         .claims = settings_.role != node_role::gateway,
                         .lease_ttl = shared ? std::optional{settings_.lease_time} : std::nullopt,
                         .clock = now,
                         .random = make_random()};
    config.cluster = {.node_id = node_id_,
                      .name = settings_.node_name,
                      .role = settings_.role,
                      .links = settings_.node_links,
                      .host = settings_.node_host,
                      .port = settings_.node_port,
                      .clock = now};
    config.connector.tls = uses_tls(settings_);
    config.give_up = [this](std::string why) {
      spdlog::critical("giving up: {}", why);
      boost::asio::post(main_, [this] { end(1); });
    };
    return system_.spawn(node, std::move(config));
  }

  bool start_lanes() {
    gateway_config config{.clock = now,
                          .measured = measured_,
                          .node = settings_.node_name,
                          .request_timeout = settings_.request_timeout,
                          .draining = draining_,
                          .serves_api = settings_.role != node_role::worker,
                          .store_available = [store = store_] { return store->available(); },
                          .memory = memory_,
                          .secrets = secrets_,
                          .serve = dispatch};
    const auto origins = origins_of(settings_);
    for (int i = 0; i < settings_.io_threads; ++i) {
      auto one = std::make_shared<lane>(limits_of(settings_, memory_), observer_of(measured_, access_), origins);
      // The first lane may take any free port, the others share it.
      const auto port = lanes_.empty() ? settings_.http_port : lanes_.front()->port();
      if (const auto error = one->listen(settings_.http_host, port, settings_.io_threads > 1)) {
        spdlog::critical("cannot listen on {}:{}: {}", settings_.http_host, port, error.message());
        return false;
      }
      lanes_.push_back(one);
    }
    for (const auto& one : lanes_) {
      const add_service service{"gateway", [one, config](caf::actor_system& system, const services_ptr& peers) {
                                  return one->start_gateway(system, peers, config);
                                }};
      if (!ask<done>(node_, service))
        return false;
      one->run();
    }
    if (!store_->info().shared)
      announce_alone(node_health::alive);
    const auto& host = settings_.http_host;
    spdlog::info("troupe {} listening on http://{}:{}", TROUPE_VERSION,
                 host.find(':') == std::string::npos ? host : "[" + host + "]", lanes_.front()->port());
    return true;
  }

  /// The one node of an embedded database says how it is when that changes; a cluster's
  /// nodes do again and again (actors/cluster/cluster.hpp).
  void announce_alone(node_health health) {
    const auto known = ask<services_ptr>(node_, get_services{});
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
               [](const caf::error& reason) { spdlog::warn("the node is not listed: {}", loggable(reason)); });
  }

  void wait_for_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int) {
      if (error)
        return;
      if (draining_->exchange(true)) {
        spdlog::warn("a second signal: exiting at once");
        spdlog::shutdown();
        std::_Exit(1);
      }
      start_drain();
      wait_for_signals();
    });
  }

  /// Asks the supervisor to drain; the answer ends the main loop.
  void start_drain() {
    if (!store_->info().shared && store_->available())
      announce_alone(node_health::draining);
    const auto grace = settings_.drain_timeout;
    spdlog::info("draining for at most {} ms", grace.count());
    const auto known = ask<services_ptr>(node_, get_services{});
    if (!known) {
      end(1);
      return;
    }
    drain_thread_ = std::thread{[this, supervisor = (*known)->supervisor, grace] {
      caf::scoped_actor asker{system_};
      int outcome = 0;
      asker->request(supervisor, grace + drain_margin, drain{grace})
        .receive([](const drained& result) { spdlog::info("drained; {} tasks go back to the queue", result.released); },
                 [&outcome](const caf::error& reason) {
                   outcome = 1;
                   spdlog::error("the drain failed; tasks that run go on at the next start, or on other nodes: {}",
                                 loggable(reason));
                 });
      boost::asio::post(main_, [this, outcome] { end(store_given_up_ ? 1 : outcome); });
    }};
    drain_without_store((*known)->supervisor, std::nullopt);
  }

  /// Ends the drain early if the store has been away since `away_since` and stays so.
  void drain_without_store(task_supervisor_actor supervisor,
                           std::optional<std::chrono::steady_clock::time_point> away_since) {
    const auto time = std::chrono::steady_clock::now();
    if (store_->available())
      away_since.reset();
    else if (!away_since)
      away_since = time;
    if (away_since && time - *away_since >= store_patience) {
      spdlog::critical("the database cannot be written, so that nothing that runs can end: not waiting for it");
      store_given_up_ = true;
      store_->give_up();
      caf::anon_send(supervisor, drain{std::chrono::milliseconds{0}});
      return;
    }
    look_timer_.expires_after(between_looks);
    look_timer_.async_wait([this, supervisor, away_since](const boost::system::error_code& error) {
      if (!error)
        drain_without_store(supervisor, away_since);
    });
  }

  void end(int exit_code) {
    exit_code_ = exit_code;
    boost::system::error_code ignored;
    signals_.cancel(ignored);
    work_.reset();
    main_.stop();
  }

  /// Stops accepting, closes sessions, ends actors, joins I/O threads: in this order,
  /// as each may still use the next.
  int shut_down(int exit_code) {
    if (drain_thread_.joinable())
      drain_thread_.join();
    // Whoever lost patience meanwhile may still say so.
    signals_.async_wait([](const boost::system::error_code& error, int) {
      if (!error)
        std::_Exit(1);
    });
    for (const auto& one : lanes_)
      one->stop(closing_grace);
    for (const auto& one : lanes_)
      one->join();
    // What a database that is away has not answered by now is not waited for.
    store_->give_up();
    if (!ask<done>(node_, stop_node{}))
      spdlog::error("the services did not end in time");
    node_ = nullptr;
    // It holds actors as long as it has calls.
    outbound_ = nullptr;
    lanes_.clear();
    if (access_)
      access_->stop();
    spdlog::info("stopped");
    return exit_code;
  }

  template <class Result, class Request>
  std::optional<Result> ask(const node_actor& whom, const Request& request) {
    std::optional<Result> answer;
    self_->request(whom, drain_margin, request)
      .receive([&](const Result& result) { answer = result; },
               [](const caf::error& reason) { spdlog::error("the node does not answer: {}", loggable(reason)); });
    return answer;
  }

  const settings& settings_;
  std::shared_ptr<database> store_;
  secret_box_ptr secrets_;
  metrics_ptr measured_ = std::make_shared<metrics>();
  std::shared_ptr<client_memory> memory_ = client_memory::for_process(memory_of_process(), settings_.max_body_bytes);
  std::shared_ptr<access_log> access_ = make_access_log(settings_);
  std::shared_ptr<std::atomic<bool>> draining_ = std::make_shared<std::atomic<bool>>(false);
  const uuid node_id_ = make_uuid();
  const timestamp started_at_ = now();
  int exit_code_ = 0;
  bool store_given_up_ = false;
  boost::asio::io_context main_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{main_.get_executor()};
  boost::asio::signal_set signals_{main_, SIGINT, SIGTERM};
  boost::asio::steady_timer look_timer_{main_};
  caf::actor_system_config config_;
  caf::actor_system system_;
  caf::scoped_actor self_;
  node_actor node_;
  std::shared_ptr<beast_client> outbound_ = std::make_shared<beast_client>(outbound_of(settings_));
  std::vector<std::shared_ptr<lane>> lanes_;
  std::thread drain_thread_;
};

/// Each client and each call to a provider is a descriptor, and the usual soft limit of 1,024 is there for programs
/// that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    spdlog::warn("the limit of open files stays at {}", limit.rlim_cur);
}

/// Waits for a PostgreSQL server that does not answer yet.
store_result<std::shared_ptr<database>> open_patiently(const settings& s) {
  const auto deadline = std::chrono::steady_clock::now() + open_patience;
  for (bool said = false;; std::this_thread::sleep_for(between_openings)) {
    auto opened = open_database(s.database, s.database_password_file);
    const auto* refusal = std::get_if<store_error>(&opened);
    if (!refusal || refusal->code != errc::unavailable || !is_postgres(s.database)
        || std::chrono::steady_clock::now() >= deadline)
      return opened;
    if (!std::exchange(said, true))
      spdlog::warn("{} Trying again for {} s.", refusal->message, open_patience.count());
  }
}

} // namespace

/// Bodies and pages of a mebibyte come and go; glibc would keep such blocks once it has seen some (mallopt(3),
/// M_MMAP_THRESHOLD), and gives each thread an arena of 64 MiB of addresses.
void keep_memory_small() {
  constexpr int large_block = 256 * 1024;
  constexpr int kept_at_the_top = 4 * 1024 * 1024;
  constexpr int arenas = 4;
  ::mallopt(M_MMAP_THRESHOLD, large_block);
  ::mallopt(M_TRIM_THRESHOLD, kept_at_the_top);
  ::mallopt(M_ARENA_MAX, arenas);
}

int serve(const settings& s) {
  keep_memory_small();
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  secret_box_ptr secrets;
  if (!s.secret_key_file.empty()) {
    auto read = secret_box::read(s.secret_key_file);
    if (const auto* wrong = std::get_if<std::string>(&read)) {
      spdlog::critical("{}", *wrong);
      return 2;
    }
    secrets = std::get<secret_box_ptr>(std::move(read));
    spdlog::info("secrets are encrypted with the key {}", secrets->id());
  }
  auto opened = open_patiently(s);
  if (const auto* refusal = std::get_if<store_error>(&opened)) {
    spdlog::critical("cannot open {}: {}", redacted_database(s.database), refusal->message);
    return 1;
  }
  const auto store = std::move(std::get<std::shared_ptr<database>>(opened));
  if (store->info().is_new)
    spdlog::info("the database {} is new and empty", redacted_database(s.database));
  return server{s, store, std::move(secrets)}.run();
}

int migrate(const settings& s) {
  const auto result = migrate_database(s.database, s.database_password_file);
  if (const auto* refusal = std::get_if<store_error>(&result)) {
    std::fprintf(stderr, "troupe: %s\n", refusal->message.c_str());
    return 1;
  }
  const auto& report = std::get<migration_report>(result);
  const auto shown = redacted_database(s.database);
  if (report.from == report.to)
    std::printf("%s is at schema version %d already.\n", shown.c_str(), report.to);
  else
    std::printf("%s: schema version %d to %d.\n", shown.c_str(), report.from, report.to);
  return 0;
}

void set_up_log(const settings& s) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("troupe"));
  switch (s.level) {
  case log_level::trace: spdlog::set_level(spdlog::level::trace); break;
  case log_level::debug: spdlog::set_level(spdlog::level::debug); break;
  case log_level::info: spdlog::set_level(spdlog::level::info); break;
  case log_level::warn: spdlog::set_level(spdlog::level::warn); break;
  case log_level::error: spdlog::set_level(spdlog::level::err); break;
  }
  const bool json = s.format == log_format::json;
  logging::set_style(json ? logging::style::json : logging::style::text);
  spdlog::set_formatter(json ? make_json_formatter(s.node_name) : make_text_formatter());
  spdlog::flush_on(spdlog::level::info);
}

} // namespace troupe
