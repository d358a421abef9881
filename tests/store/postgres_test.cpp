#include "tests/eventually.hpp"
#include "tests/store/postgres_fixture.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <map>
#include <random>
#include <set>
#include <thread>

/// What only several nodes on one database show: races, batches, lost connections.
namespace troupe {
namespace {

using testing::HasSubstr;

using Postgres = postgres_fixture;

TROUPE_ON_SHARED_DATABASES(Postgres);

// -- the schema -----------------------------------------------------------------

TEST_P(Postgres, IsSharedAndHasOneIdentity) {
  const auto other = join();
  EXPECT_TRUE(db->info().shared);
  EXPECT_EQ(db->info().id, other->db->info().id);
  EXPECT_FALSE(db->info().id.is_nil());
}

TEST_P(Postgres, ManyNodesMayMigrateAtOnce) {
  close();
  sql("DROP SCHEMA troupe CASCADE");
  std::vector<std::thread> threads;
  std::atomic<int> migrated{0};
  std::atomic<int> opened{0};
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      const auto result = migrate_database(place->url());
      if (const auto* report = std::get_if<migration_report>(&result)) {
        ++opened;
        migrated += report->from == 0 ? 1 : 0;
      }
    });
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(opened, 4);
  EXPECT_EQ(migrated, 1);
  open();
  completed_task();
}

TEST_P(Postgres, ANewerSchemaIsRefused) {
  sql("UPDATE meta SET value = '1000' WHERE name = 'schema_version'");
  const auto result = open_database(place->url());
  EXPECT_EQ(refusal(result), errc::schema_too_new);
  EXPECT_THAT(std::get<store_error>(result).message, HasSubstr("newer Troupe"));
}

TEST_P(Postgres, AServerThatIsNotThereIsNamedWithoutItsPassword) {
  const auto result = open_database("postgres://me:secret@127.0.0.1:1/db");
  ASSERT_EQ(refusal(result), errc::unavailable);
  EXPECT_THAT(std::get<store_error>(result).message, HasSubstr("127.0.0.1"));
  EXPECT_THAT(std::get<store_error>(result).message, testing::Not(HasSubstr("secret")));
}

TEST_P(Postgres, TextIsKeptAsItIs) {
  for (const std::string text : {"it's", R"("quoted" \ back\slash)", "{a,b}", "NULL", "", "tab\tnew\nline", "ünï → 🎭",
                                 "'); DROP TABLE tasks; --", "$1 $$ E'\\x'"}) {
    auto op = make_task(text);
    op.task.name = text;
    op.task.metadata = R"({"k":"it's \"so\""})";
    op.execute = true;
    const auto id = must(op).task.id;
    EXPECT_EQ(task(id).input, text);
    EXPECT_EQ(task(id).name, text);
    const auto claimed = claim_one();
    EXPECT_EQ(claimed.input, text);
    must(make_completion(claimed, text));
    EXPECT_EQ(task(id).output, text);
    EXPECT_EQ(messages(id).at(1).content, text);
  }
}

// -- many writers -----------------------------------------------------------------

