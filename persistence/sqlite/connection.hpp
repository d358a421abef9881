#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

struct sqlite3;

/// A connection to a SQLite file with the settings that Troupe's promises rest
/// on. Throws `sqlite_failure`.
namespace troupe {

class sqlite_connection {
public:
  enum class role : std::uint8_t {
    /// Writes and checkpoints. SQLite 3.40 can corrupt a file when two
    /// connections do (the WAL-reset bug, 3.7.0 to 3.51.2), so a file has one.
    writer,
    /// Reads beside the writer and never checkpoints. The file must exist.
    reader,
  };

  sqlite_connection(const std::filesystem::path& file, role r);

  [[nodiscard]] sqlite3* get() const noexcept { return handle_.get(); }

  /// Runs statements that return nothing of interest, separated by `;`.
  void execute(const char* sql);

  /// Moves what is in the log to the file and gives the log's room back. False if
  /// that failed, or went only part of the way because somebody reads.
  bool empty_log() noexcept;

  /// How long it waits for another program's lock.
  void wait_for_locks(std::chrono::milliseconds limit) noexcept;
  static constexpr std::chrono::milliseconds lock_patience{5000};

  /// The first column of the first row of `sql`, as a number.
  [[nodiscard]] std::int64_t number(const char* sql);

private:
  struct closer {
    void operator()(sqlite3* db) const noexcept;
  };
  std::unique_ptr<sqlite3, closer> handle_;
};

/// How many pages the log may grow to before it is moved to the file, on a volume of
/// `bytes`: 4,000 (16 MB), and on a small one no more than a sixteenth of it, since what
/// is in the log needs the same room once more when it is moved.
int log_pages_on(std::uintmax_t bytes) noexcept;

/// A write transaction that is rolled back unless committed.
class sqlite_transaction {
public:
  /// `begin` is `BEGIN IMMEDIATE` or `BEGIN EXCLUSIVE`.
  explicit sqlite_transaction(sqlite_connection& connection, const char* begin = "BEGIN IMMEDIATE");
  ~sqlite_transaction();
  sqlite_transaction(const sqlite_transaction&) = delete;
  sqlite_transaction& operator=(const sqlite_transaction&) = delete;

  /// Returns when everything is on disk.
  void commit();

private:
  sqlite_connection& connection_;
  bool open_ = true;
};

} // namespace troupe
