#include "persistence/sqlite_writer.hpp"

#include "persistence/sqlite_records.hpp"

#include <utility>

namespace troupe {
namespace {

constexpr const char* find_ready_sql
  = "SELECT q.task_id, q.thread_id, q.ns, q.attempt, q.charged, q.throttled, q.last_seq, q.fresh, t.created_by, "
    "t.name, "
    "t.bot, t.bot_ns, t.input FROM queue q CROSS JOIN tasks t ON t.id = q.task_id WHERE q.state = 0 "
    "ORDER BY q.priority DESC, q.order_no LIMIT ?";

constexpr const char* find_running_sql = "SELECT task_id FROM queue WHERE state = 1 ORDER BY order_no";

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
  if (one.next_due && (!all.next_due || *one.next_due < *all.next_due))
    all.next_due = one.next_due;
}

} // namespace

sqlite_writer::sqlite_writer(std::shared_ptr<sqlite_file> file)
  : file_{std::move(file)}, connection_{file_->writing}, catalog_{connection_}, keys_{connection_}, queue_{connection_},
    journal_{connection_}, tasks_{connection_, queue_, journal_}, find_ready_{connection_.get(), find_ready_sql},
    find_running_{connection_.get(), find_running_sql} {}

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
  try {
    sqlite_transaction transaction{connection_};
    for (const auto& op : batch)
      result.outcomes.push_back(std::visit([this](const auto& o) { return run(o); }, op));
    result.work_ready = queue_.any_ready();
    transaction.commit();
  } catch (...) {
    journal_.roll_back();
    catalog_.forget();
    throw;
  }
  result.events = journal_.take();
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

// -- keys -----------------------------------------------------------------------

std::optional<outcome> sqlite_writer::replay(const std::optional<idempotency_key>& key) {
  if (!key)
    return std::nullopt;
  const auto seen = keys_.find(key->key);
  if (!seen)
    return std::nullopt;
  if (seen->fingerprint != key->fingerprint)
    return store_error{store_errc::key_reused, "This idempotency key was used before with another request."};
  auto task = tasks_.read(seen->task_id);
  if (!task)
    return task_not_found(seen->task_id);
  return task_result{std::move(*task), true};
}

outcome sqlite_writer::answer(const uuid& id, const std::optional<idempotency_key>& key, timestamp at) {
  if (key)
    keys_.insert(*key, id, at);
  auto task = tasks_.read(id);
  if (!task)
    return task_not_found(id);
  return task_result{std::move(*task), false};
}

outcome sqlite_writer::run(const clean_up& op) {
  keys_.forget(op.keys_before);
  return done{};
}

// -- refusals -------------------------------------------------------------------

store_error task_not_found(const uuid& id) {
  return {store_errc::not_found, "There is no task " + id.to_string() + "."};
}

store_error cannot(const uuid& id, task_status status, std::string_view what) {
  return {store_errc::illegal_transition, "Task " + id.to_string() + " is " + std::string{to_string(status)}
                                            + " and cannot " + std::string{what} + "."};
}

} // namespace troupe
