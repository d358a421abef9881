#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

/// The names that models know tools by, which providers restrict to
/// `^[a-zA-Z0-9_-]{1,64}$`. Pure.
namespace troupe {

/// A tool of an MCP server.
struct tool_origin {
  /// What the bot calls the server.
  std::string server;
  /// The server's own name for the tool.
  std::string tool;
};

/// `<server>__<tool>`. A name that has to be cleaned (each character that is not allowed
/// becomes `_`) or cut ends with a short hash of what it was, so that tools whose names
/// become equal stay apart, and each keeps its name whatever else the server offers.
std::string model_name(const tool_origin& origin);

/// A name for each, all distinct and none of `taken`: `model_name`, and where two of them are
/// equal, as in `a__b` + `c` and `a` + `b__c`, or one is taken, with a hash. The order in
/// which they come plays no part.
std::vector<std::string> distinct_names(const std::vector<tool_origin>& origins, const std::set<std::string>& taken);

/// Eight hexadecimal digits of a SHA-256.
std::string short_hash(std::string_view text);

/// True if `name` is like `pattern`, where `*` stands for any text.
bool is_like(std::string_view name, std::string_view pattern) noexcept;

} // namespace troupe
