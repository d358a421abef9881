#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/postgres/failover/clock.hpp"
#include "persistence/store.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

/// The cluster's store: a PostgreSQL database that many nodes share.
namespace troupe {

/// What the two sides of an open database share.
struct pg_place {
  /// For `pg_connection`.
  std::string address;
  uuid id;
  std::atomic<bool> has_writer{false};
  /// False once the writer's server was lost, or is slow to answer, until something is written
  /// again. That happens every two seconds at least, for the node's sign of life. A reader that
  /// finds no server says so too; one that is turned away keeps nobody from writing.
  std::atomic<bool> available{true};
  /// How often each trouble has begun.
  std::array<std::atomic<std::uint64_t>, store_troubles> outages{};
  /// How often it was found again.
  std::atomic<std::uint64_t> returns{0};
  /// The process ends: nobody waits for the server any more.
  std::atomic<bool> given_up{false};
  /// The server's.
  pg_clock clock;
  /// See `database_info`.
  bool is_new = false;

  /// The server does not answer, or not in time, or has no room; true if nothing was wrong until now.
  bool lost(store_trouble why = store_trouble::unreachable) noexcept;

  /// The writer's server has written something.
  void answers();

  /// Judges the server of a new session. Throws `pg_lost` if it is a standby, or a former primary that
  /// others have replaced, since this process has seen a later one.
  void judge(const pg_connection::session& served_by);
  /// Of the server that was judged last.
  [[nodiscard]] pg_identity identity() const;

private:
  mutable std::mutex mutex_;
  pg_identity identity_;
};

/// An open PostgreSQL database and what its migration did.
struct opened_pg {
  std::shared_ptr<database> store;
  migration_report migration;
};

/// Connects to `url` and migrates the schema `troupe`.
store_result<opened_pg> open_pg(const std::string& url, const std::string& password_file);

} // namespace troupe