TEST_P(Postgres, EachTaskIsClaimedByOneNode) {
  std::set<uuid> created;
  for (int i = 0; i < 300; ++i)
    created.insert(execute());
  std::vector<std::unique_ptr<node>> nodes;
  for (int i = 0; i < 3; ++i)
    nodes.push_back(join());
  std::vector<std::vector<uuid>> claimed(nodes.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    threads.emplace_back([&, i] {
      for (;;) {
        const auto tasks = nodes[i]->claim(7);
        if (tasks.empty())
          return;
        for (const auto& one : tasks)
          claimed[i].push_back(one.id);
      }
    });
  for (auto& thread : threads)
    thread.join();
  std::set<uuid> seen;
  std::size_t count = 0;
  for (const auto& ids : claimed) {
    seen.insert(ids.begin(), ids.end());
    count += ids.size();
  }
  EXPECT_EQ(count, created.size());
  EXPECT_EQ(seen, created);
}

TEST_P(Postgres, AThreadRunsOneTaskAtATimeWhoeverAddsAndEndsThem) {
  const auto root = completed_task();
  constexpr int per_node = 30;
  std::vector<std::unique_ptr<node>> nodes;
  for (int i = 0; i < 3; ++i)
    nodes.push_back(join());
  std::atomic<int> running{0};
  std::atomic<int> most{0};
  std::atomic<int> ended{0};
  std::vector<std::thread> threads;
  for (auto& one : nodes)
    threads.emplace_back([&, n = one.get()] {
      std::mt19937 random{n->owner.bytes[15]};
      for (int added = 0; ended < per_node * 3;) {
        if (added < per_node) {
          auto op = make_turn(root);
          op.execute = true;
          const auto id = n->must(op).task.id;
          ++added;
          // Some are cancelled while they wait, or run elsewhere.
          if (random() % 5 == 0) {
            cancel_task cancel;
            cancel.id = id;
            cancel.at = now();
            const auto result = n->apply(cancel);
            if (const auto* done_task = std::get_if<task_result>(&result); done_task && added > 0)
              ended += done_task->task.status == task_status::cancelled ? 1 : 0;
          }
        }
        for (const auto& claimed : n->claim()) {
          most = std::max(most.load(), ++running);
          complete_task end;
          end.fence = n->fence_of(claimed);
          end.output = "answer";
          end.at = now();
          --running;
          const auto result = n->apply(end);
          if (std::holds_alternative<done>(result))
            ++ended;
        }
      }
    });
  for (auto& thread : threads)
    thread.join();
  EXPECT_EQ(most, 1);
  EXPECT_EQ(ended, per_node * 3);
  EXPECT_TRUE(value_of<queue_stats>(reader->queue({}, 10)).namespaces.empty());
}

TEST_P(Postgres, AKeyUsedOnTwoNodesAtOnceMakesOneTask) {
  const auto other = join();
  for (int i = 0; i < 30; ++i) {
    auto first = make_task();
    first.key = idempotency_key{"key-" + std::to_string(i), "print"};
    auto second = make_task();
    second.key = first.key;
    task_result here;
    task_result there;
    std::thread rival{[&] { there = other->must(second); }};
    here = must(first);
    rival.join();
    EXPECT_EQ(here.task.id, there.task.id);
    EXPECT_NE(here.replayed, there.replayed);
  }
}

TEST_P(Postgres, WhatOneNodeChangesOfABotTheOtherSeesAtOnce) {
  const auto other = join();
  execute();
  for (int i = 0; i < 5; ++i) {
    put_bot op;
    op.bot.name = "fickle";
    op.bot.ns = "default";
    op.bot.model = "builtin";
    op.bot.restart.max_attempts = i + 1;
    op.at = clock;
    other->must(op);
    auto made = make_task();
    made.task.bot = "fickle";
    made.execute = true;
    EXPECT_EQ(must(made).task.max_attempts, i + 1);
    other->must(delete_bot{"default", "fickle"});
    made.task.id = made.task.thread_id = make_uuid();
    EXPECT_EQ(refused(made), errc::bot_invalid);
  }
}

// -- order ----------------------------------------------------------------------

TEST_P(Postgres, PositionsAreGivenInTheOrderInWhichCommitsAreSeen) {
  constexpr int batches = 60;
  std::vector<std::unique_ptr<node>> nodes;
  for (int i = 0; i < 3; ++i)
    nodes.push_back(join());
  std::atomic<int> writing{3};
  std::vector<event_record> followed;
  std::vector<std::pair<std::int64_t, std::int64_t>> ranges;
  std::mutex guard;

  std::thread follower{[&] {
    const auto beside = value_of<std::unique_ptr<store_reader>>(db->open_reader());
    std::int64_t position = 0;
    for (;;) {
      const bool last_round = writing == 0;
      auto part = value_of<room_events>(beside->room_events_after({room::kind::ns, {}, "default"}, position, 10));
      position = part.position;
      std::move(part.events.begin(), part.events.end(), std::back_inserter(followed));
      if (last_round && part.at_end)
        return;
    }
  }};
  std::vector<std::thread> writers;
  for (auto& one : nodes)
    writers.emplace_back([&, n = one.get()] {
      for (int i = 0; i < batches; ++i) {
        std::vector<operation> batch;
        for (int k = 0; k <= i % 4; ++k) {
          auto op = make_task();
          op.execute = true;
          batch.emplace_back(op);
        }
        const auto result = n->writer->apply(batch);
        const std::lock_guard lock{guard};
        ranges.emplace_back(result.from_position, result.to_position);
      }
      --writing;
    });
  for (auto& thread : writers)
    thread.join();
  follower.join();

  // Every commit goes on where another one ended.
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i)
    EXPECT_EQ(ranges[i].first, ranges[i - 1].second);
  // The follower has seen all of them, each once, in order, though it read while they were written.
  EXPECT_EQ(followed.size(), static_cast<std::size_t>(ranges.back().second - ranges.front().first));
  for (std::size_t i = 1; i < followed.size(); ++i)
    EXPECT_EQ(followed[i].position, followed[i - 1].position + 1);
}

