#include "persistence/sqlite/task_list.hpp"

#include "persistence/rows/record_rows.hpp"
#include "persistence/rows/sql_text.hpp"

namespace troupe {
namespace {

/// Builds the text; every value has its own number, so that any set of fields binds alike.
std::string list_sql(const task_filter& filter, bool has_before) {
  static const std::string columns = select_list<task_record>("t");
  std::string conditions = " WHERE t.deleted_at IS NULL AND t.ns = ?1";
  const char* index = "";
  // Each index is partial: its own condition must be repeated for it to be used.
  if (filter.thread_id) {
    conditions += " AND t.thread_id = ?2";
  } else if (filter.status && *filter.status != task_status::completed) {
    index = " INDEXED BY tasks_by_status";
  } else if (filter.created_by && !filter.created_by->empty()) {
    index = " INDEXED BY tasks_of_creator";
  }
  if (filter.status)
    conditions
      += *filter.status == task_status::completed ? " AND t.status = ?3" : " AND t.status = ?3 AND t.status <> 2";
  if (filter.created_by)
    conditions
      += filter.created_by->empty() ? " AND t.created_by = ?4" : " AND t.created_by = ?4 AND t.created_by <> ''";
  if (filter.bot)
    conditions += " AND t.bot = ?5";
  if (filter.created_after)
    conditions += " AND t.created_at > ?6";
  if (filter.created_before)
    conditions += " AND t.created_at < ?7";
  if (has_before)
    conditions += " AND t.id < ?8";

  const auto select = "SELECT " + columns + " FROM tasks t" + index;
  // The highest number in a text makes all lower ones valid, used or not.
  const std::string order = " ORDER BY id DESC LIMIT ?9";
  if (!filter.thread_id)
    return select + conditions + order;
  // The thread's first task stands outside of the index of its followers.
  return "SELECT * FROM (" + select + conditions + " AND t.id = ?2 UNION ALL " + select + conditions
         + " AND t.thread_id <> t.id)" + order;
}

} // namespace

sqlite_rows query_task_list(const std::function<sqlite_statement&(const std::string&)>& prepare,
                            const task_filter& filter, std::optional<uuid> before, int limit) {
  return prepare(list_sql(filter, before.has_value()))
    .query(filter.ns, filter.thread_id, filter.status, filter.created_by, filter.bot, filter.created_after,
           filter.created_before, before, limit);
}

} // namespace troupe
