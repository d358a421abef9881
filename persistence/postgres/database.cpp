#include "persistence/postgres/database.hpp"

#include "config/database_url.hpp"
#include "persistence/logging/say.hpp"
#include "persistence/postgres/connection.hpp"
#include "persistence/postgres/demands.hpp"
#include "persistence/postgres/migrations.hpp"
#include "persistence/postgres/reader.hpp"
#include "persistence/postgres/writer.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace troupe {
namespace {

class pg_database final : public database {
public:
  explicit pg_database(std::shared_ptr<pg_place> place) : place_{std::move(place)} {}

  store_result<std::unique_ptr<store_writer>> open_writer() override {
    if (place_->has_writer.exchange(true))
      return store_error{errc::unavailable, "The database has this process's one writer already."};
    return make_pg_writer(place_);
  }

  store_result<std::unique_ptr<store_reader>> open_reader() override { return make_pg_reader(place_); }

  [[nodiscard]] database_info info() const override { return {true, place_->id, place_->is_new}; }
  [[nodiscard]] timestamp now() const override { return place_->clock.now(); }
  [[nodiscard]] bool available() const noexcept override { return place_->available; }
  [[nodiscard]] store_state state() const override {
    store_state found;
    found.available = place_->available;
    found.clock_ahead = place_->clock.ahead();
    std::copy(place_->outages.begin(), place_->outages.end(), found.outages.begin());
    return found;
  }
  void give_up() noexcept override { place_->given_up = true; }

private:
  std::shared_ptr<pg_place> place_;
};

/// Says so where the server is set up to lose what it has acknowledged.
void warn_of_risks(pg_connection& connection) {
  for (const std::string setting : {"fsync", "full_page_writes", "synchronous_commit"}) {
    auto rows = connection.run("SHOW " + setting);
    if (rows.next() && rows.take_view() == "off")
      say::warn("PostgreSQL has {} off: what was acknowledged can be lost when its machine fails", setting);
  }
}

uuid database_id(pg_connection& connection) {
  auto rows = connection.run("SELECT value FROM meta WHERE name = 'database_id'");
  return rows.next() ? rows.take<uuid>() : uuid{};
}

} // namespace

void pg_place::answers() {
  // Read first: this is asked after each call, and is nearly always true.
  if (available)
    return;
  // Who sees that it is back sees that it has returned.
  ++returns;
  if (!available.exchange(true))
    say::info("the database is back");
}

void pg_place::judge(const pg_connection::session& served_by) {
  if (served_by.in_recovery)
    throw pg_lost{"the server is a standby"};
  const std::lock_guard lock{mutex_};
  if (served_by.server.is_behind(identity_))
    throw pg_lost{"the server is a former primary: its timeline is " + std::to_string(served_by.server.timeline)
                  + ", and this node has been served by one of timeline " + std::to_string(identity_.timeline)};
  identity_ = served_by.server;
}

pg_identity pg_place::identity() const {
  const std::lock_guard lock{mutex_};
  return identity_;
}

bool pg_place::lost(store_trouble why) noexcept {
  const bool answered = available.exchange(false);
  if (answered)
    ++outages[static_cast<std::size_t>(why)];
  return answered;
}

store_result<opened_pg> open_pg(const std::string& url, const std::string& password_file) {
  try {
    auto place = std::make_shared<pg_place>();
    place->address = pg_address(url, password_file);
    pg_connection connection{place->address, pg_connection::role::writer};
    if (auto refused = refuse_pooler(place->address, connection))
      return std::move(*refused);
    auto migration = migrate_pg(connection);
    if (auto* error = std::get_if<store_error>(&migration))
      return std::move(*error);
    warn_of_risks(connection);
    place->judge(connection.served_by());
    place->id = database_id(connection);
    place->is_new = std::get<migration_report>(migration).from == 0;
    return opened_pg{std::make_shared<pg_database>(std::move(place)), std::get<migration_report>(migration)};
  } catch (const pg_unsuitable& e) {
    return store_error{errc::unsuitable, e.what()};
  } catch (const std::exception& e) {
    return store_error{errc::unavailable,
                       "The database " + redacted_database(url) + " cannot be opened: " + e.what() + "."};
  }
}

} // namespace troupe
