#pragma once

#include "persistence/store.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

/// The cluster's store: a PostgreSQL database that many nodes share.
namespace troupe {

/// What the two sides of an open database share.
struct pg_place {
  /// For `pg_connection`.
  std::string address;
  uuid id;
  std::atomic<bool> has_writer{false};
  /// False once a server was lost, or is slow to answer, until the writer's next call
  /// succeeds. It makes one every two seconds at least, for the node's sign of life.
  std::atomic<bool> available{true};
  /// How often it was lost.
  std::atomic<std::uint64_t> outages{0};
  /// The process ends: nobody waits for the server any more.
  std::atomic<bool> given_up{false};
  /// See `database_info`.
  bool is_new = false;

  /// The server does not answer, or not in time; true if it did until now.
  bool lost() noexcept;

  /// The writer's server has answered.
  void answers();
};

/// An open PostgreSQL database and what its migration did.
struct opened_pg {
  std::shared_ptr<database> store;
  migration_report migration;
};

/// Connects to `url` and migrates the schema `troupe`.
store_result<opened_pg> open_pg(const std::string& url, const std::string& password_file);

} // namespace troupe
