#pragma once

#include "persistence/sqlite/statement.hpp"
#include "persistence/store.hpp"

#include <functional>
#include <optional>
#include <string>

/// A page of tasks by filter: one statement per set of filled fields, each walking
/// the index that narrows most, newest first.
namespace troupe {

/// Starts the query for up to `limit` rows of tasks. `prepare` gives the
/// statement for a text.
sqlite_rows query_task_list(const std::function<sqlite_statement&(const std::string&)>& prepare,
                            const task_filter& filter, std::optional<uuid> before, int limit);

} // namespace troupe
