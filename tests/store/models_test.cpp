#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// What a claim and an attempt know of the models that are asked.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

class Models : public store_fixture {
protected:
  void add_model(const std::string& ns, const std::string& name) {
    put_model op;
    op.model.ns = ns;
    op.model.name = name;
    op.at = clock;
    must(op);
  }

  void add_bot(const std::string& ns, std::vector<std::string> fallbacks) {
    put_bot op;
    op.bot.ns = ns;
    op.bot.name = "poet";
    op.bot.model = "builtin";
    op.bot.fallback_models = std::move(fallbacks);
    op.at = clock;
    must(op);
  }

  claimed_task claim_for_poet(const std::string& ns) {
    auto op = make_task();
    op.task.ns = op.task.bot_ns = ns;
    op.task.bot = "poet";
    execute(op);
    return claim_one();
  }

  /// `namespace/name` of each, separated by spaces.
  static std::string names(const std::vector<std::shared_ptr<const model_record>>& models) {
    std::string text;
    for (const auto& model : models)
      text += (text.empty() ? "" : " ") + model->ns + '/' + model->name;
    return text;
  }
};
TROUPE_ON_EVERY_DATABASE(Models);

// -- fallbacks --------------------------------------------------------------------------

TEST_P(Models, FallbacksAreFoundInTheBotsNamespaceElseInDefault) {
  add_model("team", "small");
  add_model("default", "small");
  add_model("default", "large");
  add_model("team", "own");
  add_model("elsewhere", "far");
  add_bot("team", {"small", "far", "large", "own", "nowhere"});
  const auto claimed = claim_for_poet("team");
  ASSERT_TRUE(claimed.model);
  EXPECT_EQ(claimed.model->name, "builtin");
  EXPECT_EQ(names(claimed.fallbacks), "team/small default/large team/own");
  // A bot of `default` is given none of another namespace's, whoever's task it is.
  add_bot("default", {"small", "own"});
  EXPECT_EQ(names(claim_for_poet("elsewhere").fallbacks), "default/small");
}

TEST_P(Models, FallbacksThatComeAndGoAreSeenByTheNextAttempt) {
  add_bot("default", {"large", "small"});
  EXPECT_THAT(claim_for_poet("default").fallbacks, IsEmpty());
  add_model("default", "small");
  EXPECT_EQ(names(claim_for_poet("default").fallbacks), "default/small");
  add_model("default", "large");
  EXPECT_EQ(names(claim_for_poet("default").fallbacks), "default/large default/small");
  must(delete_model{"default", "small"});
  const auto claimed = claim_for_poet("default");
  EXPECT_EQ(names(claimed.fallbacks), "default/large");
  must(make_retry(claimed, clock));
  add_model("default", "small");
  EXPECT_EQ(names(claim_one().fallbacks), "default/large default/small");
}

// -- attempts ---------------------------------------------------------------------------

TEST_P(Models, AnAttemptTellsWhichModelItAskedLast) {
  const auto id = execute();
  auto claimed = claim_one();
  EXPECT_EQ(attempts(id).at(0).model, "builtin");
  auto step = make_intent(claimed, "call_1");
  step.model = "large";
  must(step);
  EXPECT_EQ(attempts(id).at(0).model, "large");
  must(make_result(claimed, "call_1", "1"));
  EXPECT_EQ(attempts(id).at(0).model, "large");
  // An end that names none is that of the last one named.
  must(make_retry(claimed, clock));
  claimed = claim_one();
  EXPECT_EQ(attempts(id).at(1).model, "builtin");
  auto failure = make_retry(claimed, clock);
  failure.model = "small";
  must(failure);
  claimed = claim_one();
  must(make_request(claimed, {"call_2"}, clock + 1h));
  auto wait = make_wait(claimed);
  wait.model = "medium";
  must(wait);
  must(make_decision(id, "call_2"));
  auto end = make_completion(claim_one());
  end.model = "huge";
  must(end);
  const auto all = attempts(id);
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].model, "large");
  EXPECT_EQ(all[1].model, "small");
  EXPECT_EQ(all[2].model, "medium");
  EXPECT_EQ(all[3].model, "huge");
  EXPECT_EQ(sums(usage_group::model), "medium:1/4/2/0 huge:1/3/5/0 large:1/2/1/0 small:1/2/1/0");
}

TEST_P(Models, AnAttemptThatOthersEndKeepsItsModel) {
  const auto id = execute();
  for (const auto* model : {"one", "two", "three"}) {
    auto step = make_intent(claim_one(), std::string{"call_"} + model);
    step.model = model;
    step.usage = {1, 1};
    must(step);
    if (std::string_view{model} == "one")
      must(release_tasks{{step.fence}, "draining", clock});
    else if (std::string_view{model} == "two")
      must(recover_tasks{5, clock, {}});
    else
      must(make_cancel(id));
  }
  const auto all = attempts(id);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].model, "one");
  EXPECT_EQ(all[1].model, "two");
  EXPECT_EQ(all[2].model, "three");
  EXPECT_EQ(sums(usage_group::model), "one:1/1/1/0 three:1/1/1/0 two:1/1/1/0");
}

TEST_P(Models, AnAttemptWithoutABotHasNoModel) {
  add_bot("default", {});
  auto op = make_task();
  op.task.bot = "poet";
  const auto id = execute(op);
  must(delete_bot{"default", "poet"});
  const auto claimed = claim_one();
  EXPECT_THAT(claimed.fallbacks, IsEmpty());
  EXPECT_EQ(attempts(id).at(0).model, "");
  must(make_failure(claimed));
  EXPECT_EQ(attempts(id).at(0).model, "");
}

