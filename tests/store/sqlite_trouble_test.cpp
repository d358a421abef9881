#include "persistence/outage.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/trouble.hpp"
#include "store_fixture.hpp"
#include "tests/eventually.hpp"
#include "tests/private_volume.hpp"
#include "tests/providers/needs.hpp"
#include "tests/store/faulty_disk.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <future>
#include <sys/resource.h>

/// A SQLite file that cannot be written: nothing is refused, nothing is lost, nothing is
/// done twice, whichever write or flush it is that fails, and however.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class SqliteTrouble : public testing::Test {
protected:
  explicit SqliteTrouble(const std::filesystem::path& parent = std::filesystem::temp_directory_path())
    : folder{parent} {}

  [[nodiscard]] std::string file() const { return folder.file("troupe.db"); }

  void open() {
    db = value_of<std::shared_ptr<database>>(open_database("sqlite:" + file()));
    writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
    reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
  }
  void close() {
    reader.reset();
    writer.reset();
    db.reset();
  }

  static create_task make_task(std::size_t bytes = 20) {
    create_task op;
    op.task.id = op.task.thread_id = make_uuid();
    op.task.input = std::string(bytes, 'x');
    op.task.ns = op.task.bot = op.task.bot_ns = "default";
    op.task.created_at = now();
    return op;
  }
  static std::vector<operation> make_batch(int count, std::size_t bytes = 20) {
    std::vector<operation> batch;
    for (int i = 0; i < count; ++i)
      batch.emplace_back(make_task(bytes));
    return batch;
  }

  std::future<committed> apply_beside(const std::vector<operation>& batch) {
    return std::async(std::launch::async, [this, batch] { return writer->apply(batch); });
  }
  bool is_away() {
    return eventually([this] { return !db->available(); });
  }

  /// Every task is there once, positions have no hole, and the file is sound.
  void expect_stored(const std::vector<std::vector<operation>>& batches) {
    std::int64_t position = 0;
    for (const auto& batch : batches)
      for (const auto& op : batch) {
        const auto& task = std::get<create_task>(op).task;
        EXPECT_EQ(value_of<task_record>(reader->get_task(task.id)).input, task.input);
        const auto events = value_of<page<event_record, std::int64_t>>(reader->events_after(task.id, 0, 100)).items;
        ASSERT_EQ(events.size(), 1U);
        EXPECT_EQ(events[0].position, ++position);
      }
    EXPECT_EQ(value_of<std::int64_t>(reader->last_position()), position);
  }
  static void expect_sound(const std::string& file) {
    sqlite_connection connection{file, sqlite_connection::role::writer};
    EXPECT_EQ(connection.number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
  }
  static void expect_done(const committed& result, const std::vector<operation>& batch) {
    ASSERT_EQ(result.outcomes.size(), batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i)
      EXPECT_EQ(value_of<task_result>(result.outcomes[i]).task.id, std::get<create_task>(batch[i]).task.id);
    ASSERT_EQ(result.events.size(), batch.size());
    EXPECT_EQ(result.to_position - result.from_position, static_cast<std::int64_t>(batch.size()));
    EXPECT_EQ(result.events.front().position, result.from_position + 1);
    EXPECT_EQ(result.events.back().position, result.to_position);
  }

  temporary_folder folder;
  std::shared_ptr<database> db;
  std::unique_ptr<store_writer> writer;
  std::unique_ptr<store_reader> reader;
};

struct failure {
  const char* name;
  faulty_disk::part which;
  int code;
  int system_error;
  bool half;
  store_trouble trouble;
};

constexpr failure failures[]{
  {"Full", faulty_disk::part::writes, SQLITE_FULL, ENOSPC, false, store_trouble::disk_full},
  {"FullInTheMiddle", faulty_disk::part::writes, SQLITE_FULL, ENOSPC, true, store_trouble::disk_full},
  {"OverQuota", faulty_disk::part::writes, SQLITE_IOERR_WRITE, EDQUOT, true, store_trouble::disk_full},
  {"RemountedReadOnly", faulty_disk::part::both, SQLITE_IOERR_WRITE, EROFS, false, store_trouble::read_only},
  {"ReadOnly", faulty_disk::part::writes, SQLITE_READONLY, 0, false, store_trouble::read_only},
  {"BrokenWrites", faulty_disk::part::writes, SQLITE_IOERR_WRITE, EIO, true, store_trouble::io_error},
  {"BrokenFlushes", faulty_disk::part::flushes, SQLITE_IOERR_FSYNC, EIO, false, store_trouble::io_error},
};

void PrintTo(const failure& f, std::ostream* out) {
  *out << f.name;
}

