#include "gateway/forms/parse_approval.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr timestamp at{std::chrono::seconds{1'700'000'000}};
const uuid task_id = *uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057");

parsed<decide_approval> parse(std::string_view body) {
  return parse_decision(body, task_id, "call_1", at);
}

decide_approval decision_of(const json& body) {
  auto result = parse(body.dump());
  if (const auto* refused = std::get_if<problem>(&result)) {
    ADD_FAILURE() << body << ": " << refused->detail;
    return {};
  }
  return std::get<decide_approval>(result);
}

problem refusal(std::string_view body) {
  auto result = parse(body);
  if (auto* refused = std::get_if<problem>(&result))
    return std::move(*refused);
  ADD_FAILURE() << body << " was taken";
  return {};
}

/// What is wrong with an approval that has this member too.
field_error wrong(const std::string& member, const json& value) {
  const auto refused = refusal(json{{"decision", "approve"}, {member, value}}.dump());
  EXPECT_EQ(refused.errors.size(), 1U) << refused.detail;
  return refused.errors.empty() ? field_error{} : refused.errors.front();
}

TEST(ParseDecision, NeedsOnlyTheDecision) {
  const auto approved = decision_of({{"decision", "approve"}});
  EXPECT_TRUE(approved.approve);
  EXPECT_EQ(approved.task_id, task_id);
  EXPECT_EQ(approved.call_id, "call_1");
  EXPECT_EQ(approved.at, at);
  EXPECT_FALSE(approved.arguments.has_value());
  EXPECT_EQ(approved.reason, "");
  EXPECT_EQ(approved.decided_by, "anonymous");
  EXPECT_FALSE(decision_of({{"decision", "reject"}}).approve);
}

TEST(ParseDecision, ReadsEveryMember) {
  const auto approved = decision_of({{"decision", "approve"},
                                     {"arguments", {{"to", "bob"}, {"deep", {{"list", {1, nullptr}}}}}},
                                     {"reason", "Bob\nis right."},
                                     {"decided_by", "Ada Ü."}});
  EXPECT_EQ(approved.arguments, R"({"deep":{"list":[1,null]},"to":"bob"})");
  EXPECT_EQ(approved.reason, "Bob\nis right.");
  EXPECT_EQ(approved.decided_by, "Ada Ü.");
  const auto rejected = decision_of({{"decision", "reject"}, {"reason", "No."}, {"decided_by", "ada"}});
  EXPECT_FALSE(rejected.approve);
  EXPECT_EQ(rejected.reason, "No.");
}

TEST(ParseDecision, TakesNullForWhatIsLeftOut) {
  const auto decision
    = decision_of({{"decision", "reject"}, {"arguments", nullptr}, {"reason", nullptr}, {"decided_by", nullptr}});
  EXPECT_FALSE(decision.arguments.has_value());
  EXPECT_EQ(decision.decided_by, "anonymous");
}

TEST(ParseDecision, TellsNoArgumentsFromAnEmptyObject) {
  EXPECT_EQ(decision_of({{"decision", "approve"}, {"arguments", json::object()}}).arguments, "{}");
}

TEST(ParseDecision, KnowsTwoDecisions) {
  for (const auto& decision : std::vector<json>{"approved", "Approve", "", "maybe", true, 1, nullptr}) {
    const auto refused = refusal(json{{"decision", decision}}.dump());
    EXPECT_EQ(refused.code, problem_code::invalid_body) << decision;
    ASSERT_EQ(refused.errors.size(), 1U) << refused.detail;
    EXPECT_EQ(refused.errors[0].pointer, "/decision") << decision;
  }
  EXPECT_EQ(refusal("{}").errors.at(0).pointer, "/decision");
  EXPECT_THAT(refusal(R"({"decision":"maybe"})").detail, HasSubstr("approve or reject, got \"maybe\""));
}

TEST(ParseDecision, TakesArgumentsWithAnApprovalOnly) {
  const auto refused = refusal(R"({"decision":"reject","arguments":{}})");
  ASSERT_EQ(refused.errors.size(), 1U) << refused.detail;
  EXPECT_EQ(refused.errors[0].pointer, "/arguments");
  EXPECT_THAT(refused.errors[0].detail, HasSubstr("a rejected call has none"));
}

TEST(ParseDecision, KeepsEveryMemberWithinItsBounds) {
  for (const auto& value : std::vector<json>{"{}", json::array(), 5, true})
    EXPECT_EQ(wrong("arguments", value).pointer, "/arguments") << value;
  EXPECT_EQ(wrong("arguments", {{"text", std::string(256 * 1024, 'a')}}).pointer, "/arguments");
  EXPECT_EQ(wrong("reason", std::string(2001, 'a')).pointer, "/reason");
  EXPECT_EQ(wrong("reason", 5).pointer, "/reason");
  for (const auto& value : std::vector<json>{"", std::string(201, 'a'), "a\nb", "a\x1b[2J", 5, json::array()})
    EXPECT_EQ(wrong("decided_by", value).pointer, "/decided_by") << value;
  EXPECT_EQ(decision_of({{"decision", "reject"}, {"reason", std::string(2000, 'a')}}).reason.size(), 2000U);
  EXPECT_EQ(decision_of({{"decision", "reject"}, {"decided_by", std::string(200, 'a')}}).decided_by.size(), 200U);
}

TEST(ParseDecision, NamesWhatItDoesNotKnow) {
  const auto refused = refusal(R"({"decision":"approve","args":{},"status":"approved"})");
  EXPECT_EQ(refused.code, problem_code::unknown_field);
  std::vector<std::string> pointers;
  for (const auto& error : refused.errors)
    pointers.push_back(error.pointer);
  EXPECT_THAT(pointers, ElementsAre("/args", "/status"));
}

TEST(ParseDecision, RefusesWhatIsNoObject) {
  for (const auto* body : {"", "{", "approve", "\"approve\\xff\"", "{\"decision\":\"approve\"}x", "\xff"})
    EXPECT_EQ(refusal(body).code, problem_code::invalid_json) << body;
  for (const auto* body : {"[]", "null", "\"approve\"", "1"})
    EXPECT_EQ(refusal(body).code, problem_code::invalid_body) << body;
}

TEST(ParseDecision, RefusesArgumentsThatAreNestedTooDeep) {
  const auto nested = [](std::size_t depth) {
    return R"({"decision":"approve","arguments":)" + std::string(R"({"a":)").append(std::string(depth, '['))
           + std::string(depth, ']') + "}}";
  };
  EXPECT_TRUE(std::holds_alternative<decide_approval>(parse(nested(50))));
  EXPECT_EQ(refusal(nested(100'000)).code, problem_code::invalid_json);
}

} // namespace
} // namespace troupe
