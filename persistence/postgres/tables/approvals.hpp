#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/rules/tables.hpp"
#include "persistence/rules/usage_sums.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

/// Approvals and sums of usage in PostgreSQL, as a batch sees them. An approval is only
/// ever changed together with its task's row in the queue, whose `rev` keeps others out.
namespace troupe {

class pg_approvals final : public approval_table {
public:
  void use(pg_connection& connection) noexcept { connection_ = &connection; }

  std::optional<approval_record> find(const uuid& task_id, std::string_view call_id) override;
  void put(const approval_record& approval) override;
  std::optional<timestamp> first_deadline(const uuid& task_id) override;
  void close(const uuid& task_id, timestamp at) override;

  // -- the batch --------------------------------------------------------------------

  void begin() { tasks_.clear(); }
  void write(std::string& sql);

private:
  struct staged {
    approval_record approval;
    bool changed = false;
  };
  using calls = std::map<std::string, staged, std::less<>>;

  /// All of a task's, as the batch has left them.
  calls& of(const uuid& task_id);

  pg_connection* connection_ = nullptr;
  std::map<uuid, calls> tasks_;
};

class pg_usage final : public usage_table {
public:
  void use(pg_connection& connection) noexcept { connection_ = &connection; }

  void add(usage_key key, const token_usage& usage) override { sums_.add(std::move(key), usage); }

  // -- the batch --------------------------------------------------------------------

  void begin() { sums_.clear(); }
  void write(std::string& sql);

private:
  pg_connection* connection_ = nullptr;
  usage_sums sums_;
};

} // namespace troupe
