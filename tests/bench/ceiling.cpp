#include "tests/bench/ceiling.hpp"

#include "tests/bench/operations.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::string_view input = "Hello";
constexpr std::string_view answer = "Echo: Hello";

double per_second(std::size_t tasks, clock::time_point begin) {
  return static_cast<double>(tasks) / std::chrono::duration<double>(clock::now() - begin).count();
}

// -- SQLite by hand ----------------------------------------------------------------

class statement {
public:
  statement(sqlite3* db, const char* sql) {
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) != SQLITE_OK) {
      throw std::runtime_error{sqlite3_errmsg(db)};
    }
  }
  ~statement() { sqlite3_finalize(handle_); }
  statement(const statement&) = delete;
  statement& operator=(const statement&) = delete;

  template <class... Values>
  void run(const Values&... values) {
    int at = 0;
    (bind(++at, values), ...);
    if (const int code = sqlite3_step(handle_); code != SQLITE_DONE && code != SQLITE_ROW) {
      throw std::runtime_error{sqlite3_errstr(code)};
    }
    sqlite3_reset(handle_);
  }

private:
  void bind(int at, std::int64_t value) { sqlite3_bind_int64(handle_, at, value); }
  void bind(int at, std::string_view value) {
    sqlite3_bind_text(handle_, at, value.data(), static_cast<int>(value.size()), SQLITE_STATIC);
  }
  void bind(int at, const uuid& value) {
    sqlite3_bind_blob(handle_, at, value.bytes.data(), static_cast<int>(value.bytes.size()), SQLITE_STATIC);
  }

  sqlite3_stmt* handle_ = nullptr;
};

/// The statements of a task's life, as persistence/sqlite/tables has them.
class raw_store {
public:
  explicit raw_store(sqlite3* db)
    : db_{db},
      insert_task_{db, "INSERT INTO tasks(id, thread_id, ns, created_by, status, queued, attempt, last_seq, "
                       "max_attempts, priority, input_tokens, output_tokens, created_at, updated_at, name, bot, "
                       "bot_ns, node, input, spec, metadata) VALUES(?1, ?1, 'default', 'anonymous', 0, 1, 0, 2, 3, 0, "
                       "0, 0, ?2, ?2, 'Hello', 'default', 'default', '', ?3, '', '')"},
      insert_queue_{db, "INSERT INTO queue(task_id, thread_id, ns, state, held, priority, order_no, due_at, attempt, "
                        "last_seq, charged, throttled, recoveries, fresh, called, input_tokens, output_tokens, node) "
                        "VALUES(?1, ?1, 'default', 0, 0, 0, ?2, ?3, 0, 2, 0, 0, 0, 1, 0, 0, 0, '')"},
      find_ready_{db, "SELECT q.task_id, t.input FROM queue q JOIN tasks t ON t.id = q.task_id WHERE q.state = 0 "
                      "ORDER BY q.priority DESC, q.order_no LIMIT 1"},
      start_queue_{db, "UPDATE queue SET state = 1, held = 1, attempt = 1, last_seq = 4, owner = ?2, node = 'node', "
                       "started_at = ?3, fresh = 0 WHERE task_id = ?1"},
      start_task_{db, "UPDATE tasks SET status = 1, attempt = 1, node = 'node', updated_at = ?2, started_at = ?2 "
                      "WHERE id = ?1"},
      load_{db, "SELECT t.thread_id, t.ns, t.created_by, t.name, t.status, t.attempt, q.last_seq, q.state, q.owner "
                "FROM tasks t LEFT JOIN queue q ON q.task_id = t.id WHERE t.id = ? AND t.deleted_at IS NULL"},
      insert_attempt_{db, "INSERT INTO attempts(task_id, attempt, outcome, started_at, ended_at, input_tokens, "
                          "output_tokens, node) VALUES(?1, 1, 1, ?2, ?2, 1, 2, 'node')"},
      leave_queue_{db, "DELETE FROM queue WHERE task_id = ?"},
      finish_task_{db, "UPDATE tasks SET status = 2, queued = 0, last_seq = 7, input_tokens = 1, output_tokens = 2, "
                       "updated_at = ?2, completed_at = ?2, output = ?3 WHERE id = ?1"},
      insert_event_{db, "INSERT INTO events(position, task_id, seq, attempt, type, at, data) VALUES(?, ?, ?, ?, ?, ?, "
                        "?)"},
      insert_message_{db, "INSERT INTO messages(thread_id, position, task_id, role, attempt, created_at, content) "
                          "VALUES(?1, ?2, ?1, ?3, 1, ?4, ?5)"} {}

