#include "gateway/requests/problem.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <set>

namespace troupe {
namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

/// The catalogue is closed: its last code ends the walk.
std::vector<problem_code> all_codes() {
  std::vector<problem_code> codes;
  for (int i = 0; i <= static_cast<int>(problem_code::http_version_not_supported); ++i)
    codes.push_back(static_cast<problem_code>(i));
  return codes;
}

std::string header(const http_response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name)
      return value;
  return {};
}

TEST(Problem, NamesEachCodeOnceAndGivesItAnErrorStatusAndATitle) {
  std::set<std::string_view> names;
  for (const auto code : all_codes()) {
    EXPECT_TRUE(names.insert(to_string(code)).second) << to_string(code);
    EXPECT_GE(status_of(code), 400U) << to_string(code);
    EXPECT_LE(status_of(code), 505U) << to_string(code);
    EXPECT_FALSE(title_of(code).empty()) << to_string(code);
  }
  EXPECT_EQ(names.size(), 35U);
}

TEST(Problem, KeepsTheStatusesOfTheContract) {
  EXPECT_EQ(status_of(problem_code::invalid_json), 400U);
  EXPECT_EQ(status_of(problem_code::bot_invalid), 400U);
  EXPECT_EQ(status_of(problem_code::origin_refused), 403U);
  EXPECT_EQ(status_of(problem_code::not_found), 404U);
  EXPECT_EQ(status_of(problem_code::idempotency_key_reused), 409U);
  EXPECT_EQ(status_of(problem_code::task_finished), 409U);
  EXPECT_EQ(status_of(problem_code::illegal_transition), 409U);
  EXPECT_EQ(status_of(problem_code::not_a_gateway), 421U);
  EXPECT_EQ(status_of(problem_code::misdirected_request), 421U);
  EXPECT_EQ(status_of(problem_code::unknown_field), 422U);
  EXPECT_EQ(status_of(problem_code::task_failed), 500U);
  EXPECT_EQ(status_of(problem_code::store_unavailable), 503U);
}

TEST(Problem, RendersAsProblemDetails) {
  const auto response = to_response({.code = problem_code::invalid_body,
                                     .detail = "say \"what\"\n",
                                     .instance = "/api/v1/tasks",
                                     .errors = {{.pointer = "/input", .detail = "is required"}}});
  EXPECT_EQ(response.status, 422U);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(json::parse(response.body), json::parse(R"({
    "type": "urn:troupe:problem:invalid_body", "title": "The body is not what is asked for", "status": 422,
    "code": "invalid_body", "detail": "say \"what\"\n", "instance": "/api/v1/tasks",
    "errors": [{"pointer": "/input", "detail": "is required"}]})"));
}

TEST(Problem, NamesTheParameterInsteadOfAPointerWhereTheQueryIsWrong) {
  const auto response
    = to_response({.code = problem_code::invalid_parameter,
                   .errors = {{.pointer = {}, .detail = "expected an integer", .parameter = "limit"}}});
  EXPECT_EQ(json::parse(response.body)["errors"][0],
            json::parse(R"({"parameter": "limit", "detail": "expected an integer"})"));
}

TEST(Problem, LeavesOutWhatItDoesNotHave) {
  const auto body = json::parse(to_response({.code = problem_code::internal}).body);
  EXPECT_EQ(body.size(), 4U) << body;
}

TEST(Problem, PutsTheTaskInsideWhereItFailed) {
  task_record task;
  task.status = task_status::failed;
  task.error = "The provider refused.";
  const auto response = to_response(task_ended_badly(task, R"({"id":"x"})"));
  EXPECT_EQ(response.status, 500U);
  const auto body = json::parse(response.body);
  EXPECT_EQ(body["code"], "task_failed");
  EXPECT_EQ(body["detail"], "The provider refused.");
  EXPECT_EQ(body["task"]["id"], "x");
}

TEST(Problem, TellsACancelledTaskFromAFailedOne) {
  task_record task;
  task.status = task_status::cancelled;
  const auto response = to_response(task_ended_badly(task, "{}"));
  EXPECT_EQ(response.status, 409U);
  EXPECT_EQ(json::parse(response.body)["code"], "task_cancelled");
}

TEST(Problem, SaysWhatToDoAboutAFinishedTask) {
  const auto completed = task_is_finished(task_status::completed, "{}");
  const auto failed = task_is_finished(task_status::failed, "{}");
  EXPECT_EQ(status_of(completed.code), 409U);
  EXPECT_NE(completed.detail.find("COMPLETED"), std::string::npos);
  EXPECT_NE(failed.detail.find("retry"), std::string::npos);
}

TEST(Problem, SaysWhenToComeBackIfTheStoreIsUnavailable) {
  const auto response = to_response(from_store_error({errc::unavailable, "The disk is full."}));
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(header(response, "Retry-After"), "1");
}

TEST(Problem, GivesEachStoreErrorItsOwnAnswer) {
  const auto code = [](errc error) { return from_store_error({error, "why"}).code; };
  EXPECT_EQ(code(errc::not_found), problem_code::not_found);
  EXPECT_EQ(code(errc::illegal_transition), problem_code::illegal_transition);
  EXPECT_EQ(code(errc::fenced), problem_code::conflict);
  EXPECT_EQ(code(errc::key_reused), problem_code::idempotency_key_reused);
  EXPECT_EQ(code(errc::bot_invalid), problem_code::bot_invalid);
  EXPECT_EQ(code(errc::thread_not_found), problem_code::thread_not_found);
  EXPECT_EQ(code(errc::unavailable), problem_code::store_unavailable);
  EXPECT_EQ(code(errc::schema_too_new), problem_code::internal);
}

TEST(Problem, KeepsTheStatusTheTransportDecidedOn) {
  for (const unsigned status : {400U, 408U, 413U, 414U, 431U, 500U, 501U, 503U, 505U})
    EXPECT_EQ(to_response(from_transport_status(status, "why")).status, status);
}

TEST(Problem, NamesTheAllowedMethods) {
  const auto response = to_response(method_not_allowed("BREW", "GET, PUT"));
  EXPECT_EQ(response.status, 405U);
  EXPECT_EQ(header(response, "Allow"), "GET, PUT");
  EXPECT_EQ(json::parse(response.body)["detail"], "BREW is not allowed here; use GET, PUT.");
}

TEST(Problem, DoesNotRepeatAnEndlessMethodName) {
  EXPECT_LT(method_not_allowed(std::string(4000, 'A'), "GET").detail.size(), 100U);
}

} // namespace
} // namespace troupe
