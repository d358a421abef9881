#include "persistence/sqlite/writer.hpp"

#include "persistence/logging/say.hpp"
#include "persistence/rows/record_rows.hpp"
#include "persistence/sqlite/trouble.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <tuple>
#include <utility>

namespace troupe {
namespace {

using namespace std::chrono_literals;

constexpr auto first_wait = 20ms;
constexpr auto longest_wait = 500ms;

/// For another program's lock, while the process may want to end meanwhile.
constexpr auto short_lock_patience = 250ms;

outage::time steady_now() {
  return std::chrono::steady_clock::now();
}

committed all_refused(std::size_t count, const std::exception& why) {
  committed result;
  result.outcomes.assign(count, unavailable(why));
  return result;
}

void merge(committed& all, committed&& one) {
  std::move(one.outcomes.begin(), one.outcomes.end(), std::back_inserter(all.outcomes));
  std::move(one.events.begin(), one.events.end(), std::back_inserter(all.events));
  all.work_ready = all.work_ready || one.work_ready;
  // What was refused has no positions.
  if (one.to_position > 0 && all.to_position == 0)
    all.from_position = one.from_position;
  all.to_position = std::max(all.to_position, one.to_position);
  if (one.next_due && (!all.next_due || *one.next_due < *all.next_due))
    all.next_due = one.next_due;
}

} // namespace

sqlite_writer::sqlite_writer(std::shared_ptr<sqlite_file> file)
  : file_{std::move(file)}, connection_{file_->writing}, catalog_{connection_}, keys_{connection_}, queue_{*file_},
    journal_{connection_}, tasks_{connection_}, approvals_{connection_}, usage_{connection_}, budgets_{connection_},
    nodes_{*file_}, rules_{{catalog_, keys_, queue_, journal_, tasks_, approvals_, usage_, budgets_, nodes_}} {}

sqlite_writer::~sqlite_writer() {
  file_->has_writer = false;
}

std::unique_ptr<store_writer> make_sqlite_writer(std::shared_ptr<sqlite_file> file) {
  return std::make_unique<sqlite_writer>(std::move(file));
}

// -- the batch ------------------------------------------------------------------

committed sqlite_writer::apply(std::span<const operation> batch) {
  try {
    return apply_together(batch);
  } catch (const std::exception& e) {
    return apply_after(e, batch);
  }
}

committed sqlite_writer::apply_together(std::span<const operation> batch) {
  committed result;
  result.outcomes.reserve(batch.size());
  journal_.begin();
  queue_.begin();
  usage_.begin();
  const auto lease = file_->lease;
  try {
    sqlite_transaction transaction{connection_};
    for (const auto& op : batch)
      result.outcomes.push_back(rules_.apply(op));
    usage_.write();
    result.work_ready = queue_.any_ready();
    transaction.commit();
  } catch (...) {
    journal_.roll_back();
    catalog_.forget();
    file_->lease = lease;
    throw;
  }
  result.events = journal_.take();
  std::tie(result.from_position, result.to_position) = journal_.range();
  result.next_due = queue_.earliest_scheduled();
  return result;
}

// -- failures -------------------------------------------------------------------

committed sqlite_writer::apply_after(const std::exception& failure, std::span<const operation> batch) {
  const auto* sqlite = dynamic_cast<const sqlite_failure*>(&failure);
  if (sqlite && sqlite->trouble())
    return apply_patiently(batch, *sqlite);
  return batch.size() <= 1 ? all_refused(batch.size(), failure) : apply_halves(batch);
}

committed sqlite_writer::apply_halves(std::span<const operation> batch) {
  auto all = apply(batch.first(batch.size() / 2));
  merge(all, apply(batch.subspan(batch.size() / 2)));
  return all;
}

committed sqlite_writer::apply_patiently(std::span<const operation> batch, sqlite_failure why) {
  connection_.wait_for_locks(short_lock_patience);
  for (auto wait = std::chrono::milliseconds{first_wait};;
       wait = std::min<std::chrono::milliseconds>(wait * 2, longest_wait)) {
    const bool is_full = why.trouble() == store_trouble::disk_full;
    // The log's room may be all that is needed. Where only a part of it can be moved to the file, that stays done, so
    // that whatever room there comes to be counts.
    if (is_full)
      connection_.empty_log();
    try {
      auto result = apply_together(batch);
      connection_.wait_for_locks(sqlite_connection::lock_patience);
      tell(file_->trouble.succeeded(steady_now()), why, batch);
      return result;
    } catch (const sqlite_failure& e) {
      if (!e.trouble())
        return apply_after(e, batch);
      why = e;
    } catch (const std::exception& e) {
      return apply_after(e, batch);
    }
    if (file_->given_up) {
      if (!std::exchange(gave_up_, true))
        say::error("the process ends while the database {} cannot be written, and does not know what becomes of {}: "
                   "{}. Tasks whose end is not stored go on at the next start",
                   file_->path.string(), words_for(batch), words_for(why, file_->path));
      return all_refused(batch.size(), why);
    }
    // A part of it may fit where all of it never would: the log is emptied in between.
    if (is_full && batch.size() > 1)
      return apply_halves(batch);
    tell(file_->trouble.failed(*why.trouble(), steady_now()), why, batch);
    std::this_thread::sleep_for(wait);
  }
}

void sqlite_writer::tell(outage::word word, const sqlite_failure& why, std::span<const operation> batch) const {
  const auto seconds = std::chrono::duration<double>{file_->trouble.length(steady_now())}.count();
  switch (word) {
  case outage::word::nothing: return;
  case outage::word::began:
    say::error("the database {} cannot be written: {}. It is tried again until it can; until then running tasks "
               "wait with what they have to store, and whoever wants to change anything is refused "
               "(store_unavailable). First to wait: {}",
               file_->path.string(), words_for(why, file_->path), words_for(batch));
    return;
  case outage::word::lasts:
    say::error("the database {} cannot be written for {:.0f} s now: {}", file_->path.string(), seconds,
               words_for(why, file_->path));
    return;
  case outage::word::ended:
    say::info("the database {} is written again, after {:.1f} s; what waited is being stored", file_->path.string(),
              seconds);
    return;
  }
}

} // namespace troupe
