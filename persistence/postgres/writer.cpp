#include "persistence/postgres/writer.hpp"

#include "persistence/logging/say.hpp"
#include "persistence/rows/record_rows.hpp"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;

constexpr auto first_wait = 20ms;
constexpr auto longest_wait = 500ms;

/// The log says no more often than so why there is no database yet.
constexpr auto said_again = 10s;

/// How often a batch is done again because others were faster.
constexpr int most_conflicts = 20;

} // namespace

pg_writer::pg_writer(std::shared_ptr<pg_place> place)
  : place_{std::move(place)}, unit_{id_, pause_}, nodes_{*place_, pause_}, rules_{{catalog_, unit_.keys(),
                                                                                   unit_.queue(), unit_.journal(),
                                                                                   unit_.tasks(), approvals_, usage_,
                                                                                   budgets_, nodes_}} {}

pg_writer::~pg_writer() {
  place_->has_writer = false;
}

store_result<std::unique_ptr<store_writer>> make_pg_writer(std::shared_ptr<pg_place> place) {
  return std::make_unique<pg_writer>(std::move(place));
}

// -- the batch ------------------------------------------------------------------

committed pg_writer::apply(std::span<const operation> batch) {
  const auto refuse_all = [&](const std::exception& why) {
    roll_back();
    committed result;
    result.outcomes.assign(batch.size(), unavailable(why));
    return result;
  };
  try {
    return apply_together(batch);
  } catch (const std::exception& e) {
    const auto* failure = dynamic_cast<const pg_failure*>(&e);
    if (batch.size() <= 1 || (failure && (failure->concerns_all() || place_->given_up)))
      return refuse_all(e);
    say::warn("a batch of {} is done one by one: {}", batch.size(), e.what());
  }
  return apply_apart(batch);
}

committed pg_writer::apply_together(std::span<const operation> batch) {
  for (int conflicts = 0;;) {
    try {
      connect_if_needed();
      return attempt(batch);
    } catch (const pg_conflict&) {
      roll_back();
      if (++conflicts > most_conflicts)
        throw;
      // The first time the others may well be through; later on, out of step with them.
      if (conflicts > 1)
        std::this_thread::sleep_for(std::chrono::milliseconds{conflicts + static_cast<int>(id_.bytes[15] % 8)});
    } catch (const pg_lost& e) {
      say::warn("the database is lost: {}", e.what());
      roll_back();
      connection_.reset();
      reconnect();
    } catch (const pg_failure& e) {
      if (!e.is_full_disk())
        throw;
      roll_back();
      await_room(e);
    }
  }
}

committed pg_writer::attempt(std::span<const operation> batch) {
  catalog_.begin();
  approvals_.begin();
  usage_.begin();
  budgets_.begin();
  unit_.begin(batch);
  committed result;
  result.outcomes.reserve(batch.size());
  for (const auto& op : batch)
    result.outcomes.push_back(rules_.apply(op));
  const auto first = write();
  unit_.commit(result, first);
  catalog_.commit();
  return result;
}

std::int64_t pg_writer::write() {
  if (!unit_.is_dirty() && !catalog_.is_dirty() && !budgets_.is_dirty())
    return 0;
  std::string sql;
  catalog_.write(sql);
  approvals_.write(sql);
  budgets_.write(sql);
  unit_.write(sql);
  // Rows that all nodes change: held for as short as possible, behind the lock that gives them an order anyway.
  usage_.write(sql);
  unit_.write_note(sql, ++number_, place_->clock.now());
  try {
    auto rows = connection_->run(sql);
    place_->answers();
    rows.next();
    note_committed();
    return rows.take<std::int64_t>();
  } catch (const pg_lost& e) {
    say::warn("the database is lost during a commit: {}", e.what());
  }
  // Nothing is undone yet: if the batch turns out to be on disk, all that was worked out for it is true.
  connection_.reset();
  reconnect();
  if (const auto first = find_batch(number_)) {
    note_committed();
    return *first;
  }
  throw pg_conflict{"the connection was lost before the batch was committed"};
}

std::optional<std::int64_t> pg_writer::find_batch(std::int64_t number) {
  // Asked by writing: whoever holds the row decides, and the answer is on all the standbys that a commit waits for. A
  // batch that is not there can never come any more, since its number is taken.
  constexpr std::string_view settle
    = "INSERT INTO batches(writer, number, first, at) VALUES($1::uuid, $2::bigint, -1, $3::bigint) "
      "ON CONFLICT(writer, number) DO UPDATE SET at = excluded.at RETURNING first";
  for (;;) {
    try {
      auto rows = connection_->query(settle, id_, number, place_->clock.now());
      rows.next();
      const auto first = rows.take<std::int64_t>();
      return first < 0 ? std::nullopt : std::optional{first};
    } catch (const pg_lost&) {
      connection_.reset();
      reconnect();
    } catch (const std::exception& e) {
      // The row is held by whoever is about to commit, or the disk has no room for it: no answer yet, either way.
      place_->lost();
      say::warn("what became of a commit is not known yet: {}", e.what());
      give_up_if_told();
      std::this_thread::sleep_for(longest_wait);
    }
  }
}

