#pragma once

#include "actors/node.hpp"
#include "config/settings.hpp"
#include "gateway/live/lane.hpp"
#include "gateway/outbound/config.hpp"
#include "gateway/requests/access_log.hpp"
#include "gateway/requests/client_memory.hpp"
#include "gateway/requests/origin_policy.hpp"
#include "gateway/requests/transport.hpp"
#include "persistence/store.hpp"

#include <caf/actor_system_config.hpp>

#include <memory>

/// What the settings say of each part of a server (gateway/server.hpp), in the words of that part.
namespace troupe {

/// CAF's settings. Its network is loaded for nodes that share a database; those of another
/// one, or of another version of the wire format, are refused in the handshake.
caf::actor_system_config& configure(caf::actor_system_config& config, const settings& s, const database_info& store);

/// Whether nodes speak TLS with one another.
bool uses_tls(const settings& s);

/// All of a node but what it shares with the rest of the process: store, client, metrics. `clock` is the store's.
node_config node_of(const settings& s, const uuid& id, bool shared_store, clock_function clock);

transport_limits limits_of(const settings& s, std::shared_ptr<client_memory> memory);
transport_observer observer_of(const metrics_ptr& measured, std::shared_ptr<access_log> access);
/// Null while it is off.
std::shared_ptr<access_log> make_access_log(const settings& s);
std::shared_ptr<const origin_policy> origins_of(const settings& s);
/// The same where `/metrics` and its like are all there is, and for the few who ask for them.
std::shared_ptr<const origin_policy> watched_origins_of(const settings& s);
transport_limits watched_limits_of(const settings& s, std::shared_ptr<client_memory> memory);
outbound_config outbound_of(const settings& s);

} // namespace troupe
