#include "persistence/store.hpp"

#include "persistence/values/namespaces.hpp"

#include <utility>
#include <variant>

namespace troupe {

namespace {

template <class T>
bool is_missing(const store_result<T>& result) {
  const auto* refusal = std::get_if<store_error>(&result);
  return refusal && refusal->code == errc::not_found;
}

/// What `load(namespace)` gives for `ns`, else for where a name is looked for after.
template <class Load>
auto find(const std::string& ns, Load load) {
  auto found = load(ns);
  if (const auto next = looked_up_after(ns); next && is_missing(found))
    found = load(std::string{*next});
  return found;
}

} // namespace

store_result<bot_record> store_reader::find_bot(const std::string& ns, const std::string& name) {
  return find(ns, [&](const std::string& place) { return get_bot(place, name); });
}

store_result<checked_bot> store_reader::check_bot(const std::string& ns, const std::string& name) {
  auto bot = get_bot(ns, name);
  if (auto* refusal = std::get_if<store_error>(&bot))
    return std::move(*refusal);
  checked_bot checked{std::move(std::get<bot_record>(bot)), {}};
  auto names = checked.bot.fallback_models;
  names.insert(names.begin(), checked.bot.model);
  for (auto& model : names) {
    auto found = find(ns, [&](const std::string& place) { return get_model(place, model); });
    if (auto* record = std::get_if<model_record>(&found))
      checked.models.push_back({std::move(model), std::move(*record)});
    else if (is_missing(found))
      checked.models.push_back({std::move(model), std::nullopt});
    else
      return std::move(std::get<store_error>(found));
  }
  return checked;
}

} // namespace troupe
