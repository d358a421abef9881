#include "store_fixture.hpp"

#include <gmock/gmock.h>
#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <pqxx/result>

/// Databases of earlier releases, brought up to date with all that is in them.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::Field;
using testing::IsEmpty;

/// Runs SQL on a closed database, whatever its kind; the first column, line by line.
std::string run_sql(const std::string& url, const std::string& sql) {
  constexpr std::string_view sqlite = "sqlite:";
  std::string lines;
  if (!url.starts_with(sqlite)) {
    pqxx::connection connection{url};
    pqxx::nontransaction work{connection};
    const auto rows = work.exec(sql);
    for (pqxx::result::size_type i = 0; i < rows.size(); ++i)
      lines += std::string{rows[i][0].c_str()} + '\n';
    return lines;
  }
  sqlite3* raw = nullptr;
  EXPECT_EQ(sqlite3_open(url.substr(sqlite.size()).c_str(), &raw), SQLITE_OK);
  const auto take = [](void* out, int, char** values, char**) {
    *static_cast<std::string*>(out) += std::string{*values ? *values : ""} + '\n';
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(raw, sql.c_str(), take, &lines, nullptr), SQLITE_OK) << sqlite3_errmsg(raw);
  sqlite3_close(raw);
  return lines;
}

/// A database of the first release, with tasks at every point of their lives; closed.
class Migration : public store_fixture {
protected:
  void SetUp() override {
    place = GetParam().make();
    std::ifstream file{std::string{TROUPE_SOURCE_DIR "/tests/store/schema_1/"}
                       + (GetParam().name == "Sqlite" ? "sqlite.sql" : "postgres.sql")};
    ASSERT_TRUE(file);
    run_sql(place->url(), {std::istreambuf_iterator<char>{file}, {}});
    clock = noon + 1min;
  }

  /// The n-th task of the file.
  static uuid id(int n) { return *uuid::parse("019b0000-0000-7000-8000-00000000000" + std::to_string(n)); }

