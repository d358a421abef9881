#include "actors/toolbox/mcp_tools.hpp"

#include "actors/providers/provider_json.hpp"
#include "actors/remote/foreign_text.hpp"
#include "actors/toolbox/mcp_json.hpp"
#include "persistence/values/catalog_limits.hpp"
#include "persistence/values/exact_json.hpp"
#include "persistence/values/parse_json.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <utility>

namespace troupe::mcp {

namespace {

using namespace std::chrono_literals;

/// A page holds schemas as deep as their writers liked, which is no reason to refuse it.
constexpr std::size_t deepest_page = deepest_message;

std::string in_quotes(std::string_view name) {
  return "'" + foreign::excerpt(name, 80) + "'";
}

// -- x-mcp-header (2026-07-28, "Custom headers from tool parameters") ---------------------

constexpr std::array<std::string_view, 18> subschemas{"items",
                                                      "prefixItems",
                                                      "contains",
                                                      "additionalProperties",
                                                      "unevaluatedProperties",
                                                      "unevaluatedItems",
                                                      "propertyNames",
                                                      "patternProperties",
                                                      "dependentSchemas",
                                                      "oneOf",
                                                      "anyOf",
                                                      "allOf",
                                                      "not",
                                                      "if",
                                                      "then",
                                                      "else",
                                                      "$defs",
                                                      "definitions"};

/// RFC 9110, section 5.6.2.
bool is_token(std::string_view text) noexcept {
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || others.find(c) != others.npos;
  });
}

/// Walks a schema and collects what is to be mirrored, or the first thing that is wrong with
/// that.
class annotation_scan {
public:
  std::optional<std::string> run(const json& schema) { return visit(schema, true); }
  std::vector<mirrored_argument> found;

private:
  std::optional<std::string> visit(const json& schema, bool reachable) {
    if (!schema.is_object())
      return std::nullopt;
    if (const auto* header = member(schema, "x-mcp-header"))
      if (auto wrong = take(schema, *header, reachable))
        return wrong;
    if (const auto* properties = member(schema, "properties"); properties && properties->is_object())
      for (const auto& [name, property] : properties->items()) {
        path_.push_back(name);
        if (auto wrong = visit(property, reachable))
          return wrong;
        path_.pop_back();
      }
    for (const auto keyword : subschemas)
      if (const auto found_there = schema.find(keyword); found_there != schema.end())
        if (auto wrong = visit_below(*found_there))
          return wrong;
    return std::nullopt;
  }

  /// A schema, or several, as the keyword has it: wherever there is one, it is not to be mirrored.
  std::optional<std::string> visit_below(const json& value) {
    if (auto wrong = visit(value, false))
      return wrong;
    if (value.is_structured())
      for (const auto& one : value)
        if (auto wrong = visit(one, false))
          return wrong;
    return std::nullopt;
  }

  std::optional<std::string> take(const json& schema, const json& header, bool reachable) {
    if (!reachable || path_.empty())
      return "its x-mcp-header does not stand at a property that is always there";
    if (!header.is_string() || !is_token(header.get_ref<const std::string&>()))
      return "its x-mcp-header is no name for a header";
    const auto& name = header.get_ref<const std::string&>();
    const auto type = string_in(schema, "type");
    if (type != "string" && type != "integer" && type != "boolean")
      return "its x-mcp-header " + in_quotes(name)
             + " stands at something other than a string, an integer or a boolean";
    if (!seen_.insert(providers::in_lower_case(name)).second)
      return "two of its arguments have the same x-mcp-header " + in_quotes(name);
    found.push_back({path_, name});
    return std::nullopt;
  }

  std::vector<std::string> path_;
  std::set<std::string> seen_;
};

/// The largest integer that every reader of JSON holds exactly.
constexpr std::int64_t safest = (std::int64_t{1} << 53) - 1;

