#include "gateway/cli/client.hpp"
#include "gateway/cli/progress.hpp"
#include "gateway/cli/run.hpp"
#include "gateway/cli/tasks.hpp"
#include "gateway/cli/text.hpp"

#include <CLI/CLI.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const timestamp noon = *parse_rfc3339("2026-01-02T12:00:00Z");

// -- problems -----------------------------------------------------------------------

TEST(ProblemSentence, IsTheDetail) {
  EXPECT_EQ(problem_sentence(404, R"({"title":"Not found","status":404,"detail":"No task has this id."})"),
            "No task has this id.");
}

TEST(ProblemSentence, IsTheTitleWhereThereIsNoDetail) {
  EXPECT_EQ(problem_sentence(404, R"({"title":"Not found","status":404})"), "Not found");
}

TEST(ProblemSentence, ListsTheErrorsThatTheDetailDoesNotName) {
  EXPECT_EQ(problem_sentence(422, R"({"detail":"name: too long (and 2 more).","errors":[
              {"pointer":"/name","detail":"too long"},{"pointer":"/input","detail":"is missing"},
              {"parameter":"limit","detail":"expected an integer"},{"detail":"and so on"},7]})"),
            "name: too long (and 2 more).\n  /input: is missing\n  limit: expected an integer\n  and so on");
}

TEST(ProblemSentence, TellsTheStatusOfWhatIsNoProblemDocument) {
  for (const auto* body : {"<html>Not here</html>", "", "[]", "{}", R"({"detail":5})"})
    EXPECT_EQ(problem_sentence(404, body), "The answer was 404 Not Found, without a reason; is it a Troupe server?");
}

TEST(CallError, MayPassWhereTryingAgainHelps) {
  EXPECT_TRUE(call_error(call_failure::unreachable, "").may_pass());
  EXPECT_TRUE(call_error(call_failure::broken, "").may_pass());
  EXPECT_TRUE(call_error(call_failure::refused, "", 503).may_pass());
  EXPECT_FALSE(call_error(call_failure::refused, "", 404).may_pass());
  EXPECT_FALSE(call_error(call_failure::unintelligible, "").may_pass());
}

// -- targets ------------------------------------------------------------------------

TEST(RequestTarget, EscapesWhatWouldBeReadAsSomethingElse) {
  EXPECT_EQ(percent_encode("a-Z_0.9~"), "a-Z_0.9~");
  EXPECT_EQ(percent_encode("../b?c&d=e f+ü"), "..%2Fb%3Fc%26d%3De%20f%2B%C3%BC");
}

TEST(RequestTarget, LeavesOutWhatIsEmpty) {
  EXPECT_EQ(request_target{"/tasks"}.add("bot", "").text(), "/tasks");
  EXPECT_EQ(request_target{"/tasks"}.add("a", "1").add("b", "").add("c", "x y").text(), "/tasks?a=1&c=x%20y");
}

TEST(ServerAddress, PutsBracketsAroundIpv6) {
  EXPECT_EQ((server_address{"127.0.0.1", 8080}.url()), "http://127.0.0.1:8080");
  EXPECT_EQ((server_address{"::1", 80}.url()), "http://[::1]:80");
}

// -- text on a terminal -------------------------------------------------------------

TEST(Printable, LetsNoEscapeSequenceThrough) {
  EXPECT_EQ(printable("a\x1b[2Jb\x07\x7f"), "a\uFFFD[2Jb\uFFFD\uFFFD");
  EXPECT_EQ(printable("c1\xC2\x9B"
                      "0m"),
            "c1\uFFFD0m");
  EXPECT_EQ(printable("bidi\u202E"), "bidi\uFFFD");
  EXPECT_EQ(printable("line\n\ttab ü €  😀"), "line\n\ttab ü €  😀");
  EXPECT_EQ(printable_line("line\n\ttab\r"), "line  tab\uFFFD");
}

