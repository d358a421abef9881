#pragma once

#include <chrono>

/// How long an actor waits for another one. None of them is reached in normal
/// work: a service that dies answers its requesters at once, these bound the
/// case that it hangs.
namespace troupe::timeouts {

/// A write may wait behind a large batch and a slow disk.
inline constexpr std::chrono::seconds store_write{60};

/// A read waits behind other reads only.
inline constexpr std::chrono::seconds store_read{30};

/// A task actor does nothing that takes long.
inline constexpr std::chrono::seconds stop_task{5};

/// Joining a room is a look-up.
inline constexpr std::chrono::seconds join_room{5};

/// Between two tries of what the store refused.
inline constexpr std::chrono::seconds settle_again{1};

} // namespace troupe::timeouts
