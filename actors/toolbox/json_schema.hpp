#pragma once

#include <optional>
#include <string>
#include <string_view>

/// JSON Schemas of tools' arguments, over valijson: draft 7, and what drafts 4 to 2020-12
/// write differently. Pure.
///
/// Both sides are untrusted, so that no schema makes a check recurse or run without
/// bounds. `pattern`, `patternProperties` and `format` are not checked for that reason:
/// std::regex, which valijson uses, recurses for each character, and can take forever.
/// They are the model's to read and the tool's to insist on; so is what valijson does
/// not know (`unevaluatedProperties`, `minContains`, `$dynamicRef`). What such a keyword
/// leaves open is never held against the arguments.
namespace troupe {

/// What is wrong with `schema` as the schema of a tool's arguments, to follow its name: it
/// must be a JSON object that valijson can read, hold no reference to another document,
/// and not be nested deeper than 32.
std::optional<std::string> refuse_schema(std::string_view schema);

/// What is wrong with `arguments` by `schema`, as a sentence that names the first
/// members that do not fit; both are JSON as text. Nothing if all is well, or if the
/// schema is empty and the arguments are an object, nested at most 64 deep.
std::optional<std::string> refuse_arguments(std::string_view schema, std::string_view arguments);

} // namespace troupe