TEST(Printable, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(printable("\x80"
                      "a\xC3"),
            "\uFFFDa\uFFFD");
  EXPECT_EQ(printable("\xC0\xAF"), "\uFFFD\uFFFD");
  EXPECT_EQ(printable("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(printable("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
}

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(display_width(""), 0U);
  EXPECT_EQ(display_width("Grüße"), 5U);
  EXPECT_EQ(display_width("日本"), 4U);
  EXPECT_EQ(display_width("e\u0301"), 1U);
}

TEST(Fit, CutsAtAWholeCharacterAndSaysSo) {
  EXPECT_EQ(fit("short", 5), "short");
  EXPECT_EQ(fit("longer", 5), "long…");
  EXPECT_EQ(fit("日本語", 5), "日本…");
  EXPECT_EQ(fit("日本語", 4), "日…");
  EXPECT_EQ(fit("x", 0), "");
}

TEST(ShortAge, IsOneWholeUnit) {
  EXPECT_EQ(short_age(-5s), "0s");
  EXPECT_EQ(short_age(59'999ms), "59s");
  EXPECT_EQ(short_age(60s), "1m");
  EXPECT_EQ(short_age(3599s), "59m");
  EXPECT_EQ(short_age(1h), "1h");
  EXPECT_EQ(short_age(50h), "2d");
}

TEST(SpokenAge, IsOneWholeUnitWithASpace) {
  EXPECT_EQ(spoken_age(-5s), "0 s");
  EXPECT_EQ(spoken_age(2900ms), "2 s");
  EXPECT_EQ(spoken_age(200s), "3 min");
  EXPECT_EQ(spoken_age(5h), "5 h");
  EXPECT_EQ(spoken_age(50h), "2 d");
}

TEST(SpokenDuration, IsAsExactAsItIsShort) {
  EXPECT_EQ(spoken_duration(-1s), "0.0 s");
  EXPECT_EQ(spoken_duration(1450ms), "1.4 s");
  EXPECT_EQ(spoken_duration(200s), "3 min 20 s");
  EXPECT_EQ(spoken_duration(125min), "2 h 5 min");
}

// -- tables -------------------------------------------------------------------------

const std::vector<table_column> three_columns{{"ID"}, {"N", true}, {"NAME", false, 5}};

TEST(Table, AlignsItsColumns) {
  EXPECT_EQ(render_table(three_columns, {{"a", "1", "first"}, {"bcd", "100", "ü"}}, std::nullopt), "ID     N  NAME\n"
                                                                                                   "a      1  first\n"
                                                                                                   "bcd  100  ü\n");
}

TEST(Table, CutsWhatMayBeCutToFitTheTerminal) {
  const auto table = render_table(three_columns, {{"abc", "1", "a very long name"}}, 16);
  EXPECT_EQ(table, "ID   N  NAME\n"
                   "abc  1  a very …\n");
}

TEST(Table, CutsNoColumnBelowWhatItNeeds) {
  EXPECT_EQ(render_table(three_columns, {{"abcdefgh", "1", "a very long name"}}, 4), "ID        N  NAME\n"
                                                                                     "abcdefgh  1  a ve…\n");
}

api_json a_task() {
  return api_json::parse(R"({"id":"0190a7a0-0000-7000-8000-000000000001","name":"greeting","namespace":"default",
    "status":"COMPLETED","input":"Hello\nthere","output":"Echo: Hello","error":null,"error_class":null,"spec":{},
    "bot":"default","thread_id":"0190a7a0-0000-7000-8000-000000000001","priority":0,"attempt":2,"max_attempts":3,
    "run_at":null,"created_by":"ada","metadata":{"k":"v"},"usage":{"input_tokens":5,"output_tokens":7},"node":"n1",
    "created_at":"2026-01-02T11:58:00.000000Z","updated_at":"2026-01-02T11:59:00.000000Z",
    "started_at":"2026-01-02T11:58:30.000000Z","completed_at":"2026-01-02T11:58:31.500000Z"})");
}

TEST(TaskTable, HasARowForEveryTask) {
  EXPECT_EQ(render_tasks(api_json::array({a_task()}), noon, std::nullopt),
            "ID                                    STATUS     BOT      AGE  TRY  NAME\n"
            "0190a7a0-0000-7000-8000-000000000001  COMPLETED  default   2m  2/3  greeting\n");
}

TEST(TaskTable, FitsAnOrdinaryTerminal) {
  auto task = a_task();
  task["name"] = "a name that is much longer than what is left of eighty columns";
  const auto table = render_tasks(api_json::array({task}), noon, 80);
  const auto row = table.substr(table.find('\n') + 1);
  EXPECT_EQ(display_width(row.substr(0, row.size() - 1)), 80U) << row;
  EXPECT_THAT(row, StartsWith("0190a7a0-0000-7000-8000-000000000001  COMPLETED  default   2m  2/3  a name"));
  EXPECT_THAT(row, EndsWith("…\n"));
}

TEST(TaskTable, SaysSoIfThereAreNone) {
  EXPECT_EQ(render_tasks(api_json::array(), noon, 80), "No tasks.\n");
}

TEST(TaskTable, ShowsWhatItCanOfADocumentItDoesNotKnow) {
  EXPECT_EQ(render_tasks(api_json::parse(R"([{"id":7,"attempt":"x","created_at":"yesterday","name":"n\u001b"}])"), noon,
                         std::nullopt),
            "ID  STATUS  BOT  AGE  TRY  NAME\n"
            "                   -  0/0  n\uFFFD\n");
}

TEST(TaskBlock, ShowsFactsFirstAndTextsLast) {
  EXPECT_EQ(render_task(a_task(), noon), "id          0190a7a0-0000-7000-8000-000000000001\n"
                                         "name        greeting\n"
                                         "namespace   default\n"
                                         "status      COMPLETED\n"
                                         "bot         default\n"
                                         "attempt     2/3\n"
                                         "created     2026-01-02 11:58:00 UTC (2m ago) by ada\n"
                                         "started     2026-01-02 11:58:30 UTC\n"
                                         "ended       2026-01-02 11:58:31 UTC (1m ago, took 1.5 s)\n"
                                         "tokens      5 in, 7 out\n"
                                         "node        n1\n"
                                         "metadata    {\"k\":\"v\"}\n"
                                         "\n"
                                         "input\n"
                                         "  Hello\n"
                                         "  there\n"
                                         "\n"
                                         "output\n"
                                         "  Echo: Hello\n");
}

TEST(TaskBlock, ShowsThreadPriorityDueTimeAndErrorWhereThereAreAny) {
  auto task = a_task();
  task["thread_id"] = "0190a7a0-0000-7000-8000-000000000009";
  task["priority"] = -3;
  task["run_at"] = "2026-01-03T00:00:00.000000Z";
  task["output"] = nullptr;
  task["error"] = "It broke.";
  const auto block = render_task(task, noon);
  EXPECT_THAT(block, HasSubstr("thread      0190a7a0-0000-7000-8000-000000000009\n"));
  EXPECT_THAT(block, HasSubstr("priority    -3\n"));
  EXPECT_THAT(block, HasSubstr("not before  2026-01-03 00:00:00 UTC\n"));
  EXPECT_THAT(block, Not(HasSubstr("output")));
  EXPECT_THAT(block, EndsWith("error\n  It broke.\n"));
}

TEST(TaskBlock, ShowsWhatTheTaskWaitsFor) {
  auto task = a_task();
  task["status"] = "RUNNING";
  task["wait_reason"] = "approval";
  EXPECT_THAT(render_task(task, noon), HasSubstr("status      RUNNING\n"
                                                 "waits for   approval\n"));
  task["wait_reason"] = nullptr;
  EXPECT_THAT(render_task(task, noon), Not(HasSubstr("waits for")));
}

TEST(TaskBlock, ShowsACostThatIsNotNothing) {
  for (const auto& [cost, shown] : std::vector<std::pair<api_json, std::string>>{{0.0015, "0.0015"},
                                                                                 {0.1 + 0.2, "0.3"},
                                                                                 {1e-9, "0.000000001"},
                                                                                 {12, "12"},
                                                                                 {100.0, "100"},
                                                                                 {1e100, "1e+100"}}) {
    auto task = a_task();
    task["usage"]["cost"] = cost;
    EXPECT_THAT(render_task(task, noon), HasSubstr("tokens      5 in, 7 out\n"
                                                   "cost        "
                                                   + shown + "\n"));
  }
  for (const auto& cost : std::vector<api_json>{0, 0.0, nullptr, "much"}) {
    auto task = a_task();
    task["usage"]["cost"] = cost;
    EXPECT_THAT(render_task(task, noon), Not(HasSubstr("cost"))) << cost;
  }
}

TEST(QueueTable, HasARowForEveryNamespaceAndTheirSum) {
  const auto queue = api_json::parse(R"({"namespaces":[
      {"namespace":"a","ready":1,"scheduled":2,"retrying":0,"blocked":0,"running":3,"oldest_due":null,"oldest_age_s":null},
      {"namespace":"b","ready":10,"scheduled":0,"retrying":1,"blocked":0,"running":0,"oldest_due":"x","oldest_age_s":61.5}],
    "totals":{"ready":11,"scheduled":2,"retrying":1,"blocked":0,"running":3,"oldest_due":"x","oldest_age_s":61.5}})");
  EXPECT_EQ(render_queue(queue, std::nullopt), "NAMESPACE  READY  SCHEDULED  RETRYING  BLOCKED  RUNNING  OLDEST DUE\n"
                                               "a              1          2         0        0        3           -\n"
                                               "b             10          0         1        0        0          1m\n"
                                               "(all)         11          2         1        0        3          1m\n");
}

