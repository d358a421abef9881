#include "tests/e2e/server_test.hpp"

#include <vector>

/// Bad input: a specific problem each, nothing changed, the server lives, and its
/// memory stays bounded.
namespace troupe {

namespace {

struct bad_request {
  std::string what;
  std::string method;
  std::string target;
  std::string body;
  unsigned status;
  std::string code;
  header_list headers{};
};

constexpr auto unknown_task = "/api/v1/tasks/0190a7a0-0000-7000-8000-000000000000";

std::string repeat(std::string_view text, std::size_t times) {
  std::string all;
  all.reserve(text.size() * times);
  for (std::size_t i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

bad_request body(std::string what, std::string text, unsigned status, std::string code) {
  return {std::move(what), "POST", "/api/v1/tasks", std::move(text), status, std::move(code)};
}

bad_request query(std::string text, std::string code) {
  return {"query " + text, "GET", "/api/v1/tasks?" + text, "", 400, std::move(code)};
}

std::vector<bad_request> bad_bodies() {
  return {
    body("cut JSON", R"({"input": "Hel)", 400, "invalid_json"),
    body("text behind the JSON", R"({"input":"x"} more)", 400, "invalid_json"),
    body("no JSON at all", "input=Hello", 400, "invalid_json"),
    body("a comment", "{\"input\":\"x\" /* no */}", 400, "invalid_json"),
    body("a trailing comma", R"({"input":"x",})", 400, "invalid_json"),
    body("a name given twice", R"({"input":"x","input":"y"})", 400, "invalid_json"),
    body("NaN", R"({"input":"x","priority":NaN})", 400, "invalid_json"),
    body("a number beyond all", R"({"input":"x","priority":1e999})", 400, "invalid_json"),
    body("invalid UTF-8", "{\"input\":\"\xC3\x28\"}", 400, "invalid_json"),
    body("overlong UTF-8", "{\"input\":\"\xC0\xAF\"}", 400, "invalid_json"),
    body("a raw surrogate", "{\"input\":\"\xED\xA0\x80\"}", 400, "invalid_json"),
    body("a lone escaped surrogate", R"({"input":"\ud800"})", 400, "invalid_json"),
    body("an escaped NUL", R"({"input":"a\u0000b"})", 400, "invalid_json"),
    body("200,000 open brackets", repeat("[", 200'000), 400, "invalid_json"),
    body("200,000 nested arrays", repeat("[", 200'000) + repeat("]", 200'000), 400, "invalid_json"),
    body("200,000 nested objects",
         R"({"input":"x","metadata":)" + repeat("{\"a\":", 150'000) + "1" + repeat("}", 150'000) + "}", 400,
         "invalid_json"),
    body("an array", R"(["input"])", 422, "invalid_body"),
    body("a number", "7", 422, "invalid_body"),
    body("null", "null", 422, "invalid_body"),
    body("no input", R"({"name":"x"})", 422, "invalid_body"),
    body("an empty input", R"({"input":""})", 422, "invalid_body"),
    body("an input of the wrong type", R"({"input":7})", 422, "invalid_body"),
    body("a name of the wrong type", R"({"input":"x","name":{}})", 422, "invalid_body"),
    body("a fraction for a priority", R"({"input":"x","priority":1.5})", 422, "invalid_body"),
    body("a priority out of bounds", R"({"input":"x","priority":1000000000000})", 422, "invalid_body"),
    body("metadata that is a list", R"({"input":"x","metadata":[1]})", 422, "invalid_body"),
    body("a spec that is text", R"({"input":"x","spec":"default"})", 422, "invalid_body"),
    body("a date that is none", R"({"input":"x","run_at":"tomorrow"})", 422, "invalid_body"),
    body("a day that does not exist", R"({"input":"x","run_at":"2026-02-30T00:00:00Z"})", 422, "invalid_body"),
    body("text for a truth value", R"({"input":"x","execute":"yes"})", 422, "invalid_body"),
    body("a bad thread id", R"({"input":"x","thread_id":"thread-1"})", 422, "invalid_body"),
    body("an unknown member", R"({"input":"x","colour":"red"})", 422, "unknown_field"),
    body("an input that is too long", R"({"input":")" + std::string(400'000, 'x') + "\"}", 422, "invalid_body"),
    {"a body where none belongs", "POST", std::string{unknown_task} + "/cancel", R"({"x":1})", 422, "unknown_field"},
    {"an unknown status", "PATCH", std::string{unknown_task} + "/status", R"({"status":"DONE"})", 422, "invalid_body"},
    {"a bot without a model", "PUT", "/api/v1/bots/b", "{}", 422, "invalid_body"},
    {"a bot with an unknown tool", "PUT", "/api/v1/bots/b",
     R"({"model":"builtin","tools":[{"type":"builtin","name":"rm"}]})", 422, "invalid_body"},
    {"a model of an unknown kind", "PUT", "/api/v1/models/m", R"({"kind":"oracle"})", 422, "invalid_body"},
  };
}

std::vector<bad_request> bad_heads() {
  return {
    query("limit=0", "invalid_parameter"),
    query("status=RUNING", "invalid_parameter"),
    query("created_after=yesterday", "invalid_parameter"),
    query("thread_id=7", "invalid_parameter"),
    query("namespace=%2e%2e%2fetc", "invalid_parameter"),
    query("created_by=%00", "invalid_parameter"),
    query("created_by=%FF", "invalid_parameter"),
    query("created_by=%4", "invalid_parameter"),
    query("order=asc", "unknown_parameter"),
    query("limit=1&limit=2", "unknown_parameter"),
    query("cursor=bm8gY3Vyc29y", "invalid_cursor"),
    query("cursor=!", "invalid_cursor"),
    query("cursor=" + std::string(2000, 'A'), "invalid_cursor"),
    {"an id that is none", "GET", "/api/v1/tasks/42", "", 400, "invalid_id"},
    {"an id with a tail", "GET", std::string{unknown_task} + "0", "", 400, "invalid_id"},
    {"a thread id that is none", "GET", "/api/v1/threads/x/messages", "", 400, "invalid_id"},
    {"a bad bot name", "GET", "/api/v1/bots/..%2f..", "", 400, "invalid_parameter"},
    {"an unknown bot", "GET", "/api/v1/bots/nobody", "", 404, "not_found"},
    {"an unknown task", "GET", unknown_task, "", 404, "not_found"},
    {"an unknown path", "GET", "/api/v1/nothing", "", 404, "not_found"},
    {"a trailing slash", "GET", "/api/v1/tasks/", "", 404, "not_found"},
    {"a broken escape in the path", "GET", "/api/v1/tasks/%zz", "", 400, "invalid_parameter"},
    {"a wrong method", "DELETE", "/api/v1/tasks", "", 405, "method_not_allowed"},
    {"a wrong method on a task", "PUT", unknown_task, "{}", 405, "method_not_allowed"},
    {"a method that nobody knows", "BREW", "/api/v1/tasks", "", 405, "method_not_allowed"},
    {"a form",
     "POST",
     "/api/v1/tasks",
     "input=x",
     415,
     "unsupported_media_type",
     {{"Content-Type", "application/x-www-form-urlencoded"}}},
    {"an encoded body",
     "POST",
     "/api/v1/tasks",
     "\x1f\x8b",
     415,
     "unsupported_media_type",
     {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}},
    {"an empty key", "POST", "/api/v1/tasks", R"({"input":"x"})", 400, "invalid_header", {{"Idempotency-Key", ""}}},
    {"a huge key",
     "POST",
     "/api/v1/tasks",
     R"({"input":"x"})",
     400,
     "invalid_header",
     {{"Idempotency-Key", std::string(2000, 'k')}}},
    {"a door that speaks WebSocket", "GET", "/api/v1/events", "", 426, "upgrade_required"},
    {"a target that is too long", "GET", "/api/v1/tasks?created_by=" + std::string(9000, 'x'), "", 414,
     "target_too_long"},
    {"a header that is too large",
     "GET",
     "/api/v1/tasks",
     "",
     431,
     "header_too_large",
     {{"X-Padding", std::string(20'000, 'x')}}},
  };
}

} // namespace

class BadInput : public server_test {
protected:
  void SetUp() override { create("the only one"); }

  void TearDown() override {
    EXPECT_EQ(http().get("/readyz").status, 200U) << "the server lives";
    EXPECT_EQ(list_all(http(), "/api/v1/tasks").size(), 1U) << "nothing was changed";
    EXPECT_EQ(list_all(http(), "/api/v1/bots").size(), 1U) << "nothing was changed";
    expect_resident_below(server(), 200U * 1024 * 1024);
  }

  void refuse(const std::vector<bad_request>& requests) {
    for (const auto& request : requests) {
      SCOPED_TRACE(request.what);
      http_client client{server().port()};
      const auto reply = client.send(request.method, request.target, request.body, request.headers);
      expect_problem(reply, request.status, request.code);
    }
  }
};

TEST_F(BadInput, InABodyIsRefusedByName) {
  refuse(bad_bodies());
}

TEST_F(BadInput, InAHeadIsRefusedByName) {
  refuse(bad_heads());
}

TEST_F(BadInput, NamesEveryMemberThatIsWrong) {
  const auto reply = http().send("POST", "/api/v1/tasks", R"({"input":7,"priority":"high","colour":"red"})");
  expect_problem(reply, 422, "invalid_body");
  std::set<std::string> pointers;
  const json problem = reply.document();
  for (const auto& error : problem.at("errors")) {
    pointers.insert(error.at("pointer"));
    EXPECT_FALSE(error.at("detail").get<std::string>().empty());
  }
  EXPECT_THAT(pointers, testing::ElementsAre("/colour", "/input", "/priority"));
}

TEST_F(BadInput, TellsWhichMethodsThereAre) {
  const auto reply = http().remove("/api/v1/tasks");
  EXPECT_NE(reply.header("Allow").find("GET"), std::string::npos);
  EXPECT_NE(reply.header("Allow").find("POST"), std::string::npos);
}

TEST_F(BadInput, OfFortyMegabytesIsNotTakenIn) {
  const std::string huge = R"({"input":")" + std::string(40'000'000, 'x') + "\"}";
  const auto before = server().resident_bytes();
  for (int i = 0; i < 3; ++i) {
    http_client client{server().port()};
    expect_problem(client.send("POST", "/api/v1/tasks", huge), 413, "payload_too_large");
  }
  expect_resident_below(server(), before + 16U * 1024 * 1024);
}

TEST_F(BadInput, OfFortyMegabytesInChunksIsNotTakenIn) {
  const auto before = server().resident_bytes();
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  const auto reply
    = exchange_bytes(server().port(), "POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                                      "Transfer-Encoding: chunked\r\n\r\n"
                                        + repeat(chunk, 640));
  EXPECT_TRUE(reply.bytes.starts_with("HTTP/1.1 413")) << reply.bytes.substr(0, 200);
  expect_resident_below(server(), before + 16U * 1024 * 1024);
}

TEST_F(BadInput, WithAnEndlessChunkExtensionIsCutOff) {
  const auto before = server().resident_bytes();
  const auto reply = exchange_bytes(server().port(), "POST /api/v1/tasks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                                                     "chunked\r\n\r\n1;"
                                                       + std::string(8'000'000, 'x'));
  EXPECT_LE(count_answers(reply.bytes), 1U);
  EXPECT_TRUE(reply.closed);
  expect_resident_below(server(), before + 16U * 1024 * 1024);
}

TEST_F(BadInput, ThatSmugglesARequestIsRefusedAndTheConnectionEnds) {
  const std::string smuggled = "DELETE /api/v1/tasks HTTP/1.1\r\nHost: x\r\n\r\n";
  const std::string head = "POST /api/v1/tasks HTTP/1.1\r\n";
  const std::vector<std::pair<std::string, std::string>> attacks{
    {"a coding without chunked", head + "Host: x\r\nTransfer-Encoding: gzip\r\n\r\n" + smuggled},
    {"chunked behind another coding", head + "Host: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled},
    {"chunked before another coding", head + "Host: x\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n" + smuggled},
    {"a coding that looks like chunked", head + "Host: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled},
    {"a length and a coding",
     head + "Host: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled},
    {"two lengths", head + "Host: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n" + smuggled},
    {"a signed length", head + "Host: x\r\nContent-Length: +0\r\n\r\n" + smuggled},
    {"a list of lengths", head + "Host: x\r\nContent-Length: 0, 0\r\n\r\n" + smuggled},
    {"chunked on HTTP/1.0",
     "POST /api/v1/tasks HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled},
    {"no host", head + "Content-Length: 0\r\n\r\n" + smuggled},
    {"two hosts", head + "Host: x\r\nHost: y\r\nContent-Length: 0\r\n\r\n" + smuggled},
    {"a malformed host", head + "Host: x y\r\nContent-Length: 0\r\n\r\n" + smuggled},
    {"a folded line", head + "Host: x\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n" + smuggled},
    {"a space before the colon", head + "Host: x\r\nContent-Length : 0\r\n\r\n" + smuggled},
    {"a chunk with a bad length",
     head + "Host: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n" + smuggled},
    {"no HTTP", "\x16\x03\x01\x02\x01 hello\r\n\r\n" + smuggled},
  };
  for (const auto& [what, bytes] : attacks) {
    SCOPED_TRACE(what);
    const auto reply = exchange_bytes(server().port(), bytes);
    EXPECT_EQ(count_answers(reply.bytes), 1U) << reply.bytes;
    EXPECT_TRUE(reply.bytes.starts_with("HTTP/1.1 400")) << reply.bytes;
    EXPECT_TRUE(reply.closed) << "the rest of the connection cannot be trusted";
  }
}

TEST_F(BadInput, DoesNotDisturbPipelinedRequestsThatAreGood) {
  const std::string good = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const std::string bad = "GET /api/v1/tasks/42 HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const auto reply = exchange_bytes(server().port(), good + bad + good);
  EXPECT_EQ(count_answers(reply.bytes), 3U);
  const auto first = reply.bytes.find("HTTP/1.1 200");
  const auto second = reply.bytes.find("HTTP/1.1 400");
  EXPECT_LT(first, second);
  EXPECT_LT(second, reply.bytes.rfind("HTTP/1.1 200"));
}

} // namespace troupe
