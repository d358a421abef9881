#include "gateway/forms/parse_bot.hpp"
#include "gateway/forms/parse_model.hpp"
#include "gateway/forms/parse_tool.hpp"
#include "gateway/rendering/records.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Pair;

constexpr timestamp at{std::chrono::seconds{1'700'000'000}};

parsed<put_bot> parse(std::string_view body) {
  return parse_bot(body, "prod", "ada", at);
}

bot_record bot_of(std::string_view body) {
  auto result = parse(body);
  if (const auto* refused = std::get_if<problem>(&result)) {
    ADD_FAILURE() << body << ": " << refused->detail;
    return {};
  }
  return std::get<put_bot>(result).bot;
}

/// The one error of a refused body; empty if it was not refused.
template <class Operation>
field_error only_error(const parsed<Operation>& result, std::string_view body, problem_code code) {
  const auto* refused = std::get_if<problem>(&result);
  if (refused == nullptr)
    return {.pointer = "nothing", .detail = {}};
  EXPECT_EQ(refused->code, code) << body << ": " << refused->detail;
  EXPECT_EQ(refused->errors.size(), 1U) << body << ": " << refused->detail;
  return refused->errors.front();
}

/// The pointer of the one error of a bot's body.
std::string wrong(std::string_view body, problem_code code = problem_code::invalid_body) {
  return only_error(parse(body), body, code).pointer;
}

/// A bot with one tool.
std::string with_tool(const json& tool) {
  return json{{"model", "m"}, {"tools", json::array({tool})}}.dump();
}

json http_tool(const json& members = json::object()) {
  json tool{{"type", "http"}, {"name", "look_up"}, {"description", "Looks it up."}, {"url", "https://a.example/b"}};
  tool.merge_patch(members);
  return tool;
}

json mcp_tool(const json& members = json::object()) {
  json tool{{"type", "mcp"}, {"name", "files"}, {"url", "https://a.example/mcp"}};
  tool.merge_patch(members);
  return tool;
}

tool_record tool_of(const json& tool) {
  const auto bot = bot_of(with_tool(tool));
  return bot.tools.size() == 1 ? bot.tools.front() : tool_record{};
}

/// The one error of a bot's only tool.
field_error tool_error(const json& tool, problem_code code = problem_code::invalid_body) {
  const auto body = with_tool(tool);
  return only_error(parse(body), body, code);
}

parsed<put_model> parse_one(const json& model) {
  return parse_model(model.dump(), "prod", "m", at);
}

model_record model_of(const json& model) {
  auto result = parse_one(model);
  if (const auto* refused = std::get_if<problem>(&result)) {
    ADD_FAILURE() << model << ": " << refused->detail;
    return {};
  }
  return std::get<put_model>(result).model;
}

/// The one error of a model of the kind `openai` with these members.
field_error model_error(const json& members, problem_code code = problem_code::invalid_body) {
  json model{{"kind", "openai"}, {"model", "gpt"}};
  model.update(members);
  return only_error(parse_one(model), model.dump(), code);
}

TEST(ParseBot, NeedsOnlyAModel) {
  const auto bot = bot_of(R"({"model":"builtin"})");
  EXPECT_EQ(bot.name, "ada");
  EXPECT_EQ(bot.ns, "prod");
  EXPECT_EQ(bot.model, "builtin");
  EXPECT_EQ(bot.max_iterations, 10);
  EXPECT_EQ(bot.context_tokens, 128'000);
  EXPECT_THAT(bot.fallback_models, IsEmpty());
  EXPECT_THAT(bot.tools, IsEmpty());
  EXPECT_FALSE(bot.temperature.has_value());
  EXPECT_FALSE(bot.max_tokens.has_value());
  EXPECT_EQ(bot.restart.max_attempts, 3);
  EXPECT_EQ(bot.restart.backoff, backoff_kind::linear);
  EXPECT_EQ(bot.timeout, std::chrono::seconds{600});
  EXPECT_EQ(bot.on_busy, on_busy_rule::enqueue);
  EXPECT_EQ(wrong("{}"), "/model");
  EXPECT_EQ(wrong(R"({"model":null})"), "/model");
}

TEST(ParseBot, ReadsEveryMember) {
  const auto bot
    = bot_of(R"({"name":"ada","namespace":"prod","model":"m","system_prompt":"Be\nbrief.","temperature":0.5,
    "max_tokens":100,"max_iterations":5,"context_tokens":4000,"fallback_models":["n","o"],
    "tools":[{"type":"builtin","name":"now","repeat":"safe","requires_approval":true}],
    "restart":{"max_attempts":7,"backoff":"exponential","delay_ms":250,"max_delay_ms":5000,"jitter":0},
    "timeout_s":30,"on_busy":"interrupt"})");
  EXPECT_EQ(bot.system_prompt, "Be\nbrief.");
  EXPECT_EQ(bot.temperature, 0.5);
  EXPECT_EQ(bot.max_tokens, 100);
  EXPECT_EQ(bot.max_iterations, 5);
  EXPECT_EQ(bot.context_tokens, 4000);
  EXPECT_THAT(bot.fallback_models, ElementsAre("n", "o"));
  tool_record now;
  now.name = "now";
  now.repeat = repeat_rule::safe;
  now.requires_approval = true;
  EXPECT_THAT(bot.tools, ElementsAre(now));
  EXPECT_EQ(bot.restart.max_attempts, 7);
  EXPECT_EQ(bot.restart.backoff, backoff_kind::exponential);
  EXPECT_EQ(bot.restart.delay, std::chrono::milliseconds{250});
  EXPECT_EQ(bot.restart.max_delay, std::chrono::milliseconds{5000});
  EXPECT_EQ(bot.restart.jitter, 0);
  EXPECT_EQ(bot.timeout, std::chrono::seconds{30});
  EXPECT_EQ(bot.on_busy, on_busy_rule::interrupt);
}

TEST(ParseBot, TakesBackWhatWasRendered) {
  const auto tools = json::array(
    {{{"type", "builtin"}, {"name", "calculate"}},
     http_tool({{"headers", {{"Authorization", "Bearer ${env:KEY}"}}}, {"parameters", {{"type", "object"}}}}),
     http_tool({{"name", "bare"}}),
     mcp_tool({{"requires_approval", true}, {"approval_timeout_s", 31'536'000}, {"approval_default", "approve"}})});
  const auto bot = bot_of(
    json{{"model", "m"}, {"fallback_models", {"n"}}, {"tools", tools}, {"restart", {{"jitter", 0.25}}}}.dump());
  const auto text = render_bot(bot);
  EXPECT_EQ(render_bot(bot_of(text)), text);
}

TEST(ParseBot, RefusesANameThatContradictsThePath) {
  EXPECT_EQ(wrong(R"({"model":"m","name":"bob"})"), "/name");
  EXPECT_EQ(wrong(R"({"model":"m","namespace":"default"})"), "/namespace");
}

TEST(ParseBot, KeepsNumbersWithinTheirBounds) {
  for (const auto& [member, good, bad] : std::vector<std::tuple<std::string, std::vector<json>, std::vector<json>>>{
         {"temperature", {0, 2, 1.5}, {-0.1, 2.1, "hot", true}},
         {"max_tokens", {1, 10'000'000}, {0, -1, 1.5, UINT64_MAX, "many"}},
         {"max_iterations", {1, 100}, {0, 101}},
         {"context_tokens", {100, 100'000'000}, {99, 100'000'001, "all"}},
         {"timeout_s", {1, 86'400}, {0, 86'401, 0.5}},
       }) {
    for (const auto& value : good)
      EXPECT_EQ(wrong(json{{"model", "m"}, {member, value}}.dump()), "nothing") << member << value;
    for (const auto& value : bad)
      EXPECT_EQ(wrong(json{{"model", "m"}, {member, value}}.dump()), "/" + member) << member << value;
  }
}

TEST(ParseBot, KeepsARestartPolicyWithinItsBounds) {
  const auto with = [](const std::string& member, const json& value) {
    return json{{"model", "m"}, {"restart", {{member, value}}}}.dump();
  };
  for (const auto& [member, value] : std::vector<std::pair<std::string, json>>{{"max_attempts", 0},
                                                                               {"max_attempts", 101},
                                                                               {"backoff", "quadratic"},
                                                                               {"delay_ms", -1},
                                                                               {"delay_ms", 3'600'001},
                                                                               {"max_delay_ms", 3'600'001},
                                                                               {"jitter", 1.1},
                                                                               {"jitter", -0.1}})
    EXPECT_EQ(wrong(with(member, value)), "/restart/" + member) << value;
  EXPECT_EQ(wrong(with("delay", 5), problem_code::unknown_field), "/restart/delay");
  EXPECT_EQ(wrong(R"({"model":"m","restart":[]})"), "/restart");
  EXPECT_EQ(wrong(with("jitter", 1)), "nothing");
}

TEST(ParseBot, ListsEachFallbackOnce) {
  EXPECT_EQ(wrong(R"({"model":"m","fallback_models":"n"})"), "/fallback_models");
  EXPECT_EQ(wrong(R"({"model":"m","fallback_models":["n","m"]})"), "/fallback_models/1");
  EXPECT_EQ(wrong(R"({"model":"m","fallback_models":["n","n"]})"), "/fallback_models/1");
  EXPECT_EQ(wrong(R"({"model":"m","fallback_models":["a b"]})"), "/fallback_models/0");
  EXPECT_EQ(wrong(R"({"model":"m","fallback_models":[1]})"), "/fallback_models/0");
  json many{{"model", "m"}};
  for (int i = 0; i < 11; ++i)
    many["fallback_models"].push_back("n" + std::to_string(i));
  EXPECT_EQ(wrong(many.dump()), "/fallback_models");
  many["fallback_models"].erase(0);
  EXPECT_EQ(wrong(many.dump()), "nothing");
}

TEST(ParseBot, NamesTheToolsThereAre) {
  const auto refused = std::get<problem>(parse(R"({"model":"m","tools":[{"type":"builtin","name":"rm"}]})"));
  EXPECT_EQ(refused.errors.at(0).pointer, "/tools/0/name");
  EXPECT_THAT(refused.errors[0].detail, HasSubstr("now, calculate"));
}

TEST(ParseBot, RefusesMalformedTools) {
  EXPECT_EQ(wrong(R"({"model":"m","tools":{}})"), "/tools");
  EXPECT_EQ(wrong(R"({"model":"m","tools":["now"]})"), "/tools/0");
  EXPECT_EQ(wrong(R"({"model":"m","tools":[{"name":"now"}]})"), "/tools/0/type");
  EXPECT_EQ(wrong(R"({"model":"m","tools":[{"type":"builtin"}]})"), "/tools/0/name");
  EXPECT_EQ(wrong(R"({"model":"m","tools":[{"type":"builtin","name":"now","url":"x"}]})", problem_code::unknown_field),
            "/tools/0/url");
  EXPECT_EQ(wrong(R"({"model":"m","tools":[{"type":"builtin","name":"now"},{"type":"builtin","name":"now"}]})"),
            "/tools/1/name");
  json many{{"model", "m"}};
  many["tools"] = json(std::vector<int>(50'000, 1));
  EXPECT_EQ(wrong(many.dump()), "/tools");
}

TEST(ParseBot, RefusesOtherRulesAndMembers) {
  EXPECT_EQ(wrong(R"({"model":"m","on_busy":"wait"})"), "/on_busy");
  EXPECT_EQ(wrong(R"({"model":"m","fallbacks":["n"]})", problem_code::unknown_field), "/fallbacks");
  EXPECT_EQ(wrong(R"({"model":"a model"})"), "/model");
}

// -- tools ------------------------------------------------------------------------

TEST(ParseTool, ReadsAnHttpTool) {
  const auto bare = tool_of(http_tool());
  EXPECT_EQ(bare.type, tool_kind::http);
  EXPECT_EQ(bare.name, "look_up");
  EXPECT_EQ(bare.description, "Looks it up.");
  EXPECT_EQ(bare.url, "https://a.example/b");
  EXPECT_EQ(bare.method, "POST");
  EXPECT_EQ(bare.parameters, "");
  EXPECT_EQ(bare.repeat, repeat_rule::with_key);
  EXPECT_FALSE(bare.requires_approval);
  EXPECT_EQ(bare.timeout, std::chrono::seconds{30});
  const auto full = tool_of(http_tool({{"method", "GET"},
                                       {"parameters", {{"type", "object"}}},
                                       {"headers", {{"X-Api-Key", "${env:KEY}"}, {"Accept", "application/json"}}},
                                       {"repeat", "never"},
                                       {"requires_approval", true},
                                       {"timeout_s", 5}}));
  EXPECT_EQ(full.method, "GET");
  EXPECT_EQ(full.parameters, R"({"type":"object"})");
  EXPECT_THAT(full.headers, ElementsAre(Pair("Accept", "application/json"), Pair("X-Api-Key", "${env:KEY}")));
  EXPECT_EQ(full.repeat, repeat_rule::never);
  EXPECT_TRUE(full.requires_approval);
  EXPECT_EQ(full.timeout, std::chrono::seconds{5});
}

TEST(ParseTool, ReadsAnMcpServer) {
  const auto tool = tool_of(mcp_tool({{"description", "Files."}, {"headers", {{"X-A", "b"}}}, {"repeat", "safe"}}));
  EXPECT_EQ(tool.type, tool_kind::mcp);
  EXPECT_EQ(tool.url, "https://a.example/mcp");
  EXPECT_EQ(tool.description, "Files.");
  EXPECT_THAT(tool.headers, ElementsAre(Pair("X-A", "b")));
  EXPECT_EQ(tool.repeat, repeat_rule::safe);
  EXPECT_THAT(tool_error(mcp_tool({{"parameters", {{"a", 1}}}})).detail, HasSubstr("of type mcp has none"));
  EXPECT_EQ(tool_error(mcp_tool({{"method", "GET"}})).pointer, "/tools/0/method");
  EXPECT_EQ(tool_error(mcp_tool({{"url", nullptr}})).pointer, "/tools/0/url");
  EXPECT_EQ(tool_error(mcp_tool({{"url", "https://a/{b}"}})).pointer, "/tools/0/url");
}

TEST(ParseTool, ReadsWhichOfAServersToolsAreMeant) {
  const auto tool
    = tool_of(mcp_tool({{"allow", {"read_*", "list files"}}, {"deny", {"read_secret"}}, {"session", "shared"}}));
  EXPECT_THAT(tool.allow, ElementsAre("read_*", "list files"));
  EXPECT_THAT(tool.deny, ElementsAre("read_secret"));
  EXPECT_EQ(tool.session, session_scope::shared);
  const auto usual = tool_of(mcp_tool({{"allow", nullptr}, {"session", nullptr}}));
  EXPECT_TRUE(usual.allow.empty());
  EXPECT_TRUE(usual.deny.empty());
  EXPECT_EQ(usual.session, session_scope::task);
  EXPECT_EQ(tool_error(mcp_tool({{"allow", json::array()}})).pointer, "/tools/0/allow");
  EXPECT_EQ(tool_error(mcp_tool({{"allow", "read"}})).pointer, "/tools/0/allow");
  EXPECT_EQ(tool_error(mcp_tool({{"deny", {"a", 7}}})).pointer, "/tools/0/deny/1");
  EXPECT_EQ(tool_error(mcp_tool({{"deny", {""}}})).pointer, "/tools/0/deny/0");
  EXPECT_EQ(tool_error(mcp_tool({{"allow", {std::string(257, 'n')}}})).pointer, "/tools/0/allow/0");
  EXPECT_EQ(tool_error(mcp_tool({{"allow", std::vector<std::string>(201, "n")}})).pointer, "/tools/0/allow");
  EXPECT_THAT(tool_error(mcp_tool({{"session", "attempt"}})).detail, HasSubstr("task or shared"));
  for (const auto* member : {"allow", "deny", "session"})
    EXPECT_EQ(tool_error(http_tool({{member, {"a"}}}), problem_code::unknown_field).pointer,
              "/tools/0/" + std::string{member});
}

TEST(ParseTool, ReadsHowItsCallsAreApproved) {
  const json built_in{{"type", "builtin"}, {"name", "now"}};
  for (const auto& bare : {built_in, http_tool(), mcp_tool()}) {
    const auto usual = tool_of(bare);
    EXPECT_FALSE(usual.requires_approval);
    EXPECT_EQ(usual.approval_timeout, std::chrono::seconds{86'400});
    EXPECT_FALSE(usual.approve_by_default);
    auto tool = bare;
    tool.update({{"requires_approval", true}, {"approval_timeout_s", 60}, {"approval_default", "approve"}});
    const auto asked = tool_of(tool);
    EXPECT_TRUE(asked.requires_approval);
    EXPECT_EQ(asked.approval_timeout, std::chrono::seconds{60});
    EXPECT_TRUE(asked.approve_by_default);
    tool["approval_default"] = "reject";
    EXPECT_FALSE(tool_of(tool).approve_by_default);
    tool.update({{"approval_timeout_s", nullptr}, {"approval_default", nullptr}});
    EXPECT_EQ(tool_of(tool).approval_timeout, std::chrono::seconds{86'400});
    EXPECT_FALSE(tool_of(tool).approve_by_default);
  }
  EXPECT_THAT(tool_error(http_tool({{"approval_default", "maybe"}})).detail, HasSubstr("approve or reject"));
}

TEST(ParseTool, RefusesWhatAToolCannotBe) {
  for (const auto& [member, value] : std::vector<std::pair<std::string, json>>{
         {"name", nullptr},
         {"name", "a b"},
         {"name", std::string(65, 'a')},
         {"description", nullptr},
         {"description", ""},
         {"description", std::string(4097, 'a')},
         {"url", nullptr},
         {"method", "OPTIONS"},
         {"method", "get"},
         {"parameters", "{}"},
         {"parameters", {{"type", 5}}},
         {"parameters", {{"description", std::string(65536, 'a')}}},
         {"repeat", "always"},
         {"requires_approval", "yes"},
         {"approval_timeout_s", 0},
         {"approval_timeout_s", 31'536'001},
         {"approval_timeout_s", "1h"},
         {"approval_default", "approved"},
         {"approval_default", ""},
         {"approval_default", true},
         {"timeout_s", 0},
         {"timeout_s", 3601},
         {"headers", json::array({"a"})},
       })
    EXPECT_EQ(tool_error(http_tool({{member, value}})).pointer, "/tools/0/" + member) << value.dump().substr(0, 100);
  EXPECT_EQ(tool_error(http_tool({{"uri", "x"}}), problem_code::unknown_field).pointer, "/tools/0/uri");
  EXPECT_THAT(tool_error({{"type", "grpc"}, {"port", 5}}).detail, HasSubstr("builtin, http or mcp"));
}

TEST(ParseTool, KnowsEachNameOnce) {
  EXPECT_EQ(wrong(json{{"model", "m"}, {"tools", {http_tool(), mcp_tool({{"name", "look_up"}})}}}.dump()),
            "/tools/1/name");
  EXPECT_EQ(bot_of(json{{"model", "m"}, {"tools", {http_tool(), mcp_tool()}}}.dump()).tools.size(), 2U);
}

TEST(ParseTool, TakesAbsoluteUrlsOnly) {
  for (const auto* url :
       {"http://a", "https://a.example:8443/b/{id}?q={q}&r=%20", "http://127.0.0.1:80", "http://[::1]:8080/x",
        "https://[fd00::7]", "https://a/b?c=d", "https://tools_1.internal/~x/(y)"})
    EXPECT_EQ(tool_of(http_tool({{"url", url}})).url, url);
  for (const auto& url : std::vector<std::string>{"",
                                                  "a.example/b",
                                                  "/b",
                                                  "ftp://a/b",
                                                  "HTTP://a",
                                                  "http://",
                                                  "http:///b",
                                                  "http://:80",
                                                  "http://?a",
                                                  "http://u:p@a/b",
                                                  "http://u@a",
                                                  "http://a/b#c",
                                                  "http://a:0",
                                                  "http://a:65536",
                                                  "http://a:",
                                                  "http://a:b",
                                                  "http://::1/",
                                                  "http://[::1",
                                                  "http://[",
                                                  "http://[]",
                                                  "http://[127.0.0.1]",
                                                  "http://[::1]x",
                                                  "http://0.0.0.0",
                                                  "http://127.1",
                                                  "http://a b",
                                                  "http://a/b c",
                                                  "http://a/\n",
                                                  "http://a/ä",
                                                  "http://a/%2",
                                                  "http://a/%zz",
                                                  "http://a/\"",
                                                  "http://{host}/",
                                                  "http://a:{port}/",
                                                  "http://a/{",
                                                  "http://a/}",
                                                  "http://a/{}",
                                                  "http://a/{b",
                                                  "http://a/{{b}}",
                                                  "http://a/{b}}",
                                                  "http://a/{b+c}",
                                                  "http://a/" + std::string(2000, 'b')})
    EXPECT_EQ(tool_error(http_tool({{"url", url}})).pointer, "/tools/0/url") << url;
  EXPECT_THAT(tool_error(http_tool({{"url", "http://u:s3cret@a/b"}})).detail, Not(HasSubstr("s3cret")));
}

TEST(ParseTool, LeavesFramingToTheServer) {
  for (const auto* name : {"Host", "content-length", "Transfer-Encoding", "CONNECTION", "Upgrade", "TE", "Trailer",
                           "Expect", "Accept-Encoding", "Keep-Alive", "HTTP2-Settings", "Idempotency-Key"})
    EXPECT_THAT(tool_error(http_tool({{"headers", {{name, "x"}}}})).detail, HasSubstr("by the server itself")) << name;
}

// It was taken, stored, and never sent (issue 10 of this project).
TEST(ParseTool, RefusesWhatIsForAProxy) {
  for (const auto* name : {"Proxy-Authorization", "proxy-connection", "Proxy-Authenticate", "PROXY-ANYTHING"}) {
    for (const auto* value : {"Basic YTpi", "${env:KEY}"})
      EXPECT_THAT(tool_error(http_tool({{"headers", {{name, value}}}})).detail, HasSubstr("http_proxy")) << name;
    EXPECT_THAT(model_error({{"headers", {{name, "${env:KEY}"}}}}).detail, HasSubstr("http_proxy")) << name;
  }
}

TEST(ParseTool, LeavesTheProtocolOfMcpToTheServer) {
  for (const auto* name : {"Accept", "content-type", "Mcp-Session-Id", "MCP-Protocol-Version", "Mcp-Name",
                           "Last-Event-ID", "Idempotency-Key"})
    EXPECT_THAT(tool_error(mcp_tool({{"headers", {{name, "x"}}}})).detail, HasSubstr("by the server itself")) << name;
  EXPECT_EQ(tool_of(http_tool({{"headers", {{"Accept", "text/csv"}}}})).headers.size(), 1U);
}

TEST(ParseTool, RefusesMalformedHeaders) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, json>>{
         {"", "x"},
         {"a b", "x"},
         {"a:", "x"},
         {"X-ä", "x"},
         {std::string(201, 'a'), "x"},
         {"X-A", 5},
         {"X-A", nullptr},
         {"X-A", "a\r\nB: c"},
         {"X-A", std::string(4097, 'a')},
         {"X-A", "${env:}"},
         {"X-A", "${env:a-b}"},
         {"X-A", "${env:TROUPE_DATABASE}"},
         {"X-A", "${env:A} ${env:PGPASSWORD}"},
         {"X-A", "${env:A"},
       }) {
    auto tool = http_tool();
    tool["headers"][name] = value;
    EXPECT_THAT(tool_error(tool).pointer, HasSubstr("/tools/0/headers/")) << name << value;
  }
  EXPECT_THAT(tool_error(http_tool({{"headers", {{"X-A", "b"}, {"x-a", "c"}}}})).detail, HasSubstr("given twice"));
  json many = http_tool();
  for (int i = 0; i < 51; ++i)
    many["headers"]["X-" + std::to_string(i)] = "x";
  EXPECT_EQ(tool_error(many).pointer, "/tools/0/headers");
  many["headers"].erase("X-0");
  EXPECT_EQ(tool_of(many).headers.size(), 50U);
}

TEST(ParseTool, RefusesASecretWithoutAKeyToEncryptIt) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
         {"Authorization", "Bearer s3cret"},
         {"X-Api-Key", "s3cret"},
         {"X-Team", "Bearer s3cret"},
         {"Cookie", "session=s3cret"},
         {"X-Api-Key", "s3cret-that-is-long-enough ${env:NOTHING}"},
       })
    for (const auto& refused : {tool_error(http_tool({{"headers", {{name, value}}}})),
                                tool_error(mcp_tool({{"headers", {{name, value}}}}))}) {
      EXPECT_EQ(refused.pointer, "/tools/0/headers/" + name);
      EXPECT_THAT(refused.detail,
                  testing::AllOf(HasSubstr("${env:NAME}"), HasSubstr("secret_key_file"), Not(HasSubstr("s3cret"))));
    }
}

TEST(ParseTool, EncryptsASecretForItsPlace) {
  const secret_box box{std::string(32, 'k')};
  const json body{
    {"model", "m"},
    {"tools",
     {http_tool({{"headers", {{"Authorization", "Bearer s3cret"}, {"X-Team", "a"}, {"X-Api-Key", "${env:KEY}"}}}}),
      mcp_tool({{"headers", {{"Cookie", "s3cret"}}}})}}};
  auto read = parse_bot(body.dump(), "prod", "ada", at, &box);
  ASSERT_TRUE(std::holds_alternative<put_bot>(read));
  auto bot = std::get<put_bot>(std::move(read)).bot;
  for (const auto& tool : bot.tools)
    for (const auto& [name, value] : tool.headers)
      EXPECT_EQ(is_sealed(value), name == "Authorization" || name == "Cookie") << name;
  EXPECT_EQ(open_tools(bot, &box), std::nullopt);
  EXPECT_THAT(bot.tools[0].headers, ElementsAre(Pair("Authorization", "Bearer s3cret"), Pair("X-Api-Key", "${env:KEY}"),
                                                Pair("X-Team", "a")));
  EXPECT_THAT(bot.tools[1].headers, ElementsAre(Pair("Cookie", "s3cret")));
  auto model = parse_model(json{{"kind", "openai"}, {"model", "m"}, {"headers", {{"Authorization", "s3cret"}}}}.dump(),
                           "prod", "gpt", at, &box);
  auto headers = std::get<put_model>(std::move(model)).model.headers;
  EXPECT_TRUE(has_sealed(headers));
  EXPECT_EQ(open_headers(headers, {"prod", "model", "gpt", {}, {}}, &box), std::nullopt);
  EXPECT_THAT(headers, ElementsAre(Pair("Authorization", "s3cret")));
}

TEST(ParseTool, TakesNeitherWhatIsShownNorWhatIsStoredInASecretsPlace) {
  for (const auto* value : {"${sealed:1:00000000:AAAA}", "${sealed:"})
    EXPECT_THAT(tool_error(http_tool({{"headers", {{"X-A", value}}}})).detail, HasSubstr("encrypted"));
  EXPECT_THAT(model_error({{"headers", {{"X-A", "***"}}}}).detail, HasSubstr("anew"));
  const auto refused = tool_error(http_tool({{"headers", {{"Authorization", "***"}}}}));
  EXPECT_EQ(refused.pointer, "/tools/0/headers/Authorization");
  EXPECT_THAT(refused.detail, testing::AllOf(HasSubstr("anew"), HasSubstr("${env:NAME}")));
}

TEST(Headers, HideWhatIsSecret) {
  for (const auto* name : {"Authorization",
                           "proxy-authorization",
                           "X-API-Key",
                           "Api-Key",
                           "x-goog-api-key",
                           "Cookie",
                           "PRIVATE-TOKEN",
                           "X-Auth-Token",
                           "X-Client-Secret",
                           "Ocp-Apim-Subscription-Key",
                           "X-Functions-Key",
                           "DD-APPLICATION-KEY",
                           "X-Amz-Security-Token",
                           "token",
                           "Key",
                           "X-Password",
                           "X-Passwd",
                           "X-Auth",
                           "X-Credentials",
                           "X-JWT",
                           "xapikey",
                           "X-Api_Token",
                           "Set-Cookie2"}) {
    EXPECT_TRUE(hides(name, "x")) << name;
    EXPECT_FALSE(hides(name, "Bearer ${env:KEY}")) << name;
  }
  for (const auto* name :
       {"Accept", "X-Request-Id", "anthropic-version", "X-Max-Tokens", "OpenAI-Organization", "Idempotency-Key",
        "X-Author", "X-Keyboard", "Accept-Patch", "X-Tokenizer", "x-portkey-provider"}) {
    EXPECT_FALSE(hides(name, "x")) << name;
    for (const auto* credential : {"Bearer abc", "bearer abc", "Basic YTpi", "token abc", "${sealed:1:00000000:AAAA}"})
      EXPECT_TRUE(hides(name, credential)) << name << credential;
  }
}

TEST(Headers, HideWhatStandsBesideAReferenceIfItIsLong) {
  for (const auto* value : {"${env:KEY}", "Bearer ${env:KEY}", "Basic ${env:A}:${env:B_1}!", "Key=${env:A}; theme=dark",
                            "Digest username=\"${env:A}\", realm=\"b\""})
    EXPECT_FALSE(hides("Authorization", value)) << value;
  for (const auto* value : {"sk-0123456789abcdef0123456789 ${env:A}", "${env:A}0123456789abcdef0123456789",
                            "${env:A} ${env:B} 0123456789abcdef01234567", "0123456789abcdef0123456789${env:A"})
    EXPECT_TRUE(hides("Authorization", value)) << value;
}

TEST(Headers, NameTheVariablesTheyReferTo) {
  EXPECT_THAT(variables_in("Basic ${env:A}:${env:B_1}!"), ElementsAre("A", "B_1"));
  for (const auto* value : {"", "A", "$A", "${A}", "${env:A", "env:A}"})
    EXPECT_THAT(variables_in(value), IsEmpty()) << value;
}

// -- models -----------------------------------------------------------------------

TEST(ParseModel, TakesTheBuiltInKind) {
  const auto model = model_of({{"kind", "builtin"},
                               {"model", "echo"},
                               {"limits", {{"concurrency", 2}}},
                               {"price", {{"output_per_million", 0.5}}}});
  EXPECT_EQ(model.name, "m");
  EXPECT_EQ(model.ns, "prod");
  EXPECT_EQ(model.kind, model_kind::builtin);
  EXPECT_EQ(model.model, "echo");
  EXPECT_EQ(model.base_url, "");
  EXPECT_EQ(model.limits.concurrency, 2);
  EXPECT_EQ(model.price.output_per_million, 0.5);
  const auto text = render_model(model);
  EXPECT_EQ(render_model(model_of(json::parse(text))), text);
}

TEST(ParseModel, ReachesNothingOverTheNetworkIfBuiltIn) {
  for (const auto& [member, value] : std::vector<std::pair<std::string, json>>{{"base_url", "https://x"},
                                                                               {"api_key_env", "KEY"},
                                                                               {"api_key_file", "/key"},
                                                                               {"headers", {{"X-A", "b"}}},
                                                                               {"parameters", {{"top_p", 1}}},
                                                                               {"timeouts", {{"idle_s", 1}}}}) {
    const json body{{"kind", "builtin"}, {member, value}};
    const auto error = only_error(parse_one(body), body.dump(), problem_code::invalid_body);
    EXPECT_EQ(error.pointer, "/" + member);
    EXPECT_THAT(error.detail, HasSubstr("of kind builtin has none"));
  }
}

TEST(ParseModel, KnowsThreeKinds) {
  for (const auto* kind : {"gemini", "Builtin", ""}) {
    const json body{{"kind", kind}, {"region", "x"}};
    const auto error = only_error(parse_one(body), body.dump(), problem_code::invalid_body);
    EXPECT_EQ(error.pointer, "/kind");
    EXPECT_THAT(error.detail, HasSubstr("builtin, openai or anthropic"));
  }
  EXPECT_EQ(only_error(parse_one(json::object()), "{}", problem_code::invalid_body).pointer, "/kind");
}

TEST(ParseModel, KnowsWhereTheProvidersAre) {
  const auto openai = model_of({{"kind", "openai"}, {"model", "gpt"}});
  EXPECT_EQ(openai.kind, model_kind::openai);
  EXPECT_EQ(openai.base_url, "https://api.openai.com/v1");
  EXPECT_EQ(openai.timeouts, model_timeouts{});
  EXPECT_EQ(openai.limits, model_limits{});
  EXPECT_EQ(openai.price, model_price{});
  EXPECT_EQ(model_of({{"kind", "anthropic"}, {"model", "c"}}).base_url, "https://api.anthropic.com/v1");
}

TEST(ParseModel, ReadsEveryMember) {
  const auto model
    = model_of({{"name", "m"},
                {"namespace", "prod"},
                {"kind", "openai"},
                {"base_url", "http://127.0.0.1:11434/v1/"},
                {"model", "llama3.2"},
                {"api_key_env", "OLLAMA_KEY"},
                {"headers", {{"X-Team", "a"}, {"Authorization", "Basic ${env:OLLAMA_USER}"}}},
                {"timeouts", {{"connect_s", 1}, {"first_token_s", 2}, {"idle_s", 3}, {"total_s", 4}}},
                {"limits", {{"concurrency", 5}, {"requests_per_minute", 6}, {"tokens_per_minute", 1'000'000'000'000}}},
                {"price", {{"input_per_million", 0.25}, {"output_per_million", 1'000'000}}},
                {"parameters", {{"top_p", 0.9}, {"options", {{"seed", 1}}}}}});
  EXPECT_EQ(model.base_url, "http://127.0.0.1:11434/v1");
  EXPECT_EQ(model.model, "llama3.2");
  EXPECT_EQ(model.api_key_env, "OLLAMA_KEY");
  EXPECT_THAT(model.headers, ElementsAre(Pair("Authorization", "Basic ${env:OLLAMA_USER}"), Pair("X-Team", "a")));
  EXPECT_EQ(model.timeouts.connect, std::chrono::seconds{1});
  EXPECT_EQ(model.timeouts.first_token, std::chrono::seconds{2});
  EXPECT_EQ(model.timeouts.idle, std::chrono::seconds{3});
  EXPECT_EQ(model.timeouts.total, std::chrono::seconds{4});
  EXPECT_EQ(model.limits.concurrency, 5);
  EXPECT_EQ(model.limits.requests_per_minute, 6);
  EXPECT_EQ(model.limits.tokens_per_minute, 1'000'000'000'000);
  EXPECT_EQ(model.price.input_per_million, 0.25);
  EXPECT_EQ(model.price.output_per_million, 1'000'000);
  EXPECT_EQ(model.parameters, R"({"options":{"seed":1},"top_p":0.9})");
  const auto text = render_model(model);
  EXPECT_EQ(render_model(model_of(json::parse(text))), text);
}

TEST(ParseModel, TakesAndPassesOverTheStateThatIsShownWithIt) {
  for (const auto& model : {json{{"kind", "builtin"}}, json{{"kind", "openai"}, {"model", "gpt"}}}) {
    const auto plain = model_of(model);
    EXPECT_EQ(render_model(model_of(json::parse(render_model_here(plain, model_state{})))), render_model(plain));
  }
  EXPECT_EQ(model_error({{"state", {{"breaker", 5}, {"mood", "good"}}}}).pointer, "nothing");
  EXPECT_EQ(model_error({{"state", nullptr}}).pointer, "nothing");
  EXPECT_EQ(model_error({{"state", "open"}}).pointer, "/state");
}

TEST(ParseModel, KeepsEveryMemberWithinItsBounds) {
  for (const auto& [pointer, members] : std::vector<std::pair<std::string, json>>{
         {"/model", {{"model", ""}}},
         {"/model", {{"model", nullptr}}},
         {"/model", {{"model", std::string(201, 'a')}}},
         {"/base_url", {{"base_url", "https://u:p@a/v1"}}},
         {"/base_url", {{"base_url", "https://a/v1?b"}}},
         {"/base_url", {{"base_url", "https://a/v1#b"}}},
         {"/base_url", {{"base_url", "https://a/{b}"}}},
         {"/base_url", {{"base_url", "api.openai.com"}}},
         {"/api_key_env", {{"api_key_env", ""}}},
         {"/api_key_env", {{"api_key_env", "TROUPE_DATABASE"}}},
         {"/api_key_env", {{"api_key_env", "PGPASSWORD"}}},
         {"/api_key_env", {{"api_key_env", "sk-1234"}}},
         {"/api_key_file", {{"api_key_file", "key"}}},
         {"/api_key_file", {{"api_key_file", "/k\n"}}},
         {"/api_key_file", {{"api_key_env", "KEY"}, {"api_key_file", "/key"}}},
         {"/timeouts", {{"timeouts", 5}}},
         {"/timeouts/connect_s", {{"timeouts", {{"connect_s", 301}}}}},
         {"/timeouts/first_token_s", {{"timeouts", {{"first_token_s", 0}}}}},
         {"/timeouts/idle_s", {{"timeouts", {{"idle_s", 3601}}}}},
         {"/timeouts/total_s", {{"timeouts", {{"total_s", 86'401}}}}},
         {"/limits/concurrency", {{"limits", {{"concurrency", 0}}}}},
         {"/limits/concurrency", {{"limits", {{"concurrency", 1'000'001}}}}},
         {"/limits/requests_per_minute", {{"limits", {{"requests_per_minute", 1'000'000'001}}}}},
         {"/limits/tokens_per_minute", {{"limits", {{"tokens_per_minute", 1'000'000'000'001}}}}},
         {"/price/input_per_million", {{"price", {{"input_per_million", -0.1}}}}},
         {"/price/output_per_million", {{"price", {{"output_per_million", 1'000'000.1}}}}},
         {"/parameters", {{"parameters", "top_p"}}},
         {"/parameters", {{"parameters", {{"stop", std::string(16'384, 'a')}}}}},
         {"/parameters/stream", {{"parameters", {{"stream", false}}}}},
         {"/parameters/messages", {{"parameters", {{"messages", nullptr}}}}},
       })
    EXPECT_EQ(model_error(members).pointer, pointer) << members.dump().substr(0, 100);
  for (const auto& [pointer, members] : std::vector<std::pair<std::string, json>>{
         {"/api_key", {{"api_key", "sk"}}},
         {"/timeouts/read_s", {{"timeouts", {{"read_s", 1}}}}},
         {"/limits/tokens", {{"limits", {{"tokens", 1}}}}},
         {"/price/currency", {{"price", {{"currency", "EUR"}}}}},
       })
    EXPECT_EQ(model_error(members, problem_code::unknown_field).pointer, pointer);
}

TEST(ParseModel, KeepsSecretsOutOfItsHeaders) {
  for (const auto* name : {"Authorization", "x-api-key", "API-KEY", "Cookie"}) {
    const auto error = model_error({{"headers", {{name, "s3cret"}}}});
    EXPECT_EQ(error.pointer, std::string{"/headers/"} + name);
    EXPECT_THAT(error.detail, testing::AllOf(HasSubstr("api_key_env"), Not(HasSubstr("s3cret"))));
    EXPECT_EQ(model_error({{"headers", {{name, "${env:KEY}"}}}}).pointer, "nothing");
  }
  EXPECT_EQ(model_error({{"headers", {{"Host", "${env:KEY}"}}}}).pointer, "/headers/Host");
}

TEST(ParseModel, TellsAllThatIsWrongAtOnce) {
  auto result = parse_one({{"kind", "openai"},
                           {"base_url", "x"},
                           {"headers", {{"Host", "a"}, {"Cookie", "b"}}},
                           {"limits", {{"concurrency", 0}}}});
  ASSERT_TRUE(std::holds_alternative<problem>(result));
  std::vector<std::string> pointers;
  for (const auto& error : std::get<problem>(result).errors)
    pointers.push_back(error.pointer);
  EXPECT_THAT(pointers, testing::UnorderedElementsAre("/base_url", "/model", "/headers/Host", "/headers/Cookie",
                                                      "/limits/concurrency"));
}

} // namespace
} // namespace troupe
