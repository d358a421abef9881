#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/remote/secrets.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// The model registry starts an actor for each model that is asked for, passes
/// requests on to it, and replaces it when the model's record has changed: a gate for
/// each model that is limited or far away, and the builtin model itself where nothing
/// stands before it. Spawned by the node. A model actor that dies takes its open chats
/// with it (their tasks fail as transient and are restarted) and is started again by the
/// next request. What a provider asks of one node, the registry tells the others.
namespace troupe {

struct models_config {
  /// How providers are reached.
  std::shared_ptr<outbound_client> outbound;
  clock_function clock;
  /// Opens what is encrypted in models' headers; null for no key.
  secret_box_ptr secrets{};
};

class models_state {
public:
  static inline const char* name = "models";

  explicit models_state(models_actor::pointer self) : self_{self} {}

  void start(services_ptr peers, models_config config);
  void relink(services_ptr peers) { peers_ = std::move(peers); }

  /// The actor for this version of the model, or a newer one.
  model_actor actor_for(const std::shared_ptr<const model_record>& model);
  void stop(const stop_chat& request);
  void pause(const pause_model& request);
  void share(const share_models& request);
  caf::result<model_state> state_of(const get_model_state& question);
  void forget(const caf::actor_addr& gone);
  void stop_all();

private:
  struct entry {
    timestamp version{};
    model_actor handle;
    /// The same, if it is one; null for a builtin model without limits.
    model_gate_actor gate;
    /// Those of earlier versions that still have open chats.
    std::vector<caf::actor_addr> outdated;
  };

  /// Every actor of the entry that lives.
  static std::vector<model_actor> actors_of(const entry& model);
  model_gate_actor start_gate(const std::shared_ptr<const model_record>& model);

  models_actor::pointer self_;
  services_ptr peers_;
  models_config config_;
  int shares_ = 1;
  std::map<std::pair<std::string, std::string>, entry> models_;
};

models_actor::behavior_type models(models_actor::stateful_pointer<models_state> self, services_ptr peers,
                                   models_config config);

} // namespace troupe
