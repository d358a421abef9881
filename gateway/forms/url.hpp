#pragma once

#include "gateway/requests/problem.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/records.hpp"
#include "persistence/values/limits.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Paths and query strings (RFC 3986), read strictly: a bad escape, invalid UTF-8
/// or a NUL is a problem that names the place, never a guess.
namespace troupe {

/// Splits a path at `/` and decodes each part: `/api/v1/bots/a%20b` is `api`, `v1`,
/// `bots`, `a b`. A trailing slash yields an empty last part, so that it matches
/// no route.
parsed<std::vector<std::string>> split_path(std::string_view path);

/// Reads a task or thread identifier from the path; `what` names it in the
/// problem (`invalid_id`): "task id".
parsed<uuid> path_id(std::string_view text, std::string_view what);

/// Reads the name of a namespace, bot or model from the path.
parsed<std::string> path_name(std::string_view text, std::string_view what);

/// A query string, read by the one rule of all paths: it holds parameters that its path
/// knows, each at most once, each with a name. Getters read their values; `finish` gives
/// the problem with everything that was wrong until then.
///
///     query_parameters query{request.query, "namespace status limit"};
///     filter.ns = query.ns();
///     filter.status = query.status("status");
///     int limit = query.limit();
///     if (auto refused = query.finish())
///       return *refused;
///
/// Until `finish` has returned nothing, a getter's answer may be a default in the
/// place of a bad value.
class query_parameters {
public:
  /// `+` means a space, as browsers and `URLSearchParams` write it. `known` names the
  /// path's parameters, separated by spaces.
  query_parameters(std::string_view query, std::string_view known);

  /// 1 to `max_length` characters without control characters.
  std::optional<std::string> text(std::string_view name, std::size_t max_length = max_label_length);
  /// A name of a bot, model or namespace.
  std::optional<std::string> name(std::string_view name);
  /// The parameter `namespace`; `default` without it.
  std::string ns();
  /// The parameter `limit`: 1 to `longest_page`, `otherwise` without it. Lists that had no pages once have as many
  /// as there may be, so that whoever reads them as a whole goes on getting the whole.
  int limit(int otherwise = 50);
  std::optional<uuid> id(std::string_view name);
  std::optional<task_status> status(std::string_view name);
  /// An RFC 3339 time.
  std::optional<timestamp> time(std::string_view name);
  /// An integer of at least 0.
  std::optional<std::int64_t> count(std::string_view name);
  /// The parameter as it is, also if it is empty: for cursors.
  const std::string* raw(std::string_view name);

  /// For what the caller finds wrong with a parameter by itself.
  void refuse(std::string_view name, std::string detail);

  /// The problem with all that was wrong, or nothing. Each is told once.
  std::optional<problem> finish();

private:
  struct parameter {
    std::string name;
    std::string value;
    /// Its escapes are broken; said already.
    bool broken = false;
  };

  void take(std::string_view pair, std::string_view known);
  const parameter* find(std::string_view name) const;

  std::vector<parameter> parameters_;
  std::vector<field_error> invalid_;
  std::vector<field_error> unknown_;
};

} // namespace troupe
