#include "persistence/postgres/connection.hpp"
#include "tests/eventually.hpp"
#include "tests/store/postgres_fixture.hpp"

#include <gmock/gmock.h>

/// What administrators do to a database, a schema or a role before Troupe gets to see it.
/// CREATE SCHEMA IF NOT EXISTS by a role that may create none, where it exists:
/// folio-org/raml-module-builder#1230, koordinates/kart#391, dbt-labs/dbt-core#295. Databases
/// that are not UTF-8: IQSS/dataverse#8278 (SQL_ASCII), hasura/graphql-engine#7315 (LATIN1).
namespace troupe {
namespace {

using testing::HasSubstr;

class PostgresSetup : public postgres_fixture {
protected:
  void SetUp() override {
    place = GetParam().make();
    sql("CREATE ROLE " + quoted() + " LOGIN PASSWORD 'secret'");
  }
  void TearDown() override {
    close();
    sql("SET transaction_read_only = off; DROP OWNED BY " + quoted() + " CASCADE; DROP ROLE " + quoted());
  }

  /// The role as SQL writes it: not every name is a plain word.
  [[nodiscard]] std::string quoted() const { return '"' + role_ + '"'; }
  /// The database, for the role.
  [[nodiscard]] std::string url() const { return place->url() + " user=" + role_ + " password=secret"; }

  void set(const std::string& setting) { sql("ALTER ROLE " + quoted() + " SET " + setting); }

  void give_schema() { sql("CREATE SCHEMA troupe AUTHORIZATION " + quoted()); }

  void open_as_role() {
    db = value_of<std::shared_ptr<database>>(open_database(url()));
    writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
    reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
  }

  /// Tasks run to their end there.
  void expect_that_it_works() {
    ASSERT_NO_THROW(open_as_role());
    EXPECT_EQ(status(completed_task()), task_status::completed);
    EXPECT_EQ(queue_of("default").ready, 0);
  }

  /// The sentence with which the role is refused, for good; as by `troupe migrate`.
  std::string complaint() {
    const auto opened = open_database(url());
    EXPECT_EQ(refusal(opened), errc::unsuitable);
    const auto migrated = migrate_database(url());
    EXPECT_EQ(refusal(migrated), errc::unsuitable);
    const auto* why = std::get_if<store_error>(&opened);
    return why ? why->message : "";
  }

