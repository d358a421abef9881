#include "persistence/sqlite/tables/keys.hpp"

namespace troupe {

sqlite_keys::sqlite_keys(sqlite_connection& connection)
  : find_{connection.get(), "SELECT fingerprint, task_id FROM idempotency_keys WHERE key = ?"},
    insert_{connection.get(), "INSERT INTO idempotency_keys(key, fingerprint, task_id, created_at) VALUES(?, ?, ?, ?)"},
    // Keys are numbered as they come: the first one that stays ends the search.
    forget_{connection.get(),
            "DELETE FROM idempotency_keys WHERE number < coalesce((SELECT number FROM idempotency_keys "
            "WHERE created_at >= ? ORDER BY number LIMIT 1), 9223372036854775807)"} {}

std::optional<sqlite_keys::seen> sqlite_keys::find(const std::string& key) {
  auto rows = find_.query(key);
  if (!rows.next())
    return std::nullopt;
  seen result;
  result.fingerprint = rows.take<std::string>();
  result.task_id = rows.take<uuid>();
  return result;
}

void sqlite_keys::insert(const idempotency_key& key, const uuid& task_id, timestamp at) {
  insert_.run(key.key, key.fingerprint, task_id, at);
}

void sqlite_keys::forget(timestamp before) {
  forget_.run(before);
}

} // namespace troupe
