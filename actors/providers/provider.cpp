#include "actors/providers/provider.hpp"

#include "actors/providers/anthropic.hpp"
#include "actors/providers/openai.hpp"

namespace troupe {

const provider& provider_of(model_kind kind) {
  static const openai_provider openai{};
  static const anthropic_provider anthropic{};
  switch (kind) {
  case model_kind::anthropic: return anthropic;
  case model_kind::openai:
  case model_kind::builtin: break;
  }
  return openai;
}

namespace providers {

std::string join_url(std::string_view base, std::string_view path) {
  while (base.ends_with('/'))
    base.remove_suffix(1);
  while (path.starts_with('/'))
    path.remove_prefix(1);
  std::string url{base};
  return url.append("/").append(path);
}

std::int64_t estimate_tokens(std::string_view text) noexcept {
  return static_cast<std::int64_t>((text.size() + 3) / 4);
}

} // namespace providers

} // namespace troupe