TEST(QueueTable, SaysSoIfNothingIsInIt) {
  EXPECT_EQ(render_queue(api_json::parse(R"({"namespaces":[],"totals":{}})"), 80), "The queue is empty.\n");
}

/// A list with these nodes; each gets the members of `a_node` that it does not set.
api_json nodes(const std::vector<api_json>& changes) {
  auto list = api_json::parse(R"({"items":[],"next_cursor":null})");
  for (const auto& change : changes) {
    auto node = api_json::parse(R"({"name":"node-1","id":"0190a7a0-0000-7000-8000-000000000001","role":"all",
      "status":"alive","version":"0.1.0","address":"127.0.0.1:7070","capacity":100,"running":12,
      "started_at":"2026-01-02T11:00:00.000000Z","heartbeat_at":"2026-01-02T11:59:57.500000Z",
      "lease_expires_at":"2026-01-02T12:00:07.500000Z"})");
    node.update(change);
    list["items"].push_back(node);
  }
  return list;
}

/// What the last column says of a node that differs from an ordinary one by `change`.
std::string lease_of(const api_json& change) {
  auto table = render_nodes(nodes({change}), noon, std::nullopt);
  table.pop_back();
  const auto row = table.substr(table.rfind('\n') + 1);
  return row.substr(row.rfind("  ") + 2);
}

