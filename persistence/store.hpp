#pragma once

#include "persistence/operations.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/records.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace troupe {

/// A value, or why there is none. No exception leaves this layer.
template <class T>
using store_result = std::variant<store_error, T>;

// -- writing ------------------------------------------------------------------

/// What a batch did, once it is on disk.
struct committed {
  /// One per operation, in their order.
  std::vector<outcome> outcomes;
  /// Every new journal entry, in the order of `position`.
  std::vector<event_record> events;
  /// The positions of this commit: those behind `from_position` up to and with
  /// `to_position`. The next commit, of whichever writer, goes on from there, so
  /// that whoever hears of all commits can tell when it has missed one. Both are 0
  /// if the batch took none, and if others have committed in between.
  std::int64_t from_position = 0;
  std::int64_t to_position = 0;
  /// This batch made tasks ready to be claimed, or left some of those it found.
  bool work_ready = false;
  /// A task was queued for a later time; the earliest such time in this batch.
  std::optional<timestamp> next_due;
};

/// The writing side of a store; used by one thread at a time.
class store_writer {
public:
  virtual ~store_writer() = default;

  /// Applies `batch` as one transaction and returns when it is on disk. An
  /// operation that fails does so alone: the others are committed. If the database
  /// cannot be reached, or cannot be written (its disk is full), this waits until it can
  /// be again, and finds out what became of a commit whose answer was lost: what is
  /// returned is always what happened. Only once the process has given up waiting
  /// (`database::give_up`) is every outcome `unavailable`.
  virtual committed apply(std::span<const operation> batch) = 0;
};

// -- reading ------------------------------------------------------------------

/// Which events a subscriber wants.
struct room {
  enum class kind : std::uint8_t {
    /// The events of all tasks of the named task's thread.
    task,
    /// The events of all tasks created by a user.
    user,
    /// The events of all tasks of a namespace.
    ns,
  };

  kind type = kind::task;
  /// For `task`: a task of the thread when asking, the thread's id once resolved.
  uuid id;
  /// For `user` and `ns`: the name.
  std::string name;

  auto operator<=>(const room&) const = default;
};

/// Every set field must match.
struct task_filter {
  std::string ns;
  std::optional<task_status> status;
  std::optional<std::string> created_by;
  std::optional<uuid> thread_id;
  std::optional<std::string> bot;
  /// Exclusive.
  std::optional<timestamp> created_after;
  /// Exclusive.
  std::optional<timestamp> created_before;
};

/// A page and where the next one starts. It ends at the number of items that was asked
/// for or at about 1 MiB, whichever comes first (persistence/page_bound.hpp), and is empty
/// only where there is nothing left.
template <class T, class Key>
struct page {
  std::vector<T> items;
  std::optional<Key> next;
};

/// Where a page of approvals ends.
struct approval_place {
  uuid task_id;
  std::string call_id;
};

/// Every set field must match.
struct usage_filter {
  std::optional<std::string> ns;
  /// Days, inclusive: `2026-01-31`.
  std::optional<std::string> from;
  std::optional<std::string> to;
};

/// What there is to know of a task without its texts, which may have half a mebibyte.
struct task_outline {
  uuid thread_id;
  task_status status = task_status::pending;
  /// Of the last entry of its journal.
  std::int64_t last_seq = 0;
};

/// A conversation as a whole.
struct thread_record {
  uuid id;
  std::string ns;
  std::int64_t tasks = 0;
  token_usage usage;
  timestamp created_at{};
  timestamp updated_at{};
};

/// Tasks in the queue by what they wait for, and how long the oldest has.
struct queue_stats {
  struct row {
    std::string ns;
    /// Due, and waiting for capacity.
    std::int64_t ready = 0;
    /// Waiting for a time: `run_at`.
    std::int64_t scheduled = 0;
    /// Between two attempts.
    std::int64_t retrying = 0;
    /// Behind another task of the same thread.
    std::int64_t blocked = 0;
    std::int64_t running = 0;
    /// When the longest-waiting ready task became due.
    std::optional<timestamp> oldest_due;
  };
  /// One row per namespace with tasks in the queue, by name.
  std::vector<row> namespaces;
  /// Where the next page of namespaces starts.
  std::optional<std::string> next;
  /// All namespaces together, also those on other pages; `ns` is empty.
  row totals;
};

