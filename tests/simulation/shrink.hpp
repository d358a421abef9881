#pragma once

#include "tests/simulation/plan.hpp"

#include <functional>

namespace troupe {

/// The shortest plan that is found from one that `fails`: without every step that it fails without, and no longer than
/// it must be. `fails` is asked at most `tries` times.
plan shrink(plan failing, const std::function<bool(const plan&)>& fails, int tries = 500);

} // namespace troupe
