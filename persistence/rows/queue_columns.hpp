#pragma once

#include "persistence/rows/record_columns.hpp"
#include "persistence/rules/tables.hpp"

#include <optional>
#include <tuple>

/// What both databases have of `queue`; each has columns of its own besides.
namespace troupe {

/// Behind the state.
inline constexpr auto queue_entry_columns = std::tuple{
  always("held", &queue_entry::held),
  always("owner", &queue_entry::owner).or_null(),
  always("node", &queue_entry::node),
  always("started_at", &queue_entry::started_at),
  later("charged", &queue_entry::charged),
  later("throttled", &queue_entry::throttled),
  later("recoveries", &queue_entry::recoveries),
  later("called", &queue_entry::called),
  always("model", &queue_entry::model),
  later("input_tokens", &queue_entry::usage, &token_usage::input_tokens),
  later("output_tokens", &queue_entry::usage, &token_usage::output_tokens),
  later("cost", &queue_entry::usage, &token_usage::cost),
  later("estimated", &queue_entry::usage, &token_usage::estimated),
  later("reserved_cost", &queue_entry::reserved, &budget_amount::cost),
  later("reserved_tokens", &queue_entry::reserved, &budget_amount::tokens),
};

template <>
inline constexpr auto columns<queue_entry> = std::tuple_cat(std::tuple{always("state", &queue_entry::state)},
                                                            queue_entry_columns);

/// None if the state is NULL, as in an outer join.
template <class Rows>
std::optional<queue_entry> take_queue_entry(Rows& row) {
  const auto state = row.template take<std::optional<queue_state>>();
  if (!state)
    return std::nullopt;
  std::optional<queue_entry> entry{std::in_place};
  entry->state = *state;
  take_columns(row, queue_entry_columns, *entry);
  return entry;
}

} // namespace troupe
