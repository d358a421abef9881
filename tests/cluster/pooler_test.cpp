#include "tests/cluster/cluster_test.hpp"
#include "tests/providers/pgbouncer.hpp"

#include <gmock/gmock.h>

/// PgBouncer between the nodes and PostgreSQL.
namespace troupe {

using testing::HasSubstr;

using Pooler = cluster_test;

// Seen: readyz was 200, then "s0 already exists" for ever, and readers gave wrong answers with 200.
TEST_F(Pooler, OfTransactionsIsRefusedAtTheStart) {
  TROUPE_NEEDS(pgbouncer);
  postgres_server database;
  for (const std::string settings : {"", "server_round_robin = 1", "default_pool_size = 3"}) {
    const pgbouncer pooler{database.port(), "transaction", settings};
    const auto refused = run_troupe({"migrate", "--database", pooler.url()});
    EXPECT_EQ(refused.exit_code, 1) << settings;
    EXPECT_THAT(refused.output, HasSubstr("pool_mode = session")) << settings;
  }
  EXPECT_EQ(database.value("SELECT count(*) FROM pg_namespace WHERE nspname = 'troupe'"), "0") << "it was changed";
}

TEST_F(Pooler, OfSessionsMakesNoDifference) {
  TROUPE_NEEDS(pgbouncer);
  start_empty({{"--lease-time", "60s"}});
  const pgbouncer pooler{nodes().database().port(), "session"};
  auto& first = nodes().add("n1", "all", {{"--database", pooler.url()}});
  nodes().add("n2", "all", {{"--database", pooler.url()}});
  become_ready();
  const std::string id = start_task("@words=40 @pace=50", json::object(), first.port()).at("id");
  wait_for_status(id, "RUNNING");
  const std::string by = task(id).at("node");
  // Its session lives on in the pool, and its lease for most of a minute.
  nodes().at(by).kill();
  EXPECT_EQ(wait_for_end_of(id).at("status"), "COMPLETED");
  EXPECT_EQ(attempts(id).size(), 2U);
  expect_sound(id);
  // Without the pooler, which goes before, it could not end in order.
  nodes().at(by == "n1" ? "n2" : "n1").kill();
}

} // namespace troupe