  void execute(const char* sql) {
    if (sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) {
      throw std::runtime_error{sqlite3_errmsg(db_)};
    }
  }

  void create(const uuid& id) {
    insert_task_.run(id, now_, input);
    insert_queue_.run(id, ++order_, now_);
    event(id, 1, 0, event_type::task_created, R"({"name":"Hello","status":"PENDING"})");
    event(id, 2, 0, event_type::task_queued, R"({"name":"Hello","status":"PENDING"})");
  }

  void claim(const uuid& id) {
    find_ready_.run();
    event(id, 3, 1, event_type::task_started,
          R"({"name":"Hello","status":"RUNNING","attempt":1,"node":"node","bot":"default"})");
    event(id, 4, 1, event_type::chat_start, R"({"bot":"default","model":"builtin"})");
    insert_message_.run(id, position_, std::int64_t{0}, now_, input);
    start_task_.run(id, now_);
    start_queue_.run(id, owner_, now_);
  }

  void complete(const uuid& id) {
    load_.run(id);
    event(id, 5, 1, event_type::chat_chunk, R"({"text":"Echo: Hello","offset":0})");
    event(id, 6, 1, event_type::chat_done, "{}");
    insert_attempt_.run(id, now_);
    leave_queue_.run(id);
    event(
      id, 7, 1, event_type::task_completed,
      R"({"name":"Hello","status":"COMPLETED","output":"Echo: Hello","usage":{"input_tokens":1,"output_tokens":2}})");
    insert_message_.run(id, position_, std::int64_t{1}, now_, answer);
    finish_task_.run(id, now_, answer);
  }

private:
  void event(const uuid& id, std::int64_t seq, std::int64_t attempt, event_type type, std::string_view data) {
    insert_event_.run(++position_, id, seq, attempt, static_cast<std::int64_t>(type), now_, data);
  }

  sqlite3* db_;
  statement insert_task_;
  statement insert_queue_;
  statement find_ready_;
  statement start_queue_;
  statement start_task_;
  statement load_;
  statement insert_attempt_;
  statement leave_queue_;
  statement finish_task_;
  statement insert_event_;
  statement insert_message_;
  std::int64_t now_ = now().time_since_epoch().count();
  std::int64_t order_ = 0;
  std::int64_t position_ = 0;
  uuid owner_ = make_uuid();
};

/// Calls `step` for every id, `group` of them to a transaction.
template <class Step>
void in_groups(raw_store& store, const std::vector<uuid>& ids, Step step) {
  store.execute("BEGIN IMMEDIATE");
  for (const auto& id : ids) {
    step(id);
  }
  store.execute("COMMIT");
}

} // namespace

double raw_ceiling(const std::filesystem::path& directory, std::size_t tasks, std::size_t group) {
  const std::string file = (directory / "raw.db").string();
  take(migrate_database("sqlite:" + file));
  sqlite3* handle = nullptr;
  sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> db{handle, sqlite3_close};
  sqlite3_exec(db.get(),
               "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
               "PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-8192; PRAGMA secure_delete=OFF",
               nullptr, nullptr, nullptr);
  raw_store store{db.get()};

  const auto begin = clock::now();
  for (std::size_t done = 0; done < tasks; done += group) {
    std::vector<uuid> ids;
    for (std::size_t i = 0; i < group; ++i) {
      ids.push_back(make_uuid());
    }
    in_groups(store, ids, [&](const uuid& id) { store.create(id); });
    in_groups(store, ids, [&](const uuid& id) { store.claim(id); });
    in_groups(store, ids, [&](const uuid& id) { store.complete(id); });
  }
  return per_second(tasks, begin);
}

double store_ceiling(const std::filesystem::path& directory, std::size_t tasks, std::size_t group) {
  const auto db = take(open_database("sqlite:" + (directory / "store.db").string()));
  const auto writer = take(db->open_writer());
  const uuid owner = make_uuid();
  const auto begin = clock::now();
  for (std::size_t done = 0; done < tasks; done += group) {
    std::vector<operation> creations;
    std::vector<operation> completions;
    for (std::size_t i = 0; i < group; ++i) {
      auto op = creation();
      completions.emplace_back(completion({op.task.id, 1, owner}));
      creations.emplace_back(std::move(op));
    }
    apply_all(*writer, creations);
    const std::vector<operation> claim{claim_tasks{owner, "node", static_cast<int>(group), now()}};
    apply_all(*writer, claim);
    apply_all(*writer, completions);
  }
  return per_second(tasks, begin);
}

} // namespace troupe
