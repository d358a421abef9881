#include "tests/bench/postgres_ceiling.hpp"

#include "persistence/store.hpp"
#include "tests/bench/postgres_store.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <stdexcept>
#include <string_view>

namespace troupe {

namespace {

/// As persistence/postgres/row_writes.cpp writes a group, but for what guards it (revisions,
/// the note of the batch) and for the values, which the server makes up by itself. Each
/// transaction is one round trip, as it is there. A colon that begins no variable has a
/// space behind it.
constexpr std::string_view life = R"sql(
\set batch :batch + 1

\startpipeline
BEGIN;
INSERT INTO tasks(id, thread_id, ns, created_by, status, queued, attempt, last_seq, max_attempts, priority,
  input_tokens, output_tokens, created_at, updated_at, name, bot, bot_ns, node, input, spec, metadata)
SELECT {id}, {id}, 'default', 'anonymous', 0, true, 0, 2, 3, 0, 0, 0, :now, :now, 'Hello', 'default', 'default', '',
  'Hello', '', '' FROM generate_series(1, {group}) AS i;
INSERT INTO queue(task_id, thread_id, ns, state, priority, due_at, ready_no, attempt, last_seq, alone)
SELECT {id}, {id}, 'default', 0, 0, :now, nextval('queue_order'), 0, 2, true FROM generate_series(1, {group}) AS i;
SELECT setval('positions', nextval('positions') + 2 * {group} - 1);
INSERT INTO events(position, task_id, seq, at, attempt, type, data)
SELECT currval('positions') - 2 * {group} + 2 * (i - 1) + e.seq, {id}, e.seq, :now, 0, e.type, e.data
FROM generate_series(1, {group}) AS i, (VALUES
  (1, 0, '{"name": "Hello", "status": "PENDING"}'),
  (2, 1, '{"name": "Hello", "status": "PENDING"}')) AS e(seq, type, data);
COMMIT;
\endpipeline

\startpipeline
BEGIN;
UPDATE queue q SET rev = q.rev + 1, state = 1, held = true, ready_no = NULL, attempt = 1, last_seq = 4,
  owner = {owner}, node = 'node', started_at = :now
FROM generate_series(1, {group}) AS i WHERE q.task_id = {id};
SELECT setval('positions', nextval('positions') + 2 * {group} - 1);
INSERT INTO events(position, task_id, seq, at, attempt, type, data)
SELECT currval('positions') - 2 * {group} + 2 * (i - 1) + e.seq - 2, {id}, e.seq, :now, 1, e.type, e.data
FROM generate_series(1, {group}) AS i, (VALUES
  (3, 2, '{"name": "Hello", "status": "RUNNING", "attempt": 1, "node": "node", "bot": "default"}'),
  (4, 8, '{"bot": "default", "model": "builtin"}')) AS e(seq, type, data);
INSERT INTO messages(thread_id, position, task_id, created_at, attempt, role, content)
SELECT {id}, currval('positions') - 2 * {group} + 2 * (i - 1) + 1, {id}, :now, 1, 0, 'Hello'
FROM generate_series(1, {group}) AS i;
COMMIT;
\endpipeline

\startpipeline
BEGIN;
UPDATE tasks t SET rev = t.rev + 1, status = 2, queued = false, attempt = 1, last_seq = 7, input_tokens = 1,
  output_tokens = 2, updated_at = :now, started_at = :now, completed_at = :now, node = 'node', output = 'Echo: Hello'
FROM generate_series(1, {group}) AS i WHERE t.id = {id};
DELETE FROM queue q USING generate_series(1, {group}) AS i WHERE q.task_id = {id};
INSERT INTO attempts(task_id, attempt, outcome, started_at, ended_at, input_tokens, output_tokens, node)
SELECT {id}, 1, 1, :now, :now, 1, 2, 'node' FROM generate_series(1, {group}) AS i;
SELECT setval('positions', nextval('positions') + 3 * {group} - 1);
INSERT INTO events(position, task_id, seq, at, attempt, type, data)
SELECT currval('positions') - 3 * {group} + 3 * (i - 1) + e.seq - 4, {id}, e.seq, :now, 1, e.type, e.data
FROM generate_series(1, {group}) AS i, (VALUES
  (5, 9, '{"text": "Echo: Hello", "offset": 0}'),
  (6, 13, '{}'),
  (7, 4, '{"name": "Hello", "status": "COMPLETED", "output": "Echo: Hello", "usage": {"input_tokens": 1, "output_tokens": 2}}'))
  AS e(seq, type, data);
INSERT INTO messages(thread_id, position, task_id, created_at, attempt, role, content)
SELECT {id}, currval('positions') - 3 * {group} + 3 * (i - 1) + 3, {id}, :now, 1, 1, 'Echo: Hello'
FROM generate_series(1, {group}) AS i;
COMMIT;
\endpipeline
)sql";

/// Tasks one after another, as identifiers that begin with the time are.
constexpr std::string_view identifier = "lpad(to_hex(:batch::bigint * {group} + i), 32, '0')::uuid";

/// How the store's own sessions have statements planned.
constexpr std::string_view session = "PGOPTIONS=-c search_path=troupe -c plan_cache_mode=force_generic_plan -c jit=off "
                                     "-c enable_seqscan=off -c enable_mergejoin=off -c enable_hashjoin=off";

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

std::string script(std::size_t group) {
  std::string text = replaced(std::string{life}, "{id}", identifier);
  text = replaced(std::move(text), "{owner}", "'" + make_uuid().to_string() + "'::uuid");
  return replaced(std::move(text), "{group}", std::to_string(group));
}

/// The figure behind `name = ` in what pgbench prints.
double printed(const std::string& output, const std::string& name) {
  const auto at = output.find(name + " = ");
  if (at == std::string::npos) {
    throw std::runtime_error{"pgbench did not print " + name + ":\n" + output};
  }
  return std::strtod(output.c_str() + at + name.size() + 3, nullptr);
}

/// Throws unless every task has lived to its end: a statement that met no row would make
/// a ceiling that is too high.
void expect_whole_lives(const std::string& url, std::size_t tasks) {
  pqxx::connection connection{url};
  pqxx::nontransaction work{connection};
  work.exec("SET search_path = troupe");
  const auto rows = work.exec("SELECT (SELECT count(*) FROM tasks WHERE status = 2), (SELECT count(*) FROM queue), "
                              "(SELECT count(*) FROM attempts), (SELECT count(*) FROM events), "
                              "(SELECT count(*) FROM messages)");
  const auto count = [&](int column) { return rows[0][column].as<std::size_t>(); };
  if (count(0) != tasks || count(1) != 0 || count(2) != tasks || count(3) != 7 * tasks || count(4) != 2 * tasks) {
    throw std::runtime_error{"pgbench left tasks that are not complete"};
  }
}

} // namespace

