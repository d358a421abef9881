#pragma once

#include "persistence/operations.hpp"
#include "persistence/sqlite/statement.hpp"

#include <filesystem>
#include <span>
#include <string>

/// What a person is told when a SQLite file cannot be read or written.
namespace troupe {

/// What is wrong with `file`, as a part of a sentence: `no room is left on its volume
/// (0 of 8388608 bytes are free)`.
std::string words_for(const sqlite_failure& failure, const std::filesystem::path& file);

/// Who waits with a batch: `3 writes, of 2 running tasks (0198…, 0198…)`.
std::string words_for(std::span<const operation> batch);

} // namespace troupe
