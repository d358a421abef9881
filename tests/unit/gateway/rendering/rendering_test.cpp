#include "gateway/forms/cursor.hpp"
#include "gateway/rendering/frames.hpp"
#include "gateway/rendering/lists.hpp"
#include "gateway/rendering/records.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/values/json_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::ordered_json;
using testing::ElementsAre;
using namespace std::chrono_literals;

constexpr timestamp at{1'700'000'000'000'001us};

/// A text that no careless writer survives.
const std::string nasty = "\"\\/\b\f\n\r\t\x01\x1f\x7f </script> \xe2\x80\xa8 \xf0\x9f\x98\x80";

std::vector<std::string> names(const json& object) {
  std::vector<std::string> result;
  for (const auto& [name, value] : object.items())
    result.push_back(name);
  return result;
}

task_record some_task() {
  task_record task;
  task.id = *uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057");
  task.thread_id = task.id;
  task.name = "name";
  task.ns = "default";
  task.input = "input";
  task.bot = "default";
  task.created_by = "anonymous";
  task.created_at = at;
  task.updated_at = at;
  return task;
}

event_record some_event() {
  event_record event;
  event.source = std::make_shared<event_source>(event_source{some_task().id, some_task().thread_id, "default", "ada"});
  event.seq = 3;
  event.position = 42;
  event.attempt = 1;
  event.type = event_type::chat_chunk;
  event.at = at;
  event.data = R"({"text":"Hi","offset":0})";
  return event;
}

TEST(RenderTask, HasTheContractsMembersInItsOrder) {
  EXPECT_THAT(names(json::parse(render_task(some_task()))),
              ElementsAre("id", "name", "namespace", "status", "input", "output", "error", "error_class",
                          "finish_reason", "spec", "bot", "thread_id", "priority", "attempt", "max_attempts", "run_at",
                          "created_by", "metadata", "usage", "wait_reason", "node", "created_at", "updated_at",
                          "started_at", "completed_at"));
}

TEST(RenderTask, ShowsANewTask) {
  EXPECT_EQ(json::parse(render_task(some_task())), json::parse(R"({
    "id": "01890a5d-ac96-774b-bcce-b302099a8057", "name": "name", "namespace": "default", "status": "PENDING",
    "input": "input", "output": null, "error": null, "error_class": null, "finish_reason": null, "spec": {}, "bot": "default",
    "thread_id": "01890a5d-ac96-774b-bcce-b302099a8057", "priority": 0, "attempt": 0, "max_attempts": 3, "run_at": null,
    "created_by": "anonymous", "metadata": {},
    "usage": {"input_tokens": 0, "output_tokens": 0, "cost": 0.0, "estimated": false},
    "wait_reason": null, "node": null,
    "created_at": "2023-11-14T22:13:20.000001Z", "updated_at": "2023-11-14T22:13:20.000001Z",
    "started_at": null, "completed_at": null})"));
}

TEST(RenderTask, ShowsAFinishedTask) {
  auto task = some_task();
  task.status = task_status::failed;
  task.output = "part";
  task.error = "why";
  task.error_kind = error_class::throttled;
  task.spec = R"({"bot_name":"b","deep":[[1]]})";
  task.metadata = R"({"k":"v"})";
  task.priority = -5;
  task.attempt = 2;
  task.run_at = at;
  task.usage = {7, INT64_MAX, 1'500'000, true};
  task.node = "node-1";
  task.started_at = at;
  task.completed_at = at + 1s;
  const auto shown = json::parse(render_task(task));
  EXPECT_EQ(shown["status"], "FAILED");
  EXPECT_EQ(shown["output"], "part");
  EXPECT_EQ(shown["error"], "why");
  EXPECT_EQ(shown["error_class"], "throttled");
  EXPECT_EQ(shown["spec"]["deep"][0][0], 1);
  EXPECT_EQ(shown["metadata"]["k"], "v");
  EXPECT_EQ(shown["priority"], -5);
  EXPECT_EQ(shown["usage"]["output_tokens"], INT64_MAX);
  EXPECT_EQ(shown["usage"]["cost"].dump(), "0.0015");
  EXPECT_EQ(shown["usage"]["estimated"], true);
  EXPECT_EQ(shown["node"], "node-1");
  EXPECT_EQ(shown["completed_at"], "2023-11-14T22:13:21.000001Z");
}

TEST(RenderTask, ShowsThatItWaitsForAPerson) {
  auto task = some_task();
  task.waits_for = wait_reason::approval;
  EXPECT_EQ(json::parse(render_task(task))["wait_reason"], "approval");
}

TEST(RenderTask, EscapesEveryText) {
  auto task = some_task();
  task.name = task.input = task.bot = task.created_by = task.node = nasty;
  task.output = task.error = nasty;
  const auto shown = json::parse(render_task(task));
  for (const auto* member : {"name", "input", "output", "error", "bot", "created_by", "node"})
    EXPECT_EQ(shown[member], nasty) << member;
}

TEST(RenderTask, StaysOnOneLine) {
  auto task = some_task();
  task.input = nasty;
  EXPECT_EQ(render_task(task).find('\n'), std::string::npos);
}

TEST(EtagOfTask, IsAQuotedTagThatChangesWithTheTask) {
  const auto first = etag_of(some_task());
  EXPECT_THAT(first, testing::MatchesRegex("\"[0-9a-f]{16}\""));
  EXPECT_EQ(etag_of(some_task()), first);
  const auto changed = [&](auto change) {
    auto task = some_task();
    change(task);
    return etag_of(task) != first;
  };
  EXPECT_TRUE(changed([](auto& task) { task.id = make_uuid(); }));
  EXPECT_TRUE(changed([](auto& task) { task.updated_at += 1us; }));
  EXPECT_TRUE(changed([](auto& task) { task.status = task_status::running; }));
  EXPECT_TRUE(changed([](auto& task) { task.attempt = 1; }));
  EXPECT_TRUE(changed([](auto& task) { task.usage.output_tokens = 1; }));
  EXPECT_TRUE(changed([](auto& task) { task.usage.cost = 1; }));
  EXPECT_TRUE(changed([](auto& task) { task.usage.estimated = true; }));
  EXPECT_TRUE(changed([](auto& task) { task.waits_for = wait_reason::approval; }));
}

TEST(RenderEvent, HasTheContractsMembersInItsOrder) {
  EXPECT_EQ(render_event(some_event()),
            R"({"type":"chat:chunk","task_id":"01890a5d-ac96-774b-bcce-b302099a8057",)"
            R"("thread_id":"01890a5d-ac96-774b-bcce-b302099a8057","namespace":"default","seq":3,"attempt":1,)"
            R"("at":"2023-11-14T22:13:20.000001Z","data":{"text":"Hi","offset":0},"cursor":")"
              + number_cursor(cursor_kind::events, 42) + "\"}");
}

