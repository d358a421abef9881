#include "gateway/api/openapi.hpp"
#include "gateway/live/admission.hpp"
#include "gateway/rendering/frames.hpp"
#include "gateway/rendering/lists.hpp"
#include "gateway/rendering/records.hpp"
#include "gateway/requests/problem.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace troupe {
namespace {

using json = nlohmann::json;
using names = std::set<std::string>;

const json& contract() {
  static const auto document = json::parse(openapi_json);
  return document;
}

const json& schema(const std::string& name) {
  return contract().at("components").at("schemas").at(name);
}

names members_of(const json& object) {
  names result;
  for (const auto& [name, value] : object.items())
    result.insert(name);
  return result;
}

/// The rendered text has each member that the schema asks for and none that it
/// does not know.
testing::AssertionResult fits(const std::string& text, const std::string& name) {
  const auto shown = members_of(json::parse(text));
  const auto known = members_of(schema(name).at("properties"));
  for (const auto& member : shown)
    if (!known.contains(member))
      return testing::AssertionFailure() << name << " does not know " << member;
  for (const auto& required : schema(name).at("required").get<names>())
    if (!shown.contains(required))
      return testing::AssertionFailure() << name << " lacks " << required;
  return testing::AssertionSuccess();
}

TEST(Openapi, IsEmbeddedWhole) {
  EXPECT_EQ(contract().at("openapi"), "3.1.0");
  EXPECT_EQ(openapi_json.back(), '\n');
  // Characters of several bytes survive the way into the program.
  EXPECT_NE(schema("TaskStatus").at("description").get<std::string>().find("→"), std::string::npos);
}

TEST(Openapi, ResolvesEveryReference) {
  std::vector<const json*> open{&contract()};
  std::size_t references = 0;
  while (!open.empty()) {
    const auto* value = open.back();
    open.pop_back();
    if (const auto found = value->is_object() ? value->find("$ref") : value->end(); found != value->end()) {
      ++references;
      const auto pointer = found->get<std::string>();
      EXPECT_TRUE(pointer.starts_with("#/") && contract().contains(json::json_pointer(pointer.substr(1)))) << pointer;
    }
    if (value->is_structured())
      for (const auto& member : *value)
        open.push_back(&member);
  }
  EXPECT_GT(references, 100U);
}

TEST(Openapi, NamesEveryOperationOnce) {
  names ids;
  for (const auto& [path, operations] : contract().at("paths").items())
    for (const auto& [method, operation] : operations.items())
      EXPECT_TRUE(ids.insert(operation.at("operationId")).second) << method << ' ' << path;
  EXPECT_EQ(ids.size(), 39U);
}

TEST(Openapi, ListsEveryProblemCode) {
  names codes;
  for (int i = 0; i <= static_cast<int>(problem_code::http_version_not_supported); ++i)
    codes.insert(std::string{to_string(static_cast<problem_code>(i))});
  EXPECT_EQ(schema("ProblemCode").at("enum").get<names>(), codes);
}

TEST(Openapi, ListsEveryEventType) {
  names types;
  for (int i = 0; i <= static_cast<int>(event_type::approval_decided); ++i)
    types.insert(std::string{to_string(static_cast<event_type>(i))});
  EXPECT_EQ(schema("EventType").at("enum").get<names>(), types);
}

TEST(Openapi, ListsEveryRoleAndStatusOfANode) {
  names roles;
  for (const auto role : {node_role::all, node_role::gateway, node_role::worker})
    roles.insert(std::string{to_string(role)});
  EXPECT_EQ(schema("NodeRole").at("enum").get<names>(), roles);
  names statuses;
  for (const auto health : {node_health::alive, node_health::draining, node_health::lost})
    statuses.insert(std::string{to_string(health)});
  EXPECT_EQ(schema("NodeStatus").at("enum").get<names>(), statuses);
}

TEST(Openapi, ListsEveryOutcomeOfAnAttemptAndStatusOfAnApproval) {
  names outcomes;
  for (int i = 0; i <= static_cast<int>(attempt_outcome::waiting); ++i)
    outcomes.insert(std::string{to_string(static_cast<attempt_outcome>(i))});
  EXPECT_EQ(schema("Attempt").at("properties").at("outcome").at("enum").get<names>(), outcomes);
  names statuses;
  for (int i = 0; i <= static_cast<int>(approval_state::closed); ++i)
    statuses.insert(std::string{to_string(static_cast<approval_state>(i))});
  EXPECT_EQ(schema("ApprovalStatus").at("enum").get<names>(), statuses);
}

TEST(Openapi, ListsEveryErrorClassAndBudgetPeriod) {
  names classes;
  for (int i = 0; i <= static_cast<int>(error_class::budget_exceeded); ++i)
    classes.insert(std::string{to_string(static_cast<error_class>(i))});
  EXPECT_EQ(schema("ErrorClass").at("enum").get<names>(), classes);
  names periods;
  for (int i = 0; i <= static_cast<int>(budget_period::day); ++i)
    periods.insert(std::string{to_string(static_cast<budget_period>(i))});
  EXPECT_EQ(schema("BudgetPeriod").at("enum").get<names>(), periods);
}

TEST(Openapi, ListsEverythingThatUsageIsGroupedBy) {
  names groups;
  for (int i = 0; i <= static_cast<int>(usage_group::day); ++i)
    groups.insert(std::string{to_string(static_cast<usage_group>(i))});
  for (const auto& parameter : contract().at("paths").at("/api/v1/usage").at("get").at("parameters"))
    if (parameter.value("name", "") == "group_by") {
      EXPECT_EQ(parameter.at("schema").at("enum").get<names>(), groups);
    }
}

TEST(Openapi, FitsWhatIsRendered) {
  EXPECT_TRUE(fits(render_task(task_record{}), "Task"));
  EXPECT_TRUE(fits(render_bot(bot_record{}), "Bot"));
  bot_record frugal;
  frugal.budget = budget_limit{.cost = 1, .tokens = {}, .period = budget_period::day};
  EXPECT_TRUE(fits(render_bot(frugal), "Bot"));
  EXPECT_TRUE(fits(render_budget(budget_record{}), "Budget"));
  EXPECT_TRUE(fits(render_model(model_record{}), "Model"));
  const auto asked = render_model_here(model_record{}, model_state{});
  EXPECT_TRUE(fits(asked, "Model"));
  EXPECT_TRUE(fits(json::parse(asked).at("state").dump(), "ModelState"));
  tool_record tool;
  tool.type = tool_kind::http;
  tool.requires_approval = true;
  bot_record armed;
  armed.tools = {tool};
  EXPECT_TRUE(fits(json::parse(render_bot(armed)).at("tools").at(0).dump(), "Tool"));
  EXPECT_TRUE(fits(rendered(append_attempt, {}), "Attempt"));
  EXPECT_TRUE(fits(rendered(append_message, {}), "Message"));
  message_record result;
  result.role = message_role::tool;
  EXPECT_TRUE(fits(rendered(append_message, result), "Message"));
  event_record event;
  event.source = std::make_shared<event_source>();
  EXPECT_TRUE(fits(render_event(event), "Event"));
  EXPECT_TRUE(fits(render_tasks({}), "TaskPage"));
  EXPECT_TRUE(fits(rendered(append_node, {}), "Node"));
  EXPECT_TRUE(fits(render_nodes({}), "NodePage"));
  EXPECT_TRUE(fits(render_queue({}, {}), "Queue"));
  EXPECT_TRUE(fits(render_approval(approval_record{}), "Approval"));
  EXPECT_TRUE(fits(render_approvals({}, cursor_kind::approvals), "ApprovalPage"));
  EXPECT_TRUE(fits(rendered(append_usage, {}), "UsageGroup"));
  EXPECT_TRUE(fits(render_usage({}), "UsagePage"));
  EXPECT_TRUE(fits(render_thread(thread_record{}), "Thread"));
  EXPECT_TRUE(fits(validation_answer({}, {}), "Validation"));
}

TEST(Openapi, FitsEveryProblem) {
  const problem whole{.code = problem_code::task_failed,
                      .detail = "d",
                      .instance = "/i",
                      .errors = {{.pointer = "/p", .detail = "d"}},
                      .extra_json_members = R"("task":{})"};
  EXPECT_TRUE(fits(to_response(whole).body, "Problem"));
  EXPECT_TRUE(fits(to_response({}).body, "Problem"));
}

TEST(Openapi, ShowsHowANodeThatOnlyRunsTasksRefuses) {
  const auto& shown = contract().at("components").at("responses").at("NotAGateway").at("content");
  const auto refused = to_response(*refusal_of(need::gateway, {.serves_api = false}));
  EXPECT_EQ(json::parse(refused.body), shown.at("application/problem+json").at("example"));
}

TEST(Openapi, FitsTheFramesOfTheServer) {
  const room user{.type = room::kind::user, .id = {}, .name = "ada"};
  EXPECT_TRUE(fits(error_frame("c", "d"), "ErrorFrame"));
  EXPECT_TRUE(fits(pong_frame(), "PongFrame"));
  EXPECT_TRUE(fits(gap_frame(user, 1, 2), "GapFrame"));
  EXPECT_TRUE(fits(subscription_frame(true, user), "SubscribedFrame"));
  EXPECT_TRUE(fits(history_frame({}), "HistoryFrame"));
}

} // namespace
} // namespace troupe
