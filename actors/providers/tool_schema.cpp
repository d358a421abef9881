#include "actors/providers/tool_schema.hpp"

#include "actors/providers/provider.hpp"
#include "actors/remote/foreign_text.hpp"
#include "persistence/values/exact_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace troupe {

namespace {

using nlohmann::json;

constexpr std::size_t longest_property = 64;
constexpr std::size_t longest_remark = 600;
constexpr int most_references = 8;
constexpr std::array<const char*, 3> combinators{"anyOf", "oneOf", "allOf"};

/// Null unless `object` has such a member that is an object.
const json* object_at(const json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

std::set<std::string> required_of(const json& schema) {
  std::set<std::string> names;
  const auto found = schema.find("required");
  if (found != schema.end() && found->is_array())
    for (const auto& name : *found)
      if (name.is_string())
        names.insert(name.get<std::string>());
  return names;
}

class mender {
public:
  explicit mender(json schema) : root_(std::move(schema)) {}

  shown_schema mend() {
    shown_schema shown;
    json top = resolve(root_);
    const bool combined
      = std::any_of(combinators.begin(), combinators.end(), [&](const char* name) { return top.contains(name); });
    if (combined) {
      shown.remark = remark_on(top);
      top = flatten(top, 0);
    }
    for (const auto* name : {"not", "enum", "const", "if", "then", "else"})
      changed_ |= top.erase(name) > 0;
    for (const auto* name : {"$schema", "$id", "$comment"})
      top.erase(name);
    if (const auto type = top.find("type"); type != top.end() && *type != "object")
      changed_ = true;
    top["type"] = "object";
    if (object_at(top, "properties") == nullptr)
      top["properties"] = json::object();
    keep_known_requirements(top);
    mend_inside(top, 0);
    if (combined || changed_)
      shown.note = "Its schema is shown to models as a plain object, since providers refuse it as it is.";
    for (const auto& [name, property] : top["properties"].items())
      if (!is_property_name(name))
        shown.doubt = "Claude takes no argument called '" + foreign::excerpt(name, 80)
                      + "': only letters, digits, '_', '.' and '-', at most 64.";
    shown.text = dump_exact(top);
    return shown;
  }

private:
  static bool is_property_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_property && std::all_of(name.begin(), name.end(), [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.'
             || c == '-';
    });
  }

  static std::string remark_on(const json& schema) {
    json said = json::object();
    for (const auto* name : combinators)
      if (schema.contains(name))
        said[name] = schema[name];
    return "The arguments must also satisfy " + foreign::excerpt(dump_exact(said), longest_remark);
  }

  /// What a chain of local references ends at.
  json resolve(json schema) {
    for (int i = 0; i < most_references && schema.is_object() && schema.contains("$ref"); ++i) {
      const auto reference = schema["$ref"];
      schema.erase("$ref");
      changed_ = true;
      if (!reference.is_string() || !reference.get_ref<const std::string&>().starts_with("#/"))
        break;
      const auto pointer = reference.get<std::string>().substr(1);
      json found;
      try {
        found = root_.at(json::json_pointer{pointer});
      } catch (const json::exception&) {
        // It refers to nothing.
        break;
      }
      if (!found.is_object())
        break;
      // What stands beside a reference, definitions above all, stays.
      for (const auto& [name, value] : schema.items())
        found.emplace(name, value);
      schema = std::move(found);
    }
    return schema.is_object() ? schema : json::object();
  }

  /// One object that every branch is a part of.
  json flatten(json schema, int depth) {
    schema = resolve(std::move(schema));
    if (depth == most_references)
      return schema;
    auto properties = object_at(schema, "properties") ? schema["properties"] : json::object();
    auto required = required_of(schema);
    for (const auto* name : combinators) {
      const auto found = schema.find(name);
      if (found == schema.end())
        continue;
      const auto branches = found->is_array() ? *found : json::array();
      schema.erase(found);
      const bool all = std::string_view{name} == "allOf";
      std::optional<std::set<std::string>> common;
      for (const auto& branch : branches) {
        const auto flat = flatten(branch.is_object() ? branch : json::object(), depth + 1);
        if (const auto* theirs = object_at(flat, "properties"))
          for (const auto& [property, what] : theirs->items())
            properties.emplace(property, what);
        for (const auto* definitions : {"$defs", "definitions"})
          if (const auto* theirs = object_at(flat, definitions))
            for (const auto& [definition, what] : theirs->items())
              schema[definitions].emplace(definition, what);
        const auto wanted = required_of(flat);
        if (all) {
          required.insert(wanted.begin(), wanted.end());
        } else if (!common) {
          common = wanted;
        } else {
          std::erase_if(*common, [&](const std::string& one) { return !wanted.contains(one); });
        }
      }
      if (common)
        required.insert(common->begin(), common->end());
    }
    schema["properties"] = std::move(properties);
    schema["required"] = required;
    return schema;
  }

  /// Providers refuse a requirement of what is not described.
  static void keep_known_requirements(json& schema) {
    const auto& properties = schema["properties"];
    auto required = required_of(schema);
    std::erase_if(required, [&](const std::string& name) { return !properties.contains(name); });
    if (required.empty())
      schema.erase("required");
    else
      schema["required"] = required;
  }

  /// What stands where schemas stand is one, and arrays have items: OpenAI refuses others
  /// ("array schema missing items", jlowin/fastmcp#2464), and with them the whole request.
  void mend_inside(json& schema, int depth) {
    constexpr int deepest = 64;
    if (depth == deepest)
      return;
    if (!schema.is_object()) {
      if (!schema.is_boolean()) {
        schema = json::object();
        changed_ = true;
      }
      return;
    }
    const auto type = schema.find("type");
    const bool is_array
      = type != schema.end()
        && (*type == "array" || (type->is_array() && std::find(type->begin(), type->end(), "array") != type->end()));
    if (is_array && !schema.contains("items"))
      schema["items"] = json::object();
    for (const auto* name : {"items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"})
      if (const auto found = schema.find(name); found != schema.end())
        mend_one_or_more(*found, depth);
    for (const auto* name : {"anyOf", "oneOf", "allOf", "prefixItems"})
      if (const auto found = schema.find(name); found != schema.end())
        mend_list(schema, found, depth);
    for (const auto* name : {"properties", "$defs", "definitions", "patternProperties", "dependentSchemas"})
      if (const auto found = schema.find(name); found != schema.end())
        mend_map(schema, found, depth);
    if (const auto found = schema.find("required"); found != schema.end() && !is_list_of_names(*found)) {
      schema.erase(found);
      changed_ = true;
    }
  }

  void mend_one_or_more(json& schema, int depth) {
    if (!schema.is_array()) {
      mend_inside(schema, depth + 1);
      return;
    }
    for (auto& one : schema)
      mend_inside(one, depth + 1);
  }

  void mend_list(json& schema, const json::iterator& list, int depth) {
    if (list->is_array() && !list->empty()) {
      mend_one_or_more(*list, depth);
      return;
    }
    schema.erase(list);
    changed_ = true;
  }

  void mend_map(json& schema, const json::iterator& map, int depth) {
    if (map->is_object()) {
      for (auto& one : *map)
        mend_inside(one, depth + 1);
      return;
    }
    schema.erase(map);
    changed_ = true;
  }

  static bool is_list_of_names(const json& value) {
    return value.is_array() && std::all_of(value.begin(), value.end(), [](const json& one) { return one.is_string(); });
  }

  json root_;
  bool changed_ = false;
};

} // namespace

shown_schema show_schema(std::string_view parameters) {
  if (parameters.empty())
    return {R"({"properties":{},"type":"object"})", {}, {}, {}};
  auto schema = parse_exact_object(parameters);
  if (!schema)
    return {R"({"properties":{},"type":"object"})",
            {},
            "Its schema is no JSON object, or nested too deep: models are told nothing of its arguments.",
            {}};
  return mender{std::move(*schema)}.mend();
}

} // namespace troupe
