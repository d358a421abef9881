#include "actors/toolbox/http_tool.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <string>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const timestamp some_time = *parse_rfc3339("2026-01-02T03:04:05Z");

tool_record make_tool(const std::string& method, const std::string& url) {
  tool_record tool;
  tool.type = tool_kind::http;
  tool.name = "look_up";
  tool.method = method;
  tool.url = url;
  return tool;
}

outbound_request request_of(const tool_record& tool, const std::string& arguments, const std::string& key = "") {
  auto made = make_tool_request(tool, arguments, key);
  if (const auto* refused = std::get_if<tool_result>(&made)) {
    ADD_FAILURE() << refused->content;
    return {};
  }
  return std::get<outbound_request>(std::move(made));
}

std::string url_of(const std::string& url, const std::string& arguments, const std::string& method = "GET") {
  return request_of(make_tool(method, url), arguments).url;
}

/// What a failed result says.
std::string error_in(const tool_result& result) {
  EXPECT_TRUE(result.failed) << result.content;
  return json::parse(result.content).at("error").get<std::string>();
}

/// Why there is no request.
std::string refusal_of(const tool_record& tool, const std::string& arguments) {
  const auto made = make_tool_request(tool, arguments, "");
  const auto* refused = std::get_if<tool_result>(&made);
  if (!refused)
    return "";
  EXPECT_EQ(refused->retry, std::nullopt);
  return error_in(*refused);
}

std::string header_of(const outbound_request& request, const std::string& name) {
  std::string value = "none";
  for (const auto& [one, text] : request.headers)
    if (one == name)
      value = value == "none" ? text : "twice";
  return value;
}

outbound_head head_of(unsigned status, const std::string& type = "", header_list headers = {}) {
  if (!type.empty())
    headers.emplace_back("content-type", type);
  return {status, std::move(headers)};
}

std::string content_of(const std::string& type, const std::string& body) {
  const auto result = read_tool_response(head_of(200, type), body, some_time);
  EXPECT_FALSE(result.failed);
  EXPECT_TRUE(json::accept(result.content)) << result.content;
  return result.content;
}

class environment_variable {
public:
  environment_variable(const char* name, const char* value) : name_{name} { setenv(name, value, 1); }
  ~environment_variable() { unsetenv(name_); }
  environment_variable(const environment_variable&) = delete;
  environment_variable& operator=(const environment_variable&) = delete;

private:
  const char* name_;
};

} // namespace

// -- requests -----------------------------------------------------------------

