#include "store_fixture.hpp"

#include "tests/simulation/memory/memory_server.hpp"

#include <cstdlib>
#include <filesystem>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <stdexcept>

namespace troupe {
namespace {

constexpr int all = 100'000;

class sqlite_place final : public test_database {
public:
  [[nodiscard]] std::string url() const override { return "sqlite:" + folder_.file("troupe.db"); }

private:
  temporary_folder folder_;
};

/// A database of its own on the server that the environment names (`PGHOST`…), as
/// `pg_virtualenv` does for a whole run of the tests.
class postgres_place final : public test_database {
public:
  postgres_place() : name_{"troupe_test_" + make_uuid().to_string()} {
    if (std::getenv("PGHOST") == nullptr)
      throw std::runtime_error{"this test needs a PostgreSQL server: run it by ./dev test, or under pg_virtualenv"};
    administer("CREATE DATABASE \"" + name_ + "\"");
  }
  ~postgres_place() override {
    try {
      administer("DROP DATABASE \"" + name_ + "\" WITH (FORCE)");
    } catch (const std::exception&) {
      // It goes with its server.
    }
  }
  [[nodiscard]] std::string url() const override { return "dbname=" + name_; }

private:
  static void administer(const std::string& sql) {
    pqxx::connection connection{"dbname=postgres"};
    pqxx::nontransaction{connection}.exec(sql);
  }

