#include "actors/models/models.hpp"

#include "actors/models/builtin_model.hpp"
#include "actors/models/local_call.hpp"
#include "actors/models/model_gate.hpp"
#include "actors/models/remote_call.hpp"
#include "persistence/logging/say.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

namespace troupe {

void models_state::start(services_ptr peers, models_config config) {
  peers_ = std::move(peers);
  config_ = std::move(config);
}

model_actor models_state::actor_for(const std::shared_ptr<const model_record>& model) {
  auto& found = models_[{model->ns, model->name}];
  if (found.handle && found.version >= model->updated_at)
    return found.handle;
  // The one before ends by itself once its chats have ended and nobody holds it any more.
  if (found.handle)
    found.outdated.push_back(found.handle.address());
  found.version = model->updated_at;
  found.gate = nullptr;
  if (model->kind == model_kind::builtin && model->limits == model_limits{}) {
    found.handle = self_->spawn<caf::monitored>(builtin_model);
  } else {
    found.gate = start_gate(model);
    found.handle = found.gate;
  }
  return found.handle;
}

model_gate_actor models_state::start_gate(const std::shared_ptr<const model_record>& model) {
  model_gate_config gate;
  gate.model = model;
  gate.shares = shares_;
  gate.clock = config_.clock;
  gate.tell_pause
    = [home = models_actor{self_}.address(), ns = model->ns, name = model->name](std::chrono::milliseconds wait) {
        if (const auto registry = caf::actor_cast<models_actor>(home))
          caf::anon_send(registry, pause_model{ns, name, wait, false});
      };
  if (model->kind == model_kind::builtin) {
    gate.call = [system = &self_->system(), builtin = self_->spawn(builtin_model)](
                  const model_gate_actor& asker, std::uint64_t number, chat_request request, const model_traits&) {
      return system->spawn(local_call, builtin, asker, number, std::move(request)).address();
    };
  } else {
    gate.call
      = [system = &self_->system(), config = remote_call_config{config_.outbound, config_.clock, config_.secrets}](
          const model_gate_actor& asker, std::uint64_t number, chat_request request, const model_traits& traits) {
          auto call = config;
          call.traits = traits;
          return system->spawn(remote_call, asker, number, std::move(request), std::move(call)).address();
        };
  }
  return self_->spawn<caf::monitored>(model_gate, std::move(gate));
}

std::vector<model_actor> models_state::actors_of(const entry& model) {
  std::vector<model_actor> living;
  if (model.handle)
    living.push_back(model.handle);
  for (const auto& address : model.outdated)
    if (auto actor = caf::actor_cast<model_actor>(address))
      living.push_back(std::move(actor));
  return living;
}

void models_state::stop(const stop_chat& request) {
  // The chat may have begun before the model was changed.
  if (const auto found = models_.find({request.model->ns, request.model->name}); found != models_.end())
    for (const auto& actor : actors_of(found->second))
      self_->send(actor, request);
}

void models_state::pause(const pause_model& request) {
  if (!request.passed_on) {
    // From a gate of this node, which has paused already.
    if (peers_->cluster)
      self_->send(peers_->cluster, request);
    return;
  }
  if (const auto found = models_.find({request.ns, request.name}); found != models_.end() && found->second.gate)
    self_->send(found->second.gate, request);
}

void models_state::share(const share_models& request) {
  if (std::exchange(shares_, request.nodes) == request.nodes)
    return;
  for (const auto& [key, model] : models_)
    if (model.gate)
      self_->send(model.gate, request);
}

caf::result<model_state> models_state::state_of(const get_model_state& question) {
  const auto found = models_.find({question.ns, question.name});
  // Nobody has asked it for anything yet, or nothing holds anybody back.
  if (found == models_.end() || !found->second.gate)
    return model_state{};
  return self_->delegate(found->second.gate, question);
}

void models_state::forget(const caf::actor_addr& gone) {
  for (auto at = models_.begin(); at != models_.end(); ++at) {
    if (std::erase(at->second.outdated, gone) > 0)
      return;
    if (at->second.handle.address() == gone) {
      say::warn("model {}/{} died and starts again with the next request", at->first.first, at->first.second);
      at->second.handle = nullptr;
      at->second.gate = nullptr;
      return;
    }
  }
}

void models_state::stop_all() {
  for (const auto& [key, model] : models_)
    for (const auto& actor : actors_of(model))
      self_->send_exit(actor, caf::exit_reason::user_shutdown);
  models_.clear();
}

models_actor::behavior_type models(models_actor::stateful_pointer<models_state> self, services_ptr peers,
                                   models_config config) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.stop_all();
    return to_error(thrown);
  });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.forget(down.source); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.stop_all();
    self->quit(exit.reason);
  });
  self->state.start(std::move(peers), std::move(config));
  return {
    [self](chat_request& request) {
      const auto model = self->state.actor_for(request.model);
      return self->delegate(model, std::move(request));
    },
    [self](const stop_chat& request) { self->state.stop(request); },
    [self](const pause_model& request) { self->state.pause(request); },
    [self](const share_models& request) { self->state.share(request); },
    [self](const get_model_state& question) { return self->state.state_of(question); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
