#include "tests/cluster/cluster_test.hpp"
#include "tests/providers/pgpool.hpp"

/// pgpool-II 4.3.5 between the nodes and PostgreSQL: what only reads may be sent to a standby.
namespace troupe {

/// The parameter: a line of pgpool's configuration.
class BehindPgpool : public cluster_test, public testing::WithParamInterface<std::string> {
protected:
  /// All that may be read at a standby is, and it stands still from now on.
  void start_behind_pgpool() {
    standby_.emplace(primary_, "s1");
    pool_.emplace(std::vector<pgpool::server>{{primary_.port(), 0}, {standby_->port(), 1}}, GetParam());
    start_empty_on(postgres_database{pool_->port()});
    nodes().add("n1");
    const auto made = primary_.value("SELECT pg_current_wal_lsn()");
    ASSERT_TRUE(
      eventually([&] { return standby_->value("SELECT pg_last_wal_replay_lsn() >= '" + made + "'") == "t"; }));
    standby_->query("SELECT pg_wal_replay_pause()");
    ASSERT_TRUE(eventually([&] { return standby_->value("SELECT pg_get_wal_replay_pause_state()") == "paused"; }));
    for (const auto* name : {"n2", "n3"})
      nodes().add(name);
    become_ready();
  }

  postgres_server& primary() { return primary_; }
  postgres_server& standby() { return *standby_; }

private:
  postgres_server primary_;
  std::optional<postgres_server> standby_;
  std::optional<pgpool> pool_;
};

// Seen: a first start read from the standby that the schema was not there, which it had just made.
TEST_P(BehindPgpool, NothingIsReadFromAStandbyThatLags) {
  TROUPE_NEEDS(pgpool);
  start_behind_pgpool();
  // The pooler does send there what it takes for harmless.
  EXPECT_EQ(nodes().data().value("SELECT inet_server_port()"), std::to_string(standby().port()));
  under_load({.length = load_time(2s)}, [&](stage& scene) {
    do
      scene.await_some_tasks();
    while (scene.goes_on());
  });
  EXPECT_EQ(standby().value("SELECT count(*) FROM troupe.tasks"), "0") << "it did not lag";
}

// By default a function that may write keeps a SELECT from the standby, and so does a comment in front.
INSTANTIATE_TEST_SUITE_P(, BehindPgpool,
                         testing::Values("", "read_only_function_list = '.*'",
                                         "allow_sql_comments = on\nstatement_level_load_balance = on"),
                         [](const auto& tested) {
                           return tested.index == 0 ? "AsItIs" : tested.index == 1 ? "AnyFunction" : "EachStatement";
                         });

} // namespace troupe
