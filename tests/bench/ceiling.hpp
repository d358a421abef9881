#pragma once

#include <cstddef>
#include <filesystem>

/// What the machine could do at best for the life of a task, so that a figure can
/// be read beside it.
namespace troupe {

/// Tasks per second of nothing but the row operations of a task's life (creation,
/// claim, completion), as hand-written statements on a migrated database with
/// `synchronous=FULL`, `group` tasks to a transaction. One core, no server.
double raw_ceiling(const std::filesystem::path& directory, std::size_t tasks, std::size_t group);

/// The same through the store's writer, which also checks, fences and renders.
double store_ceiling(const std::filesystem::path& directory, std::size_t tasks, std::size_t group);

} // namespace troupe
