#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

/// The model registry starts an actor for each model that is asked for, passes
/// requests on to it, and replaces it when the model's record has changed. Spawned
/// by the node. A model actor that dies takes its open chats with it (their tasks
/// fail as transient and are restarted) and is started again by the next request.
namespace troupe {

class models_state {
public:
  static inline const char* name = "models";

  explicit models_state(models_actor::pointer self) : self_{self} {}

  /// The actor for this version of the model, or a newer one.
  model_actor actor_for(const model_record& model);
  void stop(const stop_chat& request);
  void forget(const caf::actor_addr& gone);
  void stop_all();

private:
  struct entry {
    timestamp version{};
    model_actor handle;
    /// Those of earlier versions that still have open chats.
    std::vector<caf::actor_addr> outdated;
  };

  /// Every actor of the entry that lives.
  static std::vector<model_actor> actors_of(const entry& model);

  models_actor::pointer self_;
  std::map<std::pair<std::string, std::string>, entry> models_;
};

models_actor::behavior_type models(models_actor::stateful_pointer<models_state> self);

} // namespace troupe