class SqliteFailure : public SqliteTrouble, public testing::WithParamInterface<failure> {
protected:
  // Flushes cost nothing there, and there are many.
  SqliteFailure() : SqliteTrouble{"/dev/shm"} {}

  faulty_disk disk;
};

INSTANTIATE_TEST_SUITE_P(Of, SqliteFailure, testing::ValuesIn(failures),
                         [](const auto& one) { return std::string{one.param.name}; });

// Issue 10, row 10, varied: each write and each flush of three batches fails, once, and some three times in a row.
TEST_P(SqliteFailure, OfAnyOneCallIsMadeUpFor) {
  const auto& f = GetParam();
  for (const int times : {1, 3}) {
    for (int good = 0, failed = 1; failed > 0; good += times * times) {
      std::filesystem::remove_all(file());
      open();
      const std::vector batches{make_batch(3, 9'000), make_batch(1), make_batch(8, 3'000)};
      faulty_disk::forget_failed();
      faulty_disk::fail(f.which, f.code, good, times, f.system_error, f.half);
      for (const auto& batch : batches)
        expect_done(writer->apply(batch), batch);
      failed = faulty_disk::failed();
      faulty_disk::heal();
      EXPECT_TRUE(db->available());
      expect_stored(batches);
      close();
      open();
      expect_stored(batches);
      close();
      expect_sound(file());
      ASSERT_LT(good, 500);
    }
  }
}

TEST_P(SqliteFailure, IsWaitedForAndSaid) {
  const auto& f = GetParam();
  open();
  const auto before = make_batch(2);
  expect_done(writer->apply(before), before);
  faulty_disk::fail(f.which, f.code, 0, faulty_disk::for_ever, f.system_error, f.half);
  const auto waiting = make_batch(3);
  auto answer = apply_beside(waiting);
  ASSERT_TRUE(is_away());
  // Several tries later.
  const auto tries = faulty_disk::failed();
  EXPECT_TRUE(eventually([&] { return faulty_disk::failed() > tries + 5; }));
  EXPECT_EQ(answer.wait_for(0s), std::future_status::timeout);
  EXPECT_EQ(value_of<std::int64_t>(reader->last_position()), 2) << "what is not on disk is not seen";
  const auto state = db->state();
  EXPECT_FALSE(state.available);
  EXPECT_EQ(state.outages[static_cast<std::size_t>(f.trouble)], 1U);
  EXPECT_TRUE(state.free_bytes);
  faulty_disk::heal();
  expect_done(answer.get(), waiting);
  EXPECT_TRUE(db->available());
  expect_stored({before, waiting});
}

TEST_P(SqliteFailure, IsNotWaitedForOnceTheProcessEnds) {
  const auto& f = GetParam();
  open();
  const auto before = make_batch(2);
  writer->apply(before);
  faulty_disk::fail(f.which, f.code, 0, faulty_disk::for_ever, f.system_error, f.half);
  const auto waiting = make_batch(3);
  auto answer = apply_beside(waiting);
  ASSERT_TRUE(is_away());
  db->give_up();
  const auto refused = answer.get();
  ASSERT_EQ(refused.outcomes.size(), 3U);
  for (const auto& one : refused.outcomes)
    EXPECT_EQ(refusal(one), errc::unavailable);
  EXPECT_TRUE(refused.events.empty());
  EXPECT_EQ(refusal(writer->apply(waiting).outcomes.at(0)), errc::unavailable) << "nor is the next one";
  faulty_disk::heal();
  close();
  open();
  expect_stored({before});
}

