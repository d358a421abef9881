#include "actors/models.hpp"

#include "actors/builtin_model.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/stateful_actor.hpp>
#include <spdlog/spdlog.h>

namespace troupe {

model_actor models_state::actor_for(const model_record& model) {
  auto& found = models_[{model.ns, model.name}];
  if (!found.handle || found.version < model.updated_at) {
    // The one before ends by itself once its chats have ended and nobody holds it any more.
    if (found.handle)
      found.outdated.push_back(found.handle.address());
    found.version = model.updated_at;
    found.handle = self_->spawn<caf::monitored>(builtin_model);
  }
  return found.handle;
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

void models_state::forget(const caf::actor_addr& gone) {
  for (auto at = models_.begin(); at != models_.end(); ++at) {
    if (std::erase(at->second.outdated, gone) > 0)
      return;
    if (at->second.handle.address() == gone) {
      spdlog::warn("model {}/{} died and starts again with the next request", at->first.first, at->first.second);
      at->second.handle = nullptr;
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

models_actor::behavior_type models(models_actor::stateful_pointer<models_state> self) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.stop_all();
    return to_error(thrown);
  });
  self->set_down_handler([self](const caf::down_msg& down) { self->state.forget(down.source); });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.stop_all();
    self->quit(exit.reason);
  });
  return {
    [self](chat_request& request) {
      const auto model = self->state.actor_for(*request.model);
      return self->delegate(model, std::move(request));
    },
    [self](const stop_chat& request) { self->state.stop(request); },
  };
}

} // namespace troupe
