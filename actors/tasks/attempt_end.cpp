#include "actors/tasks/attempt_end.hpp"

#include "persistence/values/overloaded.hpp"

#include <caf/exit_reason.hpp>

#include <utility>

namespace troupe {

caf::error exit_reason_of(attempt_failure failure) {
  return caf::make_error(errc::attempt_failed, std::move(failure));
}

attempt_end attempt_end_of(const caf::error& reason, bool was_asked_to_stop) {
  if (!reason || reason == caf::exit_reason::normal)
    return was_asked_to_stop ? attempt_end{attempt_stopped{}} : attempt_done{};
  if (reason == errc::attempt_failed && reason.context().match_elements<attempt_failure>())
    return reason.context().get_as<attempt_failure>(0);
  return attempt_crash{cite("The task's actor crashed", reason)};
}

std::string_view outcome_of(const attempt_end& end) {
  return std::visit(overloaded{
                      [](const attempt_done&) -> std::string_view { return "done"; },
                      [](const attempt_stopped&) -> std::string_view { return "stopped"; },
                      [](const attempt_failure& failure) { return to_string(failure.kind); },
                      [](const attempt_crash&) { return to_string(error_class::transient); },
                    },
                    end);
}

attempt_failure failure_of(attempt_crash crash) {
  attempt_failure failure;
  failure.error = std::move(crash.why.text);
  failure.own_words = crash.why.own_words;
  return failure;
}

} // namespace troupe
