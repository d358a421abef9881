#include "gateway/forms/parse_task.hpp"
#include "persistence/values/limits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;
using testing::Contains;
using testing::HasSubstr;

constexpr timestamp at{std::chrono::seconds{1'700'000'000}};

parsed<create_task> parse(std::string_view body, const std::optional<std::string>& bot_name = {}) {
  return parse_new_task(body, "prod", bot_name, at);
}

task_record task_of(std::string_view body, const std::optional<std::string>& bot_name = {}) {
  auto result = parse(body, bot_name);
  if (const auto* refused = std::get_if<problem>(&result)) {
    ADD_FAILURE() << body << ": " << refused->detail;
    return {};
  }
  return std::get<create_task>(result).task;
}

problem refusal(std::string_view body) {
  auto result = parse(body);
  if (auto* refused = std::get_if<problem>(&result))
    return std::move(*refused);
  ADD_FAILURE() << body << " was taken";
  return {};
}

std::vector<std::string> pointers(const problem& refused) {
  std::vector<std::string> result;
  for (const auto& error : refused.errors)
    result.push_back(error.pointer);
  return result;
}

// -- what is taken ------------------------------------------------------------------

TEST(ParseTask, FillsInWhatTheClientLeavesOut) {
  auto result = parse(R"({"input":"Tell me a joke"})");
  ASSERT_TRUE(std::holds_alternative<create_task>(result));
  const auto& [task, execute, key] = std::get<create_task>(result);
  EXPECT_FALSE(execute);
  EXPECT_FALSE(key.has_value());
  EXPECT_FALSE(task.id.is_nil());
  EXPECT_EQ(task.thread_id, task.id);
  EXPECT_EQ(task.name, "Tell me a joke");
  EXPECT_EQ(task.ns, "prod");
  EXPECT_EQ(task.bot, "default");
  EXPECT_EQ(task.bot_ns, "prod");
  EXPECT_EQ(task.created_by, "anonymous");
  EXPECT_EQ(task.spec, "");
  EXPECT_EQ(task.metadata, "");
  EXPECT_EQ(task.priority, 0);
  EXPECT_FALSE(task.run_at.has_value());
  EXPECT_EQ(task.created_at, at);
  EXPECT_EQ(task.updated_at, at);
  EXPECT_EQ(task.status, task_status::pending);
}

TEST(ParseTask, KeepsWhatTheClientGives) {
  auto result = parse(R"({"input":"x\n","name":"Jörg's","spec":{"own":[1]},"metadata":{"a":{"b":null}},
    "thread_id":"01890A5D-AC96-774B-BCCE-B302099A8057","created_by":"ada","priority":-1000,
    "run_at":"2026-01-02T03:04:05+01:00","execute":true})");
  ASSERT_TRUE(std::holds_alternative<create_task>(result)) << std::get<problem>(result).detail;
  const auto& [task, execute, key] = std::get<create_task>(result);
  EXPECT_TRUE(execute);
  EXPECT_EQ(task.input, "x\n");
  EXPECT_EQ(task.name, "Jörg's");
  EXPECT_EQ(task.spec, R"({"own":[1]})");
  EXPECT_EQ(task.metadata, R"({"a":{"b":null}})");
  EXPECT_EQ(task.thread_id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
  EXPECT_NE(task.thread_id, task.id);
  EXPECT_EQ(task.created_by, "ada");
  EXPECT_EQ(task.priority, -1000);
  EXPECT_EQ(task.run_at, parse_rfc3339("2026-01-02T02:04:05Z"));
}

TEST(ParseTask, TakesNullForWhatIsOptional) {
  const auto task = task_of(R"({"input":"x","name":null,"spec":null,"thread_id":null,"created_by":null,
    "metadata":null,"priority":null,"run_at":null,"execute":null})");
  EXPECT_EQ(task.name, "x");
  EXPECT_EQ(task.created_by, "anonymous");
}

TEST(ParseTask, GivesEachTaskAnIdOfItsOwn) {
  const auto first = task_of(R"({"input":"x"})").id;
  EXPECT_LT(first, task_of(R"({"input":"x"})").id);
}

// -- whose bot ----------------------------------------------------------------------

TEST(ParseTask, PrefersTheQuerysBotToTheSpecs) {
  const auto task = task_of(R"({"input":"x","spec":{"bot_name":"b","botRef":{"name":"c","namespace":"n"}}})", "q");
  EXPECT_EQ(task.bot, "q");
  EXPECT_EQ(task.bot_ns, "prod");
}

TEST(ParseTask, PrefersTheBotNameToTheBotRef) {
  const auto task = task_of(R"({"input":"x","spec":{"bot_name":"b","botRef":{"name":"c","namespace":"n"}}})");
  EXPECT_EQ(task.bot, "b");
  EXPECT_EQ(task.bot_ns, "prod");
}

TEST(ParseTask, TakesTheNamespaceOfABotRef) {
  const auto there = task_of(R"({"input":"x","spec":{"botRef":{"name":"c","namespace":"n"}}})");
  EXPECT_EQ(there.bot, "c");
  EXPECT_EQ(there.bot_ns, "n");
  EXPECT_EQ(task_of(R"({"input":"x","spec":{"botRef":{"name":"c"}}})").bot_ns, "prod");
}

TEST(ParseTask, RefusesABotThatIsNoName) {
  EXPECT_THAT(pointers(refusal(R"({"input":"x","spec":{"bot_name":7}})")), Contains("/spec/bot_name"));
  EXPECT_THAT(pointers(refusal(R"({"input":"x","spec":{"bot_name":"a b"}})")), Contains("/spec/bot_name"));
  EXPECT_THAT(pointers(refusal(R"({"input":"x","spec":{"botRef":"c"}})")), Contains("/spec/botRef"));
  EXPECT_THAT(pointers(refusal(R"({"input":"x","spec":{"botRef":{}}})")), Contains("/spec/botRef/name"));
  EXPECT_THAT(pointers(refusal(R"({"input":"x","spec":{"botRef":{"name":"c","namespace":""}}})")),
              Contains("/spec/botRef/namespace"));
  EXPECT_EQ(refusal(R"({"input":"x","spec":{"botRef":{"name":"c","nmaespace":"n"}}})").code,
            problem_code::unknown_field);
}

// -- what is refused ----------------------------------------------------------------

TEST(ParseTask, AsksForAnInput) {
  for (const auto* body : {"{}", R"({"input":null})", R"({"input":""})", R"({"input":7})", R"({"input":["x"]})"}) {
    const auto refused = refusal(body);
    EXPECT_EQ(refused.code, problem_code::invalid_body) << body;
    EXPECT_THAT(pointers(refused), testing::ElementsAre("/input")) << body;
  }
}

TEST(ParseTask, SaysWhatItExpectedAndWhatItGot) {
  EXPECT_EQ(refusal(R"({"input":["x"]})").errors.at(0).detail, "expected a string, got an array");
  EXPECT_EQ(refusal(R"({"input":"x","priority":"high"})").errors.at(0).detail, "expected an integer, got a string");
  EXPECT_EQ(refusal(R"({"input":"x","priority":1.0})").errors.at(0).detail, "expected an integer, got a number");
  EXPECT_EQ(refusal(R"({"input":"x","execute":1})").errors.at(0).detail, "expected true or false, got an integer");
  EXPECT_EQ(refusal(R"({"input":"x","metadata":[]})").errors.at(0).detail, "expected an object, got an array");
  EXPECT_EQ(refusal(R"({"input":"x","priority":1001})").errors.at(0).detail,
            "expected an integer of -1000 to 1000, got 1001");
}

TEST(ParseTask, TakesAnInputOf256KiBAndNotOneByteMore) {
  EXPECT_EQ(task_of(json{{"input", std::string(max_input_bytes, 'x')}}.dump()).input.size(), max_input_bytes);
  EXPECT_EQ(refusal(json{{"input", std::string(max_input_bytes + 1, 'x')}}.dump()).code, problem_code::invalid_body);
}

TEST(ParseTask, BoundsNamesByCharactersAndObjectsByBytes) {
  std::string umlauts;
  for (int i = 0; i < 200; ++i)
    umlauts += "ü";
  EXPECT_EQ(task_of(json{{"input", "x"}, {"name", umlauts}}.dump()).name, umlauts);
  EXPECT_THAT(pointers(refusal(json{{"input", "x"}, {"name", umlauts + "x"}}.dump())), Contains("/name"));
  EXPECT_THAT(pointers(refusal(json{{"input", "x"}, {"created_by", std::string(201, 'a')}}.dump())),
              Contains("/created_by"));
  // {"a":"…"} takes eight bytes beside the text.
  EXPECT_EQ(task_of(json{{"input", "x"}, {"metadata", {{"a", std::string(max_metadata_bytes - 8, 'm')}}}}.dump())
              .metadata.size(),
            max_metadata_bytes);
  EXPECT_THAT(
    pointers(refusal(json{{"input", "x"}, {"metadata", {{"a", std::string(max_metadata_bytes - 7, 'm')}}}}.dump())),
    Contains("/metadata"));
  EXPECT_THAT(pointers(refusal(json{{"input", "x"}, {"spec", {{"a", std::string(max_spec_bytes, 's')}}}}.dump())),
              Contains("/spec"));
}

TEST(ParseTask, RefusesAnEmptyCallerAndControlCharactersInNames) {
  EXPECT_THAT(pointers(refusal(R"({"input":"x","created_by":""})")), Contains("/created_by"));
  EXPECT_THAT(pointers(refusal(R"({"input":"x","created_by":"a\nb"})")), Contains("/created_by"));
  EXPECT_THAT(pointers(refusal(R"({"input":"x","name":"a\tb"})")), Contains("/name"));
}

TEST(ParseTask, RefusesTimesAndIdsThatAreNone) {
  for (const auto* time : {"tomorrow", "2026-01-02", "2026-02-30T00:00:00Z", "2026-01-02T03:04:05", ""})
    EXPECT_THAT(pointers(refusal(json{{"input", "x"}, {"run_at", time}}.dump())), Contains("/run_at")) << time;
  for (const auto* id : {"x", "", "00000000-0000-0000-0000-000000000000"})
    EXPECT_THAT(pointers(refusal(json{{"input", "x"}, {"thread_id", id}}.dump())), Contains("/thread_id")) << id;
}

TEST(ParseTask, NamesUnknownMembers) {
  const auto refused = refusal(R"({"input":"x","inptu":"y","a/b~c":1})");
  EXPECT_EQ(refused.code, problem_code::unknown_field);
  EXPECT_THAT(pointers(refused), testing::UnorderedElementsAre("/inptu", "/a~1b~0c"));
  EXPECT_THAT(refused.detail, HasSubstr("1 more"));
}

TEST(ParseTask, TellsAllThatIsWrongAtOnce) {
  const auto refused = refusal(R"({"input":7,"name":7,"priority":"x","run_at":"x","execute":"x","extra":1})");
  EXPECT_EQ(refused.code, problem_code::invalid_body);
  EXPECT_THAT(pointers(refused),
              testing::UnorderedElementsAre("/input", "/name", "/priority", "/run_at", "/execute", "/extra"));
}

TEST(ParseTask, ListsABoundedNumberOfErrors) {
  json body{{"input", "x"}};
  for (int i = 0; i < 5000; ++i)
    body["member" + std::to_string(i)] = i;
  const auto refused = refusal(body.dump());
  EXPECT_EQ(refused.errors.size(), 20U);
  EXPECT_THAT(refused.detail, HasSubstr("4999 more"));
}

TEST(ParseTask, RefusesWhatIsNoObject) {
  EXPECT_EQ(refusal("[]").code, problem_code::invalid_body);
  EXPECT_EQ(refusal("").code, problem_code::invalid_json);
  EXPECT_EQ(refusal(R"({"input":"x)").code, problem_code::invalid_json);
  EXPECT_EQ(refusal(R"({"input":"x\u0000"})").code, problem_code::invalid_json);
}

// -- the other bodies ---------------------------------------------------------------

TEST(ParseStatusChange, ReadsAStatusWithItsOutputAndError) {
  const auto id = make_uuid();
  auto result = parse_status_change(R"({"status":"FAILED","output":"","error":"gave up"})", id, at);
  ASSERT_TRUE(std::holds_alternative<set_task_status>(result));
  const auto& change = std::get<set_task_status>(result);
  EXPECT_EQ(change.id, id);
  EXPECT_EQ(change.status, task_status::failed);
  EXPECT_EQ(change.output, "");
  EXPECT_EQ(change.error, "gave up");
  EXPECT_EQ(change.at, at);
}

TEST(ParseStatusChange, RefusesAnythingElse) {
  for (const auto* body : {"{}", R"({"status":"DONE"})", R"({"status":"completed"})", R"({"status":1})",
                           R"({"status":"FAILED","error":""})", R"({"status":"COMPLETED","output":{}})",
                           R"({"status":"COMPLETED","result":"x"})"})
    EXPECT_TRUE(std::holds_alternative<problem>(parse_status_change(body, uuid{}, at))) << body;
}

TEST(RefuseBody, TakesNothingAndAnEmptyObject) {
  for (const auto* body : {"", "\r\n", "{}", " { } "})
    EXPECT_FALSE(refuse_body(body).has_value()) << body;
  EXPECT_EQ(refuse_body(R"({"bot":"x"})")->code, problem_code::unknown_field);
  EXPECT_EQ(refuse_body("[]")->code, problem_code::invalid_body);
  EXPECT_EQ(refuse_body("x")->code, problem_code::invalid_json);
}

} // namespace
} // namespace troupe