TEST_P(Models, AWaitMayBeNeitherChargedNorCounted) {
  execute();
  const auto fail = [&](bool charge, bool counted) {
    auto failure = make_retry(claim_one(), clock);
    failure.charge = charge;
    failure.counted = counted;
    must(failure);
  };
  fail(false, false);
  fail(false, true);
  fail(true, false);
  fail(true, true);
  fail(false, false);
  const auto claimed = claim_one();
  EXPECT_EQ(claimed.attempt, 6);
  EXPECT_EQ(claimed.throttled, 1);
  EXPECT_EQ(claimed.charged, 2);
}

TEST_P(Models, HistoryThatIsWrittenInTheBatchOfAClaimIsSeenByIt) {
  execute();
  const auto claimed = claim_one();
  const auto result = writer->apply(std::vector<operation>{make_intent(claimed, "call_1"), make_retry(claimed, clock),
                                                           claim_tasks{owner, "node-1", 10, clock}});
  const auto again = value_of<claimed_tasks>(outcome{result.outcomes.at(2)}).tasks;
  ASSERT_EQ(again.size(), 1u);
  EXPECT_TRUE(again[0].has_history);
}

// -- thinking ---------------------------------------------------------------------------

TEST_P(Models, ThinkingIsKeptAsTheProviderGaveIt) {
  const auto id = execute();
  const auto claimed = claim_one();
  const std::string thinking = R"([{"type":"thinking","thinking":"it's \"so\" → 🎭","signature":"a\\b{c}"}])";
  auto step = make_intent(claimed, "call_1");
  step.messages[0].content = "let me see";
  step.messages[0].replay = thinking;
  must(step);
  must(make_result(claimed, "call_1", "1"));
  must(make_completion(claimed));
  for (const auto& items : {messages(id), conversation(id)}) {
    ASSERT_EQ(roles(items), "user assistant tool assistant");
    EXPECT_EQ(items[0].replay, "");
    EXPECT_EQ(items[1].replay, thinking);
    EXPECT_EQ(items[1].content, "let me see");
    EXPECT_EQ(items[1].tool_calls.size(), 1u);
    EXPECT_EQ(items[2].replay, "");
    EXPECT_EQ(items[3].replay, "");
  }
}

// -- whose it is ------------------------------------------------------------------------

TEST_P(Models, MessagesAreKeptWithWhatTheirModelWantsToSeeAgain) {
  const auto id = execute();
  const auto claimed = claim_one();
  auto step = make_intent(claimed, "call_1");
  auto& intent = step.messages[0];
  intent.origin = "openai https://host/v1 gemini";
  intent.replay = R"({"reasoning_content":"hm"})";
  intent.tool_calls[0].provider_id = "functions.now:0";
  intent.tool_calls[0].extra = R"({"extra_content":{"google":{"thought_signature":"CiQB/\"=="}}})";
  must(step);
  must(make_result(claimed, "call_1", "1"));
  auto end = make_completion(claimed);
  end.origin = "openai https://host/v1 kimi";
  end.replay = R"({"reasoning_content":"so"})";
  end.finish = finish_reason::length;
  must(end);
  for (const auto& items : {messages(id), conversation(id)}) {
    ASSERT_EQ(roles(items), "user assistant tool assistant");
    EXPECT_EQ(items[0].origin, "");
    EXPECT_EQ(items[1].origin, intent.origin);
    EXPECT_EQ(items[1].replay, intent.replay);
    EXPECT_EQ(items[1].tool_calls, intent.tool_calls);
    EXPECT_EQ(items[2].origin, "");
    EXPECT_EQ(items[3].origin, end.origin);
    EXPECT_EQ(items[3].replay, end.replay);
    EXPECT_EQ(items[3].content, end.output);
  }
  EXPECT_EQ(task(id).finish, finish_reason::length);
  EXPECT_EQ(attempts(id).at(0).finish, finish_reason::length);
}

TEST_P(Models, HowAnAnswerEndedIsForgottenByANewRun) {
  const auto id = execute();
  const auto claimed = claim_one();
  EXPECT_EQ(task(id).finish, std::nullopt);
  EXPECT_EQ(attempts(id).at(0).finish, std::nullopt);
  fail_attempt refused;
  refused.fence = fence_of(claimed);
  refused.kind = error_class::permanent;
  refused.error = "The model refused to answer.";
  refused.finish = finish_reason::refusal;
  refused.at = clock;
  must(refused);
  EXPECT_EQ(task(id).finish, finish_reason::refusal);
  EXPECT_EQ(attempts(id).at(0).finish, finish_reason::refusal);
  must(retry_task{id, clock, {}});
  EXPECT_EQ(task(id).finish, std::nullopt);
  EXPECT_EQ(attempts(id).at(0).finish, finish_reason::refusal);
}

// Some providers tell 0 and 0 (portkey 1.15.2 before an Anthropic model): that is what was used.
TEST_P(Models, CountsOfZeroAreCountsAndNoneAreThoseThatWereReported) {
  for (const bool known : {true, false}) {
    const auto id = execute();
    const auto claimed = claim_one();
    auto step = make_intent(claimed, "call_1");
    step.usage = {7, 3, 0, true};
    must(step);
    fail_attempt end;
    end.fence = fence_of(claimed);
    end.kind = error_class::permanent;
    end.error = "It broke.";
    if (known)
      end.usage = token_usage{};
    end.at = clock;
    must(end);
    EXPECT_EQ(task(id).usage, known ? token_usage{} : (token_usage{7, 3, 0, true}));
    EXPECT_EQ(attempts(id).at(0).usage, task(id).usage);
  }
}

} // namespace
} // namespace troupe