committed pg_writer::apply_apart(std::span<const operation> batch) {
  roll_back();
  committed all;
  bool gapless = true;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    try {
      auto one = apply_together(batch.subspan(i, 1));
      std::move(one.outcomes.begin(), one.outcomes.end(), std::back_inserter(all.outcomes));
      std::move(one.events.begin(), one.events.end(), std::back_inserter(all.events));
      all.work_ready = all.work_ready || one.work_ready;
      if (one.next_due && (!all.next_due || *one.next_due < *all.next_due))
        all.next_due = one.next_due;
      if (one.to_position > 0 && all.to_position == 0)
        all.from_position = one.from_position;
      else if (one.to_position > 0 && one.from_position != all.to_position)
        gapless = false;
      all.to_position = std::max(all.to_position, one.to_position);
    } catch (const std::exception& e) {
      roll_back();
      all.outcomes.emplace_back(unavailable(e));
    }
  }
  // Others have committed in between, and a range that is told must be whole: better to tell none, so that everybody
  // looks into the store.
  if (!gapless)
    all.from_position = all.to_position = 0;
  return all;
}

void pg_writer::roll_back() {
  unit_.roll_back();
  catalog_.roll_back();
}

// -- the connection -------------------------------------------------------------

void pg_writer::connect_if_needed() {
  if (!connection_)
    reconnect();
}

void pg_writer::reconnect() {
  std::string said;
  auto said_at = std::chrono::steady_clock::now();
  for (auto wait = std::chrono::milliseconds{first_wait};;
       wait = std::min<std::chrono::milliseconds>(wait * 2, longest_wait)) {
    try {
      connect();
      return;
    } catch (const std::exception& e) {
      connection_.reset();
      const auto now = std::chrono::steady_clock::now();
      // What keeps it away may be something else by now.
      if (place_->lost() || (said != e.what() && now - said_at >= said_again)) {
        said = e.what();
        said_at = now;
        say::error("the database does not answer, and is looked for until it does: {}", said);
      }
    }
    give_up_if_told();
    std::this_thread::sleep_for(wait);
  }
}

void pg_writer::connect() {
  const bool is_first = session_.pid == 0;
  connection_ = std::make_unique<pg_connection>(place_->address, pg_connection::role::writer, place_.get());
  const auto& served_by = connection_->served_by();
  place_->judge(served_by);
  if (served_by.read_only)
    throw pg_lost{"the server takes no writes: default_transaction_read_only is on"};
  await_standby(*connection_);
  session_ = served_by;
  catalog_.use(*connection_);
  unit_.use(*connection_);
  approvals_.use(*connection_);
  usage_.use(*connection_);
  budgets_.use(*connection_);
  nodes_.use(*connection_);
  unit_.begin_timeline(served_by.server.timeline);
  if (has_lost_commits())
    begin_anew();
  nodes_.show_life();
  if (!is_first)
    pause_.came_back(std::chrono::steady_clock::now());
  place_->answers();
}

void pg_writer::note_committed() noexcept {
  committed_ = number_;
  committed_at_ = std::chrono::steady_clock::now();
}

bool pg_writer::has_lost_commits() {
  // Notes are kept for a day; what is older was lost by nobody.
  if (committed_ == 0 || std::chrono::steady_clock::now() - committed_at_ > 1h)
    return false;
  return !connection_->query("SELECT 1 FROM batches WHERE writer = $1::uuid AND number = $2::bigint", id_, committed_)
            .next();
}

void pg_writer::begin_anew() {
  say::error("the database has lost commits that this node was told of (a standby that did not have them was "
             "promoted, or an older state restored): what runs here is begun again");
  nodes_.give_lease_up();
  committed_ = 0;
}

void pg_writer::await_standby(pg_connection& fresh) const {
  if (session_.pid == 0)
    return;
  std::string waits = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid = ";
  append_pg_value(waits, session_.pid);
  waits += " AND backend_start = ";
  append_pg_literal(waits, session_.started);
  for (bool said = false; fresh.run(waits).next();) {
    place_->lost();
    if (!std::exchange(said, true))
      say::error("a commit waits for a standby that does not answer (synchronous_standby_names): nothing is "
                 "written until it does, or is taken from that list");
    give_up_if_told();
    std::this_thread::sleep_for(longest_wait);
  }
}

void pg_writer::await_room(const pg_failure& why) {
  if (place_->lost(store_trouble::disk_full))
    say::error("the database's disk is full, and nothing is written until there is room: {}", why.what());
  give_up_if_told();
  std::this_thread::sleep_for(longest_wait);
  try {
    nodes_.hold_lease();
  } catch (const std::exception&) {
    // The next try of the batch meets the same.
  }
}

void pg_writer::give_up_if_told() const {
  if (place_->given_up)
    throw pg_failure{"", "the process ends and the database is away"};
}

} // namespace troupe
