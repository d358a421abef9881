#pragma once

#include <boost/system/error_code.hpp>

#include <chrono>
#include <string>

/// Parts of the sentences that say why a call failed.
namespace troupe {

/// `30 s`, `250 ms`.
std::string duration_text(std::chrono::milliseconds duration);

/// The error's message, to stand inside a sentence.
std::string error_text(const boost::system::error_code& error);

} // namespace troupe
