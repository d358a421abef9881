#include "persistence/rules/fallbacks.hpp"

#include <algorithm>

namespace troupe {

std::string_view refuse_fallback(std::string_view name, std::string_view model, std::span<const std::string> before) {
  if (name == model)
    return "is the bot's model already";
  if (std::find(before.begin(), before.end(), name) != before.end())
    return "is listed twice";
  return "";
}

} // namespace troupe
