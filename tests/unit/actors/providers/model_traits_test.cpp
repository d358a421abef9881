#include "actors/providers/model_traits.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace troupe {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view sent
  = R"({"model":"m","stream":true,"stream_options":{"include_usage":true},"temperature":0.2,"max_tokens":500,"messages":[],"tools":[{"type":"function","function":{"name":"good","parameters":{}}},{"type":"function","function":{"name":"odd","parameters":{"anyOf":[]}}}]})";

std::vector<std::string> learnt(std::string_view said, unsigned status = 400, const model_traits& known = {}) {
  const auto traits = learn(known, {status, said, sent});
  return traits ? traits->names() : std::vector<std::string>{};
}

model_traits with(model_trait one) {
  model_traits traits;
  traits.add(one);
  return traits;
}

// OpenAI's own words, those of Azure and Copilot, and a paraphrase (continuedev/continue#7052, teilomillet/gollm#33).
TEST(Learning, TakesTheOtherNameForTheLimit) {
  for (
    const auto* said :
    {R"({"error":{"message":"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.","type":"invalid_request_error","param":"max_tokens","code":"unsupported_parameter"}})",
     R"({"error":{"message":"max_tokens is not known, max_completion_tokens is"}})",
     R"({"detail":[{"type":"extra_forbidden","loc":["body","max_tokens"],"msg":"Extra inputs are not permitted"}]})"})
    EXPECT_THAT(learnt(said), ElementsAre("max_completion_tokens")) << said;
  EXPECT_THAT(learnt("max_tokens is too large: 500. This model supports at most 100 completion tokens."), IsEmpty());
}

TEST(Learning, LeavesTheLimitOutIfNeitherNameIsKnown) {
  const auto traits = learn(with(model_trait::completion_tokens),
                            {422, R"({"detail":[{"type":"extra_forbidden","loc":["body","max_completion_tokens"]}]})",
                             R"({"max_completion_tokens":5})"});
  ASSERT_TRUE(traits);
  EXPECT_TRUE(traits->has(model_trait::no_max_tokens));
}

// QuantumNous/new-api#418, vercel/ai#1578 (Groq), CLOUD-CNKD/anon-kode#53 (Mistral).
TEST(Learning, DoesWithoutStreamOptions) {
  for (
    const auto* said :
    {R"({"error":{"message":"Unknown parameter: 'stream_options'.","param":"stream_options","code":"unknown_parameter"}})",
     R"({"error":{"message":"property 'stream_options' is unsupported, did you mean 'stream'?"}})",
     R"({"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","stream_options","include_usage"],"msg":"Extra inputs are not permitted"}]}})"})
    EXPECT_THAT(learnt(said, 422), ElementsAre("no_stream_options")) << said;
}

TEST(Learning, DoesWithoutTemperatureUnlessItsValueIsTheFault) {
  EXPECT_THAT(
    learnt("Unsupported value: 'temperature' does not support 0.16 with this model. Only the default (1) value "
           "is supported."),
    ElementsAre("no_temperature"));
  EXPECT_THAT(learnt("`temperature` is deprecated for this model."), ElementsAre("no_temperature"));
  EXPECT_THAT(learnt("temperature: Input should be less than or equal to 1"), IsEmpty());
}

// AIDotNet/GitNexus#43 (DeepSeek V3.2), earendil-works/pi#3636 (V4), bytedance/deer-flow#3043 (Kimi).
TEST(Learning, SaysWhatWasThoughtWhereThatIsWanted) {
  for (const auto* said :
       {"Missing `reasoning_content` field in the assistant message at message index 2.",
        "The `reasoning_content` in the thinking mode must be passed back to the API.",
        "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"})
    EXPECT_THAT(learnt(said), ElementsAre("reasoning_content")) << said;
}

// charmbracelet/crush#1590 (Mistral), janhq/jan#8136 (Groq).
TEST(Learning, SaysNothingBeyondTheProtocolWhereThatIsRefused) {
  for (
    const auto* said :
    {R"({"message":{"detail":[{"type":"extra_forbidden","loc":["body","messages",1,"assistant","reasoning_content"],"msg":"Extra inputs are not permitted"}]}})",
     "property 'messages.2.assistant.reasoning_content' is unsupported", "Unknown name \"extra_content\""})
    EXPECT_THAT(learnt(said, 422, with(model_trait::wants_reasoning)), ElementsAre("plain_messages")) << said;
}

