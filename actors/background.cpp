#include "actors/background.hpp"

#include "persistence/logging/say.hpp"

#include <cerrno>
#include <sys/resource.h>
#include <system_error>

namespace troupe {

void give_way_to_others() noexcept {
  constexpr int niceness = 10;
  // On Linux this is of the calling thread alone.
  if (::setpriority(PRIO_PROCESS, 0, niceness) == 0)
    return;
  const auto error = errno;
  try {
    say::warn("a thread for pages keeps its priority: {}", std::system_category().message(error));
  } catch (...) {
    // Nothing depends on it.
  }
}

} // namespace troupe