// -- batches --------------------------------------------------------------------

TEST_P(Postgres, TellsNoRangeThatOthersHaveCommittedInto) {
  const auto one = join();
  const auto other = join();
  std::atomic<bool> over{false};
  std::thread beside{[&] {
    while (!over)
      other->must(make_task());
  }};
  for (int i = 0; i < 30; ++i) {
    // What is no text takes the whole batch down, so that its operations are done one by one.
    const std::vector<operation> batch{make_task(), make_task("\xff"), make_task(), make_task()};
    const auto result = one->writer->apply(batch);
    EXPECT_EQ(refusal(result.outcomes.at(1)), errc::unavailable);
    EXPECT_FALSE(refusal(result.outcomes.at(3)));
    ASSERT_EQ(result.events.size(), 3U);
    if (result.to_position > 0) {
      EXPECT_EQ(result.to_position - result.from_position, 3);
      EXPECT_EQ(result.events.front().position, result.from_position + 1);
      EXPECT_EQ(result.events.back().position, result.to_position);
    }
  }
  over = true;
  beside.join();
}

TEST_P(Postgres, ABatchWhoseClaimWasInVainIsDoneAgainAsAWhole) {
  const auto one = join();
  auto first = make_task();
  first.execute = true;
  one->must(first);
  // The first write fails as if others had been faster, when the claim has reserved the task already.
  sql("CREATE SEQUENCE writes");
  sql("CREATE FUNCTION conflict_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
      "IF nextval('troupe.writes') = 1 THEN RAISE EXCEPTION 'faster' USING ERRCODE = '40001'; END IF; RETURN NEW; END "
      "$$");
  sql("CREATE TRIGGER conflict BEFORE INSERT ON batches FOR EACH ROW EXECUTE FUNCTION conflict_once()");
  auto second = make_turn(first.task.id);
  second.execute = true;
  const std::vector<operation> batch{second, claim_tasks{one->owner, "node", 10, now()}};
  const auto result = one->writer->apply(batch);
  const auto claimed = value_of<claimed_tasks>(outcome{result.outcomes.at(1)}).tasks;
  ASSERT_EQ(claimed.size(), 1U);
  EXPECT_EQ(claimed[0].id, first.task.id);
  EXPECT_EQ(sql("SELECT last_value FROM writes"), "2") << "it was not done as a whole at the second try";
}

TEST_P(Postgres, ATaskThatBecomesDueMayBeChangedByTheBatchThatClaimsIt) {
  const auto one = join();
  auto first = make_task();
  first.execute = true;
  first.task.run_at = now() - 1s;
  first.task.created_at = now() - 2s;
  one->must(first);
  ASSERT_EQ(sql("SELECT state FROM queue"), "3");
  const auto before = std::stoi(sql("SELECT count(*) FROM batches"));
  auto second = make_turn(first.task.id);
  second.execute = true;
  const std::vector<operation> batch{second, claim_tasks{one->owner, "node", 10, now()}};
  const auto result = one->writer->apply(batch);
  EXPECT_EQ(value_of<claimed_tasks>(outcome{result.outcomes.at(1)}).tasks.size(), 1U);
  EXPECT_EQ(std::stoi(sql("SELECT count(*) FROM batches")), before + 1) << "it was done one by one";
}

// -- a server that comes and goes ---------------------------------------------------