// langroid/langroid#969, the words of AI Studio and of Vertex.
TEST(Learning, SignsCallsWhereThatIsWanted) {
  for (const auto* said : {"Function call is missing a thought_signature in functionCall parts.",
                           "Unable to submit request because function call `x` in the 3. content block is missing a "
                           "`thought_signature`."})
    EXPECT_THAT(learnt(said), ElementsAre("thought_signature")) << said;
}

// anomalyco/opencode#3077, Yeachan-Heo/gajae-code#4247, pydantic/pydantic-ai#7984.
TEST(Learning, DoesWithoutThoughtsThatCannotBeSentBack) {
  for (const auto* said :
       {"messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`.",
        "`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified.",
        "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different "
        "conversation."})
    EXPECT_THAT(learnt(said), ElementsAre("no_thinking")) << said;
}

TEST(Learning, TellsTheSystemPromptAsTheUser) {
  EXPECT_THAT(learnt("System role not supported"), ElementsAre("no_system_role"));
  EXPECT_THAT(learnt("Developer instruction is not enabled for models/gemma-3-27b-it"), ElementsAre("no_system_role"));
}

// nspady/google-calendar-mcp#39 (OpenAI), anthropics/claude-code#40075 (Claude).
TEST(Learning, LeavesOutTheToolThatIsRefused) {
  for (
    const auto* said :
    {R"({"error":{"message":"Invalid schema for function 'odd'","param":"tools[1].function.parameters","code":"invalid_function_parameters"}})",
     "tools.1.custom.input_schema: JSON schema is invalid",
     // kaitranntt/ccs#25, google-gemini/gemini-cli#2966: Gemini has all of them in its one tool.
     "* GenerateContentRequest.tools[0].function_declarations[1].name: Invalid function name."})
    EXPECT_THAT(learnt(said), ElementsAre("without_tool:odd")) << said;
  EXPECT_THAT(learnt("tools[7].function.name: too long"), IsEmpty());
  EXPECT_THAT(learnt("tools[x] tools. tools"), IsEmpty());
  const auto traits = learn({}, {400, "tools[1].function", sent});
  ASSERT_TRUE(traits);
  EXPECT_TRUE(traits->refuses("odd", R"({ "anyOf": [] })"));
  EXPECT_FALSE(traits->refuses("odd", "{}"));
  EXPECT_FALSE(traits->refuses("good", "{}"));
}

TEST(Learning, TeachesTheSameThingOnce) {
  EXPECT_THAT(learnt("stream_options: no", 400, with(model_trait::no_stream_options)), IsEmpty());
  EXPECT_THAT(learnt("reasoning_content must be passed back", 400, with(model_trait::wants_reasoning)), IsEmpty());
}

TEST(Learning, TakesNothingFromOtherErrors) {
  for (const unsigned status : {401U, 403U, 408U, 413U, 429U, 503U})
    EXPECT_THAT(learnt("max_completion_tokens", status), IsEmpty()) << status;
  for (const auto* said : {"", "{", "Invalid API key", "The model is overloaded", "max_tokens"})
    EXPECT_THAT(learnt(said), IsEmpty()) << said;
}

TEST(GuessedTraits, ComeFromNames) {
  model_record model;
  model.kind = model_kind::openai;
  const auto guess = [&](std::string name, std::string url) {
    model.model = std::move(name);
    model.base_url = std::move(url);
    return guessed_traits(model).names();
  };
  EXPECT_THAT(guess("deepseek-v4", "https://gateway.example/v1"), ElementsAre("reasoning_content"));
  EXPECT_THAT(guess("x", "https://api.moonshot.ai/v1"), ElementsAre("reasoning_content"));
  EXPECT_THAT(guess("google/gemini-3-pro", "https://openrouter.ai/api/v1"), ElementsAre("thought_signature"));
  EXPECT_THAT(guess("mistral-large-latest", "https://api.mistral.ai/v1"), ElementsAre("plain_messages"));
  EXPECT_THAT(guess("gpt-5", "https://api.openai.com/v1"), IsEmpty());
}

TEST(ModelIdentity, IsProtocolEndpointAndModel) {
  model_record model;
  model.kind = model_kind::openai;
  model.model = "m";
  model.base_url = "https://a/v1/";
  const auto identity = model_identity(model);
  model.base_url = "https://a/v1";
  EXPECT_EQ(model_identity(model), identity);
  model.model = "n";
  EXPECT_NE(model_identity(model), identity);
}

} // namespace
} // namespace troupe