/// Events of a room behind a position, as many as a page may have.
struct room_events {
  std::vector<event_record> events;
  /// How far was looked; the place to go on from. Everything of the room up to
  /// here is in `events`.
  std::int64_t position = 0;
  /// There is nothing committed behind `position`.
  bool at_end = false;
};

/// A bot, and what its models' names stand for.
struct checked_bot {
  struct model {
    std::string name;
    /// None if it is neither in the bot's namespace nor in `default`.
    std::optional<model_record> found;
  };

  bot_record bot;
  /// Its model, then its fallback models in their order.
  std::vector<model> models;
};

/// The reading side of a store; each reader is used by one thread at a time, any
/// number exist beside the writer. Deleted tasks are not found, except by
/// `events_after` and `room_events_after`, whose journals end in `task:deleted`.
class store_reader {
public:
  virtual ~store_reader() = default;

  /// Opens one consistent view for the calls up to `end`; calls outside of it see
  /// the latest commit each. Saves the cost of a view per call.
  virtual void begin() = 0;
  virtual void end() = 0;

  virtual store_result<task_record> get_task(const uuid& id) = 0;
  virtual store_result<task_outline> outline(const uuid& task_id) = 0;
  /// Newest first, `limit` at most, those with an id below `before`.
  virtual store_result<page<task_record, uuid>> list_tasks(const task_filter& filter, std::optional<uuid> before,
                                                           int limit)
    = 0;
  /// The task's messages in order, those behind `after` (0 for the start).
  virtual store_result<page<message_record, std::int64_t>> task_messages(const uuid& task_id, std::int64_t after,
                                                                         int limit)
    = 0;
  /// The thread's messages in order; `not_found` if no task has this thread.
  virtual store_result<page<message_record, std::int64_t>> thread_messages(const uuid& thread_id, std::int64_t after,
                                                                           int limit)
    = 0;
  /// The task's attempts in order, those behind number `after` (0 for the start).
  virtual store_result<page<attempt_record, int>> attempts(const uuid& task_id, int after, int limit) = 0;
  /// The task's journal behind `seq`, in order.
  virtual store_result<page<event_record, std::int64_t>> events_after(const uuid& task_id, std::int64_t seq, int limit)
    = 0;

  /// Replaces a task by its thread in a task room, so that it can be compared and
  /// asked for; `not_found` if the task never existed.
  virtual store_result<room> resolve(const room& r) = 0;
  /// The position of a journal entry. `seq` 0 gives the place before the task's
  /// first entry; beyond the last one, the last one's.
  virtual store_result<std::int64_t> position_of(const uuid& task_id, std::int64_t seq) = 0;
  /// The position of the latest commit.
  virtual store_result<std::int64_t> last_position() = 0;
  /// Events of a resolved room behind `position`. Looks at a bounded number of
  /// entries, so that an empty answer is not yet the end: see `at_end`.
  virtual store_result<room_events> room_events_after(const room& r, std::int64_t position, page_size most) = 0;

  virtual store_result<bot_record> get_bot(const std::string& ns, const std::string& name) = 0;
  /// The bot that a task of `ns` with this bot's name is given: there, else in `default`.
  store_result<bot_record> find_bot(const std::string& ns, const std::string& name);
  /// The bot of exactly this namespace, with its models as an attempt would find them.
  store_result<checked_bot> check_bot(const std::string& ns, const std::string& name);
  /// By name, those behind `after`.
  virtual store_result<page<bot_record, std::string>> list_bots(const std::string& ns, const std::string& after,
                                                                int limit)
    = 0;
  virtual store_result<model_record> get_model(const std::string& ns, const std::string& name) = 0;
  virtual store_result<page<model_record, std::string>> list_models(const std::string& ns, const std::string& after,
                                                                    int limit)
    = 0;

