#pragma once

#include <span>
#include <string>
#include <string_view>

/// Which models may be asked in the place of a bot's own. Pure.
namespace troupe {

/// Why a bot of `model` cannot have `name` as one more of its fallback models, behind those of `before`: what is to be
/// said of that name, as in "is listed twice". Empty if it can.
std::string_view refuse_fallback(std::string_view name, std::string_view model, std::span<const std::string> before);

} // namespace troupe
