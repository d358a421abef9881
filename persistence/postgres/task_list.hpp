#pragma once

#include "persistence/postgres/page.hpp"
#include "persistence/store.hpp"

#include <optional>
#include <string>

/// The query behind `store_reader::list_tasks` in PostgreSQL.
namespace troupe {

/// Of `tasks` named `t` and `queue` named `q`: who is in the queue is pending or held,
/// whatever `tasks` says.
inline constexpr std::string_view pg_task_status
  = "CASE WHEN q.task_id IS NULL THEN t.status WHEN q.held THEN 1 ELSE 0 END";

/// A whole task as it is now: its own row, and over it what the queue says. Columns
/// of `tasks` named `t` and `queue` named `q`, as `take_record<task_record>` takes them.
const std::string& pg_task_columns();

/// The query for tasks that match, newest first; `$1`… are the filter's members in their order, `$8` the id that they
/// are below, `$9` how many at most.
pg_page_sql task_list_page(const task_filter& filter, bool has_before);

/// Reads a page of them with `take`.
template <class Take>
auto query_task_list(pg_connection& connection, const task_filter& filter, std::optional<uuid> before, int limit,
                     Take take) {
  return read_pg_page(connection, task_list_page(filter, before.has_value()), limit, take, filter.ns, filter.thread_id,
                      filter.status, filter.created_by, filter.bot, filter.created_after, filter.created_before, before,
                      limit);
}

} // namespace troupe
