#include "tests/cluster/postgres_server.hpp"

#include <gtest/gtest.h>

/// The harness itself: a database that can be ended at any moment.
namespace troupe {

TEST(PostgresServer, KeepsWhatItCommittedThroughAnImmediateStop) {
  postgres_server database;
  database.query("CREATE TABLE kept(value text)");
  database.query("INSERT INTO kept VALUES ('one'), (NULL), ('two lines"
                 "\n"
                 "of text')");
  database.stop_immediate();
  EXPECT_THROW(database.query("SELECT 1"), std::runtime_error);
  database.start();
  const std::vector<postgres_server::row> expected{{"one"}, {""}, {"two lines\nof text"}};
  EXPECT_EQ(database.query("SELECT value FROM kept"), expected);
  database.stop_fast();
  database.start();
  EXPECT_EQ(database.value("SELECT count(*) FROM kept"), "3");
  EXPECT_TRUE(database.query("SELECT value FROM kept WHERE false").empty());
}

TEST(PostgresServer, TerminatesTheSessionsOfOthers) {
  postgres_server database;
  child_process session{{"/usr/bin/psql", "-X", "-d", database.url(), "-c", "SELECT pg_sleep(600)"}};
  ASSERT_TRUE(eventually([&] {
    return database.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)' "
                          "AND state = 'active' AND pid <> pg_backend_pid()")
           == "1";
  }));
  EXPECT_EQ(database.terminate_backends(), 1U);
  EXPECT_NE(session.wait(), 0);
}

} // namespace troupe