TEST(NodeTable, HasARowForEveryNode) {
  EXPECT_EQ(render_nodes(nodes({{{"name", "a"}},
                                {{"name", "b"},
                                 {"role", "gateway"},
                                 {"status", "draining"},
                                 {"address", nullptr},
                                 {"running", 0},
                                 {"lease_expires_at", nullptr}},
                                {{"name", "c"},
                                 {"role", "worker"},
                                 {"status", "lost"},
                                 {"heartbeat_at", "2026-01-02T11:58:00.000000Z"},
                                 {"lease_expires_at", "2026-01-02T11:58:10.000000Z"}}}),
                         noon, std::nullopt),
            "NAME  ROLE     STATUS    RUNNING  VERSION  ADDRESS         HEARTBEAT  LEASE\n"
            "a     all      alive      12/100  0.1.0    127.0.0.1:7070    2 s ago  ok, 7 s left\n"
            "b     gateway  draining    0/100  0.1.0    -                 2 s ago  -\n"
            "c     worker   lost       12/100  0.1.0    127.0.0.1:7070  2 min ago  lost\n");
}

TEST(NodeTable, TellsALostLeaseFromNone) {
  EXPECT_EQ(lease_of({{"lease_expires_at", "2026-01-02T12:00:00.000000Z"}}), "lost") << "it has run out";
  EXPECT_EQ(lease_of({{"lease_expires_at", nullptr}}), "-");
  EXPECT_EQ(lease_of({{"lease_expires_at", nullptr}, {"status", "lost"}}), "lost") << "it was taken";
  EXPECT_EQ(lease_of({{"lease_expires_at", nullptr}, {"status", "lost"}, {"role", "gateway"}}), "-")
    << "it has never had one";
}

