#pragma once

#include "actors/providers/provider.hpp"
#include "actors/toolbox/mcp.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What an MCP server offers: its tools, page by page, without what nobody could call. One
/// odd tool is left out and named; it takes no other with it. Pure.
namespace troupe {

namespace mcp {

inline constexpr int most_pages = 50;
inline constexpr std::size_t most_tools = 500;
/// Of all definitions together.
inline constexpr std::size_t most_list_bytes = std::size_t{4} * 1024 * 1024;
inline constexpr std::size_t longest_description = std::size_t{16} * 1024;
inline constexpr std::size_t deepest_schema = 48;

/// An argument that goes into a header too (2026-07-28, `x-mcp-header`).
struct mirrored_argument {
  /// The names of the properties on the way to it.
  std::vector<std::string> path;
  /// What stands behind `Mcp-Param-`.
  std::string header;

  bool operator==(const mirrored_argument&) const = default;
};

struct listed_tool {
  /// With the server's own name.
  tool_definition definition;
  std::vector<mirrored_argument> mirrored{};

  bool operator==(const listed_tool&) const = default;
};

/// Something that a person may want to know.
struct list_note {
  /// The tool that it is about; empty if it is about the list.
  std::string tool;
  /// A sentence.
  std::string text;
};

struct tool_list {
  std::vector<listed_tool> tools;
  std::vector<list_note> notes{};

  /// By the server's own name; null if there is no such tool.
  [[nodiscard]] const listed_tool* find(std::string_view name) const noexcept;
};

/// Puts a list together from its pages. It is bounded in pages, tools and bytes, and a
/// cursor that comes again ends it.
class tool_collector {
public:
  explicit tool_collector(const manner& how) : is_modern_{how.is_modern()} {}

  /// Takes the result of a `tools/list`; false if it is none.
  bool take(std::string_view result);
  /// The cursor of the next page; none if the list is whole.
  [[nodiscard]] const std::optional<std::string>& next() const noexcept { return next_; }
  /// The shortest `ttlMs` of the pages; none if a page had none.
  [[nodiscard]] std::optional<std::chrono::milliseconds> time_to_live() const noexcept;
  tool_list finish() && { return std::move(list_); }

private:
  void add(listed_tool tool);
  void read_next(const std::optional<std::string>& cursor);
  /// No more pages, for this reason.
  void cut(std::string why);

  bool is_modern_;
  tool_list list_;
  int pages_ = 0;
  std::size_t bytes_ = 0;
  std::optional<std::string> next_;
  std::set<std::string> cursors_;
  std::set<std::string, std::less<>> names_;
  std::optional<std::chrono::milliseconds> time_to_live_;
  bool all_have_one_ = true;
};

/// How long a list is used before it is asked for again. `none` is what a server says of a
/// time to live that says nothing of it. Legacy servers say none: a minute. Where a modern one
/// says none or 0, the list is old at once; a burst of tasks shares it for a second, or, if
/// the server tells when it changes, for a minute. At most ten minutes.
std::chrono::milliseconds list_lifetime(const manner& how, std::optional<std::chrono::milliseconds> told,
                                        bool hears_changes) noexcept;

/// `Mcp-Param-…` for the arguments of a call, which are JSON as the model wrote it. What is
/// absent, null, no plain value, or an integer that not everybody can hold (beyond 2^53) has
/// no header.
header_list mirrored_headers(const std::vector<mirrored_argument>& mirrored, std::string_view arguments);

} // namespace mcp

/// Shared by everybody who uses it.
using mcp_tools = std::shared_ptr<const mcp::tool_list>;

} // namespace troupe
