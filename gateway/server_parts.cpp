#include "gateway/server_parts.hpp"

#include "gateway/api/routes.hpp"
#include "gateway/live/gateway_messages.hpp"
#include "gateway/outbound/addresses/proxy.hpp"
#include "gateway/requests/own_addresses.hpp"
#include "persistence/logging/log_lines.hpp"

#include <caf/io/middleman.hpp>
#include <caf/openssl/manager.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <string>
#include <sys/resource.h>
#include <utility>
#include <vector>

namespace troupe {

namespace {

/// Design §10: a peer that is frozen or cut off is noticed in this time.
constexpr std::chrono::seconds heartbeat_interval{1};
constexpr std::chrono::seconds connection_timeout{5};

/// Connections to the second listener: what scrapes and probes a server are a few.
constexpr std::size_t most_watchers = 100;

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

random_function make_random() {
  auto engine = std::make_shared<std::mt19937_64>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>{}(*engine); };
}

std::shared_ptr<const origin_policy> make_origins(const settings& s, std::string (*methods_of)(std::string_view)) {
  return std::make_shared<origin_policy>(origin_rules{
    .allowed_hosts = s.http_allowed_hosts,
    .cors_origins = s.cors_origins,
    .is_own_address = [own = std::make_shared<own_addresses>()](const auto& address) { return own->contains(address); },
    .methods_of = methods_of});
}

std::size_t descriptor_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<std::size_t>(limit.rlim_cur) : 1024;
}

} // namespace

caf::actor_system_config& configure(caf::actor_system_config& config, const settings& s, const database_info& store) {
  // What does not leave the process needs no name there, and no code that reads it.
  config.add_message_types<caf::id_block::troupe_wire>();
  // The default policy, stealing, walks its whole run queue at each steal.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", static_cast<std::size_t>(s.worker_threads));
  if (store.shared && s.node_links)
    load_network(config, s, store.id);
  return config;
}

bool uses_tls(const settings& s) {
  return !s.node_tls_cert.empty();
}

node_config node_of(const settings& s, const uuid& id, bool shared_store, clock_function clock) {
  node_config config;
  config.readers = static_cast<std::size_t>(s.store_readers);
  config.supervisor = {.capacity = s.capacity,
                       .max_recoveries = s.max_recoveries,
                       .node = s.node_name,
                       .node_id = id,
                       .claims = s.role != node_role::gateway,
                       .lease_ttl = shared_store ? std::optional{s.lease_time} : std::nullopt,
                       .clock = clock,
                       .random = make_random()};
  config.cluster = {.node_id = id,
                    .name = s.node_name,
                    .role = s.role,
                    .links = s.node_links,
                    .host = s.node_host,
                    .port = s.node_port,
                    .clock = std::move(clock)};
  config.connector.tls = uses_tls(s);
  return config;
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

std::shared_ptr<access_log> make_access_log(const settings& s) {
  return s.access_log ? std::make_shared<access_log>(logging::current_style(), s.node_name, write_to_stderr) : nullptr;
}

std::shared_ptr<const origin_policy> origins_of(const settings& s) {
  return make_origins(s, allowed_methods);
}

std::shared_ptr<const origin_policy> watched_origins_of(const settings& s) {
  return make_origins(s, allowed_methods_watched);
}

transport_limits watched_limits_of(const settings& s, std::shared_ptr<client_memory> memory) {
  auto limits = limits_of(s, std::move(memory));
  limits.connections = std::min(limits.connections, most_watchers);
  return limits;
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

} // namespace troupe
