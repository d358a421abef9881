#include "tests/e2e/server_test.hpp"

/// Bots and models: created, read, replaced, validated, deleted.
namespace troupe {

using Bots = server_test;
using Models = server_test;

TEST_F(Bots, AreThereOnAFreshServer) {
  const auto bots = list_all(http(), "/api/v1/bots");
  ASSERT_EQ(bots.size(), 1U);
  EXPECT_EQ(bots[0].at("name"), "default");
  EXPECT_EQ(
    bots[0].at("restart"),
    json({{"max_attempts", 3}, {"backoff", "linear"}, {"delay_ms", 1000}, {"max_delay_ms", 60000}, {"jitter", 0.1}}));
}

TEST_F(Bots, AreCreatedReplacedAndDeletedByName) {
  const json members{
    {"model", "builtin"},
    {"system_prompt", "Be brief."},
    {"temperature", 0.5},
    {"max_tokens", 100},
    {"max_iterations", 4},
    {"tools", json::array({{{"type", "builtin"}, {"name", "now"}, {"repeat", "safe"}, {"requires_approval", false}}})},
    {"restart",
     {{"max_attempts", 5}, {"backoff", "exponential"}, {"delay_ms", 250}, {"max_delay_ms", 1000}, {"jitter", 0.25}}},
    {"timeout_s", 30},
    {"on_busy", "interrupt"}};
  const auto created = http().put("/api/v1/bots/mine", members);
  ASSERT_EQ(created.status, 201U) << created.body;
  const json bot = http().get("/api/v1/bots/mine").document();
  for (const auto& [name, value] : members.items()) {
    EXPECT_EQ(bot.at(name), value) << name;
  }
  EXPECT_EQ(http().put("/api/v1/bots/mine", bot).status, 200U) << "what was read can be written back";
  EXPECT_EQ(http().get("/api/v1/bots/mine").document(), bot);
  EXPECT_EQ(http().remove("/api/v1/bots/mine").status, 204U);
  expect_problem(http().get("/api/v1/bots/mine"), 404, "not_found");
  expect_problem(http().remove("/api/v1/bots/mine"), 404, "not_found");
}

TEST_F(Bots, BelongToTheirNamespace) {
  ASSERT_EQ(http().put("/api/v1/bots/mine?namespace=here", {{"model", "builtin"}}).status, 201U);
  EXPECT_EQ(http().get("/api/v1/bots/mine?namespace=here").status, 200U);
  expect_problem(http().get("/api/v1/bots/mine?namespace=there"), 404, "not_found");
  EXPECT_EQ(list_all(http(), "/api/v1/bots?namespace=here").size(), 1U);
}

TEST_F(Bots, AreListedByNameInPages) {
  for (const std::string name : {"c", "a", "b"}) {
    put_bot(name);
  }
  std::vector<std::string> names;
  for (const auto& bot : list_all(http(), "/api/v1/bots?limit=1")) {
    names.push_back(bot.at("name"));
  }
  EXPECT_THAT(names, testing::ElementsAre("a", "b", "c", "default"));
}

TEST_F(Bots, AreValidatedWithoutBeingCalled) {
  const json good = http().post("/api/v1/bots/default/validate").document();
  EXPECT_EQ(good.at("valid"), true) << good;
  EXPECT_TRUE(good.at("errors").empty());
  put_bot("orphan", {{"model", "no-such-model"}});
  const json bad = http().post("/api/v1/bots/orphan/validate").document();
  EXPECT_EQ(bad.at("valid"), false);
  EXPECT_NE(bad.at("errors").dump().find("no-such-model"), std::string::npos) << bad;
  expect_problem(http().post("/api/v1/bots/nobody/validate"), 404, "not_found");
}

TEST_F(Bots, ThatVanishBeforeTheTaskRunsFailItForGood) {
  put_bot("brief");
  const json task = create("Hello", {{"spec", {{"bot_name", "brief"}}}});
  EXPECT_EQ(http().remove("/api/v1/bots/brief").status, 204U);
  expect_problem(http().post(task_path(task) + "/execute"), 400, "bot_invalid");
}

TEST_F(Models, AreCreatedReadAndDeletedByName) {
  EXPECT_EQ(http().put("/api/v1/models/mine", {{"kind", "builtin"}}).status, 201U);
  const json model = http().get("/api/v1/models/mine").document();
  EXPECT_EQ(model.at("kind"), "builtin");
  EXPECT_EQ(http().put("/api/v1/models/mine", model).status, 200U);
  EXPECT_EQ(list_all(http(), "/api/v1/models").size(), 2U);
  put_bot("by-mine", {{"model", "mine"}});
  EXPECT_EQ(run_task("Hello", {{"spec", {{"bot_name", "by-mine"}}}}).at("status"), "COMPLETED");
  EXPECT_EQ(http().remove("/api/v1/models/mine").status, 204U);
  expect_problem(http().get("/api/v1/models/mine"), 404, "not_found");
}

} // namespace troupe
