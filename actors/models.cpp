#include "actors/models.hpp"

#include "actors/builtin_model.hpp"

#include <caf/exit_reason.hpp>
#include <caf/stateful_actor.hpp>

#include <spdlog/spdlog.h>

namespace troupe {

model_actor models_state::actor_for(const model_record& model) {
  auto& found = models_[{model.ns, model.name}];
  if (!found.handle || found.version < model.updated_at) {
    // The one before ends by itself once its chats have ended and nobody holds it any more.
    found = {model.updated_at, self_->spawn<caf::monitored>(builtin_model)};
  }
  return found.handle;
}

void models_state::forget(const caf::actor_addr& gone) {
  for (auto at = models_.begin(); at != models_.end(); ++at) {
    if (at->second.handle.address() == gone) {
      spdlog::warn("model {}/{} died and starts again with the next request", at->first.first, at->first.second);
      models_.erase(at);
      return;
    }
  }
}

void models_state::stop_all() {
  for (const auto& [key, model] : models_)
    self_->send_exit(model.handle, caf::exit_reason::user_shutdown);
  models_.clear();
}

models_actor::behavior_type models(models_actor::stateful_pointer<models_state> self) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
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
    [self](const stop_chat& request) { self->send(self->state.actor_for(*request.model), request); },
  };
}

} // namespace troupe
