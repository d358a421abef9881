#include "tests/e2e/server_test.hpp"
#include "tests/private_volume.hpp"
#include "tests/providers/needs.hpp"

#include <sys/mount.h>
#include <sys/stat.h>

/// Who else may open the database's file: no second process, by whatever name, and no
/// other user.
namespace troupe {

namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

class DatabaseFile : public server_test {
protected:
  [[nodiscard]] fs::path database() const { return data_dir() / "troupe.db"; }

  /// A second process by `name`, which must be refused, whatever it is there for.
  static void expect_in_use(const fs::path& name) {
    for (const std::string command : {"serve", "migrate"}) {
      std::vector<std::string> arguments{command, "--database", "sqlite:" + name.string()};
      if (command == "serve")
        arguments.insert(arguments.end(), {"--http-port", "0"});
      const auto second = run_troupe(arguments);
      EXPECT_EQ(second.exit_code, 1) << command << " " << name;
      EXPECT_THAT(second.output, HasSubstr("in use by another Troupe process")) << command << " " << name;
    }
  }

  static mode_t mode_of(const fs::path& path) {
    struct ::stat status {};
    EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
    return status.st_mode & 07777;
  }

  temporary_folder elsewhere_;
};

/// Gives a mask to every process that is started meanwhile.
class with_umask {
public:
  explicit with_umask(mode_t mask) : before_{::umask(mask)} {}
  ~with_umask() { ::umask(before_); }
  with_umask(const with_umask&) = delete;
  with_umask& operator=(const with_umask&) = delete;

private:
  mode_t before_;
};

} // namespace

// -- one process ---------------------------------------------------------------------------

// Issue 10, row 6: both ran, and tasks twice.
TEST_F(DatabaseFile, IsRefusedToASecondProcessByEveryOtherName) {
  http();
  const fs::path folder = elsewhere_.path();
  // Made while the server runs.
  fs::create_symlink(database(), folder / "symbolic.db");
  fs::create_symlink("symbolic.db", folder / "twice.db");
  fs::create_hard_link(database(), folder / "hard.db");
  fs::create_hard_link(database(), data_dir() / "beside.db");
  fs::create_directory_symlink(data_dir(), folder / "folder");
  expect_in_use(database());
  expect_in_use(folder / "symbolic.db");
  expect_in_use(folder / "twice.db");
  expect_in_use(folder / "hard.db");
  expect_in_use(data_dir() / "beside.db");
  expect_in_use(folder / "folder" / "troupe.db");
  expect_in_use(folder / "folder" / ".." / data_dir().filename() / "troupe.db");
  EXPECT_EQ(run_task("still here").at("status"), "COMPLETED") << "the first one is not disturbed";
}

TEST_F(DatabaseFile, IsRefusedToASecondProcessWhenItsLockFileIsGoneOrItsNameHasChanged) {
  http();
  fs::remove(data_dir() / "troupe.db.lock");
  expect_in_use(database());
  fs::remove(data_dir() / "troupe.db.lock");
  fs::rename(database(), data_dir() / "moved.db");
  expect_in_use(data_dir() / "moved.db");
  fs::rename(data_dir() / "moved.db", database());
  EXPECT_EQ(run_task("still here").at("status"), "COMPLETED");
}

TEST_F(DatabaseFile, IsRefusedToASecondProcessBehindABindMount) {
  TROUPE_NEEDS(private_volume);
  const private_volume there{8 * 1024 * 1024};
  http();
  ASSERT_EQ(::mount(data_dir().c_str(), there.path().c_str(), nullptr, MS_BIND, nullptr), 0);
  expect_in_use(there.path() / "troupe.db");
  ASSERT_EQ(::umount(there.path().c_str()), 0);
}

TEST_F(DatabaseFile, IsFreeByAnyNameOnceTheFirstProcessHasEnded) {
  const fs::path link = elsewhere_.path() / "link.db";
  const json kept = run_task("kept");
  fs::create_hard_link(database(), link);
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0);
  start({"--database", "sqlite:" + link.string()});
  EXPECT_EQ(task(kept.at("id")).at("status"), "COMPLETED");
  server().signal(SIGTERM);
  EXPECT_EQ(server().wait(), 0);
  start();
  EXPECT_EQ(task(kept.at("id")).at("status"), "COMPLETED");
}

