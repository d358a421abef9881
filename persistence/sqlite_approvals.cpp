#include "persistence/sqlite_approvals.hpp"

#include "persistence/sqlite_records.hpp"

#include <string>

namespace troupe {

// The numbers in the SQL below.
static_assert(static_cast<int>(approval_state::pending) == 0 && static_cast<int>(approval_state::closed) == 3);

sqlite_approvals::sqlite_approvals(sqlite_connection& connection)
  : find_{connection.get(),
          std::string{"SELECT "} + approval_columns + " FROM approvals WHERE task_id = ? AND call_id = ?"},
    put_{connection.get(), std::string{"INSERT OR REPLACE INTO approvals("} + approval_columns
                             + ") VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
    first_deadline_{connection.get(), "SELECT min(deadline) FROM approvals WHERE task_id = ? AND state = 0"},
    close_{connection.get(), "UPDATE approvals SET state = 3, decided_at = ?2 WHERE task_id = ?1 AND state = 0"} {}

std::optional<approval_record> sqlite_approvals::find(const uuid& task_id, std::string_view call_id) {
  auto rows = find_.query(task_id, call_id);
  return rows.next() ? std::optional{take_approval(rows)} : std::nullopt;
}

void sqlite_approvals::put(const approval_record& a) {
  put_.run(a.task_id, a.call_id, a.ns, a.created_by, a.bot, a.tool, a.state, a.called, a.edited, a.approve_by_default,
           a.requested_at, a.deadline, a.decided_at, a.decided_by, a.reason, a.arguments);
}

std::optional<timestamp> sqlite_approvals::first_deadline(const uuid& task_id) {
  auto rows = first_deadline_.query(task_id);
  return rows.next() ? rows.take<std::optional<timestamp>>() : std::nullopt;
}

void sqlite_approvals::close(const uuid& task_id, timestamp at) {
  close_.run(task_id, at);
}

} // namespace troupe
