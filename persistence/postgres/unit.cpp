#include "persistence/postgres/unit.hpp"

#include <string_view>
#include <variant>
#include <vector>

namespace troupe {

namespace {

constexpr std::string_view note_batch = R"sql(
INSERT INTO batches(writer, number, first, at)
VALUES($1::uuid, $2::bigint, CASE WHEN $3::bigint > 0 THEN currval('positions') - $3::bigint ELSE 0 END, $4::bigint)
RETURNING first)sql";

/// Tasks that an operation names and that are likely to be asked for. Those of fences are known as a rule.
struct named_tasks {
  const pg_row_cache& rows;
  std::vector<uuid> ids;

  void operator()(const enqueue_task& op) { ids.push_back(op.id); }
  void operator()(const retry_task& op) { ids.push_back(op.id); }
  void operator()(const cancel_task& op) { ids.push_back(op.id); }
  void operator()(const set_task_status& op) { ids.push_back(op.id); }
  void operator()(const delete_task& op) { ids.push_back(op.id); }
  void operator()(const decide_approval& op) { ids.push_back(op.task_id); }

  void operator()(const append_journal& op) { fenced(op.fence); }
  void operator()(const complete_task& op) { fenced(op.fence); }
  void operator()(const fail_attempt& op) { fenced(op.fence); }
  void operator()(const reserve_budget& op) { fenced(op.fence); }
  void operator()(const await_approval& op) { fenced(op.fence); }
  void operator()(const release_tasks& op) {
    for (const auto& f : op.fences)
      fenced(f);
  }
  void operator()(const auto&) {}

  void fenced(const fence& f) {
    if (!rows.is_claimed(f.task_id))
      ids.push_back(f.task_id);
  }
};

} // namespace

void pg_unit::use(pg_connection& connection) noexcept {
  connection_ = &connection;
  rows_.use(connection);
  journal_.use(connection);
  claims_.use(connection);
  tasks_.use(connection);
  keys_.use(connection);
}

void pg_unit::begin(std::span<const operation> batch) {
  roll_back();
  claims_.begin(batch);
  named_tasks named{rows_, {}};
  for (const auto& op : batch)
    std::visit(named, op);
  if (!named.ids.empty())
    rows_.read(named.ids);
  keys_.begin(batch);
}

bool pg_unit::is_dirty() const noexcept {
  return journal_.positions() > 0 || tasks_.is_dirty() || keys_.is_dirty() || rows_.is_dirty();
}

void pg_unit::write(std::string& sql) {
  rows_.write(sql);
  tasks_.write(sql);
  keys_.write(sql);
  journal_.write(sql);
}

void pg_unit::write_note(std::string& sql, std::int64_t number, timestamp at) {
  connection_->append(sql, note_batch, writer_, number, journal_.positions(), at);
}

void pg_unit::commit(committed& result, std::int64_t first) {
  journal_.commit(result, first);
  claims_.commit(result);
  rows_.commit(claims_.owner());
  tasks_.clear();
  keys_.clear();
}

void pg_unit::roll_back() {
  rows_.roll_back();
  claims_.roll_back();
  tasks_.clear();
  keys_.clear();
  journal_.clear();
}

} // namespace troupe