TEST_P(Postgres, LostConnectionsAreReplacedAndNothingIsDoneTwice) {
  std::vector<uuid> ids;
  under_cuts([&](std::atomic<int>& steps) {
    for (int i = 0; i < 60; ++i) {
      const auto op = make_task();
      auto executed = op;
      executed.execute = true;
      must(executed);
      ++steps;
      ids.push_back(op.task.id);
      for (const auto& claimed : claim()) {
        ++steps;
        must(make_completion(claimed));
      }
      ++steps;
    }
  });
  // What a lost reply had left behind is claimed now.
  for (const auto& claimed : claim())
    must(make_completion(claimed));
  for (const auto& id : ids) {
    // The first question after a cut may meet the dead connection.
    for (int i = 0; i < 50 && refusal(reader->get_task(id)); ++i)
      continue;
    EXPECT_EQ(status(id), task_status::completed);
    EXPECT_EQ(story(id), "task:created task:queued task:started chat:start task:completed");
    EXPECT_EQ(roles(messages(id)), "user assistant");
  }
  EXPECT_EQ(sql("SELECT count(*) FROM queue"), "0");
}

TEST_P(Postgres, ASlowSignOfLifeIsOverOnceItIsWritten) {
  const auto slow = join();
  pqxx::connection foreign{place->url()};
  pqxx::nontransaction hold{foreign};
  hold.exec("BEGIN");
  hold.exec("LOCK TABLE troupe.nodes");
  std::thread announcing{[&] {
    announce_node op;
    op.node.id = slow->id;
    op.node.name = "slow";
    slow->must(op);
  }};
  EXPECT_TRUE(eventually([&] { return !slow->db->available(); })) << "clients are not told that writing waits";
  hold.exec("ROLLBACK");
  announcing.join();
  EXPECT_TRUE(slow->db->available()) << "nothing is written that could say otherwise, since it is refused";
}

TEST_P(Postgres, ANodeLivesWhoseWriterWasStartedAgain) {
  const auto elder = join();
  const auto younger = join();
  elder->take_lease(60s);
  younger->take_lease(60s);
  execute();
  EXPECT_EQ(elder->claim().size(), 1U);
  // What shows that a process lives goes with its writer's session.
  elder->writer.reset();
  elder->writer = value_of<std::unique_ptr<store_writer>>(elder->db->open_writer());
  elder->must(renew_lease{elder->owner, elder->id, "node", 60s, false});
  EXPECT_EQ(younger->must(recover_tasks{5, now(), {elder->owner}}).requeued, 0) << "its link broke, and it lives";
  elder->writer.reset();
  EXPECT_TRUE(eventually([&] { return younger->must(recover_tasks{5, now(), {elder->owner}}).requeued == 1; }));
}

TEST_P(Postgres, ReadersAskAgainAsSoonAsTheWriterIsBack) {
  const auto away = join();
  away->take_lease();
  pqxx::connection foreign{place->url()};
  pqxx::nontransaction gate{foreign};
  const auto allow = [&](const std::string& yes) {
    // ALTER DATABASE does not do this to the database that it is told in.
    gate.exec("UPDATE pg_database SET datallowconn = " + yes + " WHERE datname = current_database()");
  };
  cut_all();
  allow("false");
  std::atomic<bool> written{false};
  std::thread writing{[&] {
    away->take_lease();
    written = true;
  }};
  EXPECT_TRUE(eventually([&] { return !away->db->available(); })) << "the writer has not noticed";
  EXPECT_FALSE(std::holds_alternative<std::vector<node_record>>(away->reader->nodes()));
  allow("true");
  while (!written)
    std::this_thread::yield();
  writing.join();
  // The node says that it is ready, so no client is to be refused.
  EXPECT_TRUE(std::holds_alternative<std::vector<node_record>>(away->reader->nodes()));
}

// -- a busy server ------------------------------------------------------------------

TEST_P(Postgres, AnOldTransactionElsewhereDoesNotHoldUpClaims) {
  pqxx::connection foreign{place->url()};
  pqxx::nontransaction work{foreign};
  work.exec("BEGIN ISOLATION LEVEL REPEATABLE READ");
  work.exec("CREATE TEMPORARY TABLE held(x int)");
  for (int i = 0; i < 200; ++i)
    completed_task();
  const auto id = execute();
  EXPECT_EQ(claim_one().id, id);
  work.exec("ROLLBACK");
}

} // namespace
} // namespace troupe
