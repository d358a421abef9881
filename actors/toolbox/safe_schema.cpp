#include "actors/toolbox/safe_schema.hpp"

#include "actors/providers/provider.hpp"
#include "actors/remote/foreign_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace troupe {

namespace {

using json = nlohmann::json;

/// valijson reads a schema recursively: no deeper than its definitions together.
constexpr std::size_t max_levels = 250;
/// And checks recursively: into the value, and into what is said of the same value.
constexpr unsigned max_steps_down = 250;

constexpr std::string_view definitions = "#/$defs/";

struct wrong_schema : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::size_t count_values(const json& value) {
  std::size_t sum = 1;
  if (value.is_structured())
    for (const auto& element : value)
      sum += count_values(element);
  return sum;
}

// -- reading schemas ----------------------------------------------------------------

std::string decode_percent(std::string_view text) {
  std::string decoded;
  while (!text.empty()) {
    unsigned char byte = 0;
    const bool escaped = text.size() >= 3 && text[0] == '%'
                         && std::from_chars(text.data() + 1, text.data() + 3, byte, 16).ptr == text.data() + 3;
    decoded += escaped ? static_cast<char>(byte) : text[0];
    text.remove_prefix(escaped ? 3 : 1);
  }
  return decoded;
}

class schema_writer {
public:
  explicit schema_writer(const json& document) : document_{document} {}

  json write() {
    auto written = write_all();
    if (is_loose_) {
      loosely_ = true;
      written = write_all();
    }
    return written;
  }

private:
  json write_all() {
    targets_.clear();
    numbers_.clear();
    std::size_t levels = 0;
    auto root = refer_to(document_);
    json written = json::object();
    for (std::size_t i = 0; i < targets_.size(); ++i) {
      deepest_ = 0;
      written[std::to_string(i)] = schema(*targets_[i], 1);
      levels += deepest_;
      if (levels > max_levels)
        throw wrong_schema{"it has too many definitions that refer to each other"};
    }
    root["$defs"] = std::move(written);
    return root;
  }

  json refer_to(const json& target) {
    const auto [found, is_new] = numbers_.emplace(&target, targets_.size());
    if (is_new)
      targets_.push_back(&target);
    return {{"$ref", std::string{definitions} + std::to_string(found->second)}};
  }

  const json& resolve(const json& reference) const {
    const auto* text = reference.get_ptr<const std::string*>();
    if (!text || !text->starts_with('#'))
      throw wrong_schema{"a $ref must begin with '#': references to other documents are not followed"};
    try {
      return document_.at(json::json_pointer{decode_percent(text->substr(1))});
    } catch (const json::exception&) {
      throw wrong_schema{"a $ref leads nowhere: " + foreign::excerpt(*text, 100)};
    }
  }

  json reference(const json& from) {
    constexpr int most_hops = 32;
    const json* target = &from;
    for (int hops = 0; target->is_object() && target->contains("$ref"); ++hops) {
      if (hops == most_hops)
        throw wrong_schema{"a $ref leads in a circle"};
      target = &resolve(target->at("$ref"));
    }
    return refer_to(*target);
  }

  json schema(const json& from, std::size_t level) {
    if (from.is_boolean())
      return from;
    if (!from.is_object())
      throw wrong_schema{"a schema in it is neither an object nor a boolean"};
    for (const auto* name : {"$defs", "definitions"})
      if (const auto defined = from.find(name); defined != from.end() && defined->is_object())
        map(*defined, level);
    if (from.contains("$ref"))
      return reference(from);
    deepest_ = std::max(deepest_, level);
    json to = json::object();
    for (const auto& [name, value] : from.items())
      keyword(from, name, value, to, level);
    items(from, to, level);
    exclusive(to, "maximum", "exclusiveMaximum");
    exclusive(to, "minimum", "exclusiveMinimum");
    return to;
  }

