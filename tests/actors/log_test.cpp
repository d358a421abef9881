#include "tests/actors/mcp_fixture.hpp"
#include "tests/captured_log.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <string>

/// What the log says of tasks at which level, and what it never says.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

/// Stands wherever somebody else's words, or a secret, may come from.
constexpr const char* planted = "PLANTED";

class TaskLog : public mcp_fixture {
protected:
  static std::string field(std::string_view name, const std::string& value) {
    return " " + std::string{name} + "=" + value;
  }
  static std::string error_body(const std::string& said) {
    return nlohmann::json{{"error", {{"message", said}, {"type", "server_error"}}}}.dump();
  }
};

} // namespace

// -- what is said at which level ---------------------------------------------------

TEST_F(TaskLog, OfInfoTellsWhichTaskFailedWhyAndWhere) {
  const captured_log log{logging::level::info};
  const auto id = execute_with("remote", "Hello");
  outbound_->answer(0, 401, error_body("You are PLANTED."));
  run();
  ASSERT_EQ(status(id), task_status::failed);
  EXPECT_THAT(log.line_with("task failed"),
              AllOf(HasSubstr(field("task", id.to_string())), HasSubstr(" class=permanent"), HasSubstr(" attempt=1"),
                    HasSubstr(" charged=1"), HasSubstr(" error=\"The provider answered 401\""),
                    HasSubstr(" bot=remote"), HasSubstr(" model=gpt"), HasSubstr(field("thread", id.to_string())),
                    HasSubstr(" namespace=default")));
  EXPECT_EQ(log.lines().size(), 1U) << log.text();
}

TEST_F(TaskLog, OfInfoNamesTheTasksThatWereRecoveredTooOften) {
  const auto id = execute("@delay=60000 hello");
  const captured_log log{logging::level::info};
  for (int i = 0; i <= config_.supervisor.max_recoveries; ++i)
    kill(peers()->supervisor);
  ASSERT_EQ(status(id), task_status::failed);
  EXPECT_THAT(log.line_with("task failed"),
              AllOf(HasSubstr(field("task", id.to_string())), HasSubstr("max_recoveries")));
}

TEST_F(TaskLog, OfInfoTellsOfATaskThatWasSetToFailed) {
  const auto id = execute("@delay=60000 hello");
  const captured_log log{logging::level::info};
  set_task_status change;
  change.id = id;
  change.status = task_status::failed;
  change.error = planted;
  change.at = wall_clock();
  value_of(ask_supervisor(std::move(change)));
  EXPECT_THAT(log.line_with("task failed"), AllOf(HasSubstr(field("task", id.to_string())), HasSubstr("outside")));
  EXPECT_THAT(log.text(), Not(HasSubstr(planted)));
}

TEST_F(TaskLog, OfInfoSaysNothingOfTasksThatGoWell) {
  const captured_log log{logging::level::info};
  execute("hello");
  execute("@fail=1:transient hello");
  advance(2s);
  EXPECT_EQ(log.text(), "");
}

TEST_F(TaskLog, OfDebugFollowsEachAttempt) {
  const captured_log log{logging::level::debug};
  const auto id = execute("@fail=1:transient hello");
  const auto task = field("task", id.to_string());
  EXPECT_THAT(log.line_with("claimed tasks"), HasSubstr(" count=1"));
  EXPECT_THAT(log.line_with("attempt started"),
              AllOf(HasSubstr(task), HasSubstr(" attempt=1"), HasSubstr(" bot=default"), HasSubstr(" model=builtin")));
  EXPECT_THAT(log.line_with("attempt ended"),
              AllOf(HasSubstr(task), HasSubstr(" attempt=1 outcome=transient took_ms=")));
  EXPECT_THAT(log.line_with("tried again"),
              AllOf(HasSubstr(task), HasSubstr(" class=transient"), HasSubstr(" delay_ms="), HasSubstr(" error=")));
  advance(2s);
  EXPECT_THAT(log.line_with("attempt=2 outcome"), AllOf(HasSubstr(task), HasSubstr("outcome=done")));
}

TEST_F(TaskLog, OfDebugTellsOfACancelledAttempt) {
  const auto id = execute("@delay=60000 hello");
  const captured_log log{logging::level::debug};
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_THAT(log.line_with("attempt ended"), AllOf(HasSubstr(id.to_string()), HasSubstr("outcome=stopped")));
  EXPECT_THAT(log.line_with("moved from outside"), HasSubstr("status=CANCELLED"));
}