/// 42.0 is the integer 42, and written like one; 4.2, and what is too large, is none.
std::optional<std::string> whole_number(const std::string& text) {
  const auto number = std::strtod(text.c_str(), nullptr);
  if (!(std::abs(number) <= static_cast<double>(safest)) || number != std::trunc(number))
    return std::nullopt;
  return std::to_string(static_cast<std::int64_t>(number));
}

std::optional<std::string> plain_value(const json& value) {
  switch (value.type()) {
  case json::value_t::string: return value.get<std::string>();
  case json::value_t::boolean: return value.get<bool>() ? "true" : "false";
  case json::value_t::number_integer:
    if (const auto number = value.get<std::int64_t>(); number < -safest || number > safest)
      return std::nullopt;
    return value.dump();
  case json::value_t::number_unsigned:
    if (value.get<std::uint64_t>() > static_cast<std::uint64_t>(safest))
      return std::nullopt;
    return value.dump();
  case json::value_t::null:
  case json::value_t::object:
  case json::value_t::array:
  case json::value_t::number_float:
  case json::value_t::discarded: break;
  case json::value_t::binary: return whole_number(exact_text(value));
  }
  return std::nullopt;
}

// -- one tool -----------------------------------------------------------------------------

struct read_result {
  std::optional<listed_tool> tool{};
  std::optional<list_note> note{};
};

list_note left_out(std::string_view name, const std::string& why) {
  return {std::string{name}, "The tool " + in_quotes(name) + " is left out: " + why + "."};
}

bool takes_objects(const json& type) {
  return type == "object"
         || (type.is_array() && std::any_of(type.begin(), type.end(), [](const json& one) { return one == "object"; }));
}

/// What is wrong with a schema, or nothing, and the schema as it is to be told.
std::optional<std::string> read_schema(const json& entry, listed_tool& tool, bool is_modern) {
  const auto* given = member(entry, "inputSchema");
  if (!given || !given->is_object())
    return std::nullopt;
  auto schema = *given;
  if (const auto type = schema.find("type"); type != schema.end()) {
    if (!takes_objects(*type))
      return "its arguments are no object";
    *type = "object";
  }
  auto text = to_text(schema);
  if (text.size() > max_schema_bytes)
    return "the schema of its arguments is longer than 64 KiB";
  if (!json_nesting_within(text, deepest_schema))
    return "the schema of its arguments is nested deeper than " + std::to_string(deepest_schema);
  if (is_modern) {
    annotation_scan scan;
    if (auto wrong = scan.run(schema))
      return wrong;
    tool.mirrored = std::move(scan.found);
  }
  tool.definition.parameters = std::move(text);
  return std::nullopt;
}

read_result read_tool(const json& entry, bool is_modern) {
  const auto* name = member(entry, "name");
  if (!name || !name->is_string() || name->get_ref<const std::string&>().empty())
    return {{}, list_note{{}, "A tool without a name is left out."}};
  listed_tool tool;
  // As it is: the server is asked for it by this name.
  tool.definition.name = name->get<std::string>();
  const auto& own_name = tool.definition.name;
  if (own_name.size() > max_served_name_bytes)
    return {{}, left_out(own_name, "its name is longer than " + std::to_string(max_served_name_bytes) + " bytes")};
  const auto* execution = member(entry, "execution");
  if (execution && string_in(*execution, "taskSupport") == "required")
    return {{}, left_out(own_name, "it can only be called as a task of the protocol's own, which is not spoken here")};
  tool.definition.description = string_in(entry, "description");
  if (tool.definition.description.empty())
    tool.definition.description = string_in(entry, "title");
  if (tool.definition.description.size() > longest_description)
    tool.definition.description = foreign::excerpt(tool.definition.description, longest_description);
  if (auto wrong = read_schema(entry, tool, is_modern))
    return {{}, left_out(own_name, *wrong)};
  std::optional<list_note> note;
  if (tool.definition.parameters.empty())
    note
      = {own_name, "The tool " + in_quotes(own_name) + " has no schema for its arguments: it is told as taking any."};
  return {std::move(tool), std::move(note)};
}

} // namespace