  void keyword(const json& from, const std::string& name, const json& value, json& to, std::size_t level) {
    constexpr std::array<std::string_view, 14> copied{
      "type",     "const",    "enum",      "maximum",   "minimum",       "exclusiveMaximum", "exclusiveMinimum",
      "maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties",    "uniqueItems"};
    constexpr std::array<std::string_view, 13> not_checked{
      "pattern",     "patternProperties", "format",         "unevaluatedProperties", "unevaluatedItems",
      "minContains", "maxContains",       "$dynamicRef",    "$recursiveRef",         "extends",
      "disallow",    "divisibleBy",       "contentEncoding"};
    if (is_one_of(copied, name))
      to[name] = value;
    else if (is_one_of(not_checked, name))
      is_loose_ = true;
    else if (name == "allOf" || name == "anyOf" || (name == "oneOf" && !loosely_))
      to[name] = list(value, level);
    else if (name == "oneOf")
      to["allOf"].push_back({{"anyOf", list(value, level)}});
    else if (name == "not" || name == "if" || name == "then" || name == "else")
      condition(name, value, to, level);
    else if (name == "properties")
      to[name] = map(value, level);
    else if (name == "contains")
      to[name] = schema(value, level + 1);
    else if (name == "additionalProperties" && !from.contains("patternProperties"))
      to[name] = schema(value, level + 1);
    else if (name == "propertyNames")
      to[name] = refer_to(value);
    else if (name == "dependencies" || name == "dependentRequired" || name == "dependentSchemas")
      dependencies(value, to);
    else if (name == "multipleOf")
      multiple_of(value, to);
    else if (name == "required")
      required(value, to);
  }

  json list(const json& from, std::size_t level) {
    if (!from.is_array())
      throw wrong_schema{"allOf, anyOf, oneOf and prefixItems must be arrays of schemas"};
    json to = json::array();
    for (const auto& one : from)
      to.push_back(schema(one, level + 1));
    return to;
  }

  json map(const json& from, std::size_t level) {
    if (!from.is_object())
      throw wrong_schema{"properties must be an object"};
    json to = json::object();
    for (const auto& [name, one] : from.items())
      to[checked(name)] = schema(one, level + 1);
    return to;
  }

  /// valijson reads a name up to its first NUL: other members than those that it names.
  static const std::string& checked(const std::string& name) {
    if (name.find('\0') != name.npos)
      throw wrong_schema{"the name of a property holds a NUL"};
    return name;
  }

  /// Of what is not checked in full nobody knows that it does not hold.
  void condition(const std::string& name, const json& value, json& to, std::size_t level) {
    auto written = schema(value, level + 1);
    if (!loosely_)
      to[name] = std::move(written);
  }

  void dependencies(const json& from, json& to) {
    if (!from.is_object())
      throw wrong_schema{"dependencies must be an object"};
    for (const auto& [name, one] : from.items())
      to["dependencies"][checked(name)] = one.is_array() ? one : refer_to(one);
  }

  void multiple_of(const json& value, json& to) {
    if (!value.is_number() || value.get<double>() <= 0)
      throw wrong_schema{"multipleOf must be a number above 0"};
    // valijson takes no rounding into account: 19.99 were no multiple of 0.01.
    if (value.is_number_integer())
      to["multipleOf"] = value.get<double>();
    else
      is_loose_ = true;
  }

  /// Up to draft 3 it was a boolean.
  void required(const json& value, json& to) {
    if (value.is_boolean())
      is_loose_ = true;
    else
      to["required"] = value;
  }

  /// Up to 2019-09 an array in `items` was what `prefixItems` is now, and `additionalItems`
  /// what `items` is.
  void items(const json& from, json& to, std::size_t level) {
    const auto prefix = from.find("prefixItems");
    const auto items = from.find("items");
    const bool is_new = prefix != from.end();
    const bool is_list = is_new || (items != from.end() && items->is_array());
    if (is_list) {
      to["items"] = list(is_new ? *prefix : *items, level);
      if (const auto rest = is_new ? items : from.find("additionalItems"); rest != from.end())
        to["additionalItems"] = schema(*rest, level + 1);
    } else if (items != from.end()) {
      to["items"] = schema(*items, level + 1);
    }
  }

  /// In draft 4, a boolean beside the bound.
  static void exclusive(json& to, const char* bound, const char* name) {
    const auto flag = to.find(name);
    if (flag == to.end() || !flag->is_boolean())
      return;
    const bool is_exclusive = flag->get<bool>();
    to.erase(flag);
    if (const auto value = to.find(bound); is_exclusive && value != to.end()) {
      to[name] = *value;
      to.erase(bound);
    }
  }

  const json& document_;
  std::vector<const json*> targets_;
  std::map<const json*, std::size_t> numbers_;
  std::size_t deepest_ = 0;
  /// Holds something that is not checked.
  bool is_loose_ = false;
  /// So that nothing may be concluded from what does not fit.
  bool loosely_ = false;
};

// -- bounds ---------------------------------------------------------------------------

/// An upper bound of what valijson will do, found by going wherever it might go.
class work_estimate {
public:
  explicit work_estimate(const json& schema) : definitions_{schema.at("$defs")} {}

