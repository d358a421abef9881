#pragma once

#include "tests/cluster/postgres_server.hpp"

#include <cstddef>
#include <string>

/// What PostgreSQL on this machine could do at best for the life of a task, so that a
/// figure can be read beside it.
namespace troupe {

/// Tasks per second of nothing but the row operations of a task's life, as pgbench has
/// them done by one client on an empty database, given by name and URL: `group` tasks at
/// a time, a transaction each for their creation, claim and completion.
double pgbench_ceiling(const postgres_server& server, const std::string& name, const std::string& url,
                       std::size_t tasks, std::size_t group);

/// The same through the store's writer, which also checks, fences and renders, and sends
/// every row to the server.
double postgres_store_ceiling(const std::string& url, std::size_t tasks, std::size_t group);

} // namespace troupe