TEST(HttpTool, PutsArgumentsIntoTheUrl) {
  EXPECT_EQ(url_of("https://api.example.com/users/{id}/posts?sort={sort}", R"({"id":42,"sort":"new & old"})"),
            "https://api.example.com/users/42/posts?sort=new%20%26%20old");
  EXPECT_EQ(url_of("http://h/{a}/{a}?x={b}", R"({"a":true,"b":""})"), "http://h/true/true?x=");
  EXPECT_EQ(url_of("http://h/{a}", R"({"a":"../../admin?x=1#y"})"), "http://h/..%2F..%2Fadmin%3Fx%3D1%23y");
  EXPECT_EQ(url_of("http://h/{a}", R"({"a":"é\r\n"})"), "http://h/%C3%A9%0D%0A");
  EXPECT_EQ(url_of("http://h?q={q}", R"({"q":1.5})"), "http://h?q=1.5");
}

TEST(HttpTool, AddsTheOtherArgumentsToTheQuery) {
  const std::string arguments = R"({"id":1,"text":"a b","n":-2.5,"yes":true,"none":null,"list":[1,"x"],"o":{"k":"v"}})";
  EXPECT_EQ(url_of("http://h/{id}", arguments),
            "http://h/1?list=%5B1%2C%22x%22%5D&n=-2.5&o=%7B%22k%22%3A%22v%22%7D&text=a%20b&yes=true");
  for (const auto* method : {"GET", "HEAD", "DELETE"}) {
    EXPECT_EQ(url_of("http://h/a?b=1", R"({"c":2,"d":3})", method), "http://h/a?b=1&c=2&d=3");
    EXPECT_EQ(url_of("http://h/a?", R"({"c":2})", method), "http://h/a?c=2");
    EXPECT_EQ(url_of("http://h/a?b&", R"({"c":2})", method), "http://h/a?b&c=2");
    EXPECT_EQ(url_of("http://h/a#part", R"({"c":2})", method), "http://h/a?c=2");
    EXPECT_TRUE(request_of(make_tool(method, "http://h/a"), R"({"c":2})").body.empty());
  }
}

TEST(HttpTool, SendsTheOtherArgumentsAsJson) {
  for (const auto* method : {"POST", "PUT", "PATCH"}) {
    const auto request = request_of(make_tool(method, "http://h/{id}"), R"({"text":"ü","id":"a","list":[null]})");
    EXPECT_EQ(request.method, method);
    EXPECT_EQ(request.url, "http://h/a");
    EXPECT_EQ(json::parse(request.body), json::parse(R"({"text":"ü","list":[null]})"));
    EXPECT_EQ(header_of(request, "Content-Type"), "application/json");
    EXPECT_THAT(header_of(request, "Accept"), StartsWith("application/json"));
  }
  EXPECT_EQ(request_of(make_tool("POST", "http://h/"), " ").body, "{}");
}

TEST(HttpTool, ChecksArgumentsByTheSchema) {
  auto tool = make_tool("POST", "http://h/");
  tool.parameters = R"({"type":"object","properties":{"n":{"type":"integer"}},"required":["n"]})";
  EXPECT_THAT(refusal_of(tool, R"({"n":"one"})"), HasSubstr("/n: "));
  EXPECT_THAT(refusal_of(tool, ""), HasSubstr("'n'"));
  EXPECT_THAT(refusal_of(tool, "[1]"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(refusal_of(tool, "{\"n\":"), HasSubstr("must be a JSON object"));
  EXPECT_EQ(refusal_of(tool, R"({"n":1})"), "");
}

TEST(HttpTool, RefusesArgumentsThatDoNotFitTheUrl) {
  const auto tool = make_tool("GET", "https://api.example.com/users/{id}/posts");
  for (const auto* arguments : {"{}", R"({"id":null})", R"({"id":[1]})", R"({"id":{}})"})
    EXPECT_THAT(refusal_of(tool, arguments), HasSubstr("'id' must be given")) << arguments;
  EXPECT_THAT(refusal_of(tool, R"({"id":""})"), HasSubstr("must not be empty"));
  EXPECT_THAT(refusal_of(tool, R"({"id":".."})"), HasSubstr("path"));
  EXPECT_THAT(refusal_of(tool, R"({"id":"."})"), HasSubstr("path"));
  EXPECT_EQ(refusal_of(tool, R"({"id":"..."})"), "");
  EXPECT_THAT(refusal_of(make_tool("GET", "http://h/.{a}"), R"({"a":"."})"), HasSubstr("path"));
  EXPECT_EQ(refusal_of(make_tool("GET", "http://h/?a={a}"), R"({"a":".."})"), "");
  EXPECT_THAT(refusal_of(tool, R"({"id":1,"more":")" + std::string(10'000, 'x') + "\"}"), HasSubstr("too long"));
}

TEST(HttpTool, RefusesUrlsThatCannotBeFilled) {
  for (const auto* url : {"https://{host}/", "https://h:{port}/a", "{scheme}://h/", "https://{user}@h"})
    EXPECT_NE(refusal_of(make_tool("GET", url), R"({"host":"h","port":1,"scheme":"https","user":"u"})"), "") << url;
  EXPECT_THAT(refusal_of(make_tool("GET", "https://h/{a"), R"({"a":1})"), HasSubstr("without its }"));
  EXPECT_THAT(refusal_of(make_tool("GET", "h/a"), "{}"), HasSubstr("no scheme"));
}

TEST(HttpTool, BoundsTheRequest) {
  auto tool = make_tool("GET", "http://h/");
  tool.timeout = 30s;
  auto timeouts = request_of(tool, "{}").timeouts;
  EXPECT_EQ(timeouts.connect, 10s);
  EXPECT_EQ(timeouts.first_data, 30s);
  EXPECT_EQ(timeouts.idle, 30s);
  EXPECT_EQ(timeouts.total, 30s);
  tool.timeout = 3s;
  EXPECT_EQ(request_of(tool, "{}").timeouts.connect, 3s);
  EXPECT_EQ(request_of(tool, "{}").max_answer, 1024U * 1024U);
}

TEST(HttpTool, SendsTheKeyUnlessRepeatingIsSafe) {
  auto tool = make_tool("POST", "http://h/");
  tool.headers = {{"idempotency-key", "always the same"}};
  for (const auto rule : {repeat_rule::with_key, repeat_rule::never}) {
    tool.repeat = rule;
    const auto request = request_of(tool, "{}", "key-1");
    EXPECT_EQ(header_of(request, "Idempotency-Key"), "key-1");
    EXPECT_EQ(header_of(request, "idempotency-key"), "none");
  }
  tool.headers.clear();
  EXPECT_EQ(header_of(request_of(tool, "{}"), "Idempotency-Key"), "none");
  tool.repeat = repeat_rule::safe;
  EXPECT_EQ(header_of(request_of(tool, "{}", "key-1"), "Idempotency-Key"), "none");
}

TEST(HttpTool, SendsTheToolsHeaders) {
  const environment_variable token{"HTTP_TOOL_TEST_TOKEN", "s3cret"};
  auto tool = make_tool("POST", "http://h/");
  tool.headers
    = {{"Authorization", "Bearer ${env:HTTP_TOOL_TEST_TOKEN}"}, {"content-type", "text/json"}, {"accept", "*/*"}};
  const auto request = request_of(tool, "{}");
  EXPECT_EQ(header_of(request, "Authorization"), "Bearer s3cret");
  EXPECT_EQ(header_of(request, "Content-Type"), "none");
  EXPECT_EQ(header_of(request, "Accept"), "none");
}

TEST(HttpTool, SaysWhichHeaderCannotBeSentWithoutItsValue) {
  const environment_variable broken{"HTTP_TOOL_TEST_TOKEN", "s3cret\r\nX: y"};
  auto tool = make_tool("POST", "http://h/");
  tool.headers = {{"X-Key", "${env:HTTP_TOOL_TEST_TOKEN}"}};
  EXPECT_THAT(refusal_of(tool, "{}"), testing::AllOf(HasSubstr("X-Key"), Not(HasSubstr("s3cret"))));
  tool.headers = {{"X-Key", "${env:HTTP_TOOL_TEST_NOT_SET}"}};
  EXPECT_THAT(refusal_of(tool, "{}"), HasSubstr("X-Key"));
}

// -- answers ------------------------------------------------------------------

TEST(HttpTool, TakesJsonAsItIs) {
  EXPECT_EQ(content_of("application/json", R"({"n": 12345678901234567890123})"), R"({"n": 12345678901234567890123})");
  EXPECT_EQ(content_of("application/problem+json; charset=utf-8", " [1]\n"), "[1]");
  EXPECT_EQ(content_of("Application/JSON", "\xef\xbb\xbf{}"), "{}");
  EXPECT_EQ(content_of("application/json", "3"), "3");
  EXPECT_EQ(content_of("text/plain", R"({"a":1})"), R"({"a":1})");
  EXPECT_EQ(content_of("", "[]"), "[]");
}

TEST(HttpTool, TakesEverythingElseAsText) {
  EXPECT_EQ(content_of("text/plain", "3"), R"("3")");
  EXPECT_EQ(content_of("text/html", "<p>\"hi\"</p>"), R"("<p>\"hi\"</p>")");
  EXPECT_EQ(content_of("application/json", "{\"a\":"), R"("{\"a\":")");
  EXPECT_EQ(content_of("text/plain", "a\xff\x01z"), "\"a\xef\xbf\xbdz\"");
  const std::string deep = std::string(65, '[') + std::string(65, ']');
  EXPECT_EQ(content_of("application/json", deep), '"' + deep + '"');
  const std::string allowed = std::string(64, '[') + std::string(64, ']');
  EXPECT_EQ(content_of("application/json", allowed), allowed);
  content_of("application/json", std::string(1'000'000, '['));
}

TEST(HttpTool, SaysTheStatusOfAnEmptyAnswer) {
  const auto result = read_tool_response(head_of(204), "", some_time);
  EXPECT_EQ(result.content, R"({"status":204})");
  EXPECT_FALSE(result.failed);
  EXPECT_EQ(content_of("application/json", " \n"), R"({"status":200})");
}

TEST(HttpTool, TellsTheModelOfAnErrorStatus) {
  const auto result = read_tool_response(head_of(404, "text/plain"), "no such\nuser", some_time);
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.retry, std::nullopt);
  EXPECT_EQ(result.content, R"({"error":"HTTP 404 Not Found","status":404,"body":"no such user"})");
  EXPECT_EQ(read_tool_response(head_of(418), "", some_time).content, R"({"error":"HTTP 418","status":418})");
  EXPECT_THAT(error_in(read_tool_response(head_of(302), "", some_time)), HasSubstr("redirects are not followed"));
}

TEST(HttpTool, ShortensTheBodyOfAnErrorStatus) {
  const auto result = read_tool_response(head_of(400), std::string(100'000, '\xff'), some_time);
  EXPECT_LE(json::parse(result.content).at("body").get<std::string>().size(), 2000U);
}

TEST(HttpTool, TriesAgainWhatMaySucceed) {
  for (const unsigned status : {408U, 425U, 500U, 502U, 503U, 504U, 599U}) {
    const auto result = read_tool_response(head_of(status), "", some_time);
    EXPECT_TRUE(result.failed);
    EXPECT_EQ(result.retry, error_class::transient) << status;
    EXPECT_EQ(result.retry_after, std::nullopt);
  }
  for (const unsigned status : {400U, 401U, 403U, 404U, 409U, 422U, 301U})
    EXPECT_EQ(read_tool_response(head_of(status, "", {{"retry-after", "1"}}), "", some_time).retry, std::nullopt);
}

TEST(HttpTool, WaitsAsItIsTold) {
  EXPECT_EQ(read_tool_response(head_of(429), "", some_time).retry, error_class::throttled);
  for (const unsigned status : {429U, 503U}) {
    const auto result = read_tool_response(head_of(status, "", {{"retry-after", "7"}}), "", some_time);
    EXPECT_EQ(result.retry, error_class::throttled);
    EXPECT_EQ(result.retry_after, 7s);
  }
}

TEST(HttpTool, TriesAgainWhatBroughtNoAnswer) {
  for (const auto code : {outbound_errc::unreachable, outbound_errc::timed_out, outbound_errc::cut_off})
    for (const bool sent : {false, true}) {
      const auto result = read_tool_failure({code, "h did not answer.", sent}, repeat_rule::with_key);
      EXPECT_EQ(error_in(result), "h did not answer.");
      EXPECT_EQ(result.retry, error_class::transient);
    }
  for (const auto code : {outbound_errc::refused, outbound_errc::malformed})
    EXPECT_EQ(read_tool_failure({code, "no", false}, repeat_rule::safe).retry, std::nullopt);
}

TEST(HttpTool, WaitsWhereTheNodeIsBusyAndNothingWasSent) {
  for (const auto rule : {repeat_rule::safe, repeat_rule::with_key, repeat_rule::never}) {
    const auto result = read_tool_failure({outbound_errc::busy, "h was not called.", false}, rule);
    EXPECT_EQ(result.retry, error_class::throttled);
    EXPECT_EQ(result.retry_after, busy_pause);
  }
}

TEST(HttpTool, DoesNotRepeatWhatMayHaveBeenDone) {
  const auto sent = read_tool_failure({outbound_errc::timed_out, "h did not answer.", true}, repeat_rule::never);
  EXPECT_EQ(sent.retry, std::nullopt);
  EXPECT_THAT(error_in(sent), HasSubstr("outcome is unknown"));
  const auto unsent = read_tool_failure({outbound_errc::unreachable, "h is not there.", false}, repeat_rule::never);
  EXPECT_EQ(unsent.retry, error_class::transient);
}

TEST(HttpTool, WritesFailuresAsJson) {
  const auto result = failed_tool("a \"b\" \xff\n");
  EXPECT_TRUE(result.failed);
  EXPECT_EQ(result.content, "{\"error\":\"a \\\"b\\\" \xef\xbf\xbd\\n\"}");
}

// -- the environment ----------------------------------------------------------

TEST(HttpTool, ReplacesEnvironmentVariables) {
  const environment_variable one{"HTTP_TOOL_TEST_ONE", "1"};
  const environment_variable nested{"HTTP_TOOL_TEST_NESTED", "${env:HTTP_TOOL_TEST_ONE}"};
  const environment_variable empty{"HTTP_TOOL_TEST_EMPTY", ""};
  EXPECT_EQ(expand_env(""), "");
  EXPECT_EQ(expand_env("plain $HOME ${HOME} }"), "plain $HOME ${HOME} }");
  EXPECT_EQ(expand_env("a${env:HTTP_TOOL_TEST_ONE}b${env:HTTP_TOOL_TEST_ONE}"), "a1b1");
  EXPECT_EQ(expand_env("${env:HTTP_TOOL_TEST_NESTED}"), "${env:HTTP_TOOL_TEST_ONE}");
  EXPECT_EQ(expand_env("<${env:HTTP_TOOL_TEST_EMPTY}>"), "<>");
  for (const auto* value : {"${env:HTTP_TOOL_TEST_NOT_SET}", "${env:}", "${env:HTTP_TOOL_TEST_ONE", "${env:A B}"})
    EXPECT_EQ(expand_env(value), std::nullopt) << value;
}

TEST(HttpTool, KeepsTheServersOwnVariables) {
  const environment_variable own{"TROUPE_HTTP_TOOL_TEST", "1"};
  const environment_variable database{"PGHTTPTOOLTEST", "1"};
  EXPECT_EQ(expand_env("${env:TROUPE_HTTP_TOOL_TEST}"), std::nullopt);
  EXPECT_EQ(expand_env("${env:PGHTTPTOOLTEST}"), std::nullopt);
  for (const auto* name : {"A", "_a9", "OPENAI_API_KEY", "TROUPE", "P"})
    EXPECT_TRUE(may_use_env(name)) << name;
  for (const auto* name : {"", "9A", "A-B", "A=B", "TROUPE_X", "PGPASSWORD", "PG"})
    EXPECT_FALSE(may_use_env(name)) << name;
}

} // namespace troupe