  std::int64_t of(const json& schema, const json& value) {
    visit(schema, value, 0, 0);
    return work_;
  }

private:
  void add(std::size_t work) { work_ = std::min(work_ + static_cast<std::int64_t>(work), most_check_work + 1); }

  /// `path`: the bytes of the names on the way, which valijson copies.
  void visit(const json& schema, const json& value, unsigned steps, std::size_t path) {
    if (work_ > most_check_work)
      return;
    if (steps > max_steps_down) {
      work_ = most_check_work + 1;
      return;
    }
    add(1 + path / 64 + weight(value));
    if (!schema.is_object())
      return;
    if (const auto reference = schema.find("$ref"); reference != schema.end()) {
      visit(definitions_.at(reference->get_ref<const std::string&>().substr(definitions.size())), value, steps + 1,
            path);
      return;
    }
    for (const auto& [name, part] : schema.items())
      keyword(schema, name, part, value, steps + 1, path);
  }

  void keyword(const json& schema, const std::string& name, const json& part, const json& value, unsigned steps,
               std::size_t path) {
    constexpr std::array<std::string_view, 4> of_the_same{"not", "if", "then", "else"};
    constexpr std::array<std::string_view, 3> lists{"allOf", "anyOf", "oneOf"};
    if (is_one_of(of_the_same, name))
      visit(part, value, steps, path);
    else if (is_one_of(lists, name))
      for (const auto& one : part)
        visit(one, value, steps, path);
    else if (name == "enum" || name == "const")
      add(count_values(part) * (1 + weight(value)));
    else if (name == "required")
      add(part.size());
    else if (value.is_object())
      of_object(schema, name, part, value, steps, path);
    else if (value.is_array())
      of_array(name, part, value, steps, path);
  }

  void of_object(const json& schema, const std::string& name, const json& part, const json& value, unsigned steps,
                 std::size_t path) {
    if (name == "properties") {
      add(part.size());
      for (const auto& [member, one] : value.items())
        if (const auto found = part.find(member); found != part.end())
          visit(*found, one, steps, path + step + member.size());
    } else if (name == "additionalProperties") {
      const auto known = schema.find("properties");
      for (const auto& [member, one] : value.items())
        if (known == schema.end() || !known->contains(member))
          visit(part, one, steps, path + step + member.size());
    } else if (name == "propertyNames") {
      for (const auto& [member, one] : value.items())
        visit(part, json(member), steps, path);
    } else if (name == "dependencies") {
      for (const auto& one : part)
        if (one.is_array())
          add(one.size());
        else
          visit(one, value, steps, path);
    }
  }

  void of_array(const std::string& name, const json& part, const json& value, unsigned steps, std::size_t path) {
    // When an item does not fit, valijson tries the rule for the others on it, too.
    for (std::size_t i = 0; i < value.size(); ++i)
      if (name == "contains" || name == "additionalItems" || (name == "items" && !part.is_array()))
        visit(part, value[i], steps, path + step);
      else if (name == "items" && i < part.size())
        visit(part[i], value[i], steps, path + step);
    if (name == "uniqueItems")
      add(value.size() * count_values(value) / 8);
  }

  static std::size_t weight(const json& value) {
    if (const auto* text = value.get_ptr<const std::string*>())
      return text->size() / 64;
    return value.is_object() ? value.size() : 0;
  }

  /// What valijson keeps of a step besides the name.
  static constexpr std::size_t step = 32;

  const json& definitions_;
  std::int64_t work_ = 0;
};

} // namespace

void write_integers(json& value) {
  constexpr double largest_exact = 9007199254740992.0;
  if (value.is_structured()) {
    for (auto& element : value)
      write_integers(element);
  } else if (value.is_number_float()) {
    const double number = value.get<double>();
    if (std::trunc(number) == number && std::abs(number) <= largest_exact)
      value = static_cast<std::int64_t>(number);
  }
}

std::variant<json, unusable_schema> make_safe_schema(json document) {
  try {
    write_integers(document);
    auto safe = schema_writer{document}.write();
    // One that leads back to itself on the same value does so on this one, too.
    if (check_work(safe, json::object()) > most_check_work)
      return unusable_schema{"it is too large, or refers to itself in a circle"};
    return safe;
  } catch (const std::exception& error) {
    return unusable_schema{error.what()};
  }
}

std::int64_t check_work(const json& safe, const json& value) {
  return work_estimate{safe}.of(safe, value);
}

} // namespace troupe
