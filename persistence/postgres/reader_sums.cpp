#include "persistence/postgres/page.hpp"
#include "persistence/postgres/reader.hpp"
#include "persistence/rows/record_rows.hpp"

#include <utility>

/// Approvals and sums of usage, as the PostgreSQL store's readers see them.
namespace troupe {

namespace {

auto take_all(int limit) {
  return [limit](pg_page_rows& rows) { return take_approvals(rows, limit); };
}

} // namespace

store_result<page<approval_record, approval_place>> pg_reader::list_approvals(
  const std::string& ns, approval_state state, const std::optional<approval_place>& after, int limit) {
  using result = page<approval_record, approval_place>;
  return guarded<result>([&]() -> store_result<result> {
    static const auto sql = make_pg_page<approval_record>(
      "", "",
      std::string{" FROM approvals WHERE ns = $1::text AND state = $2::smallint AND (task_id, call_id) > "
                  "($3::uuid, $4::text) AND "}
        + approval_is_shown + " ORDER BY task_id, call_id LIMIT $5::int + 1",
      "task_id, call_id", "$5::int");
    const auto place = after.value_or(approval_place{});
    return read_pg_page(connection(), sql, limit, take_all(limit), ns, state, place.task_id, place.call_id, limit);
  });
}

store_result<page<approval_record, approval_place>> pg_reader::approvals(const uuid& task_id, const std::string& after,
                                                                         int limit) {
  using result = page<approval_record, approval_place>;
  return guarded<result>([&]() -> store_result<result> {
    static const auto sql = make_pg_page<approval_record>(
      "", "",
      " FROM approvals WHERE task_id = $1::uuid AND ($2::text = '' OR (requested_at, length(call_id), call_id) > "
      "(SELECT "
      "requested_at, length(call_id), call_id FROM approvals WHERE task_id = $1::uuid AND call_id = $2::text)) "
      "ORDER BY requested_at, length(call_id), call_id LIMIT $3::int + 1",
      "requested_at, length(call_id), call_id", "$3::int");
    return read_pg_page(connection(), sql, limit, take_all(limit), task_id, after, limit);
  });
}

store_result<std::vector<usage_record>> pg_reader::usage(const usage_filter& filter, usage_group group) {
  using result = std::vector<usage_record>;
  return guarded<result>([&]() -> store_result<result> {
    const auto sql = usage_query(group)
                     + " WHERE ($1::text IS NULL OR ns = $1::text) AND ($2::text IS NULL OR day >= $2::text) "
                       "AND ($3::text IS NULL OR day <= $3::text) GROUP BY 1 ORDER BY "
                     + (group == usage_group::day ? "1" : "sum(cost) DESC, sum(input_tokens) DESC, 1") + " LIMIT 1000";
    result items;
    auto rows = connection().query(sql, filter.ns, filter.from, filter.to);
    while (rows.next())
      items.push_back(take_usage_record(rows));
    return items;
  });
}

store_result<budget_record> pg_reader::get_budget(const std::string& scope) {
  return guarded<budget_record>([&]() -> store_result<budget_record> {
    static const std::string sql = "SELECT " + select_list<budget_record>() + " FROM budgets WHERE scope = $1::text";
    auto rows = connection().query(sql, scope);
    if (!rows.next())
      return store_error{errc::not_found, "There is no such budget."};
    return take_record<budget_record>(rows);
  });
}

store_result<thread_record> pg_reader::get_thread(const uuid& thread_id) {
  return guarded<thread_record>([&]() -> store_result<thread_record> {
    static const std::string sql = std::string{"SELECT "} + thread_columns
                                   + " FROM tasks WHERE ((id = $1::uuid AND thread_id = $1::uuid) OR "
                                     "(thread_id = $1::uuid AND thread_id <> id)) AND deleted_at IS NULL";
    auto rows = connection().query(sql, thread_id);
    rows.next();
    auto thread = take_thread(rows, thread_id);
    if (!thread)
      return no_such("thread", thread_id.to_string());
    return std::move(*thread);
  });
}

} // namespace troupe
