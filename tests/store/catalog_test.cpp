#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// Bots and models: kept as given, and found for a task.
namespace troupe {
namespace {

using testing::HasSubstr;

class Catalog : public store_fixture {
protected:
  bot_result add_bot(const std::string& ns, const std::string& name, const std::string& model = "builtin") {
    put_bot op;
    op.bot.ns = ns;
    op.bot.name = name;
    op.bot.model = model;
    op.at = clock;
    return must(op);
  }

  model_result add_model(const std::string& ns, const std::string& name) {
    put_model op;
    op.model.ns = ns;
    op.model.name = name;
    op.model.model = name + " of " + ns;
    op.at = clock;
    return must(op);
  }

  create_task for_bot(const std::string& ns, const std::string& bot) {
    auto op = make_task();
    op.task.ns = op.task.bot_ns = ns;
    op.task.bot = bot;
    return op;
  }
};
TROUPE_ON_EVERY_DATABASE(Catalog);

TEST_P(Catalog, AFreshStoreHasWhatTheFirstTaskNeeds) {
  const auto bot = value_of<bot_record>(reader->get_bot("default", "default"));
  EXPECT_EQ(bot.model, "builtin");
  EXPECT_THAT(bot.tools, testing::ElementsAre(testing::Field(&tool_record::name, "now"),
                                              testing::Field(&tool_record::name, "calculate")));
  EXPECT_EQ(bot.restart.max_attempts, 3);
  const auto model = value_of<model_record>(reader->get_model("default", "builtin"));
  EXPECT_EQ(model.kind, model_kind::builtin);
  EXPECT_EQ(model.model, "builtin");
}

TEST_P(Catalog, ABotIsKeptAsItWasGiven) {
  put_bot op;
  auto& bot = op.bot;
  bot.ns = "team";
  bot.name = "poet";
  bot.model = "builtin";
  bot.system_prompt = "Be \"brief\".\n";
  bot.temperature = 0.25;
  bot.max_tokens = 77;
  bot.max_iterations = 4;
  bot.fallback_models = {"small", "large"};
  bot.context_tokens = 9'000;
  bot.tools.emplace_back().name = "now";
  auto& tool = bot.tools.emplace_back();
  tool.type = tool_kind::http;
  tool.name = "send";
  tool.url = "https://example.com/{to}";
  tool.headers = {{"X-Key", "${env:KEY}"}};
  tool.repeat = repeat_rule::never;
  tool.requires_approval = tool.approve_by_default = true;
  tool.approval_timeout = std::chrono::hours{2};
  bot.restart = {5, backoff_kind::exponential, std::chrono::milliseconds{20}, std::chrono::milliseconds{300}, 0.5};
  bot.timeout = std::chrono::seconds{9};
  bot.on_busy = on_busy_rule::interrupt;
  op.at = clock;
  EXPECT_TRUE(must(op).created);
  const auto stored = value_of<bot_record>(reader->get_bot("team", "poet"));
  EXPECT_EQ(stored.model, bot.model);
  EXPECT_EQ(stored.system_prompt, bot.system_prompt);
  EXPECT_EQ(stored.temperature, bot.temperature);
  EXPECT_EQ(stored.max_tokens, bot.max_tokens);
  EXPECT_EQ(stored.max_iterations, bot.max_iterations);
  EXPECT_EQ(stored.fallback_models, bot.fallback_models);
  EXPECT_EQ(stored.context_tokens, bot.context_tokens);
  EXPECT_EQ(stored.tools, bot.tools);
  EXPECT_EQ(stored.restart.max_attempts, 5);
  EXPECT_EQ(stored.restart.backoff, backoff_kind::exponential);
  EXPECT_EQ(stored.restart.delay, bot.restart.delay);
  EXPECT_EQ(stored.restart.max_delay, bot.restart.max_delay);
  EXPECT_EQ(stored.restart.jitter, 0.5);
  EXPECT_EQ(stored.timeout, bot.timeout);
  EXPECT_EQ(stored.on_busy, bot.on_busy);
  EXPECT_EQ(stored.created_at, clock);
}

TEST_P(Catalog, AModelIsKeptAsItWasGiven) {
  put_model op;
  auto& model = op.model;
  model.ns = "team";
  model.name = "large";
  model.kind = model_kind::anthropic;
  model.base_url = "https://example.com/v1";
  model.model = "large-3";
  model.api_key_env = "LARGE_KEY";
  model.headers = {{"X-Team", "it's \"ours\""}};
  model.timeouts.idle = std::chrono::seconds{7};
  model.limits.tokens_per_minute = 50'000;
  model.price = {2.5, 10};
  model.parameters = R"({"top_p":0.9})";
  op.at = clock;
  EXPECT_TRUE(must(op).created);
  const auto stored = value_of<model_record>(reader->get_model("team", "large"));
  EXPECT_EQ(stored.kind, model.kind);
  EXPECT_EQ(stored.base_url, model.base_url);
  EXPECT_EQ(stored.model, model.model);
  EXPECT_EQ(stored.api_key_env, model.api_key_env);
  EXPECT_EQ(stored.headers, model.headers);
  EXPECT_EQ(stored.timeouts, model.timeouts);
  EXPECT_EQ(stored.limits, model.limits);
  EXPECT_EQ(stored.price, model.price);
  EXPECT_EQ(stored.parameters, model.parameters);
}

TEST_P(Catalog, ReplacingKeepsTheTimeOfCreation) {
  const auto first = add_bot("default", "poet");
  const auto model = add_model("default", "large");
  advance(std::chrono::seconds{1});
  const auto second = add_bot("default", "poet");
  EXPECT_FALSE(second.created);
  EXPECT_EQ(second.bot.created_at, first.bot.created_at);
  EXPECT_EQ(second.bot.updated_at, clock);
  EXPECT_EQ(add_model("default", "large").model.created_at, model.model.created_at);
}

TEST_P(Catalog, ListsAreByNameInPages) {
  for (const auto* name : {"c", "a", "b"}) {
    add_bot("team", name);
    add_model("team", name);
  }
  const auto bots = value_of<page<bot_record, std::string>>(reader->list_bots("team", "", 2));
  ASSERT_EQ(bots.items.size(), 2u);
  EXPECT_EQ(bots.items[1].name, "b");
  EXPECT_EQ(bots.next, "b");
  const auto rest = value_of<page<bot_record, std::string>>(reader->list_bots("team", "b", 2));
  ASSERT_EQ(rest.items.size(), 1u);
  EXPECT_EQ(rest.items[0].name, "c");
  EXPECT_FALSE(rest.next);
  EXPECT_EQ((value_of<page<model_record, std::string>>(reader->list_models("team", "", 5)).items.size()), 3u);
}

TEST_P(Catalog, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(refusal(reader->get_bot("default", "x")), errc::not_found);
  EXPECT_EQ(refusal(reader->get_model("default", "x")), errc::not_found);
  EXPECT_EQ(refused(delete_bot{"default", "x"}), errc::not_found);
  EXPECT_EQ(refused(delete_model{"default", "x"}), errc::not_found);
}

TEST_P(Catalog, AReaderFindsTheBotThatATaskIsGiven) {
  add_bot("team", "poet");
  add_bot("default", "poet");
  add_bot("default", "clerk");
  EXPECT_EQ(value_of<bot_record>(reader->find_bot("team", "poet")).ns, "team");
  EXPECT_EQ(value_of<bot_record>(reader->find_bot("team", "clerk")).ns, "default");
  EXPECT_EQ(value_of<bot_record>(reader->find_bot("default", "poet")).ns, "default");
  EXPECT_EQ(refusal(reader->find_bot("team", "nobody")), errc::not_found);
}

TEST_P(Catalog, AReaderChecksABotsModelsAsAnAttemptWouldFindThem) {
  add_model("team", "small");
  add_model("default", "small");
  add_model("default", "large");
  add_model("other", "foreign");
  put_bot op;
  op.bot.ns = "team";
  op.bot.name = "poet";
  op.bot.model = "small";
  op.bot.fallback_models = {"foreign", "large"};
  must(op);
  const auto checked = value_of<checked_bot>(reader->check_bot("team", "poet"));
  EXPECT_EQ(checked.bot.name, "poet");
  ASSERT_EQ(checked.models.size(), 3u);
  EXPECT_EQ(checked.models[0].name, "small");
  ASSERT_TRUE(checked.models[0].found);
  EXPECT_EQ(checked.models[0].found->ns, "team");
  EXPECT_EQ(checked.models[1].name, "foreign");
  EXPECT_FALSE(checked.models[1].found);
  ASSERT_TRUE(checked.models[2].found);
  EXPECT_EQ(checked.models[2].found->ns, "default");
}

TEST_P(Catalog, OnlyABotOfTheNamespaceItselfIsChecked) {
  add_bot("default", "poet");
  EXPECT_EQ(refusal(reader->check_bot("team", "poet")), errc::not_found);
}

TEST_P(Catalog, ABotIsFoundInItsNamespaceElseInDefault) {
  execute(for_bot("team", "default"));
  EXPECT_EQ(claim_one().bot->ns, "default");
  add_bot("team", "default");
  execute(for_bot("team", "default"));
  EXPECT_EQ(claim_one().bot->ns, "team");
}

TEST_P(Catalog, AModelIsFoundInItsBotsNamespaceElseInDefault) {
  add_bot("team", "poet");
  execute(for_bot("team", "poet"));
  EXPECT_EQ(claim_one().model->ns, "default");
  add_model("team", "builtin");
  execute(for_bot("team", "poet"));
  EXPECT_EQ(claim_one().model->model, "builtin of team");
}

TEST_P(Catalog, ABotWithoutItsModelIsInvalid) {
  add_bot("default", "poet", "missing");
  auto op = for_bot("default", "poet");
  op.execute = true;
  const auto answer = apply(op);
  EXPECT_EQ(refusal(answer), errc::bot_invalid);
  EXPECT_THAT(std::get<store_error>(answer).message, HasSubstr("'missing'"));
  add_model("default", "missing");
  must(op);
}

TEST_P(Catalog, ABotThatIsGoneWhenItsTaskIsClaimedIsToldByItsAbsence) {
  add_bot("default", "poet");
  const auto id = execute(for_bot("default", "poet"));
  must(delete_bot{"default", "poet"});
  const auto claimed = claim_one();
  EXPECT_FALSE(claimed.bot);
  EXPECT_FALSE(claimed.model);
  EXPECT_EQ(story(id), "task:created task:queued task:started");
  EXPECT_THAT(data_of(id, event_type::task_started), HasSubstr(R"("bot":"poet")"));
}

TEST_P(Catalog, AModelThatIsGoneLeavesTheBot) {
  add_bot("default", "poet", "large");
  add_model("default", "large");
  execute(for_bot("default", "poet"));
  must(delete_model{"default", "large"});
  const auto claimed = claim_one();
  EXPECT_TRUE(claimed.bot);
  EXPECT_FALSE(claimed.model);
}

TEST_P(Catalog, ATaskTakesItsAttemptsFromItsBot) {
  put_bot op;
  op.bot.ns = "default";
  op.bot.name = "stubborn";
  op.bot.model = "builtin";
  op.bot.restart.max_attempts = 9;
  must(op);
  auto create = for_bot("default", "stubborn");
  EXPECT_EQ(must(create).task.max_attempts, 9);
  EXPECT_EQ(task(create.task.id).max_attempts, 9);
  EXPECT_EQ(must(enqueue_task{create.task.id, "default", {}, clock, {}}).task.max_attempts, 3);
  create = for_bot("default", "nobody");
  EXPECT_EQ(must(create).task.max_attempts, 3);
}

TEST_P(Catalog, AChangeThatWasRolledBackIsForgotten) {
  put_bot bot;
  bot.bot.ns = "default";
  bot.bot.name = "poet";
  bot.bot.model = "builtin";
  bot.at = clock;
  auto use = for_bot("default", "poet");
  use.execute = true;
  auto twin = use;
  const auto result = writer->apply(std::vector<operation>{use, bot, use, twin});
  EXPECT_EQ(refusal(result.outcomes[0]), errc::bot_invalid);
  EXPECT_EQ(refusal(result.outcomes[2]), std::nullopt);
  EXPECT_EQ(refusal(result.outcomes[3]), errc::unavailable);
  EXPECT_TRUE(result.work_ready);
  EXPECT_EQ(claim_one().bot->name, "poet");
}

} // namespace
} // namespace troupe
