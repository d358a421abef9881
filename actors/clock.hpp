#pragma once

#include "persistence/values/time.hpp"

#include <functional>

namespace troupe {

/// Where actors take the wall clock from, so that tests can set it.
using clock_function = std::function<timestamp()>;

/// Uniformly distributed in [0, 1); injected, so that jitter is testable.
using random_function = std::function<double()>;

} // namespace troupe
