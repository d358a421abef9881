#include "gateway/api/openapi.hpp"
#include "gateway/api/routes.hpp"
#include "gateway/live/asking.hpp"
#include "gateway/live/chat_frames.hpp"
#include "gateway/live/gateway_actor.hpp"

#include <boost/beast/http/verb.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <memory>
#include <new>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What a node refuses before anybody else is asked: the gateway here has no actor to
/// ask, so that a route that is let through where it must not be takes the test down.
namespace troupe {
namespace {

using json = nlohmann::json;
using testing::HasSubstr;
namespace http = boost::beast::http;

/// A request whose answer is kept.
class kept_exchange final : public exchange {
public:
  explicit kept_exchange(http_request asked) : asked_{std::move(asked)} {}

  const http_request& request() const override { return asked_; }
  void add_header(std::string, std::string) override {}
  bool is_gone() const override { return false; }
  void tell_when_drained(std::function<void()>) override {}
  void respond(http_response response) override {
    if (!answer_)
      answer_ = std::move(response);
  }
  void start_stream(http_response) override { FAIL() << "nothing here streams"; }
  void write(std::shared_ptr<const std::string>) override {}
  void finish() override {}
  std::size_t queued_bytes() const override { return 0; }
  void upgrade(std::shared_ptr<websocket_listener>) override { FAIL() << "nothing here is upgraded"; }
  void on_disconnect(std::function<void()>) override {}

  [[nodiscard]] const std::optional<http_response>& answer() const { return answer_; }

private:
  http_request asked_;
  std::optional<http_response> answer_;
};

/// An operation of the contract.
struct described_operation {
  std::string method;
  /// With an id in the place of each parameter.
  std::string path;
  bool is_websocket = false;
  /// Its query parameters.
  std::set<std::string> parameters{};
};

std::vector<described_operation> described_operations() {
  static const auto contract = json::parse(openapi_json);
  std::vector<described_operation> found;
  for (const auto& [pattern, operations] : contract.at("paths").items())
    for (const auto& [method, operation] : operations.items()) {
      auto path = pattern;
      for (auto from = path.find('{'); from != path.npos; from = path.find('{'))
        path.replace(from, path.find('}') - from + 1, "0190a7a0-0000-7000-8000-000000000001");
      auto name = method;
      std::transform(name.begin(), name.end(), name.begin(), [](char c) { return static_cast<char>(c - 32); });
      found.push_back({name, path, operation.contains("x-websocket")});
      for (auto parameter : operation.value("parameters", json::array())) {
        if (parameter.contains("$ref"))
          parameter = contract.at(json::json_pointer(parameter.at("$ref").get<std::string>().substr(1)));
        if (parameter.at("in") == "query")
          found.back().parameters.insert(parameter.at("name"));
      }
    }
  return found;
}

/// About this process, whatever its role.
const std::set<std::string> process_paths{"/healthz", "/readyz", "/metrics", "/openapi.json"};

class Routes : public testing::Test {
protected:
  Routes() {
    config_.measured = std::make_shared<metrics>();
    config_.draining = draining_;
    config_.serves_api = true;
    config_.clock = now;
  }

  http_response ask(const std::string& method, const std::string& path, bool is_websocket = false,
                    const std::string& body = {}, const std::string& query = {}, const std::string& accept = {}) {
    gateway_state gateway{nullptr};
    gateway.start(nullptr, config_, {});
    http_request request;
    request.method = http::string_to_verb(method);
    request.method_name = method;
    request.path = path;
    request.query = query;
    request.body = body;
    if (!accept.empty())
      request.headers.set(http::field::accept, accept);
    if (!body.empty())
      request.headers.set(http::field::content_type, "application/json");
    request.is_websocket_upgrade = is_websocket;
    const auto door = std::make_shared<kept_exchange>(std::move(request));
    dispatch(gateway, door);
    EXPECT_TRUE(door->answer()) << method << ' ' << path << " is not answered at once";
    return door->answer().value_or(http_response{});
  }