// -- the list -----------------------------------------------------------------------------

const listed_tool* tool_list::find(std::string_view name) const noexcept {
  const auto found
    = std::find_if(tools.begin(), tools.end(), [&](const auto& tool) { return tool.definition.name == name; });
  return found == tools.end() ? nullptr : &*found;
}

bool tool_collector::take(std::string_view result) {
  const auto object = parse(result, deepest_page);
  const auto* tools = object ? member(*object, "tools") : nullptr;
  if (!tools || !tools->is_array())
    return false;
  ++pages_;
  const auto* cursor = member(*object, "nextCursor");
  read_next(cursor && cursor->is_string() ? std::optional{cursor->get<std::string>()} : std::nullopt);
  for (const auto& entry : *tools) {
    auto read = read_tool(entry, is_modern_);
    if (read.note && list_.notes.size() < most_tools)
      list_.notes.push_back(std::move(*read.note));
    if (!read.tool)
      continue;
    auto& tool = *read.tool;
    bytes_ += tool.definition.name.size() + tool.definition.description.size() + tool.definition.parameters.size();
    if (list_.tools.size() == most_tools || bytes_ > most_list_bytes) {
      cut("The list of tools is longer than " + std::to_string(most_tools) + " tools or 4 MiB: the rest is left out.");
      break;
    }
    add(std::move(tool));
  }
  const auto* ttl = member(*object, "ttlMs");
  if (!ttl || !ttl->is_number_integer()) {
    all_have_one_ = false;
  } else {
    const std::chrono::milliseconds told{std::clamp<std::int64_t>(ttl->get<std::int64_t>(), 0, 86'400'000)};
    time_to_live_ = std::min(told, time_to_live_.value_or(told));
  }
  return true;
}

void tool_collector::add(listed_tool tool) {
  if (names_.insert(tool.definition.name).second)
    list_.tools.push_back(std::move(tool));
  else
    list_.notes.push_back(left_out(tool.definition.name, "the server lists it twice"));
}

void tool_collector::read_next(const std::optional<std::string>& cursor) {
  next_ = cursor;
  if (!cursor)
    return;
  if (!cursors_.insert(*cursor).second)
    cut("The server's list of tools goes round in a circle: it names the same page twice.");
  else if (pages_ == most_pages)
    cut("The list of tools has more than " + std::to_string(most_pages) + " pages: the rest is left out.");
}

void tool_collector::cut(std::string why) {
  next_.reset();
  list_.notes.push_back({{}, std::move(why)});
}

std::optional<std::chrono::milliseconds> tool_collector::time_to_live() const noexcept {
  return all_have_one_ ? time_to_live_ : std::nullopt;
}

std::chrono::milliseconds list_lifetime(const manner& how, std::optional<std::chrono::milliseconds> told,
                                        bool hears_changes) noexcept {
  constexpr std::chrono::milliseconds usual = 60s;
  if (!how.is_modern())
    return usual;
  if (!told || *told == 0ms)
    return hears_changes ? usual : 1s;
  return std::clamp<std::chrono::milliseconds>(*told, 1s, 10min);
}

header_list mirrored_headers(const std::vector<mirrored_argument>& mirrored, std::string_view arguments) {
  header_list headers;
  const auto values = mirrored.empty() ? std::nullopt : parse(arguments, deepest_message);
  if (!values)
    return headers;
  for (const auto& one : mirrored) {
    const json* value = &*values;
    for (auto step = one.path.begin(); value && step != one.path.end(); ++step)
      value = member(*value, step->c_str());
    if (const auto plain = value ? plain_value(*value) : std::nullopt)
      headers.emplace_back("Mcp-Param-" + one.header, header_value(*plain));
  }
  return headers;
}

} // namespace troupe::mcp
