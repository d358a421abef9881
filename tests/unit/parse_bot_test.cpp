#include "gateway/parse_bot.hpp"
#include "gateway/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace troupe {
namespace {

using json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

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

/// The pointer of the one error of a bot's body.
std::string wrong(std::string_view body, problem_code code = problem_code::invalid_body) {
  auto result = parse(body);
  const auto* refused = std::get_if<problem>(&result);
  if (refused == nullptr)
    return "nothing";
  EXPECT_EQ(refused->code, code) << body << ": " << refused->detail;
  EXPECT_EQ(refused->errors.size(), 1U) << body << ": " << refused->detail;
  return refused->errors.front().pointer;
}

TEST(ParseBot, NeedsOnlyAModel) {
  const auto bot = bot_of(R"({"model":"builtin"})");
  EXPECT_EQ(bot.name, "ada");
  EXPECT_EQ(bot.ns, "prod");
  EXPECT_EQ(bot.model, "builtin");
  EXPECT_EQ(bot.max_iterations, 10);
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
    "max_tokens":100,"max_iterations":5,"tools":[{"type":"builtin","name":"now"}],
    "restart":{"max_attempts":7,"backoff":"exponential","delay_ms":250,"max_delay_ms":5000,"jitter":0},
    "timeout_s":30,"on_busy":"interrupt"})");
  EXPECT_EQ(bot.system_prompt, "Be\nbrief.");
  EXPECT_EQ(bot.temperature, 0.5);
  EXPECT_EQ(bot.max_tokens, 100);
  EXPECT_EQ(bot.max_iterations, 5);
  EXPECT_THAT(bot.tools, ElementsAre("now"));
  EXPECT_EQ(bot.restart.max_attempts, 7);
  EXPECT_EQ(bot.restart.backoff, backoff_kind::exponential);
  EXPECT_EQ(bot.restart.delay, std::chrono::milliseconds{250});
  EXPECT_EQ(bot.restart.max_delay, std::chrono::milliseconds{5000});
  EXPECT_EQ(bot.restart.jitter, 0);
  EXPECT_EQ(bot.timeout, std::chrono::seconds{30});
  EXPECT_EQ(bot.on_busy, on_busy_rule::interrupt);
}

TEST(ParseBot, TakesBackWhatWasRendered) {
  auto bot = bot_of(R"({"model":"m","tools":[{"type":"builtin","name":"calculate"}],"restart":{"jitter":0.25}})");
  const auto text = render(bot);
  EXPECT_EQ(render(bot_of(text)), text);
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

TEST(ParseBot, HasBuiltInToolsOnly) {
  const auto refused
    = std::get<problem>(parse(R"({"model":"m","tools":[{"type":"http","name":"x","url":"http://a","method":"GET"}]})"));
  ASSERT_EQ(refused.errors.size(), 1U);
  EXPECT_EQ(refused.errors[0].pointer, "/tools/0/type");
  EXPECT_THAT(refused.errors[0].detail, HasSubstr("\"builtin\" only"));
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
  EXPECT_EQ(wrong(R"({"model":"m","fallback_models":["n"]})", problem_code::unknown_field), "/fallback_models");
  EXPECT_EQ(wrong(R"({"model":"a model"})"), "/model");
}

TEST(ParseModel, TakesTheBuiltInKind) {
  auto result = parse_model(R"({"kind":"builtin","model":"echo"})", "prod", "m", at);
  ASSERT_TRUE(std::holds_alternative<put_model>(result));
  const auto& model = std::get<put_model>(result).model;
  EXPECT_EQ(model.name, "m");
  EXPECT_EQ(model.ns, "prod");
  EXPECT_EQ(model.kind, "builtin");
  EXPECT_EQ(model.model, "echo");
  EXPECT_TRUE(std::holds_alternative<put_model>(parse_model(render(model), "prod", "m", at)));
}

TEST(ParseModel, SaysThatOtherKindsDoNotExistHere) {
  for (const auto* kind : {"openai", "anthropic", "Builtin", ""}) {
    auto result = parse_model(json{{"kind", kind}, {"base_url", "https://x"}}.dump(), "prod", "m", at);
    ASSERT_TRUE(std::holds_alternative<problem>(result)) << kind;
    const auto& refused = std::get<problem>(result);
    EXPECT_EQ(refused.code, problem_code::invalid_body);
    EXPECT_EQ(refused.errors.at(0).pointer, "/kind");
    EXPECT_THAT(refused.errors[0].detail, HasSubstr("\"builtin\" only"));
  }
  EXPECT_TRUE(std::holds_alternative<problem>(parse_model("{}", "prod", "m", at)));
}

} // namespace
} // namespace troupe
