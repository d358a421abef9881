#include "tests/e2e/json_schema.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <regex>
#include <string_view>

namespace troupe {

namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 15> annotations{
  "title",   "description",   "default",          "example",         "examples",
  "format",  "deprecated",    "readOnly",         "writeOnly",       "$comment",
  "$schema", "discriminator", "contentMediaType", "contentEncoding", "externalDocs"};

bool has_type(const json& value, std::string_view type) {
  if (type == "object") {
    return value.is_object();
  }
  if (type == "array") {
    return value.is_array();
  }
  if (type == "string") {
    return value.is_string();
  }
  if (type == "boolean") {
    return value.is_boolean();
  }
  if (type == "null") {
    return value.is_null();
  }
  if (type == "integer") {
    return value.is_number_integer() || (value.is_number_float() && std::trunc(value.get<double>()) == value);
  }
  return type == "number" && value.is_number();
}

/// The number of Unicode code points.
std::size_t length_of(const std::string& text) {
  return static_cast<std::size_t>(
    std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Each pattern is compiled once per thread: that costs far more than a match.
const std::regex& compiled(const json& pattern) {
  thread_local std::map<std::string, std::regex> known;
  const auto& text = pattern.get_ref<const std::string&>();
  auto found = known.find(text);
  if (found == known.end()) {
    found = known.emplace(text, std::regex{text}).first;
  }
  return found->second;
}

class validator {
public:
  explicit validator(const json& root) : root_{root} {}

  void check(const json& schema, const json& value, const std::string& at) {
    if (schema.is_boolean()) {
      require(schema.get<bool>(), at, "is not allowed");
      return;
    }
    for (const auto& [keyword, rule] : schema.items()) {
      apply(schema, keyword, rule, value, at);
    }
  }

  [[nodiscard]] std::vector<std::string> take() { return std::move(errors_); }

private:
  void require(bool holds, const std::string& at, const std::string& sentence) {
    if (!holds) {
      errors_.push_back((at.empty() ? "the body" : at) + " " + sentence);
    }
  }

  [[nodiscard]] std::size_t matches(const json& schemas, const json& value) const {
    return static_cast<std::size_t>(std::count_if(
      schemas.begin(), schemas.end(), [&](const json& schema) { return schema_errors(root_, schema, value).empty(); }));
  }

  void apply(const json& schema, const std::string& keyword, const json& rule, const json& value,
             const std::string& at) {
    if (keyword == "$ref") {
      check(resolve_reference(root_, schema), value, at);
    } else if (keyword == "type") {
      const bool fits
        = rule.is_array()
            ? std::any_of(rule.begin(), rule.end(),
                          [&](const json& type) { return has_type(value, type.get_ref<const std::string&>()); })
            : has_type(value, rule.get_ref<const std::string&>());
      require(fits, at, "is not of type " + rule.dump() + " but " + value.dump().substr(0, 100));
    } else if (keyword == "enum") {
      require(std::find(rule.begin(), rule.end(), value) != rule.end(), at, "is none of " + rule.dump());
    } else if (keyword == "const") {
      require(value == rule, at, "is not " + rule.dump());
    } else if (keyword == "oneOf") {
      require(matches(rule, value) == 1, at, "matches not exactly one alternative: " + value.dump().substr(0, 200));
    } else if (keyword == "anyOf") {
      require(matches(rule, value) > 0, at, "matches no alternative: " + value.dump().substr(0, 200));
    } else if (keyword == "allOf") {
      for (const auto& part : rule) {
        check(part, value, at);
      }
    } else if (!apply_to_object(schema, keyword, rule, value, at) && !apply_to_array(keyword, rule, value, at)
               && !apply_to_scalar(keyword, rule, value, at)) {
      require(std::find(annotations.begin(), annotations.end(), keyword) != annotations.end(), at,
              "has a schema with the keyword '" + keyword + "', which this validator does not know");
    }
  }

  bool apply_to_object(const json& schema, const std::string& keyword, const json& rule, const json& value,
                       const std::string& at) {
    if (keyword == "required") {
      for (const auto& name : rule) {
        require(!value.is_object() || value.contains(name.get<std::string>()), at, "lacks the member " + name.dump());
      }
    } else if (keyword == "properties") {
      for (const auto& [name, part] : rule.items()) {
        if (value.is_object() && value.contains(name)) {
          check(part, value.at(name), at + "/" + name);
        }
      }
    } else if (keyword == "additionalProperties") {
      const auto known = schema.find("properties");
      if (!value.is_object()) {
        return true;
      }
      for (const auto& [name, member] : value.items()) {
        if (known == schema.end() || !known->contains(name)) {
          check(rule, member, at + "/" + name);
        }
      }
    } else {
      return false;
    }
    return true;
  }

  bool apply_to_array(const std::string& keyword, const json& rule, const json& value, const std::string& at) {
    if (keyword == "items") {
      for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
        check(rule, value[i], at + "/" + std::to_string(i));
      }
    } else if (keyword == "minItems") {
      require(!value.is_array() || value.size() >= rule.get<std::size_t>(), at, "has too few items");
    } else if (keyword == "maxItems") {
      require(!value.is_array() || value.size() <= rule.get<std::size_t>(), at, "has too many items");
    } else {
      return false;
    }
    return true;
  }

  bool apply_to_scalar(const std::string& keyword, const json& rule, const json& value, const std::string& at) {
    if (keyword == "minimum") {
      require(!value.is_number() || value >= rule, at, "is below " + rule.dump());
    } else if (keyword == "maximum") {
      require(!value.is_number() || value <= rule, at, "is above " + rule.dump());
    } else if (keyword == "exclusiveMinimum") {
      require(!value.is_number() || value > rule, at, "is not above " + rule.dump());
    } else if (keyword == "exclusiveMaximum") {
      require(!value.is_number() || value < rule, at, "is not below " + rule.dump());
    } else if (keyword == "minLength") {
      require(!value.is_string() || length_of(value.get_ref<const std::string&>()) >= rule.get<std::size_t>(), at,
              "is too short");
    } else if (keyword == "maxLength") {
      require(!value.is_string() || length_of(value.get_ref<const std::string&>()) <= rule.get<std::size_t>(), at,
              "is too long");
    } else if (keyword == "pattern") {
      require(!value.is_string() || std::regex_search(value.get_ref<const std::string&>(), compiled(rule)), at,
              "does not match " + rule.dump());
    } else {
      return false;
    }
    return true;
  }

  const json& root_;
  std::vector<std::string> errors_;
};

} // namespace

const json& resolve_reference(const json& root, const json& value) {
  const json* found = &value;
  while (found->is_object() && found->contains("$ref")) {
    // The reference is a URI fragment: "#" and a JSON pointer.
    found = &root.at(json::json_pointer{found->at("$ref").get<std::string>().substr(1)});
  }
  return *found;
}

std::vector<std::string> schema_errors(const json& root, const json& schema, const json& value) {
  validator v{root};
  v.check(schema, value, "");
  return v.take();
}

} // namespace troupe