  std::string name_;
};

/// Goes with the test, by the machine's clocks.
class memory_place final : public test_database {
public:
  [[nodiscard]] std::string url() const override { throw std::logic_error{"what is in memory has no URL"}; }
  store_result<std::shared_ptr<database>> open() override { return server_.open(std::chrono::steady_clock::now); }

private:
  memory_server server_{now};
};

} // namespace

// -- places ---------------------------------------------------------------------

std::vector<database_kind> sql_kinds() {
  return {{"Sqlite", [] { return std::make_unique<sqlite_place>(); }},
          {"Postgres", [] { return std::make_unique<postgres_place>(); }}};
}

std::vector<database_kind> database_kinds() {
  auto kinds = sql_kinds();
  kinds.push_back({"Memory", [] { return std::make_unique<memory_place>(); }});
  return kinds;
}

void store_fixture::SetUp() {
  place = GetParam().make();
  open();
}

void store_fixture::open() {
  db = value_of<std::shared_ptr<database>>(place->open());
  writer = value_of<std::unique_ptr<store_writer>>(db->open_writer());
  reader = value_of<std::unique_ptr<store_reader>>(db->open_reader());
}

void store_fixture::close() {
  reader.reset();
  writer.reset();
  db.reset();
}

// -- operations -----------------------------------------------------------------

outcome store_fixture::apply(operation op) {
  last = writer->apply(std::span{&op, 1});
  return last.outcomes.at(0);
}

create_task store_fixture::make_task(std::string input) const {
  create_task op;
  op.task.id = op.task.thread_id = make_uuid();
  op.task.name = "a task";
  op.task.ns = "default";
  op.task.bot = "default";
  op.task.bot_ns = "default";
  op.task.created_by = "alice";
  op.task.input = std::move(input);
  op.task.created_at = clock;
  return op;
}

create_task store_fixture::make_turn(const uuid& thread, std::string input) const {
  auto op = make_task(std::move(input));
  op.task.thread_id = thread;
  return op;
}

uuid store_fixture::execute(create_task op) {
  op.execute = true;
  return must(std::move(op)).task.id;
}

std::vector<claimed_task> store_fixture::claim(int limit) {
  return must(claim_tasks{owner, "node-1", limit, clock}).tasks;
}

claimed_task store_fixture::claim_one() {
  auto tasks = claim(1);
  if (tasks.size() != 1)
    throw std::runtime_error{"nothing to claim"};
  return tasks[0];
}

complete_task store_fixture::make_completion(const claimed_task& task, std::string output) const {
  complete_task op;
  op.fence = fence_of(task);
  op.output = std::move(output);
  op.usage = {3, 5};
  op.at = clock;
  return op;
}

fail_attempt store_fixture::make_failure(const claimed_task& task, std::string error) const {
  fail_attempt op;
  op.fence = fence_of(task);
  op.error = std::move(error);
  op.usage = {2, 1};
  op.at = clock;
  return op;
}

fail_attempt store_fixture::make_retry(const claimed_task& task, timestamp retry_at) const {
  auto op = make_failure(task);
  op.retry_at = retry_at;
  return op;
}

append_journal store_fixture::make_intent(const claimed_task& task, std::string call_id) const {
  append_journal op;
  op.fence = fence_of(task);
  message_record intent;
  intent.role = message_role::assistant;
  intent.tool_calls = {{std::move(call_id), "now", "{}"}};
  op.messages.push_back(std::move(intent));
  op.events.push_back({event_type::chat_tool_start, "{}"});
  op.at = clock;
  return op;
}

append_journal store_fixture::make_result(const claimed_task& task, std::string call_id, std::string content) const {
  append_journal op;
  op.fence = fence_of(task);
  message_record result;
  result.role = message_role::tool;
  result.call_id = std::move(call_id);
  result.tool = "now";
  result.content = std::move(content);
  op.messages.push_back(std::move(result));
  op.events.push_back({event_type::chat_tool_result, "{}"});
  op.at = clock;
  return op;
}

append_journal store_fixture::make_request(const claimed_task& task, const std::vector<std::string>& call_ids,
                                           timestamp deadline) const {
  append_journal op;
  op.fence = fence_of(task);
  op.at = clock;
  message_record intent;
  intent.role = message_role::assistant;
  for (const auto& call_id : call_ids) {
    intent.tool_calls.push_back({call_id, "send", R"({"to":"bob"})"});
    op.events.push_back({event_type::chat_tool_start, "{}"});
    approval_record approval;
    approval.call_id = call_id;
    approval.tool = "send";
    approval.arguments = R"({"to":"bob"})";
    approval.deadline = deadline;
    op.approvals.push_back(std::move(approval));
  }
  op.messages.push_back(std::move(intent));
  return op;
}

await_approval store_fixture::make_wait(const claimed_task& task) const {
  await_approval op;
  op.fence = fence_of(task);
  op.usage = {4, 2};
  op.at = clock;
  return op;
}

decide_approval store_fixture::make_decision(const uuid& id, std::string call_id, bool approve) const {
  decide_approval op;
  op.task_id = id;
  op.call_id = std::move(call_id);
  op.approve = approve;
  op.decided_by = "carol";
  op.at = clock;
  return op;
}

cancel_task store_fixture::make_cancel(const uuid& id) const {
  cancel_task op;
  op.id = id;
  op.at = clock;
  return op;
}

set_task_status store_fixture::make_status(const uuid& id, task_status status) const {
  set_task_status op;
  op.id = id;
  op.status = status;
  op.node = "by-hand";
  op.at = clock;
  return op;
}

uuid store_fixture::completed_task() {
  const auto id = execute();
  must(make_completion(claim_one()));
  return id;
}

uuid store_fixture::failed_task() {
  const auto id = execute();
  must(make_failure(claim_one()));
  return id;
}

// -- what is stored -------------------------------------------------------------

task_record store_fixture::task(const uuid& id) {
  return value_of<task_record>(reader->get_task(id));
}

std::vector<event_record> store_fixture::journal(const uuid& id) {
  return all_of<event_record, std::int64_t>(0, [&](auto after) { return reader->events_after(id, after, all); });
}

std::string store_fixture::story(const uuid& id) {
  std::string names;
  for (const auto& event : journal(id))
    names += (names.empty() ? "" : " ") + std::string{to_string(event.type)};
  return names;
}

std::string store_fixture::data_of(const uuid& id, event_type type) {
  std::string data;
  for (const auto& event : journal(id))
    if (event.type == type)
      data = event.data;
  return data;
}

std::vector<message_record> store_fixture::messages(const uuid& id) {
  return all_of<message_record, std::int64_t>(0, [&](auto after) { return reader->task_messages(id, after, all); });
}

std::vector<message_record> store_fixture::conversation(const uuid& thread) {
  return all_of<message_record, std::int64_t>(0,
                                              [&](auto after) { return reader->thread_messages(thread, after, all); });
}

std::string store_fixture::roles(const std::vector<message_record>& items) {
  std::string names;
  for (const auto& message : items)
    names += (names.empty() ? "" : " ") + std::string{to_string(message.role)};
  return names;
}

std::vector<attempt_record> store_fixture::attempts(const uuid& id) {
  return all_of<attempt_record, int>(0, [&](auto after) { return reader->attempts(id, after, all); });
}

std::vector<approval_record> store_fixture::approvals(const uuid& id) {
  return all_of<approval_record, approval_place>(
    {}, [&](const auto& after) { return reader->approvals(id, after.call_id, all); });
}

std::string store_fixture::decisions(const uuid& id) {
  std::string text;
  for (const auto& approval : approvals(id))
    text += (text.empty() ? "" : " ") + approval.call_id + ':' + std::string{to_string(approval.state)};
  return text;
}

std::string store_fixture::sums(usage_group group, const usage_filter& filter) {
  std::string text;
  for (const auto& sum : value_of<std::vector<usage_record>>(reader->usage(filter, group))) {
    const auto& used = sum.usage;
    text += (text.empty() ? "" : " ") + sum.key;
    char mark = ':';
    for (const auto number : {sum.attempts, used.input_tokens, used.output_tokens, used.cost}) {
      text += mark + std::to_string(number);
      mark = '/';
    }
    text += used.estimated ? "~" : "";
  }
  return text;
}

void store_fixture::expect_no_holes(const uuid& id) {
  std::int64_t expected = 0;
  for (const auto& event : journal(id))
    EXPECT_EQ(event.seq, ++expected) << story(id);
}

queue_stats::row store_fixture::queue_of(const std::string& ns) {
  for (auto& row : value_of<queue_stats>(reader->queue({}, all)).namespaces)
    if (row.ns == ns)
      return row;
  return {};
}

} // namespace troupe