TEST(NodeTable, FitsAnOrdinaryTerminal) {
  const auto table = render_nodes(nodes({{{"address", "a-node-with-a-long-name.internal:7070"}}}), noon, 80);
  const auto row = table.substr(table.find('\n') + 1);
  EXPECT_LE(display_width(row.substr(0, row.size() - 1)), 80U) << row;
  EXPECT_THAT(row, HasSubstr("…"));
  EXPECT_THAT(row, EndsWith("  2 s ago  ok, 7 s left\n"));
}

TEST(NodeTable, ShowsWhatItCanOfADocumentItDoesNotKnow) {
  EXPECT_EQ(render_nodes(api_json::parse(R"({"items":[{"name":"n\u001b","running":"x","heartbeat_at":7}]})"), noon,
                         std::nullopt),
            "NAME  ROLE  STATUS  RUNNING  VERSION  ADDRESS  HEARTBEAT  LEASE\n"
            "n\uFFFD                      0/0           -                -  -\n");
}

TEST(NodeTable, SaysSoIfThereAreNone) {
  EXPECT_EQ(render_nodes(nodes({}), noon, 80), "No nodes.\n");
  EXPECT_EQ(render_nodes(api_json::parse("[]"), noon, 80), "No nodes.\n");
}

// -- progress -----------------------------------------------------------------------

class Progress : public testing::Test {
protected:
  progress_step take(const char* type, api_json data = api_json::object(), int attempt = 1) {
    return progress_.take({{"type", type}, {"task_id", "t"}, {"seq", ++seq_}, {"attempt", attempt}, {"data", data}},
                          noon);
  }

  void start(int attempt = 1) { take("task:started", {{"status", "RUNNING"}}, attempt); }

  std::string line(std::chrono::milliseconds later = 0ms) { return progress_.line(noon + later); }

  run_progress progress_{api_json{{"id", "t"}, {"status", "PENDING"}, {"attempt", 0}, {"max_attempts", 3}}, noon};
  int seq_ = 0;
};

TEST_F(Progress, BeginsWithATaskThatWaits) {
  EXPECT_EQ(line(400ms), "PENDING · 0.4 s");
  EXPECT_EQ(progress_.outcome(), run_outcome::none);
}

TEST_F(Progress, CountsTheWordsOfTheAnswerAcrossChunks) {
  start();
  EXPECT_EQ(line(1s), "RUNNING · attempt 1/3 · 1.0 s");
  EXPECT_EQ(take("chat:chunk", {{"text", "Ec"}, {"offset", 0}}).text, "Ec");
  EXPECT_EQ(line(1s), "RUNNING · attempt 1/3 · 1.0 s · 1 word");
  EXPECT_EQ(take("chat:chunk", {{"text", "ho: Hello\nyou"}, {"offset", 2}}).text, "ho: Hello\nyou");
  EXPECT_EQ(line(1s), "RUNNING · attempt 1/3 · 1.0 s · 3 words");
  EXPECT_EQ(progress_.streamed(), "Echo: Hello\nyou");
}