TEST(RenderEvent, CarriesACursorThatReadsBackAsItsPosition) {
  const auto cursor = json::parse(render_event(some_event()))["cursor"].get<std::string>();
  EXPECT_EQ(std::get<std::int64_t>(read_number_cursor(cursor_kind::events, cursor)), 42);
}

TEST(RenderBot, ShowsEveryMember) {
  bot_record bot;
  bot.name = "ada";
  bot.ns = "prod";
  bot.model = "m";
  bot.system_prompt = nasty;
  bot.temperature = 0.1;
  bot.fallback_models = {"n"};
  bot.tools.resize(1);
  bot.tools[0].name = "clock";
  const auto shown = json::parse(render_bot(bot));
  EXPECT_THAT(names(shown),
              ElementsAre("name", "namespace", "model", "fallback_models", "system_prompt", "temperature", "max_tokens",
                          "max_iterations", "context_tokens", "tools", "budget", "restart", "timeout_s", "on_busy"));
  EXPECT_EQ(shown["budget"], nullptr);
  EXPECT_EQ(shown["fallback_models"].dump(), R"(["n"])");
  EXPECT_EQ(shown["context_tokens"], 128'000);
  EXPECT_EQ(shown["temperature"].dump(), "0.1");
  EXPECT_TRUE(shown["max_tokens"].is_null());
  EXPECT_EQ(shown["tools"],
            json::parse(R"([{"type":"builtin","name":"clock","repeat":"with_key","requires_approval":false}])"));
  EXPECT_EQ(shown["restart"].dump(),
            R"({"max_attempts":3,"backoff":"linear","delay_ms":1000,"max_delay_ms":60000,"jitter":0.1})");
}

TEST(RenderBot, ShowsOfEachToolWhatItsTypeHas) {
  bot_record bot;
  tool_record tool;
  tool.type = tool_kind::http;
  tool.name = "look_up";
  tool.description = nasty;
  tool.parameters = R"({"type":"object"})";
  tool.url = "https://a.example/{b}";
  tool.method = "GET";
  tool.headers = {{"X-Text", nasty}};
  tool.repeat = repeat_rule::never;
  tool.requires_approval = true;
  tool.timeout = 5s;
  bot.tools = {tool, tool};
  bot.tools[1].type = tool_kind::mcp;
  auto shown = json::parse(render_bot(bot))["tools"];
  EXPECT_THAT(names(shown[0]),
              ElementsAre("type", "name", "description", "parameters", "url", "method", "headers", "repeat",
                          "requires_approval", "approval_timeout_s", "approval_default", "timeout_s"));
  EXPECT_EQ(shown[0]["type"], "http");
  EXPECT_EQ(shown[0]["description"], nasty);
  EXPECT_EQ(shown[0]["parameters"]["type"], "object");
  EXPECT_EQ(shown[0]["headers"]["X-Text"], nasty);
  EXPECT_EQ(shown[0]["repeat"], "never");
  EXPECT_EQ(shown[0]["timeout_s"], 5);
  EXPECT_THAT(names(shown[1]),
              ElementsAre("type", "name", "description", "url", "headers", "repeat", "requires_approval",
                          "approval_timeout_s", "approval_default", "timeout_s", "allow", "deny", "session"));
  EXPECT_TRUE(shown[1]["allow"].is_null());
  EXPECT_EQ(shown[1]["session"], "task");
  bot.tools[1].allow = {nasty};
  bot.tools[1].session = session_scope::shared;
  shown = json::parse(render_bot(bot))["tools"];
  EXPECT_EQ(shown[1]["allow"], json::array({nasty}));
  EXPECT_EQ(shown[1]["session"], "shared");
  bot.tools[0].parameters.clear();
  EXPECT_TRUE(json::parse(render_bot(bot))["tools"][0]["parameters"].is_null());
}

TEST(RenderBot, ShowsHowAToolIsApprovedOnlyIfItHasToBe) {
  bot_record bot;
  bot.tools.resize(3);
  bot.tools[0].approval_timeout = 60s;
  bot.tools[1].requires_approval = true;
  bot.tools[2] = bot.tools[1];
  bot.tools[2].approval_timeout = 60s;
  bot.tools[2].approve_by_default = true;
  const auto shown = json::parse(render_bot(bot))["tools"];
  EXPECT_THAT(names(shown[0]), ElementsAre("type", "name", "repeat", "requires_approval"));
  EXPECT_EQ(shown[1]["approval_timeout_s"], 86'400);
  EXPECT_EQ(shown[1]["approval_default"], "reject");
  EXPECT_EQ(shown[2]["approval_timeout_s"], 60);
  EXPECT_EQ(shown[2]["approval_default"], "approve");
}

TEST(RenderBot, HidesTheSecretsOfItsTools) {
  bot_record bot;
  bot.tools.resize(1);
  bot.tools[0].type = tool_kind::http;
  bot.tools[0].headers
    = {{"Authorization", "Bearer s3cret"}, {"X-Api-Key", "${env:KEY}"}, {"Accept", "application/json"}};
  EXPECT_EQ(json::parse(render_bot(bot))["tools"][0]["headers"].dump(),
            R"({"Authorization":"***","X-Api-Key":"${env:KEY}","Accept":"application/json"})");
}

TEST(RenderModel, ShowsTheBuiltInOne) {
  model_record model;
  model.name = "m";
  model.ns = "prod";
  EXPECT_EQ(render_model(model), R"({"name":"m","namespace":"prod","kind":"builtin","base_url":null,"model":"",)"
                                 R"("api_key_env":null,"api_key_file":null,"headers":{},"timeouts":null,)"
                                 R"("limits":{"concurrency":null,"requests_per_minute":null,"tokens_per_minute":null},)"
                                 R"("price":{"input_per_million":0,"output_per_million":0},"parameters":{}})");
}

TEST(RenderModel, ShowsEveryMember) {
  model_record model;
  model.name = "m";
  model.ns = "prod";
  model.kind = model_kind::anthropic;
  model.base_url = "https://api.anthropic.com/v1";
  model.model = "c";
  model.api_key_env = "KEY";
  model.api_key_file = "/key";
  model.headers = {{"X-A", "${env:B}"}};
  model.limits.concurrency = 3;
  model.limits.tokens_per_minute = 1'000'000'000'000;
  model.price = {0.25, 1.5};
  model.parameters = R"({"top_k":5})";
  EXPECT_EQ(
    render_model(model),
    R"({"name":"m","namespace":"prod","kind":"anthropic","base_url":"https://api.anthropic.com/v1","model":"c",)"
    R"("api_key_env":"KEY","api_key_file":"/key","headers":{"X-A":"${env:B}"},)"
    R"("timeouts":{"connect_s":10,"first_token_s":120,"idle_s":60,"total_s":600},)"
    R"("limits":{"concurrency":3,"requests_per_minute":null,"tokens_per_minute":1000000000000},)"
    R"("price":{"input_per_million":0.25,"output_per_million":1.5},"parameters":{"top_k":5}})");
}

TEST(RenderModel, ShowsItsStateBehindTheModel) {
  const model_record model;
  const auto alone = render_model(model);
  EXPECT_EQ(render_model_here(model, model_state{}),
            alone.substr(0, alone.size() - 1)
              + R"(,"state":{"breaker":"closed","last_error":null,"paused_for_ms":null,"active":0,"waiting":0,)"
                R"("requests_left":null,"tokens_left":null,"learnt":[]}})");
  model_state state;
  state.breaker = "half_open";
  state.last_error = nasty;
  state.paused_for = 1500ms;
  state.active = 2;
  state.waiting = 3;
  state.requests_left = 0;
  state.tokens_left = -5;
  const auto shown = json::parse(render_model_here(model, state))["state"];
  EXPECT_EQ(shown["breaker"], "half_open");
  EXPECT_EQ(shown["last_error"], nasty);
  EXPECT_EQ(shown["paused_for_ms"], 1500);
  EXPECT_EQ(shown["active"], 2);
  EXPECT_EQ(shown["waiting"], 3);
  EXPECT_EQ(shown["requests_left"], 0);
  EXPECT_EQ(shown["tokens_left"], -5);
}

TEST(RenderMessage, ShowsToolCallsAndTheirResults) {
  message_record intent;
  intent.role = message_role::assistant;
  intent.tool_calls = {{"c1", "clock", R"({"zone":"UTC"})"}};
  intent.created_at = at;
  const auto shown = json::parse(rendered(append_message, intent));
  EXPECT_THAT(names(shown), ElementsAre("task_id", "role", "content", "tool_calls", "attempt", "created_at"));
  EXPECT_EQ(shown["tool_calls"].dump(), R"([{"call_id":"c1","tool":"clock","arguments":{"zone":"UTC"}}])");
  message_record result;
  result.role = message_role::tool;
  result.call_id = "c1";
  result.tool = "clock";
  result.content = nasty;
  const auto shown_result = json::parse(rendered(append_message, result));
  EXPECT_EQ(shown_result["call_id"], "c1");
  EXPECT_EQ(shown_result["tool"], "clock");
  EXPECT_EQ(shown_result["content"], nasty);
  EXPECT_EQ(shown_result["tool_calls"], json::array());
}

TEST(RenderMessage, ShowsArgumentsThatAreNoJsonAsText) {
  for (const std::string arguments : {"", "{", "{\"a\":1}}", "not json", "\xff"}) {
    message_record intent;
    intent.role = message_role::assistant;
    intent.tool_calls = {{"c1", "clock", arguments}};
    EXPECT_TRUE(json::parse(rendered(append_message, intent))["tool_calls"][0]["arguments"].is_string()) << arguments;
  }
}

TEST(RenderAttempts, IsOnePage) {
  attempt_record attempt;
  attempt.attempt = 1;
  attempt.node = "n";
  attempt.outcome = attempt_outcome::failed;
  attempt.started_at = at;
  attempt.error = "why";
  attempt.error_kind = error_class::transient;
  const auto shown = json::parse(render_attempts(page<attempt_record, int>{{attempt}, {}}));
  EXPECT_TRUE(shown["next_cursor"].is_null());
  EXPECT_EQ(
    shown["items"][0].dump(),
    R"({"attempt":1,"node":"n","model":null,"outcome":"failed","error":"why","error_class":"transient","finish_reason":null,)"
    R"("usage":{"input_tokens":0,"output_tokens":0,"cost":0,"estimated":false},)"
    R"("started_at":"2023-11-14T22:13:20.000001Z","ended_at":null})");
  attempt.model = "m";
  EXPECT_EQ(json::parse(rendered(append_attempt, attempt))["model"], "m");
  EXPECT_EQ(render_attempts(page<attempt_record, int>{}), R"({"items":[],"next_cursor":null})");
}

TEST(RenderAttempts, TellWhichOneEndedInAWait) {
  attempt_record attempt;
  attempt.outcome = attempt_outcome::waiting;
  EXPECT_EQ(json::parse(rendered(append_attempt, attempt))["outcome"], "waiting");
}

approval_record some_approval() {
  approval_record approval;
  approval.task_id = some_task().id;
  approval.call_id = "call_1";
  approval.ns = "prod";
  approval.created_by = "ada";
  approval.bot = "b";
  approval.tool = "send_mail";
  approval.arguments = R"({"to":"bob"})";
  approval.requested_at = at;
  approval.deadline = at + 1s;
  return approval;
}

TEST(RenderApprovals, ShowsOneThatWaits) {
  EXPECT_EQ(render_approval(some_approval()),
            R"({"task_id":"01890a5d-ac96-774b-bcce-b302099a8057","call_id":"call_1","namespace":"prod","bot":"b",)"
            R"("created_by":"ada","tool":"send_mail","arguments":{"to":"bob"},"edited":false,"status":"pending",)"
            R"("requested_at":"2023-11-14T22:13:20.000001Z","deadline":"2023-11-14T22:13:21.000001Z",)"
            R"("default":"reject","decided_by":null,"reason":null,"decided_at":null})");
}

TEST(RenderApprovals, ShowsWhatWasDecided) {
  auto approval = some_approval();
  approval.state = approval_state::approved;
  approval.edited = true;
  approval.approve_by_default = true;
  approval.created_by = approval.decided_by = approval.reason = approval.tool = nasty;
  approval.decided_at = at + 2s;
  const auto shown = json::parse(render_approval(approval));
  EXPECT_EQ(shown["status"], "approved");
  EXPECT_EQ(shown["edited"], true);
  EXPECT_EQ(shown["default"], "approve");
  for (const auto* member : {"created_by", "decided_by", "reason", "tool"})
    EXPECT_EQ(shown[member], nasty) << member;
  EXPECT_EQ(shown["decided_at"], "2023-11-14T22:13:22.000001Z");
}

TEST(RenderApprovals, ShowsArgumentsThatAreNoJsonAsText) {
  auto approval = some_approval();
  for (const std::string arguments : {"", "{", "not json", "\xff"}) {
    approval.arguments = arguments;
    EXPECT_TRUE(json::parse(render_approval(approval))["arguments"].is_string()) << arguments;
  }
}

TEST(RenderApprovals, GoOnInTheListThatTheyAreOf) {
  const auto all = json::parse(render_approvals(
    page<approval_record, approval_place>{{some_approval(), some_approval()}, {}}, cursor_kind::approvals));
  EXPECT_EQ(all["items"].size(), 2U);
  EXPECT_TRUE(all["next_cursor"].is_null());
  page<approval_record, approval_place> first{{some_approval()}, approval_place{some_task().id, "call_1"}};
  for (const auto kind : {cursor_kind::approvals, cursor_kind::task_approvals}) {
    const auto cursor = json::parse(render_approvals(first, kind))["next_cursor"].get<std::string>();
    const auto place = std::get<approval_place>(read_approval_cursor(kind, cursor));
    EXPECT_EQ(place.task_id, some_task().id);
    EXPECT_EQ(place.call_id, "call_1");
    EXPECT_EQ(render_approvals(page<approval_record, approval_place>{}, kind), R"({"items":[],"next_cursor":null})");
  }
}

TEST(RenderUsage, IsOnePageOfGroups) {
  EXPECT_EQ(render_usage(std::vector<usage_record>{{"ada", 2, {7, 8, 1'500'000, true}}, {}}),
            R"({"items":[{"key":"ada","attempts":2,)"
            R"("usage":{"input_tokens":7,"output_tokens":8,"cost":0.0015,"estimated":true}},)"
            R"({"key":"","attempts":0,"usage":{"input_tokens":0,"output_tokens":0,"cost":0,"estimated":false}}],)"
            R"("next_cursor":null})");
  EXPECT_EQ(json::parse(rendered(append_usage, usage_record{nasty, 1, {}}))["key"], nasty);
}

TEST(RenderThread, ShowsEveryMember) {
  thread_record thread;
  thread.id = some_task().id;
  thread.ns = "prod";
  thread.tasks = 3;
  thread.usage = {7, 8, 9, false};
  thread.created_at = at;
  thread.updated_at = at + 1s;
  EXPECT_EQ(render_thread(thread),
            R"({"id":"01890a5d-ac96-774b-bcce-b302099a8057","namespace":"prod","tasks":3,)"
            R"("usage":{"input_tokens":7,"output_tokens":8,"cost":9e-09,"estimated":false},)"
            R"("created_at":"2023-11-14T22:13:20.000001Z","updated_at":"2023-11-14T22:13:21.000001Z"})");
}

TEST(RenderNodes, ShowsANodeThatTakesNoLinksAndRunsNoTasks) {
  node_record node;
  node.id = some_task().id;
  node.name = "front";
  node.role = node_role::gateway;
  node.version = "0.1.0";
  node.started_at = at;
  node.heartbeat_at = at + 1s;
  EXPECT_EQ(rendered(append_node, node),
            R"({"name":"front","id":"01890a5d-ac96-774b-bcce-b302099a8057","role":"gateway","status":"alive",)"
            R"("version":"0.1.0","address":null,"capacity":0,"running":0,"started_at":"2023-11-14T22:13:20.000001Z",)"
            R"("heartbeat_at":"2023-11-14T22:13:21.000001Z","lease_expires_at":null})");
}

TEST(RenderNodes, ShowsAddressLoadAndLease) {
  node_record node;
  node.name = nasty;
  node.health = node_health::draining;
  node.address = "10.0.0.1:7070";
  node.capacity = 100;
  node.running = 7;
  node.lease_expires_at = at;
  const auto shown = json::parse(rendered(append_node, node));
  EXPECT_EQ(shown["name"], nasty);
  EXPECT_EQ(shown["role"], "all");
  EXPECT_EQ(shown["status"], "draining");
  EXPECT_EQ(shown["address"], "10.0.0.1:7070");
  EXPECT_EQ(shown["capacity"], 100);
  EXPECT_EQ(shown["running"], 7);
  EXPECT_EQ(shown["lease_expires_at"], "2023-11-14T22:13:20.000001Z");
}

TEST(RenderNodes, IsOnePage) {
  const auto shown = json::parse(render_nodes(node_list{{node_record{}, node_record{}}}));
  EXPECT_THAT(names(shown), ElementsAre("items", "next_cursor"));
  EXPECT_EQ(shown["items"].size(), 2U);
  EXPECT_TRUE(shown["next_cursor"].is_null());
}

TEST(RenderPages, GiveACursorThatReadsBack) {
  page<task_record, uuid> tasks{{some_task(), some_task()}, some_task().id};
  const auto shown = json::parse(render_tasks(tasks));
  EXPECT_EQ(shown["items"].size(), 2U);
  EXPECT_EQ(std::get<uuid>(read_task_cursor(shown["next_cursor"].get<std::string>())), some_task().id);
  page<bot_record, std::string> bots{{}, "ada"};
  EXPECT_EQ(std::get<std::string>(
              read_name_cursor(cursor_kind::bots, json::parse(render_bots(bots))["next_cursor"].get<std::string>())),
            "ada");
  page<model_record, std::string> models{{}, std::nullopt};
  EXPECT_EQ(render_models(models), R"({"items":[],"next_cursor":null})");
  page<message_record, std::int64_t> messages{{{}}, 9};
  EXPECT_EQ(std::get<std::int64_t>(read_number_cursor(
              cursor_kind::messages, json::parse(render_messages(messages))["next_cursor"].get<std::string>())),
            9);
}

TEST(RenderPages, GoOnInTheJournalAndInAttemptsOnlyIfThereIsMore) {
  const std::vector events{some_event()};
  EXPECT_TRUE(json::parse(render_journal(page<event_record, std::int64_t>{events, {}}))["next_cursor"].is_null());
  EXPECT_TRUE(json::parse(render_journal(page<event_record, std::int64_t>{}))["next_cursor"].is_null());
  const auto journal = json::parse(render_journal(page<event_record, std::int64_t>{events, 3}))["next_cursor"];
  EXPECT_EQ(std::get<std::int64_t>(read_number_cursor(cursor_kind::journal, journal.get<std::string>())), 3);
  const auto attempts = json::parse(render_attempts(page<attempt_record, int>{{attempt_record{}}, 7}))["next_cursor"];
  EXPECT_EQ(std::get<std::int64_t>(read_number_cursor(cursor_kind::attempts, attempts.get<std::string>())), 7);
}

// What a page is measured by has to be what it is shown as, or its bound is none. Seen in GET /tasks?limit=500 over
// inputs of 256 KiB (an answer of 131 MB).
TEST(RenderPages, AreAsLargeAsTheyWereMeasured) {
  const auto expect_near = [](auto append, const auto& record, const char* what) {
    const auto shown = static_cast<double>(rendered(append, record).size());
    EXPECT_NEAR(static_cast<double>(shown_bytes(record)), shown, 400 + shown / 50) << what;
    EXPECT_LE(stored_bytes(record), shown_bytes(record)) << what;
  };
  for (const std::string piece : {"x", "\"\\\n", "\x01", "ü", "\xff"}) {
    std::string text;
    for (int i = 0; i < 10'000; ++i)
      text += piece;
    task_record task;
    task.input = text;
    task.output = text;
    task.error = text;
    task.spec = R"({"a":1})";
    expect_near(append_task, task, "a task");
    message_record message;
    message.content = text;
    expect_near(append_message, message, "a message");
    attempt_record attempt;
    attempt.error = text;
    expect_near(append_attempt, attempt, "an attempt");
    auto approval = some_approval();
    approval.reason = text;
    expect_near(append_approval, approval, "an approval");
    bot_record bot;
    bot.system_prompt = text;
    bot.tools.resize(3);
    for (auto& tool : bot.tools) {
      tool.type = tool_kind::http;
      tool.description = text;
    }
    expect_near(append_bot, bot, "a bot");
    auto event = some_event();
    event.data = "{\"text\":";
    append_json_string(event.data, text);
    event.data += '}';
    expect_near(append_event, event, "an event");
  }
  expect_near(append_model, model_record{}, "a model");
}

TEST(RenderQueue, ShowsNamespacesAndTotalsAndAgesTheOldest) {
  queue_stats queue;
  queue.namespaces.push_back({"a", 1, 2, 3, 4, 5, at});
  queue.namespaces.push_back({"b", 10, 20, 30, 40, 50, at - 2s});
  queue.namespaces.push_back({"c", 0, 1, 0, 0, 0, std::nullopt});
  queue.totals = {"", 11, 23, 33, 44, 55, at - 2s};
  queue.next = "c";
  const auto shown = json::parse(render_queue(queue, at + 500ms));
  EXPECT_EQ(shown["totals"].dump(), R"({"ready":11,"scheduled":23,"retrying":33,"blocked":44,"running":55,)"
                                    R"("oldest_due":"2023-11-14T22:13:18.000001Z","oldest_age_s":2.5})");
  EXPECT_EQ(shown["namespaces"][0]["namespace"], "a");
  EXPECT_EQ(shown["namespaces"][0]["oldest_age_s"], 0.5);
  EXPECT_TRUE(shown["namespaces"][2]["oldest_due"].is_null());
  EXPECT_TRUE(shown["namespaces"][2]["oldest_age_s"].is_null());
  EXPECT_EQ(std::get<std::string>(read_name_cursor(cursor_kind::queue, shown["next_cursor"].get<std::string>())), "c");
  queue.next.reset();
  EXPECT_TRUE(json::parse(render_queue(queue, at))["next_cursor"].is_null());
}

TEST(RenderQueue, NeverShowsANegativeAge) {
  queue_stats queue;
  queue.totals = {"", 1, 0, 0, 0, 0, at + 1s};
  EXPECT_EQ(json::parse(render_queue(queue, at))["totals"]["oldest_age_s"], 0.0);
}

TEST(RenderAnswers, SayWhetherABotIsValid) {
  EXPECT_EQ(validation_answer({}, {"w"}), R"({"valid":true,"errors":[],"warnings":["w"]})");
  EXPECT_EQ(validation_answer({"\"e\""}, {}), R"({"valid":false,"errors":["\"e\""],"warnings":[]})");
}

TEST(RenderFrames, AreTheContracts) {
  EXPECT_EQ(error_frame("invalid_frame", "a \"b\""), R"({"type":"error","code":"invalid_frame","detail":"a \"b\""})");
  EXPECT_EQ(pong_frame(), R"({"type":"pong"})");
  const room user{.type = room::kind::user, .id = {}, .name = "a\"b"};
  EXPECT_EQ(gap_frame(user, 1, 5), R"({"type":"gap","room":"user:a\"b","from":1,"to":5})");
  EXPECT_EQ(subscription_frame(true, user), R"({"type":"subscribed","room":"user:a\"b"})");
  EXPECT_EQ(subscription_frame(false, user), R"({"type":"unsubscribed","room":"user:a\"b"})");
  EXPECT_EQ(history_frame({}), R"({"type":"history:sync","items":[],"next_cursor":null})");
}

} // namespace
TEST(RenderBudget, ShowsCostsInTheCurrency) {
  budget_record budget;
  budget.scope = "namespace:default";
  budget.limit.cost = 20'000'000'000;
  budget.limit.period = budget_period::month;
  budget.window = "2026-01";
  budget.spent = {3'250'000'000, 812};
  const auto shown = json::parse(render_budget(budget));
  EXPECT_EQ(shown["cost"], 20);
  EXPECT_EQ(shown["tokens"], nullptr);
  EXPECT_EQ(shown["period"], "month");
  EXPECT_EQ(shown["spent"], json::parse(R"({"cost":3.25,"tokens":812})"));
}

} // namespace troupe
