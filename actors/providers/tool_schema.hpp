#pragma once

#include <optional>
#include <string>
#include <string_view>

/// The schema of a tool's arguments as every provider takes it. Pure. What is mended here
/// is for the model's eyes: calls are still checked against the tool's own schema, or by
/// its server.
namespace troupe {

struct shown_schema {
  /// A JSON Schema of an object, as text.
  std::string text;
  /// For the tool's description: what the schema cannot say any more; empty if it says all.
  std::string remark;
  /// A sentence about what was changed, for whoever has set the tool up; empty if nothing.
  std::string note;
  /// Why there is a provider that refuses it all the same; empty if none does.
  std::string doubt;
};

/// `parameters` is a JSON Schema as text, or anything. Whatever it is, the result has
/// `type: object` and an object of `properties`. At the top `anyOf`, `oneOf` and `allOf`
/// become one object with the properties of all, of which those are required that each
/// branch requires, and `$ref` what it refers to, since Claude and OpenAI refuse them there
/// (makenotion/notion-mcp-server#340, evoila/meho#905, nspady/google-calendar-mcp#39).
/// An array without `items` gets some, `$schema` and `$id` are left out.
shown_schema show_schema(std::string_view parameters);

} // namespace troupe
