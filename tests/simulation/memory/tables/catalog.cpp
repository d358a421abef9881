#include "tests/simulation/memory/tables/catalog.hpp"

#include "persistence/rules/budgets.hpp"
#include "persistence/rules/lookup.hpp"
#include "persistence/rules/rules.hpp"

#include <string>
#include <utility>

namespace troupe {

namespace {

/// Puts a bot or a model in its place, as old as the one that was there.
template <class Result, class Table, class Record>
Result replace(Table& table, Record record, timestamp at) {
  const memory_data::name_key key{record.ns, record.name};
  const auto* before = table.find(key);
  const bool is_new = before == nullptr;
  record.created_at = is_new ? at : before->created_at;
  record.updated_at = at;
  table.put(key, record);
  return {std::move(record), is_new};
}

} // namespace

const resolved_bot& memory_catalog::find(std::string_view ns, std::string_view bot) {
  const auto changes = data_.bots.index().changes() + data_.models.index().changes();
  // Names come from outside; a client that makes up new ones must not fill the memory.
  constexpr std::size_t most_kept = 10'000;
  if (std::exchange(changes_, changes) != changes || known_.size() >= most_kept)
    known_.clear();
  const auto [place, is_new] = known_.try_emplace({std::string{ns}, std::string{bot}});
  if (is_new)
    place->second = resolve_bot(
      ns, bot,
      [this](auto where, auto name) {
        return data_.bots.share({std::string{where}, std::string{name}});
      },
      [this](auto where, auto name) {
        return data_.models.share({std::string{where}, std::string{name}});
      });
  return place->second;
}

bool memory_catalog::has_budget(std::string_view ns) {
  return !data_.budgets.empty() && data_.budgets.find(namespace_scope(ns)) != nullptr;
}

outcome memory_catalog::put(const put_bot& op) {
  return replace<bot_result>(data_.bots, op.bot, op.at);
}

outcome memory_catalog::put(const put_model& op) {
  return replace<model_result>(data_.models, op.model, op.at);
}

outcome memory_catalog::remove(const delete_bot& op) {
  if (!data_.bots.find({op.ns, op.name}))
    return not_in_catalog("bot", op.ns, op.name);
  data_.bots.remove({op.ns, op.name});
  return done{};
}

outcome memory_catalog::remove(const delete_model& op) {
  if (!data_.models.find({op.ns, op.name}))
    return not_in_catalog("model", op.ns, op.name);
  data_.models.remove({op.ns, op.name});
  return done{};
}

} // namespace troupe