  /// Those of a namespace in one state, oldest task first, behind `after`.
  virtual store_result<page<approval_record, approval_place>> list_approvals(const std::string& ns,
                                                                             approval_state state,
                                                                             const std::optional<approval_place>& after,
                                                                             int limit)
    = 0;
  /// A task's, whatever was decided, in the order of the calls, behind the call `after`
  /// (empty for the start).
  virtual store_result<page<approval_record, approval_place>> approvals(const uuid& task_id, const std::string& after,
                                                                        int limit)
    = 0;
  /// Most costly first, by days in order; at most 1,000 groups.
  virtual store_result<std::vector<usage_record>> usage(const usage_filter& filter, usage_group group) = 0;
  /// By its scope; `not_found` without one.
  virtual store_result<budget_record> get_budget(const std::string& scope) = 0;
  /// What a thread has come to; `not_found` if no task has this id for a thread.
  virtual store_result<thread_record> get_thread(const uuid& thread_id) = 0;

  /// Up to `limit` namespaces, which may be none, by name, behind `after`; and all of them
  /// together.
  virtual store_result<queue_stats> queue(const std::string& after, int limit) = 0;
  /// The nodes that were heard of lately, by name; at most 1,000, those heard of last.
  virtual store_result<std::vector<node_record>> nodes() = 0;
};

/// What a process should know of the database that it has opened.
struct database_info {
  /// Other processes may use it at the same time.
  bool shared = false;
  /// Made with the database: the same for all who share it.
  uuid id;
  /// There was nothing before this process opened it.
  bool is_new = false;
};

/// Why a store cannot be written for a while.
enum class store_trouble : std::uint8_t {
  /// No room is left, or no more is allowed (a quota, a limit on the size of files).
  disk_full,
  /// The volume takes no writes, as after an error (`errors=remount-ro`).
  read_only,
  /// Another program holds the file's lock.
  locked,
  /// What is read is no database any more.
  damaged,
  /// Reading, writing or flushing fails.
  io_error,
  /// A server does not answer.
  unreachable,
};

inline constexpr std::size_t store_troubles = 6;

/// As metrics name it: `disk_full`.
std::string_view to_string(store_trouble trouble) noexcept;

/// How often each trouble has begun, by its number.
using outage_counts = std::array<std::uint64_t, store_troubles>;

/// How a store does, for metrics.
struct store_state {
  bool available = true;
  outage_counts outages{};
  /// Bytes that this process may still write to the volume; none where the store is a server.
  std::optional<std::uint64_t> free_bytes;
  /// By how much this machine's clock is ahead of the database's; none where they are one.
  std::optional<std::chrono::microseconds> clock_ahead;
};

/// A database that is open and migrated: the factory of its two sides.
class database {
public:
  virtual ~database() = default;

  /// At most one writer exists at a time.
  virtual store_result<std::unique_ptr<store_writer>> open_writer() = 0;
  virtual store_result<std::unique_ptr<store_reader>> open_reader() = 0;

  [[nodiscard]] virtual database_info info() const = 0;
  /// The time by which everybody who shares the database goes: its own. On any thread.
  [[nodiscard]] virtual timestamp now() const { return troupe::now(); }
  /// False while the writer waits for a database that it has lost, or that cannot be
  /// written (a full disk); on any thread.
  [[nodiscard]] virtual bool available() const noexcept = 0;
  [[nodiscard]] virtual store_state state() const = 0;
  /// The process ends: a writer that waits for the database gives up, with
  /// `unavailable`; on any thread.
  virtual void give_up() noexcept = 0;
};

/// Opens `url` (`sqlite:<file>`, `postgres://…`, or libpq's `host=… dbname=…`),
/// creating what it lacks: the file and its folders, or the schema `troupe`, and the
/// migrations. The first line of `password_file` is the password for PostgreSQL; the
/// name may be empty. Fails if another process holds the file, if the schema is
/// newer, or if the server does not answer.
store_result<std::shared_ptr<database>> open_database(const std::string& url, const std::string& password_file = {});

/// The schema version this program writes, and the one found by the last
/// `open_database` before it migrated.
struct migration_report {
  int from = 0;
  int to = 0;
};

/// Opens, migrates and closes: for `troupe migrate`.
store_result<migration_report> migrate_database(const std::string& url, const std::string& password_file = {});

} // namespace troupe
