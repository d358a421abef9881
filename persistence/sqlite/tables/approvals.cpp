#include "persistence/sqlite/tables/approvals.hpp"

#include "persistence/rows/record_columns.hpp"
#include "persistence/rows/sql_text.hpp"

#include <string>

namespace troupe {

// The numbers in the SQL below.
static_assert(static_cast<int>(approval_state::pending) == 0 && static_cast<int>(approval_state::closed) == 3);

sqlite_approvals::sqlite_approvals(sqlite_connection& connection)
  : find_{connection.get(),
          "SELECT " + select_list<approval_record>() + " FROM approvals WHERE task_id = ? AND call_id = ?"},
    put_{connection.get(), insert_statement("approvals", texts_of(columns<approval_record>), "INSERT OR REPLACE")},
    first_deadline_{connection.get(), "SELECT min(deadline) FROM approvals WHERE task_id = ? AND state = 0"},
    close_{connection.get(), "UPDATE approvals SET state = 3, decided_at = ?2 WHERE task_id = ?1 AND state = 0"} {}

std::optional<approval_record> sqlite_approvals::find(const uuid& task_id, std::string_view call_id) {
  auto rows = find_.query(task_id, call_id);
  return rows.next() ? std::optional{take_record<approval_record>(rows)} : std::nullopt;
}

void sqlite_approvals::put(const approval_record& approval) {
  put_.run_each([&](auto put) { each_inserted(columns<approval_record>, approval, put); });
}

std::optional<timestamp> sqlite_approvals::first_deadline(const uuid& task_id) {
  auto rows = first_deadline_.query(task_id);
  return rows.next() ? rows.take<std::optional<timestamp>>() : std::nullopt;
}

void sqlite_approvals::close(const uuid& task_id, timestamp at) {
  close_.run(task_id, at);
}

} // namespace troupe
