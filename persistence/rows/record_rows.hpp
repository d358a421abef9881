#pragma once

#include "persistence/operations.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/rows/record_columns.hpp"
#include "persistence/store.hpp"

#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How rows become records and pages, whichever database they come from: anything with
/// `take<T>()` and `take_view()`. What is no row of one table has the columns to select
/// here, and the function that takes them in that order; the others are described in
/// rows/record_columns.hpp.
namespace troupe {

/// Of `bots` or `models`.
inline constexpr const char* document_columns = "ns, name, created_at, updated_at, document";
template <class Rows>
task_outline take_outline(Rows& row) {
  task_outline outline;
  outline.thread_id = row.template take<uuid>();
  outline.status = row.template take<task_status>();
  outline.last_seq = row.template take<std::int64_t>();
  return outline;
}

template <class Record, class Rows>
Record take_document(Rows& row) {
  Record record;
  record.ns = row.template take<std::string>();
  record.name = row.template take<std::string>();
  record.created_at = row.template take<timestamp>();
  record.updated_at = row.template take<timestamp>();
  from_document(row.take_view(), record);
  return record;
}

template <class Rows>
bot_record take_bot(Rows& row) {
  return take_document<bot_record>(row);
}

template <class Rows>
model_record take_model(Rows& row) {
  return take_document<model_record>(row);
}

/// That the task of one of `approvals` is not deleted.
inline constexpr const char* approval_is_shown
  = "NOT EXISTS(SELECT 1 FROM tasks WHERE tasks.id = approvals.task_id AND deleted_at IS NOT NULL)";

/// The sums of a thread over its `tasks`, behind their number; each database says which
/// rows these are.
inline constexpr const char* thread_columns
  = "count(*), min(ns), min(created_at), max(updated_at), CAST(sum(input_tokens) AS bigint), "
    "CAST(sum(output_tokens) AS bigint), CAST(sum(cost) AS bigint), max(CASE WHEN estimated THEN 1 ELSE 0 END)";

/// Nothing if there are no tasks.
template <class Rows>
std::optional<thread_record> take_thread(Rows& row, const uuid& id) {
  thread_record thread;
  thread.id = id;
  thread.tasks = row.template take<std::int64_t>();
  if (thread.tasks == 0)
    return std::nullopt;
  thread.ns = row.template take<std::string>();
  thread.created_at = row.template take<timestamp>();
  thread.updated_at = row.template take<timestamp>();
  thread.usage.input_tokens = row.template take<std::int64_t>();
  thread.usage.output_tokens = row.template take<std::int64_t>();
  thread.usage.cost = row.template take<std::int64_t>();
  thread.usage.estimated = row.template take<std::int64_t>() != 0;
  return thread;
}

/// The column of `usage` that a group is, and the sums of each group.
inline std::string usage_query(usage_group group) {
  std::string_view column;
  switch (group) {
  case usage_group::bot: column = "bot"; break;
  case usage_group::model: column = "model"; break;
  case usage_group::ns: column = "ns"; break;
  case usage_group::created_by: column = "created_by"; break;
  case usage_group::day: column = "day"; break;
  }
  return "SELECT " + std::string{column} + ", CAST(sum(attempts) AS bigint), CAST(sum(input_tokens) AS bigint), "
         + "CAST(sum(output_tokens) AS bigint), CAST(sum(cost) AS bigint), max(CASE WHEN estimated THEN 1 ELSE 0 END) "
           "FROM usage";
}

template <class Rows>
usage_record take_usage_record(Rows& row) {
  usage_record record;
  record.key = row.template take<std::string>();
  record.attempts = row.template take<std::int64_t>();
  record.usage.input_tokens = row.template take<std::int64_t>();
  record.usage.output_tokens = row.template take<std::int64_t>();
  record.usage.cost = row.template take<std::int64_t>();
  record.usage.estimated = row.template take<std::int64_t>() != 0;
  return record;
}

/// True if the database has ended the page before the current row.
template <class Rows>
bool is_left_out(const Rows& rows) noexcept {
  if constexpr (requires { rows.is_left_out(); })
    return rows.is_left_out();
  else
    return false;
}

/// Reads up to `limit` of rows selected with a limit of one more, which tells whether
/// there is a next page, and no more than a page may have of bytes. `take` gives a
/// record and its key.
template <class Record, class Key, class Rows, class Take>
page<Record, Key> take_page(Rows& rows, int limit, Take take) {
  page<Record, Key> result;
  page_meter<Record> meter;
  std::optional<Key> last;
  while (rows.next()) {
    if (is_left_out(rows) || result.items.size() == static_cast<std::size_t>(limit)) {
      result.next = std::move(last);
      break;
    }
    auto [record, key] = take(rows);
    if (!meter.takes(result.items, record)) {
      result.next = std::move(last);
      break;
    }
    result.items.push_back(std::move(record));
    last = std::move(key);
  }
  return result;
}

/// The same for events, with their sources in front: id, thread, namespace, creator.
/// True if there is more, or may be. Consecutive events of one task share their source.
template <class Rows>
bool take_sourced_events(Rows& rows, page_size most, std::vector<event_record>& out) {
  page_meter<event_record> meter{most.bytes};
  // The next row would be read whole, only to be left out.
  while (!meter.is_full() && rows.next()) {
    if (is_left_out(rows) || out.size() == static_cast<std::size_t>(most.items))
      return true;
    event_source source;
    source.task_id = rows.template take<uuid>();
    source.thread_id = rows.template take<uuid>();
    source.ns = rows.template take<std::string>();
    source.created_by = rows.template take<std::string>();
    auto event = take_record<event_record>(rows);
    if (!meter.takes(out, event))
      return true;
    event.source = !out.empty() && out.back().source->task_id == source.task_id
                     ? out.back().source
                     : std::make_shared<const event_source>(std::move(source));
    out.push_back(std::move(event));
  }
  return meter.is_full();
}

/// The same for the journal of one task, whose source is known.
template <class Rows>
page<event_record, std::int64_t> take_journal(Rows& rows, int limit,
                                              const std::shared_ptr<const event_source>& source) {
  return take_page<event_record, std::int64_t>(rows, limit, [&source](Rows& row) {
    auto event = take_record<event_record>(row);
    event.source = source;
    const auto seq = event.seq;
    return std::pair{std::move(event), seq};
  });
}

/// The attempts of one task, by number.
template <class Rows>
page<attempt_record, int> take_attempts(Rows& rows, int limit) {
  return take_page<attempt_record, int>(rows, limit, [](Rows& row) {
    auto attempt = take_record<attempt_record>(row);
    const auto number = attempt.attempt;
    return std::pair{std::move(attempt), number};
  });
}

template <class Rows>
page<approval_record, approval_place> take_approvals(Rows& rows, int limit) {
  return take_page<approval_record, approval_place>(rows, limit, [](Rows& row) {
    auto approval = take_record<approval_record>(row);
    approval_place here{approval.task_id, approval.call_id};
    return std::pair{std::move(approval), std::move(here)};
  });
}

/// The sums of a namespace's queue, or of all.
template <class Rows>
queue_stats::row take_queue_row(Rows& rows) {
  queue_stats::row row;
  row.ns = rows.template take<std::string>();
  row.ready = rows.template take<std::int64_t>();
  row.scheduled = rows.template take<std::int64_t>();
  row.retrying = rows.template take<std::int64_t>();
  row.blocked = rows.template take<std::int64_t>();
  row.running = rows.template take<std::int64_t>();
  row.oldest_due = rows.template take<std::optional<timestamp>>();
  return row;
}

/// Reads up to `limit` namespaces, by name, of rows selected with a limit of one more.
template <class Rows>
void take_queue(Rows& rows, int limit, queue_stats& stats) {
  while (rows.next()) {
    if (stats.namespaces.size() == static_cast<std::size_t>(limit)) {
      if (!stats.namespaces.empty())
        stats.next = stats.namespaces.back().ns;
      break;
    }
    stats.namespaces.push_back(take_queue_row(rows));
  }
}

/// What every face of this layer answers when its database refuses.
inline store_error unavailable(const std::exception& why) {
  return {errc::unavailable, std::string{"The database does not answer: "} + why.what() + "."};
}

inline store_error no_such(std::string_view what, const std::string& name) {
  return {errc::not_found, "There is no " + std::string{what} + " " + name + "."};
}

} // namespace troupe
