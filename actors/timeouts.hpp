#pragma once

#include <chrono>

/// How long an actor waits for another one. None of them is reached in normal
/// work: a service that dies answers its requesters at once, these bound the
/// case that it hangs.
namespace troupe::timeouts {

/// A write may wait behind a large batch and a slow disk.
inline constexpr std::chrono::seconds store_write{60};

/// Nor need an execution end because the database is away for a while: the writer
/// waits for it, and then says truly what became of the write.
inline constexpr std::chrono::minutes execution_write{10};

/// A read waits behind other reads only.
inline constexpr std::chrono::seconds store_read{30};

/// A task actor does nothing that takes long.
inline constexpr std::chrono::seconds stop_task{5};

/// Joining a room is a look-up, and in a cluster a round trip to each node and a
/// question to the store. Beyond `change_rooms` and `store_read` together: whoever goes
/// on without having joined would miss events.
inline constexpr std::chrono::seconds join_room{40};

/// Beyond a tool's own timeout, which the call's actor keeps.
inline constexpr std::chrono::seconds tool_margin{10};

/// What a person waits who asks what the servers offer: less than a gateway's time for a request.
inline constexpr std::chrono::seconds look_at_tools{20};

/// A model's limits may hold a request back for as long as it has its turn within half
/// a minute; this is beyond the attempt's own time, which the call's actor keeps.
inline constexpr std::chrono::minutes admission{10};

/// A model's gate answers at once.
inline constexpr std::chrono::seconds get_model_state{5};

/// Between two tries of what the store refused.
inline constexpr std::chrono::seconds settle_again{1};

// -- the cluster --------------------------------------------------------------

/// Binding a port.
inline constexpr std::chrono::seconds open_door{5};

/// Looking an address up, a connection, and the middlemen's handshake.
inline constexpr std::chrono::seconds connect{10};

/// Of the above, what a host gets to take a connection: one that does not answer at
/// all keeps others waiting.
inline constexpr std::chrono::milliseconds reach{1000};

/// Another node's cluster actor does nothing that takes long. One that takes longer
/// loses its link, since whoever joins a room waits for it.
inline constexpr std::chrono::seconds link{1};

/// Has every node told that needs to be, each within `link`, and twice if the first
/// time was under way.
inline constexpr std::chrono::seconds change_rooms{5};

/// The supervisor answers at once.
inline constexpr std::chrono::seconds get_load{1};

/// Ending a task on another node; after this the store alone does it.
inline constexpr std::chrono::seconds end_elsewhere{2};

/// Telling the others that this node ends.
inline constexpr std::chrono::seconds leave{2};

} // namespace troupe::timeouts
