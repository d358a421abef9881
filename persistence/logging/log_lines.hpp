#pragma once

#include <memory>
#include <string>

namespace spdlog {
class formatter;
}

/// The lines of the log. Whatever a message holds, it is one line, and shows nothing that a
/// terminal would obey.
namespace troupe {

/// `2026-01-31T12:00:00.123+00:00 info  task failed task=…`, in local time.
std::unique_ptr<spdlog::formatter> make_text_formatter();

/// JSON objects, one a line: `{"at","level","node","message"}`, and the fields of a line that
/// has some (persistence/logging/log.hpp).
std::unique_ptr<spdlog::formatter> make_json_formatter(std::string node);

} // namespace troupe