TEST_F(Progress, SaysWhyAndWhenItTriesAgain) {
  start();
  take("chat:chunk", {{"text", "half"}});
  const auto step = take(
    "task:retrying",
    {{"status", "RUNNING"}, {"error", "The model is away."}, {"next_attempt_at", "2026-01-02T12:00:02.500000Z"}});
  EXPECT_EQ(step.note, "Attempt 1 failed: The model is away. (the next one starts in 2.5 s)");
  EXPECT_EQ(line(1s), "RETRYING in 1.5 s · attempt 1/3 · 1.0 s · The model is away.");
  EXPECT_EQ(line(3s), "RETRYING · attempt 1/3 · 3.0 s · The model is away.");
  EXPECT_TRUE(take("task:started", {{"status", "RUNNING"}}, 2).restarted);
  EXPECT_EQ(line(3s), "RUNNING · attempt 2/3 · 3.0 s");
  EXPECT_EQ(progress_.streamed(), "");
}

TEST_F(Progress, StartsAnewOnlyWhereSomethingWasShown) {
  EXPECT_FALSE(take("task:started", {{"status", "RUNNING"}}).restarted);
}

TEST_F(Progress, NamesTheToolThatIsCalled) {
  start();
  take("chat:tool_start", {{"call_id", "c"}, {"tool", "calculator"}});
  EXPECT_THAT(line(), EndsWith(" · calling calculator"));
  take("chat:tool_result", {{"call_id", "c"}, {"tool", "calculator"}});
  EXPECT_THAT(line(), EndsWith(" · 0.0 s"));
}

TEST_F(Progress, SaysThatTheConnectionIsLost) {
  start();
  progress_.connection_lost();
  EXPECT_EQ(line(2s), "Connection lost, trying again · attempt 1/3 · 2.0 s");
  progress_.connection_back();
  EXPECT_THAT(line(), StartsWith("RUNNING"));
}

TEST_F(Progress, TakesEveryEventOnceAndNoOtherTasks) {
  const api_json chunk{{"type", "chat:chunk"}, {"task_id", "t"}, {"seq", 5}, {"attempt", 1}, {"data", {{"text", "a"}}}};
  EXPECT_EQ(progress_.take(chunk, noon).text, "a");
  EXPECT_EQ(progress_.take(chunk, noon).text, "");
  auto other = chunk;
  other["task_id"] = "u";
  other["seq"] = 6;
  EXPECT_EQ(progress_.take(other, noon).text, "");
  EXPECT_EQ(progress_.streamed(), "a");
  EXPECT_EQ(progress_.seq(), 5);
}

TEST_F(Progress, PassesOverWhatItDoesNotKnow) {
  EXPECT_EQ(progress_.take(api_json::parse(R"({"type":"gap","from":1,"to":2})"), noon).text, "");
  take("task:admired");
  EXPECT_EQ(progress_.take(api_json::parse(R"({"type":"task:started","task_id":"t","seq":9})"), noon).note, "");
  EXPECT_EQ(progress_.outcome(), run_outcome::none);
}

TEST_F(Progress, EndsWithTheAnswer) {
  take("task:completed", {{"status", "COMPLETED"}, {"output", "Echo"}});
  EXPECT_EQ(progress_.outcome(), run_outcome::completed);
  EXPECT_EQ(progress_.output(), "Echo");
}

TEST_F(Progress, EndsWithoutAnAnswerWhereThereIsNone) {
  take("task:completed", {{"status", "COMPLETED"}, {"output", nullptr}});
  EXPECT_EQ(progress_.outcome(), run_outcome::completed);
  EXPECT_EQ(progress_.output(), std::nullopt);
}

TEST_F(Progress, EndsWithTheReasonOfAFailure) {
  take("task:failed", {{"status", "FAILED"}, {"error", "No."}}, 3);
  EXPECT_EQ(progress_.outcome(), run_outcome::failed);
  EXPECT_EQ(progress_.error(), "No.");
  EXPECT_EQ(progress_.attempt(), 3);
}

TEST_F(Progress, EndsWithACancelAndADelete) {
  take("task:cancelled", {{"status", "CANCELLED"}});
  EXPECT_EQ(progress_.outcome(), run_outcome::cancelled);
  take("task:deleted");
  EXPECT_EQ(progress_.outcome(), run_outcome::deleted);
}

