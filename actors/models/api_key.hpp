#pragma once

#include "persistence/records.hpp"

#include <string>
#include <variant>

/// Where a model's key comes from: read anew for each call, so that it can be changed
/// under a running server, and never kept.
namespace troupe {

struct key_missing {
  /// A sentence that names the variable or the file, and not what is in it.
  std::string error;
};

/// The key, or an empty string for a model without one. A file must be a regular one of
/// at most 4 KiB; its first line is the key, without white space around it, and must be
/// printable ASCII.
std::variant<std::string, key_missing> read_api_key(const model_record& model);

} // namespace troupe