TEST_P(SqliteFailure, ThatTakesTheProcessDownLeavesAllOfABatchOrNothing) {
  const auto& f = GetParam();
  open();
  const auto before = make_batch(2);
  writer->apply(before);
  faulty_disk::fail(f.which, f.code, 0, faulty_disk::for_ever, f.system_error, f.half);
  const auto waiting = make_batch(3, 9'000);
  auto answer = apply_beside(waiting);
  ASSERT_TRUE(is_away());
  // What a kill at this moment would leave.
  const temporary_folder copy;
  for (const std::string end : {"", "-wal"})
    std::filesystem::copy_file(file() + end, copy.file("troupe.db") + end);
  db->give_up();
  answer.get();
  close();
  faulty_disk::heal();
  const auto after = value_of<std::shared_ptr<database>>(open_database("sqlite:" + copy.file("troupe.db")));
  const auto there = value_of<std::unique_ptr<store_reader>>(after->open_reader());
  const auto position = value_of<std::int64_t>(there->last_position());
  EXPECT_TRUE(position == 2 || position == 5) << position;
  for (const auto& op : before)
    EXPECT_EQ(refusal(there->get_task(std::get<create_task>(op).task.id)), std::nullopt);
  for (const auto& op : waiting)
    EXPECT_EQ(!refusal(there->get_task(std::get<create_task>(op).task.id)), position == 5);
}

// -- a real limit ----------------------------------------------------------------

/// While it lives, no file of this process grows past `size`: every write beyond
/// fails as on a full disk.
class limited_files {
public:
  explicit limited_files(rlim_t size) : handler_{std::signal(SIGXFSZ, SIG_IGN)} {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{size, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~limited_files() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  limited_files(const limited_files&) = delete;
  limited_files& operator=(const limited_files&) = delete;

private:
  void (*handler_)(int);
  rlimit before_{};
};

TEST_F(SqliteTrouble, OfAFileThatMayNotGrowIsWaitedFor) {
  open();
  const auto before = make_batch(1);
  writer->apply(before);
  const auto waiting = make_batch(2, 300'000);
  std::future<committed> answer;
  {
    const limited_files limit{std::filesystem::file_size(file() + "-wal")};
    answer = apply_beside(waiting);
    ASSERT_TRUE(is_away());
    EXPECT_EQ(db->state().outages[static_cast<std::size_t>(store_trouble::disk_full)], 1U);
  }
  answer.get();
  expect_stored({before, waiting});
}

TEST_F(SqliteTrouble, OfAnotherProgramsLockIsWaitedFor) {
  open();
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto waiting = make_batch(2);
  auto answer = apply_beside(waiting);
  ASSERT_TRUE(is_away());
  EXPECT_EQ(db->state().outages[static_cast<std::size_t>(store_trouble::locked)], 1U);
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  expect_done(answer.get(), waiting);
  expect_stored({waiting});
}

// -- volumes ---------------------------------------------------------------------

TEST(SqliteLog, IsASmallPartOfItsVolume) {
  constexpr std::uintmax_t megabyte = 1024 * 1024;
  EXPECT_EQ(log_pages_on(100'000 * megabyte), 4000);
  EXPECT_EQ(log_pages_on(256 * megabyte), 4000);
  EXPECT_EQ(log_pages_on(8 * megabyte), 128);
  EXPECT_EQ(log_pages_on(0), 32);
  EXPECT_EQ(log_pages_on(UINTMAX_MAX), 4000);
}

class SmallVolume : public testing::TestWithParam<int> {
protected:
  static constexpr std::size_t megabyte = 1024 * 1024;
};

INSTANTIATE_TEST_SUITE_P(Of, SmallVolume, testing::Values(2, 8, 40),
                         [](const auto& size) { return std::to_string(size.param) + "Megabytes"; });

// A log of 16 MB would take all of it, and leave no room for what it has to be moved to.
TEST_P(SmallVolume, HoldsTasksNotTheLog) {
  TROUPE_NEEDS(private_volume);
  const private_volume volume{GetParam() * megabyte};
  const auto db = value_of<std::shared_ptr<database>>(open_database("sqlite:" + volume.file("troupe.db")));
  const auto writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  std::size_t stored = 0;
  create_task op;
  op.task.ns = op.task.bot = op.task.bot_ns = "default";
  op.task.input = std::string(10'000, 'x');
  op.task.created_at = now();
  while (volume.free_bytes() > GetParam() * megabyte / 10) {
    op.task.id = op.task.thread_id = make_uuid();
    const std::vector<operation> batch{op};
    ASSERT_EQ(refusal(writer->apply(batch).outcomes.at(0)), std::nullopt);
    stored += op.task.input.size();
    const auto log = std::filesystem::file_size(volume.file("troupe.db-wal"));
    ASSERT_LE(log, std::max<std::uintmax_t>(GetParam() * megabyte / 6, 300'000));
  }
  EXPECT_GT(stored, GetParam() * megabyte / 2);
}

// What is small enough does not wait for what is not.
TEST_F(SqliteTrouble, OfABatchThatIsTooLargeStoresWhatThereIsRoomFor) {
  TROUPE_NEEDS(private_volume);
  private_volume volume{8 * 1024 * 1024};
  db = value_of<std::shared_ptr<database>>(open_database("sqlite:" + volume.file("troupe.db")));
  writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
  volume.fill(800'000);
  auto batch = make_batch(4);
  const auto large = make_batch(10, 300'000);
  batch.insert(batch.end(), large.begin(), large.end());
  auto answer = apply_beside(batch);
  ASSERT_TRUE(is_away());
  EXPECT_EQ(refusal(reader->get_task(std::get<create_task>(batch[0]).task.id)), std::nullopt);
  EXPECT_EQ(refusal(reader->get_task(std::get<create_task>(batch.back()).task.id)), errc::not_found);
  volume.release();
  expect_done(answer.get(), batch);
  expect_stored({batch});
  close();
}

} // namespace
} // namespace troupe