  /// The SQL that a sentence ends with.
  static std::string advice(const std::string& sentence) {
    const auto at = sentence.rfind(": ");
    return at == std::string::npos ? "" : sentence.substr(at + 2);
  }

private:
  std::string role_ = "troupe-" + make_uuid().to_string();
};

TROUPE_ON_SHARED_DATABASES(PostgresSetup);

// -- rights -----------------------------------------------------------------------

TEST_P(PostgresSetup, ASchemaMadeForARoleThatMayMakeNoneIsEnough) {
  give_schema();
  expect_that_it_works();
  close();
  // And it is found again.
  expect_that_it_works();
}

TEST_P(PostgresSetup, ARoleWithoutASchemaIsToldWhatToRun) {
  const auto why = complaint();
  EXPECT_THAT(why, HasSubstr("may not create the schema"));
  sql(advice(why));
  expect_that_it_works();
}

TEST_P(PostgresSetup, ARoleThatMayNotWorkInTheSchemaIsToldWhatToRun) {
  sql("CREATE SCHEMA troupe");
  const auto why = complaint();
  EXPECT_THAT(why, HasSubstr("may not work in the schema troupe"));
  sql(advice(why));
  expect_that_it_works();
}

TEST_P(PostgresSetup, ARoleThatMayLookButNotCreateIsToldWhatToRun) {
  sql("CREATE SCHEMA troupe; GRANT USAGE ON SCHEMA troupe TO " + quoted());
  sql(advice(complaint()));
  expect_that_it_works();
}

TEST_P(PostgresSetup, OneRoleMigratesAndALesserOneRuns) {
  value_of<migration_report>(migrate_database(place->url()));
  EXPECT_THAT(complaint(), HasSubstr("GRANT USAGE, CREATE ON SCHEMA"));
  sql("GRANT USAGE ON SCHEMA troupe TO " + quoted());
  const auto why = complaint();
  EXPECT_THAT(why, HasSubstr("which another role has made"));
  sql(advice(why));
  expect_that_it_works();
}

TEST_P(PostgresSetup, ALesserRoleIsToldWhoHasToMigrate) {
  value_of<migration_report>(migrate_database(place->url()));
  sql("GRANT USAGE, CREATE ON SCHEMA troupe TO " + quoted());
  sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA troupe TO " + quoted());
  sql("GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA troupe TO " + quoted());
  sql("UPDATE meta SET value = '1' WHERE name = 'schema_version'");
  const auto why = complaint();
  EXPECT_THAT(why, HasSubstr("`troupe migrate` once as the role " + sql("SELECT quote_ident(current_user)")));
}

TEST_P(PostgresSetup, ASchemaOfSomethingElseIsLeftAlone) {
  give_schema();
  sql("CREATE TABLE troupe.members(id int)");
  EXPECT_THAT(complaint(), HasSubstr("not Troupe's"));
}

// -- encodings --------------------------------------------------------------------

TEST_P(PostgresSetup, AnEncodingOtherThanUtf8IsRefusedAndTheWayOutWorks) {
  // The last one has no way to UTF-8 at all: the session itself cannot be set up.
  for (const std::string encoding : {"LATIN1", "SQL_ASCII", "EUC_JP", "WIN1252", "MULE_INTERNAL"}) {
    const auto name = "troupe_" + encoding + "_" + make_uuid().to_string();
    sql("CREATE DATABASE \"" + name + "\" ENCODING '" + encoding + "' LOCALE 'C' TEMPLATE template0");
    const auto opened = open_database("dbname=" + name);
    EXPECT_EQ(refusal(opened), errc::unsuitable) << encoding;
    const auto* why = std::get_if<store_error>(&opened);
    ASSERT_NE(why, nullptr) << encoding;
    EXPECT_THAT(why->message, HasSubstr("\"" + name + "\" has the encoding " + encoding));
    EXPECT_EQ(refusal(migrate_database("dbname=" + name)), errc::unsuitable) << encoding;
    sql("DROP DATABASE \"" + name + "\"");
    auto way_out = advice(why->message);
    const std::string_view theirs = "DATABASE troupe ";
    ASSERT_NE(way_out.find(theirs), std::string::npos) << way_out;
    way_out.replace(way_out.find(theirs), theirs.size(), "DATABASE \"" + name + "\" ");
    sql(way_out);
    EXPECT_TRUE(std::holds_alternative<std::shared_ptr<database>>(open_database("dbname=" + name))) << encoding;
    sql("DROP DATABASE \"" + name + "\" WITH (FORCE)");
  }
}

// -- settings of the role -----------------------------------------------------------

TEST_P(PostgresSetup, WhatARoleIsSetToMakesNoDifference) {
  give_schema();
  for (const auto* setting :
       {"client_encoding = 'LATIN1'", "search_path = 'pg_temp', 'elsewhere'", "standard_conforming_strings = off",
        "DateStyle = 'SQL, DMY'", "TimeZone = 'Asia/Kolkata'", "IntervalStyle = 'sql_standard'",
        "default_transaction_isolation = 'serializable'", "default_transaction_deferrable = on",
        "bytea_output = 'escape'", "extra_float_digits = -15", "quote_all_identifiers = on", "backslash_quote = off",
        "statement_timeout = '1ms'", "plan_cache_mode = force_custom_plan"})
    set(setting);
  ASSERT_NO_THROW(open_as_role());
  for (const std::string text : {"it's", R"("quoted" \ back\slash \')", "ünï → 🎭", "'); DROP TABLE tasks; --"}) {
    auto op = make_task(text);
    op.task.created_by = text;
    op.execute = true;
    const auto id = must(op).task.id;
    const auto claimed = claim_one();
    EXPECT_EQ(claimed.input, text);
    must(make_completion(claimed, text));
    EXPECT_EQ(task(id).output, text);
    EXPECT_EQ(task(id).created_by, text);
    EXPECT_EQ(task(id).created_at, op.task.created_at);
  }
}

TEST_P(PostgresSetup, ASessionIsFoundAgainByItsTimeWhateverTheRoleWritesTimesLike) {
  // In India's time, written as SQL does, a time ends with IST, which is read as Israel's.
  set("DateStyle = 'SQL, DMY'");
  set("TimeZone = 'Asia/Kolkata'");
  pg_connection connection{url(), pg_connection::role::writer};
  auto rows = connection.query("SELECT count(*) FROM pg_stat_activity WHERE pid = $1::int AND backend_start = "
                               "$2::timestamptz",
                               connection.served_by().pid, connection.served_by().started);
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.take<int>(), 1);
}

TEST_P(PostgresSetup, AQuietSessionIsNotEnded) {
  set("idle_session_timeout = '1s'");
  pg_connection connection{url(), pg_connection::role::reader};
  auto rows = connection.run("SHOW idle_session_timeout");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.take<std::string>(), "0");
}

