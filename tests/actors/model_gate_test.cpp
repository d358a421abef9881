#include "tests/actors/remote_fixture.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

class ModelGate : public remote_fixture {
protected:
  uuid ask_remote(std::string input = "Hello", std::string bot = "remote") {
    return execute_with(std::move(bot), std::move(input));
  }

  model_state state_of(std::string name) {
    return value_of(ask<model_state>(peers()->models, get_model_state{"default", std::move(name)}));
  }

  nlohmann::json body_of(std::size_t call) { return nlohmann::json::parse(outbound_->calls.at(call).request.body); }
};

} // namespace

// -- answers ------------------------------------------------------------------

TEST_F(ModelGate, StreamsAnAnswerIntoTheJournal) {
  const auto id = ask_remote("What is 1+1?");
  ASSERT_EQ(outbound_->calls.size(), 1U);
  EXPECT_EQ(outbound_->calls[0].request.url, "https://provider.test/v1/chat/completions");
  EXPECT_EQ(body_of(0)["model"], "gpt-test");
  EXPECT_EQ(body_of(0)["messages"].back()["content"], "What is 1+1?");
  outbound_->say(0, "It is ");
  run();
  EXPECT_EQ(streamed(id), "It is ");
  outbound_->say(0, "2.");
  outbound_->finish(0, 12, 3);
  run();
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(task(id).output, "It is 2.");
  EXPECT_EQ(streamed(id), "It is 2.");
  EXPECT_EQ(task(id).usage.input_tokens, 12);
  EXPECT_EQ(task(id).usage.output_tokens, 3);
  EXPECT_FALSE(task(id).usage.estimated);
  EXPECT_EQ(attempts(id).front().model, "gpt");
  expect_sound_journal(id);
}

TEST_F(ModelGate, CountsWhatAnAnswerCost) {
  put_model_named("gpt", [](auto& model) { model.price = {2.5, 10}; });
  const auto id = ask_remote();
  outbound_->say(0, "Hi");
  outbound_->finish(0, 1000, 200);
  run();
  // 1,000 tokens at 2.5 and 200 at 10 per million: 0.0045.
  EXPECT_EQ(task(id).usage.cost, 4'500'000);
}

