#pragma once

#include "persistence/outage.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/file_lock.hpp"
#include "persistence/sqlite/inode_lock.hpp"
#include "persistence/store.hpp"

#include <atomic>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>

/// The embedded store: one SQLite file, held by this process alone.
namespace troupe {

/// The file while it is open: the locks that keep other processes out, and the one
/// connection that writes. The database and both its sides share it, so the writing
/// connection is closed last, and it alone checkpoints.
struct sqlite_file {
  /// Takes the locks and connects. Throws `std::system_error`, `sqlite_failure`.
  explicit sqlite_file(const std::filesystem::path& file);

  /// Goes last: to close its descriptor would drop SQLite's own locks on the file.
  inode_lock lock;
  /// The file's own place, where SQLite keeps its log: behind symbolic links.
  std::filesystem::path path;
  /// By name, as versions before this one do; also while another file is put in the
  /// place of this one.
  file_lock name_lock;
  sqlite_connection writing;
  std::atomic<bool> has_writer{false};
  /// Whose lease it is; the writer's thread only.
  std::optional<uuid> lease;
  /// The process itself, once it has announced itself.
  std::optional<node_record> node;
  std::mutex node_mutex;
  /// The writer waits for the file; it alone changes this.
  outage trouble;
  /// The process ends: the file is not waited for any more.
  std::atomic<bool> given_up{false};
};

/// An open SQLite file and what its migration did.
struct opened_sqlite {
  std::shared_ptr<database> store;
  migration_report migration;
};

/// Opens `file`, creating it and its folders, and migrates it.
store_result<opened_sqlite> open_sqlite(const std::filesystem::path& file);

} // namespace troupe
