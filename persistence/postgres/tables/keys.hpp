#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/rules/tables.hpp"

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// Idempotency keys in PostgreSQL, as a batch sees them.
namespace troupe {

class pg_keys final : public key_table {
public:
  void use(pg_connection& connection) noexcept { connection_ = &connection; }

  std::optional<seen> find(const std::string& key) override;
  void insert(const idempotency_key& key, const uuid& task_id, timestamp at) override;
  void forget(timestamp before) override;

  // -- the batch --------------------------------------------------------------------

  /// Reads the keys that the operations name.
  void begin(std::span<const operation> batch);
  [[nodiscard]] bool is_dirty() const noexcept { return !staged_.empty(); }
  void write(std::string& sql);
  void clear();

private:
  struct staged {
    idempotency_key key;
    uuid task_id;
    timestamp at{};
  };

  pg_connection* connection_ = nullptr;
  std::map<std::string, std::optional<seen>> seen_;
  std::vector<staged> staged_;
};

} // namespace troupe
