#pragma once

#include "persistence/store.hpp"

#include <memory>

/// One process's way to the database, which can be lost.
namespace troupe {

/// How it is. Whoever holds it decides.
struct store_way {
  /// The server answers. The writer is kept waiting by the process, which does not let it work meanwhile.
  bool is_open = true;
  /// The process has been killed: nothing that it still does reaches the database.
  bool is_over = false;
  /// The writer's next commit throws, and with it the writer ends.
  bool breaks_before = false;
  /// The same, once everything is written.
  bool breaks_after = false;
};

std::shared_ptr<database> reached_by(std::shared_ptr<database> real, std::shared_ptr<store_way> way);

} // namespace troupe
