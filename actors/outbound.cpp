#include "actors/outbound.hpp"

#include <algorithm>

namespace troupe {

std::string_view outbound_head::header(std::string_view name) const noexcept {
  const auto found = std::find_if(headers.begin(), headers.end(), [&](const auto& one) { return one.first == name; });
  return found == headers.end() ? std::string_view{} : std::string_view{found->second};
}

} // namespace troupe
