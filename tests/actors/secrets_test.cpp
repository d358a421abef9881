#include "actors/remote/secrets.hpp"
#include "tests/actors/mcp_fixture.hpp"

#include <gmock/gmock.h>

#include <memory>
#include <string>

/// Headers that are encrypted in the store, and opened where calls are made.
namespace troupe {

namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

secret_box_ptr box_of(char each) {
  return std::make_shared<const secret_box>(std::string(32, each));
}

class SealedHeaders : public mcp_fixture {
protected:
  void SetUp() override {
    config_.secrets = box_;
    mcp_fixture::SetUp();
    put_caller(*box_);
  }

  void put_caller(const secret_box& box, const std::string& name = "caller", const std::string& sealed_for = "caller") {
    put_bot_named(name, [&](auto& bot) {
      bot.model = "gpt";
      auto& tool = bot.tools.emplace_back(http_tool_named("book"));
      tool.headers
        = {{"Authorization", box.seal("Bearer s3cret", {"default", "bot", sealed_for, "book", "Authorization"})},
           {"X-Api-Key", "stored in the clear"}};
    });
  }
  void put_files(const std::string& name) {
    put_bot_named(name, [&](auto& bot) {
      bot.model = "gpt";
      auto& server = bot.tools.emplace_back();
      server.type = tool_kind::mcp;
      server.name = "files";
      server.url = "https://mcp.test/mcp";
      server.session = session_scope::shared;
      server.headers
        = {{"Authorization", box_->seal("Bearer s3cret", {"default", "bot", name, "files", "Authorization"})}};
    });
  }

  secret_box_ptr box_ = box_of('k');
};

} // namespace

TEST_F(SealedHeaders, OfAToolAreOpenedForItsCall) {
  const auto id = execute_with("caller", "Book it");
  outbound_->call_tools(0, {{"book", "{}"}});
  run();
  ASSERT_EQ(outbound_->calls.size(), 2U);
  EXPECT_EQ(header(call(1), "Authorization"), "Bearer s3cret");
  EXPECT_EQ(header(call(1), "X-Api-Key"), "stored in the clear");
  outbound_->answer(1, 200, "{}");
  run();
  outbound_->reply(2, "Booked.");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

TEST_F(SealedHeaders, OfAServerAreOpenedAndShareItAmongBots) {
  put_files("one");
  put_files("two");
  execute_with("one", "Read");
  EXPECT_EQ(header(outbound_->calls[open("server/discover")], "Authorization"), "Bearer s3cret");
  be_legacy();
  say();
  execute_with("two", "Read");
  say();
  EXPECT_EQ(times("initialize"), 1U);
}

TEST_F(SealedHeaders, OfAModelAreOpenedForItsCall) {
  put_model_named("sealed", [&](auto& model) {
    model.headers = {{"X-Api-Key", box_->seal("s3cret", {"default", "model", "sealed", {}, "X-Api-Key"})}};
  });
  put_bot_named("asker", [](auto& bot) { bot.model = "sealed"; });
  const auto id = execute_with("asker", "Hello");
  EXPECT_EQ(header(call(0), "X-Api-Key"), "s3cret");
  outbound_->reply(0, "Hi.");
  run();
  EXPECT_EQ(status(id), task_status::completed);
}

// Another key, a bot that took it from another one: each fails its task for good, once, and says why.
TEST_F(SealedHeaders, ThatCannotBeOpenedFailTheTaskAndNameTheBot) {
  put_caller(*box_of('x'));
  put_caller(*box_, "thief", "caller");
  for (const auto* bot : {"caller", "thief"}) {
    const auto id = execute_with(bot, "Book it");
    EXPECT_EQ(status(id), task_status::failed);
    EXPECT_EQ(task(id).error_kind, error_class::permanent);
    EXPECT_EQ(attempts(id).size(), 1U);
    EXPECT_THAT(task(id).error.value_or(""),
                AllOf(HasSubstr("The header Authorization of the tool 'book' of the bot '" + std::string{bot} + "'"),
                      HasSubstr("PUT the bot again"), Not(HasSubstr("s3cret"))));
  }
  EXPECT_TRUE(outbound_->calls.empty());
}

TEST_F(SealedHeaders, OfAModelThatCannotBeOpenedFailTheTaskAndNameTheModel) {
  put_model_named("sealed", [&](auto& model) {
    model.headers = {{"X-Api-Key", box_of('x')->seal("s3cret", {"default", "model", "sealed", {}, "X-Api-Key"})}};
  });
  put_bot_named("asker", [](auto& bot) { bot.model = "sealed"; });
  const auto id = execute_with("asker", "Hello");
  EXPECT_EQ(status(id), task_status::failed);
  EXPECT_EQ(task(id).error_kind, error_class::permanent);
  EXPECT_THAT(task(id).error.value_or(""), HasSubstr("The header X-Api-Key of the model 'sealed'"));
  EXPECT_TRUE(outbound_->calls.empty());
}

} // namespace troupe