TEST_F(TaskLog, OfDebugTellsHowAProviderAnswered) {
  const captured_log log{logging::level::debug};
  const auto id = execute_with("remote", "Hello");
  outbound_->answer(0, 503, error_body("Overloaded"));
  run();
  EXPECT_THAT(log.line_with("provider call"),
              AllOf(HasSubstr(" model=default/gpt"), HasSubstr(" host="), HasSubstr(" status=503 outcome=transient"),
                    HasSubstr(" took_ms="), HasSubstr(field("task", id.to_string())),
                    HasSubstr(" error=\"The provider answered 503\"")));
  advance(2s);
  outbound_->reply(1, "Hello");
  run();
  EXPECT_THAT(log.line_with("outcome=answered"), HasSubstr(" status=200"));
}

TEST_F(TaskLog, OfDebugTellsHowToolsAnswered) {
  put_bot_named("clerk", [](auto& bot) {
    bot.model = "gpt";
    bot.tools = {http_tool_named("book")};
  });
  const captured_log log{logging::level::debug};
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  outbound_->answer(1, 404, "no such seat");
  run();
  EXPECT_THAT(log.line_with("tool call"),
              AllOf(HasSubstr(" tool=book type=http host=tools.test status=404 failed=true took_ms="),
                    HasSubstr(field("task", id.to_string()))));
}

TEST_F(TaskLog, OfDebugTellsHowAnMcpServerAnswered) {
  put_clerk([](auto& server) { server.session = session_scope::shared; });
  const captured_log log{logging::level::debug};
  const auto id = ask_clerk();
  be_legacy();
  EXPECT_THAT(log.line_with("MCP exchange"), AllOf(HasSubstr(" server=files host=mcp.test method=POST status=400")));
  want_read();
  refuse_streams();
  outbound_->answer(open("tools/call"), 503, "");
  run();
  EXPECT_THAT(log.line_with("tool call"), AllOf(HasSubstr(" tool=files__read type=mcp host=mcp.test status=503"),
                                                HasSubstr(field("task", id.to_string()))));
}

TEST_F(TaskLog, OfTraceTellsOfBatches) {
  const captured_log log{logging::level::trace};
  execute("hello");
  EXPECT_THAT(log.line_with("batch stored"), AllOf(HasSubstr(" operations="), HasSubstr(" took_ms=")));
}

// -- what is never said ---------------------------------------------------------------

// Everything below is logged at trace, and PLANTED stands in what a person, a model, a tool
// or a provider has written, and in each secret.

TEST_F(TaskLog, NeverCitesAPromptOrAnAnswer) {
  const captured_log log{logging::level::trace};
  put_bot_named("remote", [](auto& bot) {
    bot.model = "gpt";
    bot.system_prompt = planted;
  });
  const auto id = execute_with("remote", planted);
  outbound_->reply(0, planted);
  run();
  EXPECT_EQ(task(id).output, planted);
  execute(std::string{"@tool=calculate:{\"expression\":\""} + planted + "\"} " + planted);
  EXPECT_THAT(log.text(), Not(HasSubstr(planted)));
}

TEST_F(TaskLog, NeverCitesWhatAProviderSaysOfAnError) {
  const captured_log log{logging::level::trace};
  const auto said = error_body("Your message 'PLANTED' with key sk-PLANTED-0123456789 was refused");
  std::size_t call = 0;
  // A header, a body that is no JSON, a page, an error within a stream, a refusal in one.
  for (const auto status : {400U, 401U, 404U, 422U, 429U, 500U, 503U}) {
    execute_with("remote", "Hello");
    call = outbound_->calls.size() - 1;
    outbound_->answer(call, status, said, {{"content-type", "application/json"}, {"x-said", planted}});
    run();
    put_bot_named("remote", [](auto& bot) { bot.model = "gpt"; });
    advance(11min);
    while (outbound_->open() > 0) {
      outbound_->reply(outbound_->calls.size() - 1, "Done");
      run();
    }
  }
  for (const std::string body : {"PLANTED is no JSON", "<html><title>PLANTED</title></html>",
                                 "{\"error\":{\"message\":\"PLANTED: maximum context length\"}}"}) {
    execute_with("remote", "Hello");
    outbound_->answer(outbound_->calls.size() - 1, 200, body);
    run();
    advance(11min);
    while (outbound_->open() > 0) {
      outbound_->answer(outbound_->calls.size() - 1, 200, body);
      run();
      advance(11min);
    }
  }
  for (const std::string event :
       {R"({"error":{"message":"PLANTED"}})", R"({"error":{"message":"PLANTED","code":"invalid_request_error"}})",
        R"({"choices":[{"index":0,"delta":{"refusal":"PLANTED"},"finish_reason":"stop"}]})"}) {
    execute_with("remote", "Hello");
    call = outbound_->calls.size() - 1;
    outbound_->say(call, planted);
    outbound_->event(call, event);
    outbound_->end(call);
    run();
    advance(11min);
    while (outbound_->open() > 0) {
      outbound_->reply(outbound_->calls.size() - 1, "Done");
      run();
    }
  }
  EXPECT_THAT(log.text(), HasSubstr("The provider answered 400"));
  EXPECT_THAT(log.text(), Not(HasSubstr(planted)));
}

