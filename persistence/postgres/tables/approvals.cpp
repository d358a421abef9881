#include "persistence/postgres/tables/approvals.hpp"

#include "persistence/postgres/row_sql.hpp"
#include "persistence/rows/record_columns.hpp"

namespace troupe {

namespace {

const std::string& put_approvals() {
  static const std::string sql = pg_put_rows({"approvals", texts_of(columns<approval_record>)}, "task_id, call_id");
  return sql;
}

constexpr std::string_view add_usage = R"sql(
INSERT INTO usage AS u(day, ns, bot, model, created_by, attempts, input_tokens, output_tokens, cost, estimated)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
  $8::bigint[], $9::bigint[], $10::boolean[])
ON CONFLICT(day, ns, bot, model, created_by) DO UPDATE SET attempts = u.attempts + excluded.attempts,
  input_tokens = u.input_tokens + excluded.input_tokens, output_tokens = u.output_tokens + excluded.output_tokens,
  cost = u.cost + excluded.cost, estimated = u.estimated OR excluded.estimated)sql";

} // namespace

// -- approvals --------------------------------------------------------------------

pg_approvals::calls& pg_approvals::of(const uuid& task_id) {
  const auto [at, is_new] = tasks_.try_emplace(task_id);
  if (is_new) {
    static const std::string sql
      = "SELECT " + select_list<approval_record>() + " FROM approvals WHERE task_id = $1::uuid";
    auto rows = connection_->query(sql, task_id);
    while (rows.next()) {
      auto approval = take_record<approval_record>(rows);
      auto call_id = approval.call_id;
      at->second.emplace(std::move(call_id), staged{std::move(approval), false});
    }
  }
  return at->second;
}

std::optional<approval_record> pg_approvals::find(const uuid& task_id, std::string_view call_id) {
  const auto& all = of(task_id);
  const auto found = all.find(call_id);
  return found == all.end() ? std::nullopt : std::optional{found->second.approval};
}

void pg_approvals::put(const approval_record& approval) {
  of(approval.task_id).insert_or_assign(approval.call_id, staged{approval, true});
}

std::optional<timestamp> pg_approvals::first_deadline(const uuid& task_id) {
  std::optional<timestamp> first;
  for (const auto& [call_id, one] : of(task_id))
    if (one.approval.state == approval_state::pending && (!first || one.approval.deadline < *first))
      first = one.approval.deadline;
  return first;
}

void pg_approvals::close(const uuid& task_id, timestamp at) {
  for (auto& [call_id, one] : of(task_id))
    if (one.approval.state == approval_state::pending) {
      one.approval.state = approval_state::closed;
      one.approval.decided_at = at;
      one.changed = true;
    }
}

void pg_approvals::write(std::string& sql) {
  pg_columns changed{count_inserted(columns<approval_record>)};
  for (const auto& [task_id, all] : tasks_)
    for (const auto& [call_id, one] : all)
      if (one.changed)
        changed.add_row([&a = one.approval](auto put) { each_inserted(columns<approval_record>, a, put); });
  if (changed.rows() > 0)
    changed.write(sql, connection_->prepared(put_approvals()), false);
}

// -- usage ------------------------------------------------------------------------

void pg_usage::write(std::string& sql) {
  pg_columns added{10};
  for (const auto& [key, sum] : sums_.all())
    added.add(key.day, key.ns, key.bot, key.model, key.created_by, sum.attempts, sum.usage.input_tokens,
              sum.usage.output_tokens, sum.usage.cost, sum.usage.estimated);
  if (added.rows() > 0)
    added.write(sql, connection_->prepared(add_usage), false);
}

} // namespace troupe
