#pragma once

#include <string>
#include <string_view>

namespace troupe {

/// A name for a task that was given none: the first line of its input that holds
/// more than `@directives`, cut at a word's end to at most 60 code points. `task`
/// if nothing is left.
std::string default_task_name(std::string_view input);

} // namespace troupe
