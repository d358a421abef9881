#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

/// Bots and models as the writer knows them: changed rarely, looked up for each
/// task, and therefore kept parsed.
namespace troupe {

class sqlite_catalog final : public catalog_table {
public:
  explicit sqlite_catalog(sqlite_connection& connection);

  bool has_budget(std::string_view ns) override;
  void budgets_changed() override { budgeted_.reset(); }
  outcome put(const put_bot& op) override;
  outcome put(const put_model& op) override;
  outcome remove(const delete_bot& op) override;
  outcome remove(const delete_model& op) override;
  const resolved_bot& find(std::string_view ns, std::string_view bot) override;

  /// Drops what is kept, after a change or a rollback.
  void forget() noexcept {
    known_.clear();
    budgeted_.reset();
  }

private:
  struct less {
    using is_transparent = void;
    template <class A, class B>
    bool operator()(const A& a, const B& b) const noexcept {
      const std::pair<std::string_view, std::string_view> left{a.first, a.second};
      const std::pair<std::string_view, std::string_view> right{b.first, b.second};
      return left < right;
    }
  };

  std::shared_ptr<const bot_record> load_bot(std::string_view ns, std::string_view name);
  std::shared_ptr<const model_record> load_model(std::string_view ns, std::string_view name);

  std::map<std::pair<std::string, std::string>, resolved_bot, less> known_;
  /// The scopes of namespaces' budgets; none if they are to be read.
  std::optional<std::set<std::string, std::less<>>> budgeted_;
  sqlite_statement select_bot_;
  sqlite_statement select_model_;
  sqlite_statement upsert_bot_;
  sqlite_statement upsert_model_;
  sqlite_statement delete_bot_;
  sqlite_statement delete_model_;
  sqlite_statement select_budgets_;
};

} // namespace troupe