TEST_F(DatabaseFile, IsNotOpenedByAHardLinkWhileItsLogLiesBesideAnother) {
  const fs::path link = elsewhere_.path() / "link.db";
  const json kept = run_task("in the log alone");
  fs::create_hard_link(database(), link);
  server().signal(SIGKILL);
  server().wait();
  const auto refused = run_troupe({"serve", "--http-port", "0", "--database", "sqlite:" + link.string()});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.output, HasSubstr("Start with that name"));
  start();
  EXPECT_EQ(task(kept.at("id")).at("status"), "COMPLETED");
}

TEST_F(DatabaseFile, BehindASymbolicLinkHasItsLogBesideItself) {
  const fs::path link = elsewhere_.path() / "link.db";
  fs::create_symlink(data_dir() / "real.db", link);
  start({"--database", "sqlite:" + link.string()});
  const json kept = run_task("kept");
  EXPECT_TRUE(fs::exists(data_dir() / "real.db-wal"));
  EXPECT_TRUE(fs::exists(data_dir() / "real.db.lock"));
  server().signal(SIGKILL);
  server().wait();
  start({"--database", "sqlite:" + (data_dir() / "real.db").string()});
  EXPECT_EQ(task(kept.at("id")).at("status"), "COMPLETED");
}

// -- one user ------------------------------------------------------------------------------

// Issue 10, row 9: 0755 and 0644, so that every local user read conversations.
TEST_F(DatabaseFile, IsForItsOwnUserAloneWhateverTheUmask) {
  for (const mode_t mask : {0000U, 0002U, 0022U, 0077U, 0277U, 0777U}) {
    const fs::path folder = elsewhere_.path() / std::to_string(mask) / "deeper";
    const with_umask set{mask};
    const server_process one{folder};
    EXPECT_EQ(mode_of(folder.parent_path()), 0700U) << mask;
    EXPECT_EQ(mode_of(folder), 0700U) << mask;
    for (const std::string name : {"troupe.db", "troupe.db-wal", "troupe.db-shm", "troupe.db.lock"})
      EXPECT_EQ(mode_of(folder / name), 0600U) << name << " under " << mask;
  }
}

TEST_F(DatabaseFile, ThatAnOlderVersionLeftOpenIsClosedAndItIsSaid) {
  const json kept = run_task("kept");
  server().signal(SIGKILL);
  server().wait();
  ::chmod(data_dir().c_str(), 0755);
  for (const auto& entry : fs::directory_iterator{data_dir()})
    ::chmod(entry.path().c_str(), 0644);
  start();
  EXPECT_EQ(mode_of(data_dir()), 0700U);
  for (const auto& entry : fs::directory_iterator{data_dir()})
    EXPECT_EQ(mode_of(entry.path()), 0600U) << entry.path();
  EXPECT_THAT(server().output(), HasSubstr("could be read by other users"));
  EXPECT_EQ(task(kept.at("id")).at("status"), "COMPLETED");
  start();
  EXPECT_THAT(server().output(), Not(HasSubstr("could be read by other users"))) << "it is said once";
}

TEST_F(DatabaseFile, InAFolderForMoreThanItLeavesTheFolderAlone) {
  http();
  server().signal(SIGTERM);
  server().wait();
  for (const mode_t mode : {0755U, 01777U}) {
    ::chmod(data_dir().c_str(), mode);
    ::chmod(database().c_str(), 0644);
    const auto other = data_dir() / "somebody.txt";
    if (mode == 0755U)
      ::close(::creat(other.c_str(), 0644));
    else
      fs::remove(other);
    start();
    EXPECT_EQ(mode_of(data_dir()), mode);
    EXPECT_EQ(mode_of(database()), 0600U);
    server().signal(SIGTERM);
    server().wait();
  }
  // One that the operator has opened on purpose, when the database is private already.
  ::chmod(data_dir().c_str(), 0750);
  start();
  EXPECT_EQ(mode_of(data_dir()), 0750U);
}

TEST_F(DatabaseFile, ThatIsNewIsSaidToBeEmpty) {
  http();
  EXPECT_THAT(server().output(), HasSubstr("is new and empty"));
  server().signal(SIGTERM);
  server().wait();
  start();
  EXPECT_THAT(server().output(), Not(HasSubstr("is new and empty")));
}

} // namespace troupe
