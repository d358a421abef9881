#include "persistence/rows/documents.hpp"
#include "persistence/rules/events_json.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

template <class Record>
Record read(std::string_view text) {
  Record record;
  from_document(text, record);
  return record;
}

tool_record some_tool() {
  tool_record tool;
  tool.type = tool_kind::http;
  tool.name = "look_up";
  tool.description = "Looks \"it\" up.";
  tool.parameters = R"({"type":"object","properties":{"b":{},"a":{}}})";
  tool.url = "https://a.example/{b}";
  tool.method = "GET";
  tool.headers = {{"X-B", "${env:B}"}, {"X-A", "a"}};
  tool.repeat = repeat_rule::never;
  tool.requires_approval = true;
  tool.timeout = 5s;
  return tool;
}

TEST(BotDocument, KeepsEveryMember) {
  bot_record bot;
  bot.model = "m";
  bot.fallback_models = {"z", "a"};
  bot.system_prompt = "Be\nbrief.";
  bot.temperature = 0.1;
  bot.max_tokens = 100;
  bot.max_iterations = 5;
  bot.context_tokens = 4000;
  bot.tools = {some_tool(), tool_record{}};
  bot.restart.backoff = backoff_kind::exponential;
  bot.restart.delay = 250ms;
  bot.timeout = 30s;
  bot.on_busy = on_busy_rule::interrupt;
  const auto copy = read<bot_record>(to_document(bot));
  EXPECT_EQ(copy.model, "m");
  EXPECT_THAT(copy.fallback_models, ElementsAre("z", "a"));
  EXPECT_EQ(copy.system_prompt, bot.system_prompt);
  EXPECT_EQ(copy.temperature, 0.1);
  EXPECT_EQ(copy.max_tokens, 100);
  EXPECT_EQ(copy.max_iterations, 5);
  EXPECT_EQ(copy.context_tokens, 4000);
  EXPECT_EQ(copy.tools, bot.tools);
  EXPECT_EQ(copy.restart.backoff, backoff_kind::exponential);
  EXPECT_EQ(copy.restart.delay, 250ms);
  EXPECT_EQ(copy.timeout, 30s);
  EXPECT_EQ(copy.on_busy, on_busy_rule::interrupt);
  EXPECT_EQ(to_document(copy), to_document(bot));
}

TEST(BotDocument, OfAnOlderVersionNamesBuiltInTools) {
  const auto bot = read<bot_record>(
    R"({"model":"builtin","system_prompt":"","temperature":null,"max_tokens":null,"max_iterations":10,)"
    R"("tools":["now","calculate"],"restart":{"max_attempts":3,"backoff":"linear","delay_ms":1000,)"
    R"("max_delay_ms":60000,"jitter":0.1},"timeout_s":600,"on_busy":"enqueue"})");
  tool_record now;
  now.name = "now";
  tool_record calculate;
  calculate.name = "calculate";
  EXPECT_THAT(bot.tools, ElementsAre(now, calculate));
  EXPECT_THAT(bot.fallback_models, IsEmpty());
  EXPECT_EQ(bot.context_tokens, 128'000);
  EXPECT_FALSE(bot.temperature.has_value());
}

TEST(BotDocument, HasDefaultsForWhatIsMissing) {
  EXPECT_EQ(to_document(read<bot_record>("{}")), to_document(bot_record{}));
  EXPECT_THAT(read<bot_record>(R"({"tools":[{"type":"mcp","name":"files","url":"https://a"}]})").tools,
              ElementsAre(testing::AllOf(testing::Field(&tool_record::type, tool_kind::mcp),
                                         testing::Field(&tool_record::repeat, repeat_rule::with_key),
                                         testing::Field(&tool_record::timeout, 30s),
                                         testing::Field(&tool_record::allow, IsEmpty()),
                                         testing::Field(&tool_record::session, session_scope::task))));
}

TEST(BotDocument, KeepsWhatAnMcpServerIsUsedFor) {
  bot_record bot;
  auto& server = bot.tools.emplace_back();
  server.type = tool_kind::mcp;
  server.name = "files";
  server.url = "https://a.example/mcp";
  server.allow = {"read_*", "a \"quoted\" name"};
  server.deny = {"write"};
  server.session = session_scope::shared;
  EXPECT_THAT(read<bot_record>(to_document(bot)).tools, ElementsAre(server));
}

TEST(ModelDocument, KeepsEveryMember) {
  model_record model;
  model.kind = model_kind::anthropic;
  model.base_url = "https://a.example/v1";
  model.model = "c";
  model.api_key_env = "KEY";
  model.api_key_file = "/key";
  model.headers = {{"X-B", "\"b\""}, {"X-A", "a"}};
  model.timeouts = {1s, 2s, 3s, 4s};
  model.limits = {5, 6, 1'000'000'000'000};
  model.price = {0.1, 1e6};
  model.parameters = R"({"top_p":0.9})";
  const auto copy = read<model_record>(to_document(model));
  EXPECT_EQ(copy.kind, model_kind::anthropic);
  EXPECT_EQ(copy.base_url, model.base_url);
  EXPECT_EQ(copy.model, "c");
  EXPECT_EQ(copy.api_key_env, "KEY");
  EXPECT_EQ(copy.api_key_file, "/key");
  EXPECT_EQ(copy.headers, model.headers);
  EXPECT_EQ(copy.timeouts, model.timeouts);
  EXPECT_EQ(copy.limits, model.limits);
  EXPECT_EQ(copy.price, model.price);
  EXPECT_EQ(copy.parameters, model.parameters);
}

TEST(ModelDocument, OfAnOlderVersionIsABuiltInModel) {
  const auto model = read<model_record>(R"({"kind":"builtin","model":"echo"})");
  EXPECT_EQ(model.kind, model_kind::builtin);
  EXPECT_EQ(model.model, "echo");
  EXPECT_EQ(model.timeouts, model_timeouts{});
  EXPECT_EQ(model.limits, model_limits{});
  EXPECT_EQ(model.price, model_price{});
  EXPECT_THAT(model.headers, IsEmpty());
  EXPECT_EQ(model.parameters, "");
}

TEST(CompletedData, TellsOfCostAndEstimateIfThereIsAny) {
  EXPECT_EQ(completed_data("n", "o", {1, 2}),
            R"({"name":"n","status":"COMPLETED","output":"o","usage":{"input_tokens":1,"output_tokens":2}})");
  EXPECT_EQ(completed_data("n", "o", {1, 2, 1'500'000, true}),
            R"({"name":"n","status":"COMPLETED","output":"o",)"
            R"("usage":{"input_tokens":1,"output_tokens":2,"cost":0.0015,"estimated":true}})");
}

} // namespace
} // namespace troupe
