#pragma once

#include "persistence/postgres/connection.hpp"
#include "persistence/postgres/database.hpp"
#include "persistence/postgres/page.hpp"
#include "persistence/rows/record_rows.hpp"
#include "persistence/store.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

/// The reading side of the PostgreSQL store: a connection of its own that never
/// writes. If it is lost, the next question looks for another one; while there is no
/// server, questions are refused at once.
namespace troupe {

class pg_reader final : public store_reader {
public:
  explicit pg_reader(std::shared_ptr<pg_place> place) : place_{std::move(place)} {}

  void begin() override;
  void end() override;

  store_result<task_record> get_task(const uuid& id) override;
  store_result<task_outline> outline(const uuid& task_id) override;
  store_result<page<task_record, uuid>> list_tasks(const task_filter& filter, std::optional<uuid> before,
                                                   int limit) override;
  store_result<page<message_record, std::int64_t>> task_messages(const uuid& task_id, std::int64_t after,
                                                                 int limit) override;
  store_result<page<message_record, std::int64_t>> thread_messages(const uuid& thread_id, std::int64_t after,
                                                                   int limit) override;
  store_result<page<attempt_record, int>> attempts(const uuid& task_id, int after, int limit) override;
  store_result<page<event_record, std::int64_t>> events_after(const uuid& task_id, std::int64_t seq,
                                                              int limit) override;
  store_result<room> resolve(const room& r) override;
  store_result<std::int64_t> position_of(const uuid& task_id, std::int64_t seq) override;
  store_result<std::int64_t> last_position() override;
  store_result<room_events> room_events_after(const room& r, std::int64_t position, page_size most) override;
  store_result<bot_record> get_bot(const std::string& ns, const std::string& name) override;
  store_result<page<bot_record, std::string>> list_bots(const std::string& ns, const std::string& after,
                                                        int limit) override;
  store_result<model_record> get_model(const std::string& ns, const std::string& name) override;
  store_result<page<model_record, std::string>> list_models(const std::string& ns, const std::string& after,
                                                            int limit) override;
  store_result<page<approval_record, approval_place>> list_approvals(const std::string& ns, approval_state state,
                                                                     const std::optional<approval_place>& after,
                                                                     int limit) override;
  store_result<page<approval_record, approval_place>> approvals(const uuid& task_id, const std::string& after,
                                                                int limit) override;
  store_result<std::vector<usage_record>> usage(const usage_filter& filter, usage_group group) override;
  store_result<budget_record> get_budget(const std::string& scope) override;
  store_result<thread_record> get_thread(const uuid& thread_id) override;
  store_result<queue_stats> queue(const std::string& after, int limit) override;
  store_result<std::vector<node_record>> nodes() override;

private:
  /// Throws `pg_lost` if there is no server, at once if there was none a moment ago and the writer has found none
  /// since.
  pg_connection& connection();
  /// Runs `read`, giving what PostgreSQL throws as `unavailable`. A question outside of
  /// a view is asked once more if the connection turns out to be dead.
  template <class T, class Read>
  store_result<T> guarded(Read read);
  template <class Record, class Take>
  store_result<page<Record, std::string>> list_documents(const pg_page_sql& sql, const std::string& ns,
                                                         const std::string& after, int limit, Take take);
  std::shared_ptr<const event_source> source_of(const uuid& task_id);
  std::int64_t read_last_position();
  /// Of the entries behind `position`: what lies right before the first of them, and the last one; as it is if there
  /// are none.
  std::pair<std::int64_t, std::int64_t> bounds_behind(std::int64_t position);
  room_events read_room(const room& r, std::int64_t position, page_size most);

  std::shared_ptr<pg_place> place_;
  std::unique_ptr<pg_connection> connection_;
  std::chrono::steady_clock::time_point next_try_{};
  /// `pg_place::returns` before the last try.
  std::uint64_t returns_ = 0;
  bool in_view_ = false;
};

template <class T, class Read>
store_result<T> pg_reader::guarded(Read read) {
  for (int tries = 0;; ++tries) {
    const bool had_connection = connection_ != nullptr;
    try {
      return read();
    } catch (const pg_lost& e) {
      connection_.reset();
      in_view_ = false;
      // A connection that died since the last question says nothing about the server.
      if (!had_connection || tries > 0)
        return unavailable(e);
    } catch (const std::exception& e) {
      // The view is void after an error.
      if (std::exchange(in_view_, false))
        connection_.reset();
      return unavailable(e);
    }
  }
}

/// Connects at its first use.
store_result<std::unique_ptr<store_reader>> make_pg_reader(std::shared_ptr<pg_place> place);

} // namespace troupe
