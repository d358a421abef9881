#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/migrations.hpp"
#include "store_fixture.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

/// What only SQLite promises: its settings, its one process, its file.
namespace troupe {
namespace {

using testing::HasSubstr;

class Sqlite : public testing::Test {
protected:
  [[nodiscard]] std::string file() const { return folder.file("troupe.db"); }
  [[nodiscard]] std::string url() const { return "sqlite:" + file(); }

  std::shared_ptr<database> open() { return value_of<std::shared_ptr<database>>(open_database(url())); }

  static std::string why_not(const std::string& address) {
    const auto result = open_database(address);
    const auto* error = std::get_if<store_error>(&result);
    return error ? error->message : "it was opened";
  }

  /// Runs SQL on the closed file.
  void run_sql(const std::string& sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &raw), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << (error ? error : "");
    sqlite3_free(error);
    sqlite3_close(raw);
  }

  static create_task make_task(const std::string& name) {
    create_task op;
    op.task.id = op.task.thread_id = make_uuid();
    op.task.name = name;
    op.task.ns = op.task.bot = op.task.bot_ns = "default";
    op.task.created_at = now();
    return op;
  }

  temporary_folder folder;
};

TEST_F(Sqlite, TheWriterSyncsEachCommit) {
  sqlite_connection connection{file(), sqlite_connection::role::writer};
  EXPECT_EQ(connection.number("PRAGMA synchronous"), 2);
  EXPECT_EQ(connection.number("PRAGMA foreign_keys"), 1);
  EXPECT_EQ(connection.number("PRAGMA busy_timeout"), 5000);
  EXPECT_EQ(connection.number("PRAGMA wal_autocheckpoint"), 4000);
  EXPECT_EQ(connection.number("PRAGMA query_only"), 0);
  EXPECT_EQ(connection.number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
}

TEST_F(Sqlite, AReaderNeitherWritesNorCheckpoints) {
  const auto db = open();
  sqlite_connection connection{file(), sqlite_connection::role::reader};
  EXPECT_EQ(connection.number("PRAGMA query_only"), 1);
  EXPECT_EQ(connection.number("PRAGMA wal_autocheckpoint"), 0);
  EXPECT_EQ(connection.number("PRAGMA busy_timeout"), 5000);
  EXPECT_THROW(connection.execute("DELETE FROM tasks"), std::exception);
  EXPECT_EQ(sqlite3_db_readonly(connection.get(), "main"), 1);
}

TEST_F(Sqlite, MissingFoldersAreCreated) {
  const auto deep = folder.file("a/b/troupe.db");
  value_of<std::shared_ptr<database>>(open_database("sqlite:" + deep));
  EXPECT_TRUE(std::filesystem::exists(deep));
}

TEST_F(Sqlite, AnAddressThatCannotBeIsRefusedWithAReason) {
  EXPECT_THAT(why_not("sqlite::memory:"), HasSubstr("in memory"));
  EXPECT_THAT(why_not("sqlite:"), HasSubstr("names no file"));
  EXPECT_THAT(why_not("mysql://x"), HasSubstr("sqlite:<file>"));
  EXPECT_THAT(why_not("sqlite:/proc/nowhere/troupe.db"), HasSubstr("cannot be opened"));
}

TEST_F(Sqlite, AFileIsHeldOnce) {
  auto db = open();
  EXPECT_THAT(why_not(url()), HasSubstr("in use by another"));
  db.reset();
  EXPECT_EQ(why_not(url()), "it was opened");
}

TEST_F(Sqlite, ASecondProcessIsRefused) {
  const auto db = open();
  const auto child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0)
    ::_exit(why_not(url()).find("in use by another") != std::string::npos ? 0 : 1);
  int state = 0;
  ASSERT_EQ(::waitpid(child, &state, 0), child);
  EXPECT_TRUE(WIFEXITED(state) && WEXITSTATUS(state) == 0);
}

TEST_F(Sqlite, ADatabaseHasOneWriter) {
  const auto db = open();
  auto writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  EXPECT_EQ(refusal(db->open_writer()), errc::unavailable);
  writer.reset();
  EXPECT_EQ(refusal(db->open_writer()), std::nullopt);
}

TEST_F(Sqlite, ReadersMayOutliveTheDatabaseAndTheWriter) {
  auto db = open();
  auto writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  const auto reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
  const auto op = make_task("kept");
  writer->apply(std::vector<operation>{op});
  writer.reset();
  db.reset();
  EXPECT_EQ(value_of<task_record>(reader->get_task(op.task.id)).name, "kept");
}

TEST_F(Sqlite, AnEmptyFileIsMigratedOnce) {
  const auto first = value_of<migration_report>(migrate_database(url()));
  EXPECT_EQ(first.from, 0);
  EXPECT_EQ(first.to, sqlite_schema_version());
  const auto second = value_of<migration_report>(migrate_database(url()));
  EXPECT_EQ(second.from, sqlite_schema_version());
  EXPECT_EQ(second.to, sqlite_schema_version());
}

TEST_F(Sqlite, ANewerSchemaIsRefused) {
  open();
  run_sql("PRAGMA user_version=" + std::to_string(sqlite_schema_version() + 1));
  const auto result = open_database(url());
  EXPECT_EQ(refusal(result), errc::schema_too_new);
  EXPECT_THAT(std::get<store_error>(result).message, HasSubstr("newer Troupe"));
}

TEST_F(Sqlite, AnotherProgramsDatabaseIsRefused) {
  run_sql("CREATE TABLE notes(text)");
  EXPECT_THAT(why_not(url()), HasSubstr("not a Troupe database"));
}

TEST_F(Sqlite, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream{file()} << std::string(8192, 'x');
  EXPECT_THAT(why_not(url()), HasSubstr("cannot be opened"));
}

TEST_F(Sqlite, AnOperationThatFailsInTheMiddleLeavesNothingOfItself) {
  open();
  // The task's row is in place by the time its entry is refused.
  run_sql("CREATE TRIGGER boom BEFORE INSERT ON events WHEN NEW.data LIKE '%boom%' "
          "BEGIN SELECT RAISE(ABORT, 'boom'); END");
  const auto db = open();
  auto writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  auto reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
  const auto good = make_task("good");
  const auto bad = make_task("boom");
  const auto also_good = make_task("also good");
  const auto result = writer->apply(std::vector<operation>{good, bad, also_good});
  EXPECT_EQ(refusal(result.outcomes.at(0)), std::nullopt);
  EXPECT_EQ(refusal(result.outcomes.at(1)), errc::unavailable);
  EXPECT_EQ(refusal(result.outcomes.at(2)), std::nullopt);
  ASSERT_EQ(result.events.size(), 2u);
  EXPECT_EQ(result.events[1].position, result.events[0].position + 1);
  EXPECT_EQ(refusal(reader->get_task(bad.task.id)), errc::not_found);
  EXPECT_EQ(refusal(reader->get_task(also_good.task.id)), std::nullopt);
}

} // namespace
} // namespace troupe
