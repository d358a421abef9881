#include "tests/simulation/memory/memory_data.hpp"

#include "persistence/values/namespaces.hpp"

namespace troupe {

memory_data::memory_data(timestamp made_at) {
  const std::string ns{shared_namespace};
  counters.put(0, {});
  model_record model;
  model.ns = ns;
  model.name = model.model = "builtin";
  model.created_at = model.updated_at = made_at;
  models.put({ns, model.name}, model);
  bot_record bot;
  bot.ns = ns;
  bot.name = "default";
  bot.model = model.name;
  bot.created_at = bot.updated_at = made_at;
  for (const auto* tool : {"now", "calculate"})
    bot.tools.emplace_back().name = tool;
  bots.put({ns, bot.name}, bot);
  forget(last_change());
}

void memory_data::rewind(std::uint64_t number) {
  for (auto* table : all_)
    table->rewind(number);
}

void memory_data::replay() {
  for (auto* table : all_)
    table->replay();
}

void memory_data::undo(std::uint64_t number) {
  rewind(number);
  for (auto* table : all_)
    table->cut();
  changes_.cut(number);
}

void memory_data::forget(std::uint64_t number) {
  for (auto* table : all_)
    table->forget(number);
}

} // namespace troupe