TEST_F(ModelGate, EstimatesTheUsageThatAProviderDoesNotTell) {
  const auto id = ask_remote();
  outbound_->say(0, "four bytes a token");
  outbound_->event(0, R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
  outbound_->end(0);
  run();
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_TRUE(task(id).usage.estimated);
  EXPECT_GT(task(id).usage.input_tokens, 0);
  EXPECT_EQ(task(id).usage.output_tokens, 5);
}

TEST_F(ModelGate, JournalsWhatAModelThinks) {
  const auto id = ask_remote();
  outbound_->event(0, R"({"choices":[{"index":0,"delta":{"reasoning_content":"Let me see."}}]})");
  outbound_->reply(0, "Yes");
  run();
  EXPECT_EQ(data_of(id, event_type::chat_thinking), R"({"text":"Let me see.","offset":0})");
  EXPECT_EQ(task(id).output, "Yes");
}

TEST_F(ModelGate, SendsTheThreadWithTheTurnThatIsTriedAgainLast) {
  const auto first = ask_remote("first");
  outbound_->answer(0, 400, R"({"error":{"message":"no"}})");
  run();
  ASSERT_EQ(status(first), task_status::failed);
  auto second = make_task("second");
  second.task.thread_id = first;
  second.task.bot = "remote";
  const auto next = execute(second);
  outbound_->reply(1, "two");
  run();
  ASSERT_EQ(status(next), task_status::completed);
  value_of(ask_writer(retry_task{first, wall_clock(), {}}));
  run();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  EXPECT_EQ(body_of(2)["messages"].back()["content"], "first");
}

// -- failures -----------------------------------------------------------------

TEST_F(ModelGate, AStreamThatEndsTooSoonIsAnotherAttempt) {
  const auto id = ask_remote();
  outbound_->say(0, "It is");
  outbound_->end(0);
  run();
  EXPECT_EQ(outcomes(id), "failed");
  advance(1s);
  ASSERT_EQ(outbound_->calls.size(), 2U);
  outbound_->reply(1, "It is 2.");
  run();
  EXPECT_EQ(outcomes(id), "failed completed");
  EXPECT_EQ(streamed(id, 2), "It is 2.");
  // What the first attempt used is kept.
  EXPECT_TRUE(attempts(id).front().usage.estimated);
  EXPECT_GT(attempts(id).front().usage.output_tokens, 0);
}

TEST_F(ModelGate, ARefusedKeyEndsTheTask) {
  const auto id = ask_remote();
  outbound_->answer(0, 401, R"({"error":{"message":"Incorrect API key provided."}})");
  run();
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_THAT(*task(id).error, HasSubstr("401"));
}

TEST_F(ModelGate, AMissingKeyIsNamedAndNothingIsSent) {
  put_model_named("gpt", [](auto& model) { model.api_key_env = "A_KEY_THAT_NOBODY_HAS_SET"; });
  const auto id = ask_remote();
  EXPECT_TRUE(outbound_->calls.empty());
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_THAT(*task(id).error, HasSubstr("A_KEY_THAT_NOBODY_HAS_SET"));
}

TEST_F(ModelGate, CancellingATaskClosesItsCall) {
  const auto id = ask_remote();
  outbound_->say(0, "It is");
  run();
  value_of(ask_supervisor(make_cancel(id)));
  EXPECT_TRUE(outbound_->calls[0].cancelled);
  EXPECT_EQ(task(id).output, "It is");
  EXPECT_TRUE(task(id).usage.estimated);
  // The conversation keeps what was said, marked as such, and the next turn is shown it.
  ASSERT_EQ(roles(id), "user assistant");
  EXPECT_TRUE(messages(id)[1].interrupted);
  auto next = make_task("No, I meant 1+2");
  next.task.thread_id = id;
  next.task.bot = "remote";
  execute(next);
  const auto shown = body_of(1)["messages"];
  ASSERT_EQ(shown.size(), 3U);
  EXPECT_EQ(shown[1]["content"], "It is");
  outbound_->reply(1, "3");
  run();
  // The cancelled turn itself begins anew.
  value_of(ask_writer(retry_task{id, wall_clock(), {}}));
  run();
  EXPECT_EQ(body_of(2)["messages"].back()["role"], "user");
  outbound_->reply(2, "2");
  run();
  EXPECT_EQ(state_of("gpt").active, 0);
}

TEST_F(ModelGate, AnAttemptsTimeLimitIsThatOfItsCall) {
  put_bot_named("hasty", [](auto& bot) {
    bot.model = "gpt";
    bot.timeout = 5s;
  });
  ask_remote("Hello", "hasty");
  EXPECT_EQ(outbound_->calls[0].request.timeouts.total, 5s);
}

// -- throttling ---------------------------------------------------------------

TEST_F(ModelGate, AThrottledProviderHoldsEverybodyBackAndCostsNoAttempt) {
  put_bot_named("single", [](auto& bot) {
    bot.model = "gpt";
    bot.restart.max_attempts = 1;
  });
  const auto first = ask_remote("one", "single");
  outbound_->answer(0, 429, "{}", {{"retry-after", "2"}});
  run();
  const auto second = ask_remote("two", "single");
  advance(1900ms);
  EXPECT_EQ(outbound_->calls.size(), 1U);
  EXPECT_EQ(status(first), task_status::running);
  advance(200ms);
  // One at a time at first: the provider may refuse again.
  ASSERT_EQ(outbound_->calls.size(), 2U);
  outbound_->reply(1, "yes");
  run();
  ASSERT_EQ(outbound_->calls.size(), 3U);
  outbound_->reply(2, "yes");
  run();
  EXPECT_EQ(status(first), task_status::completed);
  EXPECT_EQ(status(second), task_status::completed);
}

TEST_F(ModelGate, ALongPauseSendsTasksBackToTheQueue) {
  const auto id = ask_remote();
  outbound_->answer(0, 429, "{}", {{"retry-after", "120"}});
  run();
  const auto late = ask_remote("late");
  // Nothing is held in memory for minutes.
  EXPECT_EQ(load().running, 0);
  EXPECT_EQ(task(late).status, task_status::running);
  EXPECT_GE(state_of("gpt").paused_for, 119s);
  advance(121s);
  ASSERT_GE(outbound_->calls.size(), 2U);
  outbound_->reply(1, "yes");
  run();
  outbound_->reply(2, "yes");
  run();
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(status(late), task_status::completed);
}

TEST_F(ModelGate, AProviderThatSaysItsLimitIsUsedUpIsLeftAlone) {
  const auto id = ask_remote();
  outbound_->calls[0].began = true;
  outbound_->calls[0].listener->on_head({200,
                                         {{"content-type", "text/event-stream"},
                                          {"x-ratelimit-remaining-requests", "0"},
                                          {"x-ratelimit-reset-requests", "3s"}}});
  outbound_->reply(0, "the last one");
  run();
  EXPECT_EQ(status(id), task_status::completed);
  ask_remote("two");
  advance(2900ms);
  EXPECT_EQ(outbound_->calls.size(), 1U);
  advance(200ms);
  EXPECT_EQ(outbound_->calls.size(), 2U);
}

TEST_F(ModelGate, APauseThatAnotherNodeWasToldOfHoldsHereToo) {
  ask_remote();
  outbound_->reply(0, "yes");
  run();
  caf::anon_send(peers()->models, pause_model{"default", "gpt", 3s, true});
  run();
  ask_remote("two");
  EXPECT_EQ(outbound_->calls.size(), 1U);
  advance(3s);
  EXPECT_EQ(outbound_->calls.size(), 2U);
}

// -- limits -------------------------------------------------------------------

TEST_F(ModelGate, LetsOnlySoManyThroughAtOnce) {
  put_model_named("gpt", [](auto& model) { model.limits.concurrency = 2; });
  std::vector<uuid> ids;
  for (int i = 0; i < 4; ++i)
    ids.push_back(ask_remote());
  EXPECT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(state_of("gpt").waiting, 2);
  outbound_->reply(0, "yes");
  run();
  EXPECT_EQ(outbound_->calls.size(), 3U);
  outbound_->reply(1, "yes");
  outbound_->reply(2, "yes");
  run();
  outbound_->reply(3, "yes");
  run();
  for (const auto& id : ids)
    EXPECT_EQ(outcomes(id), "completed");
}

TEST_F(ModelGate, BotsTakeTurns) {
  put_model_named("gpt", [](auto& model) { model.limits.concurrency = 1; });
  put_bot_named("quiet", [](auto& bot) { bot.model = "gpt"; });
  for (int i = 0; i < 5; ++i)
    ask_remote("loud");
  const auto quiet = ask_remote("quiet", "quiet");
  outbound_->reply(0, "yes");
  run();
  outbound_->reply(1, "yes");
  run();
  outbound_->reply(2, "yes");
  run();
  EXPECT_EQ(status(quiet), task_status::completed);
}

TEST_F(ModelGate, WaitingForALimitTakesNoneOfTheAttemptsTime) {
  put_model_named("gpt", [](auto& model) { model.limits.concurrency = 1; });
  put_bot_named("hasty", [](auto& bot) {
    bot.model = "gpt";
    bot.timeout = 5s;
  });
  ask_remote();
  const auto id = ask_remote("Hello", "hasty");
  advance(20s);
  outbound_->reply(0, "yes");
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(outbound_->calls[1].request.timeouts.total, 5s);
  outbound_->reply(1, "yes");
  run();
  EXPECT_EQ(outcomes(id), "completed");
}

TEST_F(ModelGate, WhoHasNoRoomComesAgainAndIsNotCharged) {
  // One a second: half a minute's worth may wait here, or 64.
  put_model_named("gpt", [](auto& model) { model.limits.requests_per_minute = 60; });
  std::vector<uuid> ids;
  for (int i = 0; i < 100; ++i)
    ids.push_back(ask_remote());
  EXPECT_LE(state_of("gpt").waiting, 64);
  EXPECT_LE(load().running, 70);
  std::size_t answered = 0;
  for (int second = 0; second < 150; ++second) {
    advance(1s);
    for (; answered < outbound_->calls.size(); ++answered)
      outbound_->reply(answered, "yes");
    run();
    // Never more than the limit, with what a start may take at once.
    EXPECT_LE(outbound_->calls.size(), static_cast<std::size_t>(second) + 10);
  }
  for (const auto& id : ids)
    EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(ModelGate, ABuiltinModelMayHaveLimitsToo) {
  put_model_named("slow", [](auto& model) {
    model.kind = model_kind::builtin;
    model.limits.concurrency = 1;
    model.price = {1, 1};
  });
  put_bot_named("echo", [](auto& bot) { bot.model = "slow"; });
  const auto first = ask_remote("@delay=1000 a", "echo");
  const auto second = ask_remote("@delay=1000 b", "echo");
  advance(1s);
  EXPECT_EQ(status(first), task_status::completed);
  EXPECT_EQ(status(second), task_status::running);
  EXPECT_GT(task(first).usage.cost, 0);
  value_of(ask_supervisor(make_cancel(second)));
  EXPECT_EQ(state_of("slow").active, 0);
}

// -- a provider that is down --------------------------------------------------

TEST_F(ModelGate, AfterAFewFailuresTasksWaitForATrial) {
  put_bot_named("single", [](auto& bot) {
    bot.model = "gpt";
    bot.restart.max_attempts = 1;
  });
  for (std::size_t i = 0; i < 5; ++i) {
    ask_remote("Hello", "single");
    outbound_->answer(i, 500, "{}");
    run();
  }
  EXPECT_EQ(state_of("gpt").breaker, "open");
  EXPECT_THAT(state_of("gpt").last_error, HasSubstr("500"));
  const auto id = ask_remote("Hello", "single");
  EXPECT_EQ(outbound_->calls.size(), 5U);
  EXPECT_EQ(status(id), task_status::running);
  advance(6s);
  ASSERT_EQ(outbound_->calls.size(), 6U);
  outbound_->reply(5, "back");
  run();
  // It has not failed: it had not even asked.
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(state_of("gpt").breaker, "closed");
}

TEST_F(ModelGate, AFallbackAnswersInTheSameAttempt) {
  put_model_named("spare", [](auto& model) { model.base_url = "https://spare.test/v1"; });
  put_bot_named("careful", [](auto& bot) {
    bot.model = "gpt";
    bot.fallback_models = {"gone", "spare"};
  });
  const auto id = ask_remote("Hello", "careful");
  outbound_->answer(0, 503, "{}");
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(outbound_->calls[1].request.url, "https://spare.test/v1/chat/completions");
  outbound_->reply(1, "Here I am.");
  run();
  EXPECT_EQ(outcomes(id), "completed");
  EXPECT_EQ(attempts(id).front().model, "spare");
}

TEST_F(ModelGate, NoFallbackContinuesATextThatWasSeen) {
  put_model_named("spare");
  put_bot_named("careful", [](auto& bot) {
    bot.model = "gpt";
    bot.fallback_models = {"spare"};
  });
  const auto id = ask_remote("Hello", "careful");
  outbound_->say(0, "It is");
  outbound_->fail(0, outbound_errc::cut_off);
  run();
  EXPECT_EQ(outbound_->calls.size(), 1U);
  EXPECT_EQ(outcomes(id), "failed");
}

TEST_F(ModelGate, ABusyNodeCostsNoAttemptAndIsNoFaultOfTheModel) {
  const auto id = ask_remote();
  for (int i = 0; i < 8; ++i) {
    outbound_->fail(outbound_->calls.size() - 1, outbound_errc::busy, false);
    run();
    EXPECT_EQ(state_of("gpt").breaker, "closed");
    EXPECT_EQ(state_of("gpt").paused_for, std::nullopt);
    advance(3s);
    ASSERT_EQ(outbound_->calls.size(), static_cast<std::size_t>(i) + 2);
  }
  EXPECT_EQ(outbound_->calls.back().request.share, outbound_share::model);
  outbound_->reply(outbound_->calls.size() - 1, "yes");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(ModelGate, AChangedModelIsAskedAnew) {
  ask_remote();
  advance(1s);
  put_model_named("gpt", [](auto& model) { model.base_url = "https://other.test/v1"; });
  ask_remote();
  EXPECT_THAT(outbound_->calls[1].request.url, HasSubstr("other.test"));
  outbound_->reply(0, "old");
  outbound_->reply(1, "new");
  run();
}

TEST_F(ModelGate, WhenTheRegistryEndsItsCallsAreClosedAndMadeAgain) {
  const auto id = ask_remote();
  caf::anon_send_exit(peers()->models, caf::exit_reason::user_shutdown);
  run();
  EXPECT_EQ(outcomes(id), "failed");
  EXPECT_TRUE(outbound_->calls[0].cancelled);
  advance(1s);
  ASSERT_EQ(outbound_->calls.size(), 2U);
  outbound_->reply(1, "yes");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

} // namespace troupe