TEST_F(TaskLog, NeverCitesWhyAModelIsDown) {
  const captured_log log{logging::level::trace};
  put_bot_named("remote", [](auto& bot) {
    bot.model = "gpt";
    bot.restart.max_attempts = 1;
  });
  for (int i = 0; i < 6; ++i) {
    execute_with("remote", "Hello");
    if (outbound_->open() > 0)
      outbound_->answer(outbound_->calls.size() - 1, 500, error_body(planted));
    run();
  }
  EXPECT_THAT(log.line_with("is down"), HasSubstr("The provider answered 500"));
  EXPECT_THAT(log.text(), Not(HasSubstr(planted)));
}

TEST_F(TaskLog, NeverCitesAToolNorItsSecrets) {
  const captured_log log{logging::level::trace};
  ::setenv("LOG_TEST_TOKEN", "PLANTED-TOKEN", 1);
  put_bot_named("clerk", [](auto& bot) {
    bot.model = "gpt";
    auto book = http_tool_named("book");
    book.url = "https://tools.test/book/{place}?key=PLANTED";
    book.parameters = R"({"type":"object","properties":{"place":{"type":"string"}}})";
    book.headers = {{"Authorization", "Bearer ${env:LOG_TEST_TOKEN}"}, {"X-Key", planted}};
    bot.tools = {book};
    bot.restart.max_attempts = 2;
  });
  for (const auto status : {200U, 404U, 503U}) {
    ask_clerk();
    outbound_->call_tools(outbound_->calls.size() - 1, {{"book", R"({"place":"PLANTED"})"}, {"PLANTED_tool", "{}"}});
    run();
    ASSERT_EQ(header(outbound_->calls.back(), "Authorization"), "Bearer PLANTED-TOKEN");
    outbound_->answer(outbound_->calls.size() - 1, status, R"({"said":"PLANTED"})");
    run();
    advance(11min);
    while (outbound_->open() > 0) {
      outbound_->answer(outbound_->calls.size() - 1, status, R"({"said":"PLANTED"})");
      run();
      advance(11min);
    }
  }
  ::unsetenv("LOG_TEST_TOKEN");
  EXPECT_THAT(log.text(), HasSubstr("status=503"));
  EXPECT_THAT(log.text(), Not(HasSubstr(planted)));
}

TEST_F(TaskLog, NeverCitesAnMcpServerNorItsSecrets) {
  const captured_log log{logging::level::trace};
  put_clerk([](auto& server) {
    server.session = session_scope::shared;
    server.headers = {{"X-Key", planted}};
    server.url = "https://mcp.test/mcp?key=PLANTED";
  });
  const auto id = ask_clerk();
  be_legacy("PLANTED-session");
  want({{"files__read", R"({"path":"PLANTED"})"}});
  refuse_streams();
  outbound_->answer(open("tools/call"), 500, R"({"jsonrpc":"2.0","error":{"code":-32000,"message":"PLANTED"},"id":1})");
  run();
  kill(peers()->tools);
  advance(1s);
  EXPECT_THAT(log.text(), HasSubstr("host=mcp.test"));
  EXPECT_THAT(log.text(), Not(HasSubstr(planted)));
  EXPECT_EQ(status(id), task_status::running);
}

TEST_F(TaskLog, NeverCitesAnMcpServerThatDoesNotListItsTools) {
  const captured_log log{logging::level::trace};
  ask_clerk();
  outbound_->answer(open("server/discover"), 401, R"({"error":"PLANTED"})");
  run();
  EXPECT_THAT(log.line_with("task failed"), HasSubstr("does not list its tools: The MCP server answered HTTP 401"));
  EXPECT_THAT(log.text(), Not(HasSubstr(planted)));
}

TEST_F(TaskLog, OfAnExceptionTellsTheTypeAlone) {
  const captured_log log{logging::level::trace};
  put_bot_named("once", [](auto& bot) { bot.restart.max_attempts = 1; });
  const auto id = execute_with("once", "@fail=1:crash PLANTED");
  EXPECT_THAT(log.line_with("task failed"), HasSubstr("error=\"The task's actor crashed (std::runtime_error)\""));
  EXPECT_THAT(*task(id).error, HasSubstr("The input asked for attempt 1 to fail"));
  EXPECT_THAT(log.text(), Not(HasSubstr("The input asked")));
  const auto thrown = to_error(std::make_exception_ptr(std::invalid_argument{planted}));
  EXPECT_EQ(loggable(thrown), "an actor threw std::invalid_argument");
  EXPECT_EQ(sentence_of(thrown), planted);
}

} // namespace troupe