  /// Tables, their columns and types, and the indexes.
  [[nodiscard]] static std::string schema_of(const std::string& url) {
    if (url.starts_with("sqlite:"))
      return run_sql(url, "SELECT m.name || ' ' || c.name || ' ' || c.type || ' ' || c.\"notnull\" || ' ' || "
                          "coalesce(c.dflt_value, '') FROM sqlite_schema m JOIN pragma_table_info(m.name) c "
                          "WHERE m.type = 'table' ORDER BY 1")
             + run_sql(url, "SELECT name || ' ' || sql FROM sqlite_schema WHERE type = 'index' AND sql <> '' "
                            "ORDER BY 1");
    return run_sql(url, "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) "
                        "FROM information_schema.columns WHERE table_schema = 'troupe' ORDER BY 1")
           + run_sql(url, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'troupe' ORDER BY 1");
  }

  const timestamp noon = *parse_rfc3339("2026-01-31T12:00:00Z");
};
TROUPE_ON_SQL_DATABASES(Migration);

TEST_P(Migration, IsReportedAndDoneOnce) {
  const auto first = value_of<migration_report>(migrate_database(place->url()));
  EXPECT_EQ(first.from, 1);
  EXPECT_GT(first.to, 1);
  const auto second = value_of<migration_report>(migrate_database(place->url()));
  EXPECT_EQ(second.from, first.to);
  EXPECT_EQ(second.to, first.to);
}

TEST_P(Migration, GivesTheSchemaOfANewDatabase) {
  const auto fresh = GetParam().make();
  value_of<migration_report>(migrate_database(fresh->url()));
  value_of<migration_report>(migrate_database(place->url()));
  EXPECT_EQ(schema_of(place->url()), schema_of(fresh->url()));
}

TEST_P(Migration, KeepsTasks) {
  open();
  const auto done_task = task(id(1));
  EXPECT_EQ(done_task.thread_id, id(1));
  EXPECT_EQ(done_task.ns, "team");
  EXPECT_EQ(done_task.name, "task 1");
  EXPECT_EQ(done_task.status, task_status::completed);
  EXPECT_EQ(done_task.input, "What time is it?");
  EXPECT_EQ(done_task.output, "It is noon.");
  EXPECT_EQ(done_task.spec, R"({"bot_name":"poet"})");
  EXPECT_EQ(done_task.metadata, R"({"k":[1,2]})");
  EXPECT_EQ(done_task.attempt, 2);
  EXPECT_EQ(done_task.max_attempts, 5);
  EXPECT_EQ(done_task.usage, (token_usage{30, 7}));
  EXPECT_EQ(done_task.waits_for, wait_reason::none);
  EXPECT_EQ(done_task.node, "node-1");
  EXPECT_EQ(done_task.created_at, noon);
  EXPECT_EQ(done_task.started_at, noon + 1s);
  EXPECT_EQ(done_task.completed_at, noon + 5s);
  EXPECT_EQ(status(id(2)), task_status::pending);
  EXPECT_EQ(task(id(2)).created_by, "bob");
  for (const int n : {3, 4}) {
    EXPECT_EQ(status(id(n)), task_status::running);
    EXPECT_TRUE(task(id(n)).queued);
    EXPECT_EQ(task(id(n)).attempt, 1);
    EXPECT_EQ(task(id(n)).waits_for, wait_reason::none);
  }
  EXPECT_EQ(status(id(5)), task_status::failed);
  EXPECT_EQ(task(id(5)).error, "It's broken.");
  EXPECT_EQ(task(id(5)).error_kind, error_class::permanent);
  EXPECT_EQ(refusal(reader->get_task(id(6))), errc::not_found);
  EXPECT_EQ(queue_of("team").ready, 1);
  EXPECT_EQ(queue_of("default").running, 1);
  const auto thread = value_of<thread_record>(reader->get_thread(id(1)));
  EXPECT_EQ(thread.tasks, 2);
  EXPECT_EQ(thread.usage, (token_usage{30, 7}));
}

TEST_P(Migration, KeepsAttemptsMessagesAndJournals) {
  open();
  const auto tried = attempts(id(1));
  ASSERT_EQ(tried.size(), 2u);
  EXPECT_EQ(tried[0].outcome, attempt_outcome::failed);
  EXPECT_EQ(tried[0].error, "it broke");
  EXPECT_EQ(tried[0].error_kind, error_class::transient);
  EXPECT_EQ(tried[1].outcome, attempt_outcome::completed);
  EXPECT_EQ(tried[1].ended_at, noon + 5s);
  EXPECT_EQ(tried[1].usage, (token_usage{20, 5}));
  EXPECT_EQ(tried[1].node, "node-1");
  EXPECT_EQ(tried[1].model, "");
  const auto running = attempts(id(3)).at(0);
  EXPECT_EQ(running.outcome, attempt_outcome::running);
  EXPECT_EQ(running.usage, (token_usage{9, 4}));
  EXPECT_EQ(running.model, "");
  const auto items = conversation(id(1));
  ASSERT_EQ(roles(items), "user assistant tool assistant");
  EXPECT_EQ(items[1].content, "Let me look.");
  EXPECT_EQ(items[1].tool_calls, (std::vector<tool_call>{{"call_1", "now", "{}"}}));
  EXPECT_EQ(items[1].replay, "");
  EXPECT_EQ(items[2].call_id, "call_1");
  EXPECT_EQ(items[2].content, R"("12:00")");
  EXPECT_EQ(items[3].content, "It is noon.");
  EXPECT_EQ(journal(id(1)).size(), 12u);
  EXPECT_THAT(story(id(1)), EndsWith("chat:tool_start chat:tool_result chat:done task:completed"));
  EXPECT_THAT(story(id(6)), EndsWith("task:cancelled task:deleted"));
  for (int n = 1; n <= 6; ++n)
    expect_no_holes(id(n));
  EXPECT_THAT(approvals(id(3)), IsEmpty());
  EXPECT_EQ(sums(usage_group::bot), "");
}

TEST_P(Migration, KeepsBotsWhoseToolsAreNames) {
  open();
  auto bot = value_of<bot_record>(reader->get_bot("team", "poet"));
  const auto expect_poet = [&] {
    EXPECT_EQ(bot.model, "builtin");
    EXPECT_EQ(bot.system_prompt, "Be brief.");
    EXPECT_EQ(bot.temperature, 0.5);
    EXPECT_EQ(bot.max_iterations, 4);
    EXPECT_EQ(bot.restart.max_attempts, 5);
    EXPECT_EQ(bot.restart.backoff, backoff_kind::fixed);
    EXPECT_EQ(bot.restart.delay, 250ms);
    EXPECT_EQ(bot.timeout, 30s);
    EXPECT_EQ(bot.on_busy, on_busy_rule::reject);
    EXPECT_THAT(bot.fallback_models, IsEmpty());
    EXPECT_THAT(bot.tools, ElementsAre(Field(&tool_record::name, "now"), Field(&tool_record::name, "calculate")));
    EXPECT_EQ(bot.tools.at(0).type, tool_kind::builtin);
    EXPECT_FALSE(bot.tools.at(0).requires_approval);
  };
  expect_poet();
  EXPECT_EQ(bot.created_at, noon);
  // Stored again, it is in today's form.
  put_bot op;
  op.bot = bot;
  op.at = clock;
  EXPECT_FALSE(must(op).created);
  bot = value_of<bot_record>(reader->get_bot("team", "poet"));
  expect_poet();
  const auto model = value_of<model_record>(reader->get_model("default", "builtin"));
  EXPECT_EQ(model.kind, model_kind::builtin);
  EXPECT_EQ(model.model, "builtin");
  EXPECT_EQ(model.base_url, "");
}

TEST_P(Migration, KeepsKeys) {
  open();
  auto again = make_task();
  again.key = {"key-1", "print-1"};
  EXPECT_EQ(must(again).task.id, id(1));
  again.key = {"key-1", "print-2"};
  EXPECT_EQ(refused(again), errc::key_reused);
}

TEST_P(Migration, WorkThatWasUnderWayGoesOn) {
  open();
  const auto before = value_of<std::int64_t>(reader->last_position());
  EXPECT_EQ(must(recover_tasks{5, clock, {}}).requeued, 1);
  EXPECT_GT(last.events.at(0).position, before);
  EXPECT_EQ(sums(usage_group::model), ":1/9/4/0");
  auto next = claim();
  ASSERT_EQ(next.size(), 2u);
  if (next[0].id == id(3))
    std::swap(next[0], next[1]);
  EXPECT_EQ(next[0].id, id(2));
  EXPECT_TRUE(next[0].has_history);
  ASSERT_TRUE(next[0].bot);
  EXPECT_EQ(next[0].bot->tools.size(), 2u);
  EXPECT_EQ(next[1].id, id(3));
  EXPECT_TRUE(next[1].has_history);
  auto end = make_completion(next[0]);
  end.usage = {1, 1, 5, true};
  must(end);
  EXPECT_EQ(task(id(2)).usage, (token_usage{1, 1, 5, true}));
  must(make_request(next[1], {"call_2"}, clock + 2h));
  must(make_wait(next[1]));
  EXPECT_EQ(task(id(3)).waits_for, wait_reason::approval);
  EXPECT_EQ(task(id(3)).usage, (token_usage{13, 6}));
  advance(1h);
  const auto retried = claim_one();
  EXPECT_EQ(retried.id, id(4));
  EXPECT_EQ(retried.attempt, 2);
  EXPECT_EQ(retried.charged, 1);
  must(make_completion(retried));
  must(make_cancel(id(3)));
  EXPECT_EQ(decisions(id(3)), "call_2:closed");
  EXPECT_EQ(roles(messages(id(3))), "user assistant assistant tool tool");
  must(retry_task{id(5), clock, {}});
  must(make_completion(claim_one()));
  EXPECT_EQ(status(id(5)), task_status::completed);
  for (int n = 2; n <= 5; ++n)
    expect_no_holes(id(n));
  EXPECT_EQ(queue_of("default").running + queue_of("default").retrying + queue_of("team").ready, 0);
}

} // namespace
} // namespace troupe
