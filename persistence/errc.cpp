#include "persistence/errc.hpp"

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::not_found: return "There is no such thing.";
  case errc::illegal_transition: return "The task's status does not allow this.";
  case errc::fenced: return "Another attempt runs the task now.";
  case errc::key_reused: return "The idempotency key was used with another request.";
  case errc::bot_invalid: return "The bot does not exist, or its model does not.";
  case errc::thread_not_found: return "The identifier cannot be a thread of this namespace.";
  case errc::thread_busy: return "The thread is busy with another turn.";
  case errc::unavailable: return "The server cannot do this right now; try again.";
  case errc::attempt_failed: return "The attempt failed.";
  case errc::crashed: return "The actor crashed.";
  case errc::schema_too_new: return "The database's schema is newer than this program.";
  case errc::unsuitable: return "The database cannot be used as it is set up.";
  }
  return "Unknown error.";
}

errc told(errc code) noexcept {
  const bool is_for_others = code <= errc::unavailable;
  return is_for_others ? code : errc::unavailable;
}

} // namespace troupe
