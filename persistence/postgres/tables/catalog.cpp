#include "persistence/postgres/tables/catalog.hpp"

#include "persistence/rows/record_rows.hpp"
#include "persistence/rules/budgets.hpp"
#include "persistence/rules/lookup.hpp"
#include "persistence/rules/rules.hpp"

namespace troupe {

namespace {

constexpr std::string_view select_bot
  = "SELECT ns, name, created_at, updated_at, document FROM bots WHERE ns = $1::text AND name = $2::text";
constexpr std::string_view select_model
  = "SELECT ns, name, created_at, updated_at, document FROM models WHERE ns = $1::text AND name = $2::text";
constexpr std::string_view upsert_bot
  = "INSERT INTO bots VALUES($1::text, $2::text, $3::text, $4::bigint, $5::bigint) ON CONFLICT(ns, name) DO UPDATE "
    "SET document = excluded.document, updated_at = excluded.updated_at";
constexpr std::string_view upsert_model
  = "INSERT INTO models VALUES($1::text, $2::text, $3::text, $4::bigint, $5::bigint) ON CONFLICT(ns, name) DO UPDATE "
    "SET document = excluded.document, updated_at = excluded.updated_at";
constexpr std::string_view delete_one_bot = "DELETE FROM bots WHERE ns = $1::text AND name = $2::text";
constexpr std::string_view delete_one_model = "DELETE FROM models WHERE ns = $1::text AND name = $2::text";

template <class Record>
void write_staged(std::string& sql, pg_connection& connection, const auto& records, std::string_view upsert,
                  std::string_view remove) {
  for (const auto& [place, record] : records) {
    if (record)
      connection.append(sql, upsert, place.first, place.second, to_document(*record), record->created_at,
                        record->updated_at);
    else
      connection.append(sql, remove, place.first, place.second);
  }
}

} // namespace

// -- the batch ------------------------------------------------------------------

void pg_catalog::begin() {
  used_ = refreshed_ = changed_ = false;
  bots_.clear();
  models_.clear();
}

void pg_catalog::write(std::string& sql) {
  if (used_ && version_)
    connection_->append(sql, "SELECT expect(version, $1::bigint) FROM catalog", *version_);
  if (!changed_)
    return;
  connection_->append(sql, "UPDATE catalog SET version = version + 1");
  write_staged<bot_record>(sql, *connection_, bots_, upsert_bot, delete_one_bot);
  write_staged<model_record>(sql, *connection_, models_, upsert_model, delete_one_model);
}

void pg_catalog::commit() {
  if (changed_)
    roll_back();
}

void pg_catalog::roll_back() {
  known_.clear();
  budgeted_.reset();
  version_.reset();
}

// -- looking up -----------------------------------------------------------------

void pg_catalog::refresh() {
  if (std::exchange(refreshed_, true))
    return;
  auto rows = connection_->query("SELECT version FROM catalog");
  rows.next();
  const auto now = rows.take<std::int64_t>();
  if (version_ != now) {
    known_.clear();
    budgeted_.reset();
  }
  version_ = now;
}

std::shared_ptr<const bot_record> pg_catalog::load_bot(std::string_view ns, std::string_view name) {
  if (const auto changed = bots_.find({std::string{ns}, std::string{name}}); changed != bots_.end())
    return changed->second;
  auto rows = connection_->query(select_bot, ns, name);
  return rows.next() ? std::make_shared<const bot_record>(take_bot(rows)) : nullptr;
}

std::shared_ptr<const model_record> pg_catalog::load_model(std::string_view ns, std::string_view name) {
  if (const auto changed = models_.find({std::string{ns}, std::string{name}}); changed != models_.end())
    return changed->second;
  auto rows = connection_->query(select_model, ns, name);
  return rows.next() ? std::make_shared<const model_record>(take_model(rows)) : nullptr;
}

resolved_bot pg_catalog::resolve(std::string_view ns, std::string_view bot) {
  return resolve_bot(
    ns, bot, [this](std::string_view place, std::string_view name) { return load_bot(place, name); },
    [this](std::string_view place, std::string_view name) { return load_model(place, name); });
}

const resolved_bot& pg_catalog::find(std::string_view ns, std::string_view bot) {
  used_ = true;
  if (!version_)
    refresh();
  const std::pair name{ns, bot};
  if (const auto known = known_.find(name); known != known_.end() && (known->second.model || refreshed_))
    return known->second;
  // A refusal writes nothing that the version could be checked with.
  refresh();
  // Names come from outside; a client that makes up new ones must not fill the memory.
  constexpr std::size_t most_kept = 10'000;
  if (known_.size() >= most_kept)
    known_.clear();
  return known_.insert_or_assign({std::string{ns}, std::string{bot}}, resolve(ns, bot)).first->second;
}

bool pg_catalog::has_budget(std::string_view ns) {
  used_ = true;
  if (!version_)
    refresh();
  if (!budgeted_) {
    budgeted_.emplace();
    auto rows = connection_->query("SELECT scope FROM budgets WHERE scope LIKE 'namespace:%'");
    while (rows.next())
      budgeted_->insert(rows.take<std::string>());
  }
  return !budgeted_->empty() && budgeted_->contains(namespace_scope(ns));
}

void pg_catalog::budgets_changed() {
  changed_ = true;
  budgeted_.reset();
}

// -- changing -------------------------------------------------------------------

outcome pg_catalog::put(const put_bot& op) {
  const auto before = load_bot(op.bot.ns, op.bot.name);
  bot_result result{op.bot, before == nullptr};
  result.bot.created_at = before ? before->created_at : op.at;
  result.bot.updated_at = op.at;
  bots_[{op.bot.ns, op.bot.name}] = std::make_shared<const bot_record>(result.bot);
  changed_ = true;
  known_.clear();
  return result;
}

outcome pg_catalog::put(const put_model& op) {
  const auto before = load_model(op.model.ns, op.model.name);
  model_result result{op.model, before == nullptr};
  result.model.created_at = before ? before->created_at : op.at;
  result.model.updated_at = op.at;
  models_[{op.model.ns, op.model.name}] = std::make_shared<const model_record>(result.model);
  changed_ = true;
  known_.clear();
  return result;
}

outcome pg_catalog::remove(const delete_bot& op) {
  if (!load_bot(op.ns, op.name))
    return not_in_catalog("bot", op.ns, op.name);
  bots_[{op.ns, op.name}] = nullptr;
  changed_ = true;
  known_.clear();
  return done{};
}

outcome pg_catalog::remove(const delete_model& op) {
  if (!load_model(op.ns, op.name))
    return not_in_catalog("model", op.ns, op.name);
  models_[{op.ns, op.name}] = nullptr;
  changed_ = true;
  known_.clear();
  return done{};
}

} // namespace troupe
