#pragma once

#include "config/settings.hpp"

namespace troupe {

/// Runs a server until a signal ends it: opens the store, starts the node and the
/// lanes, serves, drains, and takes all down again. Returns the exit code: 0 after a
/// drain, 1 if it cannot start or its services keep dying.
int serve(const settings& s);

/// Brings the database to this version's schema and says what it did.
int migrate(const settings& s);

/// Directs the log as the settings say.
void set_up_log(const settings& s);

} // namespace troupe
