#pragma once

#include "persistence/rows/record_rows.hpp"
#include "persistence/sqlite/database.hpp"
#include "persistence/sqlite/rooms.hpp"
#include "persistence/sqlite/statement.hpp"
#include "persistence/store.hpp"

#include <map>
#include <memory>
#include <string>

/// The reading side of the SQLite store: a connection of its own, beside the
/// writer, that sees what is committed.
namespace troupe {

class sqlite_reader final : public store_reader {
public:
  explicit sqlite_reader(std::shared_ptr<sqlite_file> file);

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
  /// The statement for `sql`, prepared at its first use.
  sqlite_statement& prepared(const std::string& sql);
  /// Runs `read`, giving what SQLite throws as `unavailable`.
  template <class T, class Read>
  store_result<T> guarded(Read read);
  template <class Record, class Take>
  store_result<page<Record, std::string>> list_documents(const char* table, const std::string& ns,
                                                         const std::string& after, int limit, Take take);
  std::shared_ptr<const event_source> source_of(const uuid& task_id);

  std::shared_ptr<sqlite_file> file_;
  sqlite_connection connection_;
  sqlite_rooms rooms_;
  std::map<std::string, sqlite_statement, std::less<>> statements_;
  bool in_view_ = false;
};

template <class T, class Read>
store_result<T> sqlite_reader::guarded(Read read) {
  try {
    return read();
  } catch (const std::exception& e) {
    return unavailable(e);
  }
}

/// Throws `sqlite_failure`.
std::unique_ptr<store_reader> make_sqlite_reader(std::shared_ptr<sqlite_file> file);

} // namespace troupe
