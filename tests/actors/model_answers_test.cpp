#include "tests/actors/remote_fixture.hpp"
#include "tests/actors/remote_tools_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

/// What providers really answer, and what becomes of it in a task: how a request is made
/// again, when an answer is over, and which calls are none. Where each shape was seen stands
/// beside the pure tests (unit/actors/providers: openai_test, model_traits_test,
/// answer_check_test).
namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using json = nlohmann::json;

class ModelAnswers : public remote_fixture {
protected:
  void SetUp() override {
    remote_fixture::SetUp();
    put_bot_named("remote", [](auto& bot) {
      bot.model = "gpt";
      bot.max_tokens = 500;
      bot.temperature = 0.2;
    });
  }

  uuid ask_remote() { return execute_with("remote", "Hello"); }
  json body_of(std::size_t call) { return json::parse(outbound_->calls.at(call).request.body); }
  std::vector<std::string> learnt() {
    return value_of(ask<model_state>(peers()->models, get_model_state{"default", "gpt"})).learnt;
  }
  void refuse(std::size_t call, const std::string& said, unsigned status = 400) {
    outbound_->answer(call, status, json{{"error", {{"message", said}}}}.dump());
    run();
  }
  /// The bytes of an answer of some type.
  void send(std::size_t call, const std::string& bytes, header_list headers) {
    auto listener = std::exchange(outbound_->calls.at(call).listener, nullptr);
    listener->on_head({200, std::move(headers)});
    for (const char c : bytes)
      listener->on_data(std::string_view{&c, 1});
    listener->on_end();
    run();
  }
};

class CallsThatAreNone : public remote_tools_fixture {};

} // namespace

// -- requests that are made again -------------------------------------------------

TEST_F(ModelAnswers, ARefusedParameterIsLearntAtNoCost) {
  const auto id = ask_remote();
  EXPECT_EQ(body_of(0)["max_tokens"], 500);
  refuse(0,
         "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.");
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_FALSE(body_of(1).contains("max_tokens"));
  EXPECT_EQ(body_of(1)["max_completion_tokens"], 500);
  refuse(
    1,
    "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default (1) value is supported.");
  refuse(2, "Unknown parameter: 'stream_options'.");
  ASSERT_EQ(outbound_->calls.size(), 4U);
  EXPECT_FALSE(body_of(3).contains("temperature"));
  EXPECT_FALSE(body_of(3).contains("stream_options"));
  outbound_->reply(3, "Hi");
  run();
  EXPECT_EQ(outcomes(id), "completed");
  EXPECT_EQ(task(id).usage.input_tokens, 10);
  EXPECT_THAT(learnt(), ElementsAre("max_completion_tokens", "no_stream_options", "no_temperature"));
  // The next call knows it.
  ask_remote();
  EXPECT_EQ(body_of(4)["max_completion_tokens"], 500);
  EXPECT_FALSE(body_of(4).contains("temperature"));
}

TEST_F(ModelAnswers, ARefusalWithinTheStreamTeachesAsWell) {
  const auto id = ask_remote();
  outbound_->event(0,
                   R"({"error":{"code":400,"message":"stream_options: Extra inputs are not permitted"},"choices":[]})");
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_FALSE(body_of(1).contains("stream_options"));
  outbound_->reply(1, "Hi");
  run();
  EXPECT_EQ(outcomes(id), "completed");
}

TEST_F(ModelAnswers, ARefusalThatTeachesNothingFailsTheTaskAtOnce) {
  const auto id = ask_remote();
  refuse(0, "The model `gpt-test` does not exist.", 404);
  EXPECT_EQ(outbound_->calls.size(), 1U);
  EXPECT_EQ(outcomes(id), "failed");
  EXPECT_THAT(learnt(), IsEmpty());
}

TEST_F(ModelAnswers, AProviderThatRefusesWhateverIsSentIsNotAskedForEver) {
  const auto id = ask_remote();
  for (std::size_t call = 0; call < outbound_->calls.size() && call < 50; ++call)
    refuse(call, "Unsupported: max_tokens, max_completion_tokens, temperature, stream_options, reasoning_content is "
                 "unsupported, system role not supported");
  EXPECT_LT(outbound_->calls.size(), 12U);
  EXPECT_EQ(outcomes(id), "failed");
}

TEST_F(ModelAnswers, AChangedModelIsToldEverythingAnew) {
  ask_remote();
  refuse(0, "Unknown parameter: 'stream_options'.");
  outbound_->reply(1, "Hi");
  run();
  advance(1s);
  put_model_named("gpt", [](auto& model) { model.model = "another"; });
  ask_remote();
  EXPECT_TRUE(body_of(2).contains("stream_options"));
}

TEST_F(ModelAnswers, AWaitThatTheBodyAsksForIsObeyed) {
  const auto id = ask_remote();
  outbound_->answer(0, 429,
                    R"([{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"busy","details":[)"
                    R"({"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.2s"}]}}])");
  run();
  advance(3100ms);
  EXPECT_EQ(outbound_->calls.size(), 1U);
  advance(400ms);
  ASSERT_EQ(outbound_->calls.size(), 2U);
  outbound_->reply(1, "Hi");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

// -- when an answer is over ---------------------------------------------------------

TEST_F(ModelAnswers, AStreamIsReadToItsEndWhateverStandsOnEachChunk) {
  const auto id = ask_remote();
  for (const auto* text : {"The ", "answer ", "is ", "42."}) {
    outbound_->event(0, R"({"choices":[{"index":0,"delta":{"content":")" + std::string{text}
                          + R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":4,"completion_tokens":2}})");
    run();
  }
  EXPECT_EQ(status(id), task_status::running);
  outbound_->event(0, "[DONE]");
  run();
  EXPECT_EQ(task(id).output, "The answer is 42.");
}