TEST_F(Progress, LearnsTheEndFromTheTaskWhereTheJournalIsGone) {
  progress_.take_end({{"status", "RUNNING"}, {"attempt", 1}});
  EXPECT_EQ(progress_.outcome(), run_outcome::none);
  progress_.take_end({{"status", "COMPLETED"}, {"attempt", 2}, {"output", "Echo"}});
  EXPECT_EQ(progress_.outcome(), run_outcome::completed);
  EXPECT_EQ(progress_.output(), "Echo");
}

TEST_F(Progress, ShowsNoControlCharacterOfAnError) {
  start();
  take("task:retrying", {{"error", "bad\x1b[2J\nidea"}});
  EXPECT_THAT(line(), EndsWith("bad\uFFFD[2J idea"));
}

// -- the commands -------------------------------------------------------------------

TEST(NewTaskBody, HasWhatWasGivenAndNothingElse) {
  run_options options;
  options.input = "Hello";
  EXPECT_EQ(new_task_body(options), api_json::parse(R"({"input":"Hello","execute":true})"));
  options.bot = "b";
  options.name = "n";
  options.thread = "t";
  options.created_by = "c";
  options.ns = "in the query";
  EXPECT_EQ(new_task_body(options), api_json::parse(R"({"input":"Hello","execute":true,"name":"n","thread_id":"t",
                                                        "created_by":"c","spec":{"bot_name":"b"}})"));
}

class ClientCommands : public testing::Test {
protected:
  ClientCommands() {
    app_.require_subcommand(1);
    add_client_commands(app_, settings_, exit_code_);
  }

  /// Port 0 takes no connection: every command that gets as far as calling says so.
  int run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--http-port", "0"});
    std::reverse(arguments.begin(), arguments.end());
    testing::internal::CaptureStderr();
    try {
      app_.parse(arguments);
    } catch (const CLI::ParseError& refused) {
      complaint_ = testing::internal::GetCapturedStderr() + refused.what();
      return -1;
    }
    complaint_ = testing::internal::GetCapturedStderr();
    return exit_code_;
  }

  CLI::App app_{"troupe"};
  settings settings_;
  int exit_code_ = 99;
  std::string complaint_;
};

TEST_F(ClientCommands, SayThatNoServerAnswers) {
  const std::vector<std::vector<std::string>> all{{"task", "run", "Hello"},
                                                  {"task", "ls"},
                                                  {"task", "get", "id"},
                                                  {"task", "cancel", "id"},
                                                  {"task", "retry", "id"},
                                                  {"queue"},
                                                  {"node", "ls"},
                                                  {"node", "ls", "--json"},
                                                  {"task", "run", "queue"},
                                                  {"task", "run", "ls", "--json"},
                                                  {"task", "ls", "--status", "running"}};
  for (const auto& arguments : all) {
    EXPECT_EQ(run(arguments), exit_trouble) << arguments.back();
    EXPECT_EQ(complaint_, "No server answers at http://127.0.0.1:0; start one with `troupe serve`\n");
  }
}

TEST_F(ClientCommands, RefuseWhatTheyCannotTake) {
  EXPECT_EQ(run({"task"}), -1);
  EXPECT_EQ(run({"node"}), -1);
  EXPECT_EQ(run({"node", "ls", "all"}), -1);
  EXPECT_EQ(run({"task", "run"}), -1);
  EXPECT_EQ(run({"task", "get"}), -1);
  EXPECT_EQ(run({"task", "ls", "--limit", "0"}), -1);
  EXPECT_EQ(run({"task", "run", "Hello", "--no-wait", "--timeout", "5s"}), -1);
  EXPECT_EQ(run({"task", "run", "Hello", "--timeout", "soon"}), -1);
  EXPECT_THAT(complaint_, HasSubstr("must be a duration such as 500ms, 30s or 5m, not \"soon\""));
  EXPECT_EQ(exit_code_, 99) << "none of them has run";
}

} // namespace
} // namespace troupe
