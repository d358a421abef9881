#include "persistence/sqlite/tables/catalog.hpp"

#include "persistence/rows/documents.hpp"
#include "persistence/rows/record_rows.hpp"
#include "persistence/rules/budgets.hpp"
#include "persistence/rules/lookup.hpp"
#include "persistence/rules/rules.hpp"

namespace troupe {
namespace {

std::string select_one(std::string_view table) {
  return std::string{"SELECT "} + document_columns + " FROM " + std::string{table} + " WHERE ns = ? AND name = ?";
}

std::string upsert(std::string_view table) {
  return "INSERT INTO " + std::string{table}
         + "(ns, name, document, created_at, updated_at) VALUES(?1, ?2, ?3, ?4, ?4) "
         + "ON CONFLICT(ns, name) DO UPDATE SET document = excluded.document, updated_at = excluded.updated_at";
}

} // namespace

sqlite_catalog::sqlite_catalog(sqlite_connection& connection)
  : select_bot_{connection.get(), select_one("bots")}, select_model_{connection.get(), select_one("models")},
    upsert_bot_{connection.get(), upsert("bots")}, upsert_model_{connection.get(), upsert("models")},
    delete_bot_{connection.get(), "DELETE FROM bots WHERE ns = ? AND name = ?"},
    delete_model_{connection.get(), "DELETE FROM models WHERE ns = ? AND name = ?"},
    select_budgets_{connection.get(),
                    "SELECT scope FROM budgets WHERE scope >= 'namespace:' AND scope < 'namespace;'"} {}

std::shared_ptr<const bot_record> sqlite_catalog::load_bot(std::string_view ns, std::string_view name) {
  auto rows = select_bot_.query(ns, name);
  return rows.next() ? std::make_shared<const bot_record>(take_bot(rows)) : nullptr;
}

std::shared_ptr<const model_record> sqlite_catalog::load_model(std::string_view ns, std::string_view name) {
  auto rows = select_model_.query(ns, name);
  return rows.next() ? std::make_shared<const model_record>(take_model(rows)) : nullptr;
}

const resolved_bot& sqlite_catalog::find(std::string_view ns, std::string_view bot) {
  const std::pair key{ns, bot};
  if (const auto known = known_.find(key); known != known_.end())
    return known->second;
  // Names come from outside; a client that makes up new ones must not fill the memory.
  constexpr std::size_t most_kept = 10'000;
  if (known_.size() >= most_kept)
    forget();
  auto result = resolve_bot(
    ns, bot, [this](std::string_view place, std::string_view name) { return load_bot(place, name); },
    [this](std::string_view place, std::string_view name) { return load_model(place, name); });
  return known_.emplace(std::pair{std::string{ns}, std::string{bot}}, std::move(result)).first->second;
}

bool sqlite_catalog::has_budget(std::string_view ns) {
  if (!budgeted_) {
    budgeted_.emplace();
    auto rows = select_budgets_.query();
    while (rows.next())
      budgeted_->insert(rows.take<std::string>());
  }
  return !budgeted_->empty() && budgeted_->contains(namespace_scope(ns));
}

outcome sqlite_catalog::put(const put_bot& op) {
  forget();
  const auto before = load_bot(op.bot.ns, op.bot.name);
  bot_result result{op.bot, before == nullptr};
  result.bot.created_at = before ? before->created_at : op.at;
  result.bot.updated_at = op.at;
  upsert_bot_.run(op.bot.ns, op.bot.name, to_document(op.bot), op.at);
  return result;
}

outcome sqlite_catalog::put(const put_model& op) {
  forget();
  const auto before = load_model(op.model.ns, op.model.name);
  model_result result{op.model, before == nullptr};
  result.model.created_at = before ? before->created_at : op.at;
  result.model.updated_at = op.at;
  upsert_model_.run(op.model.ns, op.model.name, to_document(op.model), op.at);
  return result;
}

outcome sqlite_catalog::remove(const delete_bot& op) {
  if (!load_bot(op.ns, op.name))
    return not_in_catalog("bot", op.ns, op.name);
  forget();
  delete_bot_.run(op.ns, op.name);
  return done{};
}

outcome sqlite_catalog::remove(const delete_model& op) {
  if (!load_model(op.ns, op.name))
    return not_in_catalog("model", op.ns, op.name);
  forget();
  delete_model_.run(op.ns, op.name);
  return done{};
}

} // namespace troupe
