#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/rules/tables.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

/// Bots and models as the writer knows them: kept parsed, as they are looked up for
/// each task. Other nodes may change them, so a batch that has used what is kept names
/// the version of it, and is void if that has moved on.
namespace troupe {

class pg_catalog final : public catalog_table {
public:
  void use(pg_connection& connection) noexcept { connection_ = &connection; }

  const resolved_bot& find(std::string_view ns, std::string_view bot) override;
  bool has_budget(std::string_view ns) override;
  void budgets_changed() override;
  outcome put(const put_bot& op) override;
  outcome put(const put_model& op) override;
  outcome remove(const delete_bot& op) override;
  outcome remove(const delete_model& op) override;

  // -- the batch --------------------------------------------------------------------

  void begin();
  [[nodiscard]] bool is_dirty() const noexcept { return changed_; }
  /// Appends what checks the version that was used, and what writes the changes.
  void write(std::string& sql);
  void commit();
  /// Nothing was written, perhaps since what is kept was old.
  void roll_back();

private:
  using key = std::pair<std::string, std::string>;
  template <class Record>
  using staged = std::map<key, std::shared_ptr<const Record>>;

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
  resolved_bot resolve(std::string_view ns, std::string_view bot);
  /// Makes sure that what is kept is of a version that was valid during this batch.
  void refresh();

  pg_connection* connection_ = nullptr;
  std::map<key, resolved_bot, less> known_;
  /// The scopes of namespaces' budgets; none if they are to be read.
  std::optional<std::set<std::string, std::less<>>> budgeted_;
  std::optional<std::int64_t> version_;
  // -- of this batch
  bool used_ = false;
  bool refreshed_ = false;
  bool changed_ = false;
  /// Null: removed.
  staged<bot_record> bots_;
  staged<model_record> models_;
};

} // namespace troupe
