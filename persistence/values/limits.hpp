#pragma once

#include <cstddef>
#include <cstdint>

/// How large what a client says of a task or of a tool call may be. The largest body of a request is a setting
/// (`max_body_bytes`), and bounds all of it together.
namespace troupe {

// -- tasks ----------------------------------------------------------------------

/// Bytes of a task's input, and of an error that a client sets.
inline constexpr std::size_t max_input_bytes = 256 * 1024;
/// Bytes of an output that a client sets.
inline constexpr std::size_t max_output_bytes = 1024 * 1024;
/// Bytes of `metadata`, written without spaces.
inline constexpr std::size_t max_metadata_bytes = 16 * 1024;
/// Bytes of `spec`, written without spaces.
inline constexpr std::size_t max_spec_bytes = 64 * 1024;
/// Code points of a task's name, and of what people are called.
inline constexpr std::size_t max_label_length = 200;
/// The highest priority; the lowest is as far below 0.
inline constexpr std::int64_t max_priority = 1000;

// -- approvals --------------------------------------------------------------------

/// Bytes of the arguments that take the place of a model's, written without spaces.
inline constexpr std::size_t max_arguments_bytes = 256 * 1024;
/// Bytes of the reason of a decision.
inline constexpr std::size_t max_reason_bytes = 2000;

} // namespace troupe
