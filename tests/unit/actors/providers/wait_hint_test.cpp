#include "actors/providers/wait_hint.hpp"

#include <gtest/gtest.h>

namespace troupe {
namespace {

using namespace std::chrono_literals;

std::optional<std::chrono::milliseconds> asked(std::string_view body, header_list headers = {}) {
  return providers::wait_asked_for({429, std::move(headers)}, body, timestamp{std::chrono::seconds{1'700'000'000}});
}

// RooCodeInc/Roo-Code#2118, langchain-ai/langchain-google#946: no field says it, the body does, in a list of one.
TEST(WaitHint, ReadsRetryInfo) {
  const std::string info
    = R"({"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":"busy","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"3.2s"}]}})";
  EXPECT_EQ(asked(info), 3200ms);
  EXPECT_EQ(asked("[" + info + "]"), 3200ms);
  EXPECT_EQ(asked(R"({"error":{"details":[{"retryDelay":"0.847655010s"}]}})"), 848ms);
  EXPECT_EQ(asked(R"({"error":{"details":[{"retryDelay":{}},{"retryDelay":"x"}]}})"), std::nullopt);
}

// Aider-AI/aider#3265 (Groq), crmne/ruby_llm#850: "6m0s" are six minutes.
TEST(WaitHint, ReadsWords) {
  EXPECT_EQ(asked(R"({"error":{"message":"Rate limit reached. Please try again in 5.289s. Visit us."}})"), 5289ms);
  EXPECT_EQ(asked(R"({"error":{"message":"Please try again in 6m0s."}})"), 6min);
  EXPECT_EQ(asked(R"({"error":{"message":"Please try again in 1h2m3.4s."}})"), 1h);
  EXPECT_EQ(asked(R"({"error":{"message":"Please try again in 120ms."}})"), 120ms);
  EXPECT_EQ(asked(R"({"error":{"message":"Please retry after 26 seconds."}})"), 26s);
  EXPECT_EQ(asked(R"({"error":{"message":"Please retry in 2 minutes and 3 seconds."}})"), 123s);
  EXPECT_EQ(asked("Too many requests, please wait 20 seconds"), 20s);
  EXPECT_EQ(asked(R"({"error":{"message":"Please wait before trying again."}})"), std::nullopt);
  EXPECT_EQ(asked(R"({"error":{"message":"try again in 5 moments, or in 7"}})"), std::nullopt);
}

// mariozechner/dirge#719 (OpenRouter: milliseconds since 1970), and members of others.
TEST(WaitHint, ReadsMembers) {
  EXPECT_EQ(asked(R"({"error":{"metadata":{"headers":{"X-RateLimit-Reset":"1700000007000"}}}})"), 7s);
  EXPECT_EQ(asked(R"({"error":{"metadata":{"headers":{"X-RateLimit-Reset":1700000009}}}})"), 9s);
  EXPECT_EQ(asked(R"({"error":{"metadata":{"headers":{"X-RateLimit-Reset":"1600000000000"}}}})"), 0s);
  EXPECT_EQ(asked(R"({"error":{"metadata":{"retry_after_seconds":4}}})"), 4s);
  EXPECT_EQ(asked(R"({"retry_after":1.5})"), 1500ms);
  EXPECT_EQ(asked(R"({"error":{"retry_after_ms":"250"}})"), 250ms);
  EXPECT_EQ(asked(R"({"retry_after":-1})"), std::nullopt);
}

TEST(WaitHint, BelievesFieldsBeforeBodies) {
  EXPECT_EQ(asked(R"({"retry_after":9})", {{"retry-after", "2"}}), 2s);
}

TEST(WaitHint, WaitsForNobodyLongerThanAnHour) {
  EXPECT_EQ(asked(R"({"retry_after":1e300})"), 1h);
  EXPECT_EQ(asked(R"({"error":{"details":[{"retryDelay":"999999999s"}]}})"), 1h);
}

TEST(WaitHint, SurvivesAnything) {
  for (const std::string_view odd :
       {"", "[", "[]", "{}", "[[]]", R"({"error":[]})", R"({"error":[7]})", R"("x")", "\xff"})
    EXPECT_EQ(asked(odd), std::nullopt) << odd;
}

} // namespace
} // namespace troupe
