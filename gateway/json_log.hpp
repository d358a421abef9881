#pragma once

#include <memory>
#include <string>

namespace spdlog {
class formatter;
}

namespace troupe {

/// Log lines as JSON objects, one a line: `{"at","level","node","message"}`.
std::unique_ptr<spdlog::formatter> make_json_formatter(std::string node);

} // namespace troupe
