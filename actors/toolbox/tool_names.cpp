#include "actors/toolbox/tool_names.hpp"

#include "persistence/values/names.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>

namespace troupe {

namespace {

constexpr std::size_t hash_digits = 8;

std::string full_name(const tool_origin& origin) {
  return origin.server + "__" + origin.tool;
}

std::string hashed_name(const tool_origin& origin) {
  auto name = full_name(origin);
  name.resize(std::min(name.size(), max_tool_name_length - hash_digits - 1));
  std::replace_if(
    name.begin(), name.end(), [](char c) { return !is_tool_name_character(c); }, '_');
  // Where the one ends and the other begins matters too.
  return name + '_' + short_hash(origin.server + '\n' + origin.tool);
}

} // namespace

std::string short_hash(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hash;
  for (std::size_t i = 0; i < hash_digits / 2; ++i) {
    hash += digits[digest[i] >> 4];
    hash += digits[digest[i] & 0xf];
  }
  return hash;
}

std::string model_name(const tool_origin& origin) {
  auto name = full_name(origin);
  return is_valid_tool_name(name) ? name : hashed_name(origin);
}

std::vector<std::string> distinct_names(const std::vector<tool_origin>& origins, const std::set<std::string>& taken) {
  std::vector<std::string> names;
  std::map<std::string, int> times;
  for (const auto& origin : origins)
    ++times[names.emplace_back(model_name(origin))];
  for (std::size_t i = 0; i < origins.size(); ++i)
    if (times[names[i]] > 1 || taken.contains(names[i]))
      names[i] = hashed_name(origins[i]);
  return names;
}

bool is_like(std::string_view name, std::string_view pattern) noexcept {
  const auto star = pattern.find('*');
  if (star == pattern.npos)
    return name == pattern;
  if (!name.starts_with(pattern.substr(0, star)))
    return false;
  name.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  // Each part is found at its first place, the last one at the end.
  for (auto next = pattern.find('*'); next != pattern.npos; next = pattern.find('*')) {
    const auto at = name.find(pattern.substr(0, next));
    if (at == name.npos)
      return false;
    name.remove_prefix(at + next);
    pattern.remove_prefix(next + 1);
  }
  return name.ends_with(pattern);
}

} // namespace troupe
