#pragma once

#include <optional>
#include <string_view>

/// Where the names of bots and models are looked for. Pure.
namespace troupe {

/// Whose bots and models are everybody's.
inline constexpr std::string_view shared_namespace = "default";

/// Whose things are meant if nobody says.
inline constexpr std::string_view default_namespace = shared_namespace;

/// Where a name is looked for that is not in `ns`: in `default`; none behind that.
[[nodiscard]] constexpr std::optional<std::string_view> looked_up_after(std::string_view ns) noexcept {
  return ns == shared_namespace ? std::nullopt : std::optional{shared_namespace};
}

/// What `load(namespace)` finds in `ns`, else where it is looked for after; something that is false if there is
/// nothing.
template <class Load>
auto look_up(std::string_view ns, Load load) {
  auto found = load(ns);
  if (const auto next = looked_up_after(ns); next && !found)
    found = load(*next);
  return found;
}

} // namespace troupe