double pgbench_ceiling(const postgres_server& server, const std::string& name, const std::string& url,
                       std::size_t tasks, std::size_t group) {
  if (const auto migrated = migrate_database(url); const auto* error = std::get_if<store_error>(&migrated)) {
    throw std::runtime_error{error->message};
  }
  const temporary_folder folder;
  const auto file = folder.path() / "life.sql";
  std::ofstream{file} << script(group);
  const std::string binaries = server.value("SELECT setting FROM pg_config WHERE name = 'BINDIR'");
  child_process pgbench{{"/usr/bin/env", std::string{session}, binaries + "/pgbench", "--no-vacuum",
                         "--protocol=prepared", "--client=1", "--transactions=" + std::to_string(tasks / group),
                         "--define=batch=0", "--define=now=" + std::to_string(now().time_since_epoch().count()),
                         "--file=" + file.string(), "--host=127.0.0.1", "--port=" + std::to_string(server.port()),
                         "--username=postgres", name}};
  if (pgbench.wait(std::chrono::minutes{10}) != 0) {
    throw std::runtime_error{"pgbench failed:\n" + pgbench.output()};
  }
  expect_whole_lives(url, tasks);
  return printed(pgbench.output(), "tps") * static_cast<double>(group);
}

double postgres_store_ceiling(const std::string& url, std::size_t tasks, std::size_t group) {
  store_worker worker{url};
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t done = 0; done < tasks; done += group) {
    worker.create(group);
    worker.complete(worker.claim(group));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  return static_cast<double>(tasks) / took.count();
}

} // namespace troupe