TEST_F(ModelAnswers, AStreamThatIsLeftOpenBehindItsAnswerIsAnAnswer) {
  const auto id = ask_remote();
  outbound_->say(0, "Hi");
  outbound_->event(0, R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
  run();
  outbound_->fail(0, outbound_errc::timed_out);
  run();
  EXPECT_EQ(task(id).output, "Hi");
  const auto cut = ask_remote();
  outbound_->say(1, "Hi");
  run();
  outbound_->fail(1, outbound_errc::timed_out);
  run();
  EXPECT_EQ(outcomes(cut), "failed");
}

TEST_F(ModelAnswers, AStreamIsOneUnderAnyType) {
  const std::string stream
    = "\xef\xbb\xbf: hello\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Hi\"}}]}\r\n\r\n"
      "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\r\n\r\ndata: [DONE]\r\n\r\n";
  const std::vector<header_list> types{{},
                                       {{"content-type", "text/plain"}},
                                       {{"content-type", "Text/Event-Stream; charset=utf-8"}},
                                       {{"content-type", "application/json"}},
                                       {{"content-type", "application/octet-stream"}}};
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto id = ask_remote();
    send(i, stream, types[i]);
    EXPECT_EQ(task(id).output, "Hi") << i;
    EXPECT_EQ(outcomes(id), "completed") << i;
  }
}

TEST_F(ModelAnswers, AnAnswerInOnePieceIsOneUnderTheTypeOfAStream) {
  const auto id = ask_remote();
  send(0, R"({"choices":[{"message":{"content":"Hi"},"finish_reason":"stop"}]})",
       {{"content-type", "text/event-stream"}});
  EXPECT_EQ(task(id).output, "Hi");
}

TEST_F(ModelAnswers, APageIsNoAnswerAndIsNotAskedForAgain) {
  const auto id = ask_remote();
  send(0, "<!doctype html><html><head><title>Welcome</title>", {{"content-type", "text/html"}});
  EXPECT_EQ(outcomes(id), "failed");
  EXPECT_THAT(task(id).error.value_or(""), HasSubstr("is the model's base_url right?"));
}

// -- what is told of it ---------------------------------------------------------------

TEST_F(ModelAnswers, CountsOfZeroAreWhatWasTold) {
  const auto id = ask_remote();
  outbound_->say(0, "Hi");
  run();
  advance(100ms);
  outbound_->finish(0, 0, 0);
  run();
  EXPECT_EQ(task(id).usage, token_usage{});
  EXPECT_EQ(attempts(id).front().usage, token_usage{});
  EXPECT_THAT(data_of(id, event_type::chat_done), HasSubstr(R"("input_tokens":0,"output_tokens":0)"));
  EXPECT_THAT(data_of(id, event_type::task_completed), HasSubstr(R"("input_tokens":0,"output_tokens":0)"));
}

TEST_F(ModelAnswers, HowAnAnswerEndedStandsOnTaskAndAttempt) {
  const auto end_with = [&](std::size_t call, const std::string& reason, const std::string& text) {
    const auto id = ask_remote();
    if (!text.empty())
      outbound_->say(call, text);
    outbound_->event(call, R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + reason + R"("}]})");
    outbound_->event(call, "[DONE]");
    run();
    EXPECT_EQ(task(id).finish, attempts(id).front().finish);
    return task(id);
  };
  EXPECT_EQ(end_with(0, "stop", "a").finish, finish_reason::stop);
  EXPECT_EQ(end_with(1, "length", "a").finish, finish_reason::length);
  EXPECT_EQ(end_with(2, "content_filter", "a").finish, finish_reason::content_filter);
  const auto held_back = end_with(3, "content_filter", "");
  EXPECT_EQ(held_back.finish, finish_reason::content_filter);
  EXPECT_EQ(held_back.status, task_status::failed);
  const auto open = ask_remote();
  EXPECT_EQ(task(open).finish, std::nullopt);
}

// -- calls that are none ----------------------------------------------------------------

TEST_F(CallsThatAreNone, ACallThatTheLimitCutOffIsNotMadeAndTold) {
  const auto id = ask_clerk();
  outbound_->event(
    0,
    R"({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"book","arguments":"{\"seat\":1}"}},)"
    R"({"index":1,"id":"b","function":{"name":"book","arguments":""}}]}}]})");
  outbound_->event(0, R"({"choices":[{"delta":{},"finish_reason":"length"}]})");
  outbound_->event(0, "[DONE]");
  run();
  // The first is whole, and made; the second is not.
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(call(1).request.body, R"({"seat":1})");
  outbound_->answer(1, 200, "1");
  run();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("limit of tokens"), "1"));
  outbound_->reply(2, "done");
  run();
  EXPECT_EQ(outcomes(id), "completed");
  EXPECT_EQ(roles(id), "user assistant tool tool assistant");
  expect_sound_journal(id);
}

TEST_F(CallsThatAreNone, WhatIsNoCallIsToldAndNeverMadeByALaterAttempt) {
  const auto id = ask_clerk();
  outbound_->call_tools(0, {{"book", R"({"seat":)"}, {"", "{}"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_THAT(results(id), ElementsAre(HasSubstr("no JSON object"), HasSubstr("names no tool")));
  // The model's provider fails: another attempt goes on behind them.
  outbound_->answer(1, 500, "");
  run();
  advance(2s);
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_THAT(call(2).request.url, HasSubstr("chat/completions"));
  const auto messages = json::parse(call(2).request.body)["messages"];
  for (const auto& one : messages[1]["tool_calls"])
    EXPECT_EQ(one["function"]["arguments"], "{}");
  outbound_->reply(2, "Sorry.");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

} // namespace troupe
