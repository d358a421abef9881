#include "persistence/sqlite_writer.hpp"

#include "persistence/sqlite_records.hpp"

#include <tuple>
#include <utility>

namespace troupe {
namespace {

bool concerns_all(const std::exception& failure) noexcept {
  const auto* sqlite = dynamic_cast<const sqlite_failure*>(&failure);
  return sqlite && sqlite->concerns_all();
}

committed all_refused(std::size_t count, const std::exception& why) {
  committed result;
  result.outcomes.assign(count, unavailable(why));
  return result;
}

void merge(committed& all, committed&& one) {
  std::move(one.outcomes.begin(), one.outcomes.end(), std::back_inserter(all.outcomes));
  std::move(one.events.begin(), one.events.end(), std::back_inserter(all.events));
  all.work_ready = one.work_ready;
  if (all.to_position == 0)
    all.from_position = one.from_position;
  all.to_position = one.to_position;
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
    if (batch.size() <= 1 || concerns_all(e))
      return all_refused(batch.size(), e);
  }
  return apply_apart(batch);
}

committed sqlite_writer::apply_together(std::span<const operation> batch) {
  committed result;
  result.outcomes.reserve(batch.size());
  journal_.begin();
  queue_.begin();
  usage_.begin();
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
    throw;
  }
  result.events = journal_.take();
  std::tie(result.from_position, result.to_position) = journal_.range();
  result.next_due = queue_.earliest_scheduled();
  return result;
}

committed sqlite_writer::apply_apart(std::span<const operation> batch) {
  committed all;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    try {
      merge(all, apply_together(batch.subspan(i, 1)));
    } catch (const std::exception& e) {
      all.outcomes.emplace_back(unavailable(e));
    }
  }
  return all;
}

} // namespace troupe
