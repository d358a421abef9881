#pragma once

#include "persistence/rules/tables.hpp"
#include "persistence/values/namespaces.hpp"

#include <string>
#include <string_view>
#include <utility>

/// How the catalogs of both databases resolve a task's bot, by what is looked for where
/// (values/namespaces.hpp).
namespace troupe {

/// What a task's bot name stands for: the bot in `ns`, its models in the bot's own namespace, each else in `default`.
/// `load_bot(namespace, name)` and `load_model(namespace, name)` give null for what is not there.
template <class LoadBot, class LoadModel>
resolved_bot resolve_bot(std::string_view ns, std::string_view name, LoadBot load_bot, LoadModel load_model) {
  resolved_bot result;
  result.bot = look_up(ns, [&](std::string_view place) { return load_bot(place, name); });
  if (!result.bot)
    return result;
  const auto find_model = [&](const std::string& model) {
    return look_up(result.bot->ns, [&](std::string_view place) { return load_model(place, model); });
  };
  result.model = find_model(result.bot->model);
  for (const auto& model : result.bot->fallback_models)
    if (auto fallback = find_model(model))
      result.fallbacks.push_back(std::move(fallback));
  return result;
}

} // namespace troupe
