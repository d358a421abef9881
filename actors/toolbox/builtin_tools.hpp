#pragma once

#include "persistence/values/time.hpp"

#include <string>
#include <string_view>
#include <vector>

/// The tools that come with Troupe. Both are safe to repeat and touch nothing, so
/// they serve demos, tests and bots alike. Pure: the time is passed in.
namespace troupe {

struct builtin_tool {
  std::string_view name;
  std::string_view description;
  /// A JSON schema as text.
  std::string_view parameters;
};

/// `now` and `calculate`.
const std::vector<builtin_tool>& builtin_tools();

/// Null if there is no such tool.
const builtin_tool* find_builtin_tool(std::string_view name);

struct tool_outcome {
  /// A JSON object as text, for the model to read; `{"error": "…"}` if the call failed.
  std::string result;
  bool failed = false;
};

/// Makes a call. `arguments` is JSON text as a model wrote it; whatever is wrong
/// with it is a failed outcome, never an exception.
///
/// - `now`: `{}` or `{"timezone": "UTC"}` → `{"now": "<RFC 3339>"}`.
/// - `calculate`: `{"expression": "(1+2)*3/4"}` → `{"result": 2.25}`.
tool_outcome call_builtin_tool(std::string_view name, std::string_view arguments, timestamp at);

} // namespace troupe