TEST_P(PostgresSetup, ARoleThatMayOnlyReadIsToldWhatToRun) {
  give_schema();
  set("default_transaction_read_only = on");
  const auto why = complaint();
  EXPECT_THAT(why, HasSubstr("may only read"));
  sql(advice(why));
  expect_that_it_works();
}

TEST_P(PostgresSetup, ADatabaseThatWasMadeReadOnlyIsNotTakenForOneThatIsAway) {
  give_schema();
  expect_that_it_works();
  close();
  // As managed databases do when their disk runs full.
  sql("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', current_database()); "
      "END $$");
  EXPECT_THAT(complaint(), HasSubstr("may only read"));
}

// -- replication --------------------------------------------------------------------

/// Without a key a row of a published table can be neither changed nor removed (SQLSTATE 55000), subscriber or not.
TEST_P(PostgresSetup, EveryTableHasAKey) {
  give_schema();
  EXPECT_EQ(sql("SELECT coalesce(string_agg(relname, ', '), 'all do') FROM pg_class WHERE relkind = 'r' AND "
                "relnamespace = 'troupe'::regnamespace AND NOT EXISTS(SELECT FROM pg_index WHERE indrelid = "
                "pg_class.oid AND indisprimary)"),
            "all do");
}

TEST_P(PostgresSetup, APublicationOfAllTablesMakesNoDifference) {
  open();
  sql("CREATE PUBLICATION everything FOR ALL TABLES");
  completed_task();
  failed_task();
  bot_record bot;
  bot.name = "published";
  bot.ns = "default";
  bot.model = "builtin";
  EXPECT_TRUE(must(put_bot{bot, clock}).created);
  EXPECT_FALSE(must(put_bot{bot, clock}).created);
  must(put_budget{"default", {std::nullopt, 1000, budget_period::total}, clock});
  must(delete_budget{"default"});
  must(delete_bot{"default", "published"});
  must(delete_task{execute(), clock});
  must(clean_up{clock});
}

// -- nodes of several roles ---------------------------------------------------------

TEST_P(PostgresSetup, ALivingNodeOfAnotherRoleIsNotTakenForDead) {
  open();
  renew_lease lease{owner, make_uuid(), "elder", 60s, true};
  must(lease);
  execute();
  claim_one();
  sql("GRANT USAGE ON SCHEMA troupe TO " + quoted());
  sql("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA troupe TO " + quoted());
  sql("GRANT USAGE, UPDATE ON ALL SEQUENCES IN SCHEMA troupe TO " + quoted());
  node younger{url()};
  younger.take_lease(60s);
  EXPECT_EQ(younger.must(recover_tasks{5, now(), {owner}}).requeued, 0) << "its link broke, and it lives";
  // Its name taken by somebody else is no proof either.
  younger.must(renew_lease{make_uuid(), make_uuid(), "elder", 60s, true});
  EXPECT_EQ(younger.must(recover_tasks{5, now(), {}}).requeued, 0);
  close();
  EXPECT_TRUE(eventually([&] { return younger.must(recover_tasks{5, now(), {owner}}).requeued == 1; }));
}

} // namespace
} // namespace troupe
