#pragma once

#include "tests/cluster/postgres_database.hpp"
#include "tests/e2e/server_process.hpp"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

/// A PostgreSQL server that the tests own: made with initdb in a temporary folder, run
/// by hand so that it can be ended at any moment, gone with the object. A machine
/// without PostgreSQL fails the test: everything here depends on it.
namespace troupe {

class postgres_server : public postgres_database {
public:
  /// Makes the data folder, starts the server, and creates an empty database. Throws
  /// std::runtime_error, with what the server said, if that cannot be done.
  postgres_server();
  /// A standby of `primary`, started, that follows it under this name.
  postgres_server(const postgres_server& primary, const std::string& name);
  ~postgres_server();

  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  // -- faults -------------------------------------------------------------------

  /// Makes a standby a primary; returns once it takes writes.
  void promote();

  /// Changes a setting of the running server; an empty value takes the change back.
  void set(const std::string& setting, const std::string& value);

  /// Keeps the database's tables in this folder from now on, which is empty and stays.
  void move_to(const std::filesystem::path& folder);

  /// Copies the database to another one beside it, as a dump that is restored.
  void copy_to(const std::string& database);

  /// Starts it on its port and returns once it accepts connections.
  void start();

  /// Starts it as a standby of nobody: it can be read, and is never promoted.
  void start_as_standby();

  /// SIGSTOP to all of its processes: it says nothing, and nobody is told.
  void freeze();
  void thaw();

  /// As a crash of its machine, but for what it had flushed: it recovers at its next start.
  void stop_immediate();

  /// In order: sessions are cut off, everything is written.
  void stop_fast();

  /// Ends every session but one's own; how many there were.
  std::size_t terminate_backends();

private:
  void run(std::string_view ready);
  void stop(int signal);
  void signal_all(int signal) const;

  temporary_folder folder_;
  std::optional<child_process> process_;
};

} // namespace troupe
