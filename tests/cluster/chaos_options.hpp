#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

/// How long and how a run of the fault suite goes, from the environment.
namespace troupe {

/// The seed that the choices of this process follow: TROUPE_CHAOS_SEED, else a new
/// one. The first call prints it.
std::uint64_t chaos_seed();

/// TROUPE_CHAOS_MINUTES: the length of the long form; nothing in the short one.
std::optional<std::chrono::minutes> chaos_minutes();

/// For how long a test puts load on its cluster: `short_form`, or more in proportion to
/// TROUPE_CHAOS_MINUTES. The suite in its short form takes about two minutes.
std::chrono::milliseconds load_time(std::chrono::milliseconds short_form);

/// Waits until `length` is over. For faults that are a length of time (a frozen node),
/// never for something to have happened.
void let_pass(std::chrono::milliseconds length);

} // namespace troupe
