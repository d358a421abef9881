#include "persistence/postgres/tables/keys.hpp"

#include <string_view>
#include <utility>
#include <variant>

namespace troupe {

namespace {

constexpr std::string_view select_keys
  = "SELECT key, fingerprint, task_id FROM idempotency_keys WHERE key = ANY($1::text[])";

constexpr std::string_view insert_keys = R"sql(
INSERT INTO idempotency_keys(key, fingerprint, task_id, created_at)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::bigint[]))sql";

/// The key of an operation that may have one.
struct key_of {
  const idempotency_key* operator()(const auto& op) const noexcept {
    if constexpr (requires { op.key->fingerprint; })
      return op.key ? &*op.key : nullptr;
    else
      return nullptr;
  }
};

} // namespace

std::optional<key_table::seen> pg_keys::find(const std::string& key) {
  const auto known = seen_.find(key);
  return known == seen_.end() ? std::nullopt : known->second;
}

void pg_keys::insert(const idempotency_key& key, const uuid& task_id, timestamp at) {
  seen_[key.key] = seen{key.fingerprint, task_id};
  staged_.push_back({key, task_id, at});
}

void pg_keys::forget(timestamp before) {
  connection_->query("DELETE FROM idempotency_keys WHERE created_at < $1::bigint", before);
  // A fate that has been unknown for so long interests nobody any more.
  connection_->query("DELETE FROM batches WHERE at < $1::bigint", before);
}

// -- the batch --------------------------------------------------------------------

void pg_keys::begin(std::span<const operation> batch) {
  clear();
  pg_array named;
  for (const auto& op : batch)
    if (const auto* key = std::visit(key_of{}, op)) {
      named.add(key->key);
      seen_[key->key] = std::nullopt;
    }
  if (seen_.empty())
    return;
  auto rows = connection_->query(select_keys, named);
  while (rows.next()) {
    auto key = rows.take<std::string>();
    auto fingerprint = rows.take<std::string>();
    seen_[std::move(key)] = seen{std::move(fingerprint), rows.take<uuid>()};
  }
}

void pg_keys::write(std::string& sql) {
  pg_columns keys{4};
  for (const auto& one : staged_)
    keys.add(one.key.key, one.key.fingerprint, one.task_id, one.at);
  if (keys.rows() > 0)
    keys.write(sql, connection_->prepared(insert_keys), false);
}

void pg_keys::clear() {
  seen_.clear();
  staged_.clear();
}

} // namespace troupe
