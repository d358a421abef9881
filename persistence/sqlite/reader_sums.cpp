#include "persistence/rows/record_rows.hpp"
#include "persistence/rows/sql_text.hpp"
#include "persistence/sqlite/reader.hpp"

#include <utility>

/// Approvals and sums of usage, as the SQLite store's readers see them.
namespace troupe {

store_result<page<approval_record, approval_place>> sqlite_reader::list_approvals(
  const std::string& ns, approval_state state, const std::optional<approval_place>& after, int limit) {
  using result = page<approval_record, approval_place>;
  return guarded<result>([&]() -> store_result<result> {
    static const std::string sql = "SELECT " + select_list<approval_record>()
                                   + " FROM approvals WHERE ns = ?1 AND state = ?2 AND (task_id, call_id) > "
                                     "(?3, ?4) AND "
                                   + approval_is_shown + " ORDER BY task_id, call_id LIMIT ?5";
    const auto place = after.value_or(approval_place{});
    auto rows = prepared(sql).query(ns, state, place.task_id, place.call_id, limit + 1);
    return take_approvals(rows, limit);
  });
}

store_result<page<approval_record, approval_place>> sqlite_reader::approvals(const uuid& task_id,
                                                                             const std::string& after, int limit) {
  using result = page<approval_record, approval_place>;
  return guarded<result>([&]() -> store_result<result> {
    // A sort would hold all of the arguments: the calls are put in order first, and then found one by one.
    static const std::string places
      = "SELECT call_id FROM approvals WHERE task_id = ?1 AND (?2 = '' OR (requested_at, length(call_id), call_id) > "
        "(SELECT requested_at, length(call_id), call_id FROM approvals WHERE task_id = ?1 AND call_id = ?2)) "
        "ORDER BY requested_at, length(call_id), call_id LIMIT ?3";
    static const std::string sql
      = "SELECT " + select_list<approval_record>() + " FROM approvals WHERE task_id = ?1 AND call_id = ?2";
    result found;
    page_meter<approval_record> meter;
    auto calls = prepared(places).query(task_id, after, limit + 1);
    while (calls.next()) {
      auto row = prepared(sql).query(task_id, calls.take<std::string>());
      row.next();
      auto approval = take_record<approval_record>(row);
      if (found.items.size() == static_cast<std::size_t>(limit) || !meter.takes(found.items, approval)) {
        found.next = approval_place{task_id, found.items.back().call_id};
        break;
      }
      found.items.push_back(std::move(approval));
    }
    return found;
  });
}

store_result<std::vector<usage_record>> sqlite_reader::usage(const usage_filter& filter, usage_group group) {
  using result = std::vector<usage_record>;
  return guarded<result>([&]() -> store_result<result> {
    const auto sql = usage_query(group)
                     + " WHERE (?1 IS NULL OR ns = ?1) AND (?2 IS NULL OR day >= ?2) "
                       "AND (?3 IS NULL OR day <= ?3) GROUP BY 1 ORDER BY "
                     + (group == usage_group::day ? "1" : "sum(cost) DESC, sum(input_tokens) DESC, 1") + " LIMIT 1000";
    result items;
    auto rows = prepared(sql).query(filter.ns, filter.from, filter.to);
    while (rows.next())
      items.push_back(take_usage_record(rows));
    return items;
  });
}

store_result<budget_record> sqlite_reader::get_budget(const std::string& scope) {
  return guarded<budget_record>([&]() -> store_result<budget_record> {
    static const std::string sql = "SELECT " + select_list<budget_record>() + " FROM budgets WHERE scope = ?1";
    auto rows = prepared(sql).query(scope);
    if (!rows.next())
      return store_error{errc::not_found, "There is no such budget."};
    return take_record<budget_record>(rows);
  });
}

store_result<thread_record> sqlite_reader::get_thread(const uuid& thread_id) {
  return guarded<thread_record>([&]() -> store_result<thread_record> {
    static const std::string sql = std::string{"SELECT "} + thread_columns
                                   + " FROM tasks WHERE ((id = ?1 AND thread_id = ?1) OR "
                                     "(thread_id = ?1 AND thread_id <> id)) AND deleted_at IS NULL";
    auto rows = prepared(sql).query(thread_id);
    rows.next();
    auto thread = take_thread(rows, thread_id);
    if (!thread)
      return no_such("thread", thread_id.to_string());
    return std::move(*thread);
  });
}

} // namespace troupe