  /// The error frame that a chat frame is answered with at once.
  json say(client_frame frame) {
    gateway_state gateway{nullptr};
    gateway.start(nullptr, config_, {});
    json answer;
    handle(gateway, {{}, std::move(frame), [&](const std::string& text) { answer = json::parse(text); }});
    return answer;
  }

  gateway_config config_;
  std::shared_ptr<std::atomic<bool>> draining_ = std::make_shared<std::atomic<bool>>(false);
};

std::string code_of(const http_response& response) {
  return json::parse(response.body).value("code", "");
}

std::string header(const http_response& response, std::string_view name) {
  for (const auto& [key, value] : response.headers)
    if (key == name)
      return value;
  return {};
}

// -- paths with two parts of their own ------------------------------------------------

constexpr auto task_approvals = "/api/v1/tasks/0190a7a0-0000-7000-8000-000000000001/approvals";

TEST_F(Routes, HandOverBothPartsOfAPath) {
  const auto approval = std::string{task_approvals} + "/call_1";
  const auto undecided = ask("POST", approval, false, "{}");
  EXPECT_EQ(undecided.status, 422U) << undecided.body;
  EXPECT_EQ(json::parse(undecided.body).at("instance"), approval);
  EXPECT_THAT(config_.measured->render({}, {}), HasSubstr("/api/v1/tasks/{id}/approvals/{call_id}"));
  EXPECT_EQ(code_of(ask("POST", "/api/v1/tasks/x/approvals/call_1", false, "{}")), "invalid_id");
}

TEST_F(Routes, TellAPathWithTwoPartsFromItsNeighbours) {
  const auto approval = std::string{task_approvals} + "/call_1";
  const auto other_method = ask("GET", approval);
  EXPECT_EQ(other_method.status, 405U);
  EXPECT_EQ(header(other_method, "Allow"), "POST, OPTIONS");
  EXPECT_EQ(header(ask("POST", task_approvals), "Allow"), "GET, HEAD, OPTIONS");
  for (const auto& path :
       {std::string{task_approvals} + "/", approval + "/x", std::string{"/api/v1/tasks//approvals/c"}})
    EXPECT_EQ(ask("POST", path, false, "{}").status, 404U) << path;
}

// -- methods that every path knows, and none -----------------------------------------------

// oven-sh/bun#32811: a server that took `*` for no target.
TEST_F(Routes, TellTheMethodsOfAPathAndOfTheServer) {
  const auto task = ask("OPTIONS", "/api/v1/tasks/x");
  EXPECT_EQ(task.status, 204U);
  EXPECT_EQ(task.body, "");
  EXPECT_EQ(header(task, "Allow"), "GET, HEAD, DELETE, OPTIONS");
  EXPECT_EQ(header(ask("OPTIONS", "/healthz"), "Allow"), "GET, HEAD, OPTIONS");
  const auto server = ask("OPTIONS", "*");
  EXPECT_EQ(server.status, 204U);
  EXPECT_EQ(header(server, "Allow"), "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
  EXPECT_EQ(ask("OPTIONS", "/no/such/path").status, 404U);
}

TEST_F(Routes, TellTheMethodsOfEveryPathOfTheContract) {
  for (const auto& operation : described_operations()) {
    EXPECT_THAT(header(ask("OPTIONS", operation.path), "Allow"), HasSubstr(operation.method)) << operation.path;
    EXPECT_THAT(allowed_methods("*"), HasSubstr(operation.method));
  }
  EXPECT_EQ(allowed_methods("/no/such/path"), "");
  EXPECT_EQ(allowed_methods("/%zz"), "");
  EXPECT_EQ(allowed_methods("a:80"), "");
}

TEST_F(Routes, OpenNoTunnels) {
  const auto refused = ask("CONNECT", "other.example:443");
  EXPECT_EQ(refused.status, 501U);
  EXPECT_EQ(code_of(refused), "not_implemented");
  EXPECT_THAT(refused.body, HasSubstr("no proxy"));
}

TEST_F(Routes, RefuseMethodsThatNoPathHas) {
  for (const auto* method : {"TRACE", "BREW", "get", "PROPFIND"}) {
    const auto refused = ask(method, "/api/v1/tasks");
    EXPECT_EQ(refused.status, 405U) << method;
    EXPECT_EQ(header(refused, "Allow"), "POST, GET, HEAD, OPTIONS");
  }
}

TEST_F(Routes, NameTheVersionOfWebSocketThatIsSpoken) {
  int websockets = 0;
  for (const auto& operation : described_operations()) {
    if (!operation.is_websocket)
      continue;
    // A handshake of another version does not count as one (RFC 6455, section 4.2.2).
    const auto refused = ask("GET", operation.path);
    EXPECT_EQ(refused.status, 426U) << operation.path;
    EXPECT_EQ(header(refused, "Upgrade"), "websocket");
    EXPECT_EQ(header(refused, "Sec-WebSocket-Version"), "13");
    ++websockets;
  }
  EXPECT_EQ(websockets, 3);
}

// -- queries ------------------------------------------------------------------------

/// The one parameter that a query is refused for, and how.
struct refused_parameter {
  std::string code;
  std::string name;
  std::string detail;
};

class Queries : public Routes {
protected:
  refused_parameter refusal(const described_operation& operation, const std::string& query) {
    const auto response = ask(operation.method, operation.path, operation.is_websocket, {}, query);
    EXPECT_EQ(response.status, 400U) << operation.method << ' ' << operation.path << '?' << query;
    if (response.status != 400)
      return {};
    const auto body = json::parse(response.body);
    EXPECT_EQ(body.at("errors").size(), 1U) << body;
    const auto& error = body.at("errors").at(0);
    return {body.at("code"), error.value("parameter", ""), error.at("detail")};
  }
};

TEST_F(Queries, AreRefusedOnEveryPathForWhatItDoesNotKnow) {
  std::set<std::string> all{"zebra", "Namespace", "namespace[]", "ticket"};
  for (const auto& operation : described_operations())
    all.insert(operation.parameters.begin(), operation.parameters.end());
  int refused = 0;
  for (const auto& operation : described_operations()) {
    for (const auto& name : all) {
      if (operation.parameters.contains(name))
        continue;
      const auto why = refusal(operation, name + "=1");
      EXPECT_EQ(why.code, "unknown_parameter") << operation.method << ' ' << operation.path << '?' << name;
      EXPECT_EQ(why.name, name);
      ++refused;
    }
  }
  EXPECT_GT(refused, 39 * 4);
}

TEST_F(Queries, KnowWhatTheContractNames) {
  int known = 0;
  for (const auto& operation : described_operations()) {
    for (const auto& name : operation.parameters) {
      // Known, but unreadable.
      const auto why = refusal(operation, name + "=%zz");
      EXPECT_EQ(why.code, "invalid_parameter") << operation.method << ' ' << operation.path << '?' << name;
      EXPECT_EQ(why.name, name);
      ++known;
    }
  }
  EXPECT_GE(known, 60);
}

TEST_F(Queries, AreRefusedOnEveryPathForParametersGivenTwiceOrWithoutAName) {
  for (const auto& operation : described_operations()) {
    EXPECT_THAT(refusal(operation, "=1").detail, HasSubstr("without a name")) << operation.path;
    for (const auto& name : operation.parameters) {
      const auto why = refusal(operation, name + "=1&" + name + "=1");
      EXPECT_EQ(why.code, "unknown_parameter") << operation.method << ' ' << operation.path << '?' << name;
      EXPECT_THAT(why.detail, HasSubstr("twice"));
    }
  }
}

TEST_F(Queries, AreRefusedOnEveryPathForANamespaceThatIsNone) {
  int refused = 0;
  for (const auto& operation : described_operations()) {
    if (!operation.parameters.contains("namespace"))
      continue;
    for (const auto* value : {"a/b", "", ".hidden", "%0A"}) {
      const auto why = refusal(operation, std::string{"namespace="} + value);
      EXPECT_EQ(why.code, "invalid_parameter") << operation.method << ' ' << operation.path;
      EXPECT_EQ(why.name, "namespace");
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

TEST_F(Queries, AreRefusedForLimitsOutOfBounds) {
  int refused = 0;
  for (const auto& operation : described_operations()) {
    if (!operation.parameters.contains("limit"))
      continue;
    for (const auto* value : {"0", "501", "x"})
      EXPECT_EQ(refusal(operation, std::string{"limit="} + value).name, "limit") << operation.path;
    ++refused;
  }
  EXPECT_EQ(refused, 10);
}

// -- the one door for refusals ---------------------------------------------------------

TEST_F(Routes, AnswerWithWhatIsThrownOnceAnActorHasAnswered) {
  gateway_state gateway{nullptr};
  gateway.start(nullptr, config_, {});
  http_request request;
  request.path = "/api/v1/tasks";
  const auto door = std::make_shared<kept_exchange>(std::move(request));
  const auto context = std::make_shared<request_context>(gateway, door);
  auto go_on = guarded(context, [](const done&) { throw refused{{problem_code::conflict, "It has changed."}}; });
  EXPECT_NO_THROW(go_on(done{}));
  ASSERT_TRUE(door->answer());
  EXPECT_EQ(door->answer()->status, 409U);
  const auto body = json::parse(door->answer()->body);
  EXPECT_EQ(body.at("detail"), "It has changed.");
  EXPECT_EQ(body.at("instance"), "/api/v1/tasks");
}

TEST_F(Routes, AnswerOnceAlsoIfWhatGoesOnIsRefusedAfterIt) {
  gateway_state gateway{nullptr};
  gateway.start(nullptr, config_, {});
  const auto door = std::make_shared<kept_exchange>(http_request{});
  const auto context = std::make_shared<request_context>(gateway, door);
  auto go_on = guarded(context, [context](const done&) {
    context->respond_no_content();
    throw refused{{problem_code::conflict, "It has changed."}};
  });
  go_on(done{});
  ASSERT_TRUE(door->answer());
  EXPECT_EQ(door->answer()->status, 204U);
}

TEST_F(Routes, LetThroughWhatIsNoRefusal) {
  gateway_state gateway{nullptr};
  gateway.start(nullptr, config_, {});
  const auto door = std::make_shared<kept_exchange>(http_request{});
  const auto context = std::make_shared<request_context>(gateway, door);
  auto go_on = guarded(context, [](const done&) { throw std::bad_alloc{}; });
  EXPECT_THROW(go_on(done{}), std::bad_alloc);
  EXPECT_FALSE(door->answer());
}

// A list of names and one of tasks judge `limit` and `cursor` in different orders; clients may go by it.
TEST_F(Queries, KeepTheOrderInWhichAPageIsJudged) {
  for (const auto& [path, code] :
       {std::pair{"/api/v1/tasks", "invalid_parameter"}, std::pair{"/api/v1/bots", "invalid_cursor"},
        std::pair{"/api/v1/models", "invalid_cursor"}, std::pair{"/api/v1/queue", "invalid_parameter"}})
    EXPECT_EQ(code_of(ask("GET", path, false, {}, "limit=0&cursor=x")), code) << path;
}

// -- an EventSource, which any status but 200 ends for good -------------------------------

constexpr auto task_events = "/api/v1/tasks/0190a7a0-0000-7000-8000-000000000001/events";
constexpr auto events_only = "text/event-stream";

TEST_F(Routes, TellAnEventSourceOnlyOfWhatTimeDoesNotCure) {
  EXPECT_EQ(ask("GET", "/api/v1/tasks/x/events", false, {}, {}, events_only).status, 400U);
  EXPECT_EQ(ask("GET", task_events, false, {}, "zebra=1", events_only).status, 400U);
  EXPECT_EQ(ask("GET", task_events, false, {}, "limit=1", events_only).status, 400U);
  EXPECT_EQ(ask("GET", "/api/v1/tasks/x/y/events", false, {}, {}, events_only).status, 404U);
  EXPECT_EQ(ask("POST", task_events, false, {}, {}, events_only).status, 405U);
  config_.serves_api = false;
  EXPECT_EQ(ask("GET", task_events, false, {}, {}, events_only).status, 421U);
}

// -- a node that only runs tasks ------------------------------------------------------

TEST_F(Routes, RefuseAllButTheProcessItselfOnANodeThatOnlyRunsTasks) {
  config_.serves_api = false;
  int refused = 0;
  for (const auto& [method, path, is_websocket, parameters] : described_operations()) {
    if (process_paths.contains(path))
      continue;
    const auto response = ask(method, path, is_websocket);
    EXPECT_EQ(response.status, 421U) << method << ' ' << path;
    EXPECT_EQ(code_of(response), "not_a_gateway") << method << ' ' << path;
    ++refused;
  }
  EXPECT_EQ(refused, 35);
}

TEST_F(Routes, AnswerForTheProcessOnANodeThatOnlyRunsTasks) {
  config_.serves_api = false;
  EXPECT_EQ(ask("GET", "/healthz").status, 200U);
  EXPECT_EQ(ask("HEAD", "/healthz").status, 200U);
  EXPECT_EQ(ask("GET", "/openapi.json").status, 200U);
  EXPECT_EQ(ask("GET", "/no/such/path").status, 404U);
  EXPECT_EQ(ask("POST", "/healthz").status, 405U);
}

// -- while the store is away ------------------------------------------------------------

TEST_F(Routes, RefuseAtOnceWhatTheStoreCannotCommit) {
  config_.store_available = [] { return false; };
  int refused = 0;
  for (const auto& [method, path, is_websocket, parameters] : described_operations()) {
    const bool only_reads = method == "GET" || path.ends_with("/validate");
    if (only_reads)
      continue;
    const auto response = ask(method, path);
    EXPECT_EQ(response.status, 503U) << method << ' ' << path;
    EXPECT_EQ(code_of(response), "store_unavailable") << method << ' ' << path;
    EXPECT_EQ(header(response, "Retry-After"), "1") << method << ' ' << path;
    ++refused;
  }
  EXPECT_EQ(refused, 13);
}

TEST_F(Routes, RefuseTheFramesThatTheStoreCannotCommit) {
  config_.store_available = [] { return false; };
  EXPECT_EQ(say(chat_send_frame{"Hello", {}}).at("code"), "store_unavailable");
  EXPECT_EQ(say(chat_cancel_frame{}).at("code"), "store_unavailable");
}

TEST_F(Routes, SayThatTheNodeIsNotReadyWhileTheStoreIsAway) {
  config_.store_available = [] { return false; };
  const auto response = ask("GET", "/readyz");
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.body, R"({"status":"store_unavailable"})");
  EXPECT_EQ(header(response, "Retry-After"), "1");
}

// -- while the node drains ----------------------------------------------------------------

TEST_F(Routes, RefuseNewWorkWhileTheNodeDrains) {
  draining_->store(true);
  for (const auto* path : {"/api/v1/tasks", "/api/v1/tasks/0190a7a0-0000-7000-8000-000000000001/execute",
                           "/api/v1/tasks/0190a7a0-0000-7000-8000-000000000001/retry"}) {
    const auto response = ask("POST", path);
    EXPECT_EQ(response.status, 503U) << path;
    EXPECT_EQ(code_of(response), "unavailable") << path;
    EXPECT_EQ(header(response, "Retry-After"), "2") << path;
  }
  const auto frame = say(chat_send_frame{"Hello", {}});
  EXPECT_EQ(frame.at("code"), "unavailable");
  EXPECT_THAT(frame.at("detail").get<std::string>(), HasSubstr("connect again"));
}

TEST_F(Routes, SayThatTheNodeIsNotReadyWhileItDrains) {
  draining_->store(true);
  config_.store_available = [] { return false; };
  const auto response = ask("GET", "/readyz");
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.body, R"({"status":"draining"})") << "the store may come back, this node will not";
  EXPECT_EQ(header(response, "Retry-After"), "2");
}

} // namespace
} // namespace troupe
