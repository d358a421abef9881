#include "actors/toolbox/mcp_json.hpp"

#include "actors/providers/provider_json.hpp"
#include "actors/remote/foreign_text.hpp"
#include "persistence/values/exact_json.hpp"

namespace troupe::mcp {

std::optional<json> parse(std::string_view text, std::size_t max_depth) {
  if (auto object = parse_exact_object(text, max_depth))
    return object;
  // One half of an emoji in one description must not take all of a server's tools away.
  return parse_exact_object(providers::mended_json(text), max_depth);
}

std::string to_text(const json& value) {
  return dump_exact(value);
}

const json* member(const json& object, const char* name) {
  if (!object.is_object())
    return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

std::string string_in(const json& object, const char* name) {
  return foreign::clean_text(providers::string_in(object, name));
}

bool is_true(const json& object, const char* name) {
  const auto* value = member(object, name);
  return value && value->is_boolean() && value->get<bool>();
}

} // namespace troupe::mcp
