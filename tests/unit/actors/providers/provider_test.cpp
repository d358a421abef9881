#include "actors/providers/anthropic.hpp"
#include "actors/providers/openai.hpp"
#include "actors/remote/foreign_text.hpp"

#include <gtest/gtest.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using foreign::clean_text;
using foreign::excerpt;
using providers::join_url;

using wait = std::optional<std::chrono::milliseconds>;

const timestamp at = *parse_rfc3339("2026-03-04T05:06:07.000500Z");

wait wait_for(header_list headers) {
  return providers::wait_asked_for(outbound_head{429, std::move(headers)}, at);
}

} // namespace

TEST(Provider, OfAKindSpeaksItsProtocol) {
  EXPECT_TRUE(dynamic_cast<const openai_provider*>(&provider_of(model_kind::openai)));
  EXPECT_TRUE(dynamic_cast<const anthropic_provider*>(&provider_of(model_kind::anthropic)));
  EXPECT_EQ(&provider_of(model_kind::openai), &provider_of(model_kind::openai));
}

// -- text -----------------------------------------------------------------------

TEST(ProviderText, JoinsAUrlWithOneSlash) {
  for (const auto* base : {"https://h/v1", "https://h/v1/", "https://h/v1//"})
    for (const auto* path : {"chat", "/chat", "//chat"})
      EXPECT_EQ(join_url(base, path), "https://h/v1/chat");
}

TEST(ProviderText, IsKeptIfItIsGood) {
  const auto good = "a\tb\nc\r\n\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\xc2\xa0"s;
  EXPECT_EQ(clean_text(good), good);
  EXPECT_EQ(clean_text(""), "");
}

TEST(ProviderText, LosesControlCharacters) {
  EXPECT_EQ(clean_text("a\0b\x01\x1b[0m\x7f\xc2\x80\xc2\x9f."s), "ab[0m.");
}

TEST(ProviderText, HasInvalidBytesReplaced) {
  const auto replaced = "\xef\xbf\xbd"s;
  EXPECT_EQ(clean_text("\xff"), replaced);
  EXPECT_EQ(clean_text("a\xc3"), "a" + replaced);
  EXPECT_EQ(clean_text("\xc3(").substr(3), "(");
  EXPECT_EQ(clean_text("\xc0\x80"), replaced + replaced);
  EXPECT_EQ(clean_text("\xed\xa0\xbd"), replaced + replaced + replaced);
  EXPECT_EQ(clean_text("\xf4\x90\x80\x80"), replaced + replaced + replaced + replaced);
  EXPECT_EQ(clean_text("\xf0\x9f\x98"), replaced + replaced + replaced);
}

TEST(ProviderText, IsOneLineInAnExcerpt) {
  EXPECT_EQ(excerpt(" a\r\n  b\tc\x01 \n"), "a b c");
  EXPECT_EQ(excerpt(" \n "), "");
}

TEST(ProviderText, IsCutAtACharactersEnd) {
  EXPECT_EQ(excerpt("abcdef", 6), "abcdef");
  EXPECT_EQ(excerpt("abcdefg", 6), "abc\xe2\x80\xa6");
  EXPECT_EQ(excerpt("ab\xe2\x82\xac\xe2\x82\xac", 7), "ab\xe2\x80\xa6");
  EXPECT_EQ(excerpt("abc", 2), "ab");
  EXPECT_EQ(excerpt("abc", 0), "");
  EXPECT_LE(excerpt(std::string(1000, 'x')).size(), 300U);
}

TEST(ProviderText, IsFourBytesAToken) {
  EXPECT_EQ(providers::estimate_tokens(""), 0);
  EXPECT_EQ(providers::estimate_tokens("a"), 1);
  EXPECT_EQ(providers::estimate_tokens("abcd"), 1);
  EXPECT_EQ(providers::estimate_tokens("abcde"), 2);
}

// -- errors ---------------------------------------------------------------------

TEST(ProviderStatus, HasAClass) {
  for (const unsigned status : {429U, 529U})
    EXPECT_EQ(foreign::class_of_status(status), error_class::throttled) << status;
  for (const unsigned status : {408U, 409U, 425U, 500U, 502U, 503U, 504U, 599U})
    EXPECT_EQ(foreign::class_of_status(status), error_class::transient) << status;
  for (const unsigned status : {301U, 400U, 401U, 402U, 403U, 404U, 413U, 422U})
    EXPECT_EQ(foreign::class_of_status(status), error_class::permanent) << status;
}

TEST(ProviderWait, IsNoneIfNotAskedFor) {
  EXPECT_EQ(wait_for({}), std::nullopt);
  EXPECT_EQ(wait_for({{"x-ratelimit-reset-requests", "1s"}}), std::nullopt);
}

TEST(ProviderWait, IsReadInSeconds) {
  EXPECT_EQ(wait_for({{"retry-after", "0"}}), 0ms);
  EXPECT_EQ(wait_for({{"retry-after", "7"}}), 7s);
  EXPECT_EQ(wait_for({{"retry-after", "1.25"}}), 1250ms);
  EXPECT_EQ(wait_for({{"retry-after", "0.0001"}}), 1ms);
}

TEST(ProviderWait, IsReadInMillisecondsFirst) {
  EXPECT_EQ(wait_for({{"retry-after", "7"}, {"retry-after-ms", "150"}}), 150ms);
  EXPECT_EQ(wait_for({{"retry-after", "7"}, {"retry-after-ms", "soon"}}), 7s);
}

TEST(ProviderWait, IsReadAsADate) {
  EXPECT_EQ(wait_for({{"retry-after", "Wed, 04 Mar 2026 05:06:09 GMT"}}), 2000ms);
  EXPECT_EQ(wait_for({{"retry-after", "Wed, 04 Mar 2026 05:06:00 GMT"}}), 0ms);
  EXPECT_EQ(wait_for({{"retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"}}), 0ms);
  EXPECT_EQ(wait_for({{"retry-after", "Thu, 31 Dec 2026 23:59:60 GMT"}}), 1h);
}

TEST(ProviderWait, IsNotReadFromNonsense) {
  for (const auto* nonsense :
       {"", "soon", "-5", "1e3", "nan", "inf", "5s", " 5", "0x10", "1..2", "Wed, 32 Mar 2026 05:06:09 GMT",
        "Wed, 04 Xxx 2026 05:06:09 GMT", "Abc, 04 Mar 2026 05:06:09 GMT", "Wed, 04 Mar 2026 05:06:09 CET",
        "Wed, 04 Mar 2026 25:06:09 GMT", "Wed, 04 Mar 26 05:06:09 GMT", "Wed, -4 Mar 2026 05:06:09 GMT"})
    EXPECT_EQ(wait_for({{"retry-after", nonsense}}), std::nullopt) << nonsense;
  EXPECT_EQ(wait_for({{"retry-after", std::string(400, '9')}}), std::nullopt);
}

TEST(ProviderWait, IsAtMostAnHour) {
  EXPECT_EQ(wait_for({{"retry-after", "86400"}}), 1h);
  EXPECT_EQ(wait_for({{"retry-after", std::string(300, '9')}}), 1h);
  EXPECT_EQ(wait_for({{"retry-after", "Fri, 31 Dec 9999 23:59:59 GMT"}}), 1h);
  EXPECT_EQ(wait_for({{"x-ratelimit-remaining-tokens", "0"}, {"x-ratelimit-reset-tokens", "30d"}}), 1h);
}

TEST(ProviderWait, IsTheLongestOfTheLimitsThatAreUsedUp) {
  EXPECT_EQ(wait_for({{"x-ratelimit-remaining-requests", "0"},
                      {"x-ratelimit-reset-requests", "20ms"},
                      {"x-ratelimit-remaining-tokens", "0"},
                      {"x-ratelimit-reset-tokens", "1m30.5s"}}),
            90'500ms);
  EXPECT_EQ(wait_for({{"x-ratelimit-remaining-requests", "0"},
                      {"x-ratelimit-reset-requests", "20ms"},
                      {"x-ratelimit-remaining-tokens", "12"},
                      {"x-ratelimit-reset-tokens", "6m0s"}}),
            20ms);
}

TEST(ProviderWait, IsReadFromDurations) {
  const auto reset = [](const char* text) {
    return wait_for({{"x-ratelimit-remaining-requests", "0"}, {"x-ratelimit-reset-requests", text}});
  };
  EXPECT_EQ(reset("0s"), 0ms);
  EXPECT_EQ(reset("8.64s"), 8640ms);
  EXPECT_EQ(reset("6m0s"), 6min);
  EXPECT_EQ(reset("0h1m2s3ms"), 62'003ms);
  EXPECT_EQ(reset("500us"), 1ms);
  for (const auto* nonsense : {"", "s", "5", "1m5", "1x", "m1", "-1s", "1 s", "1.s.s"})
    EXPECT_EQ(reset(nonsense), std::nullopt) << nonsense;
}

TEST(ProviderWait, IsReadFromAnthropicsResets) {
  EXPECT_EQ(wait_for({{"anthropic-ratelimit-requests-remaining", "0"},
                      {"anthropic-ratelimit-requests-reset", "2026-03-04T05:06:08Z"},
                      {"anthropic-ratelimit-input-tokens-remaining", "0"},
                      {"anthropic-ratelimit-input-tokens-reset", "2026-03-04T05:06:17Z"},
                      {"anthropic-ratelimit-output-tokens-remaining", "8"},
                      {"anthropic-ratelimit-output-tokens-reset", "2026-03-04T05:16:17Z"},
                      {"anthropic-ratelimit-reset", "2026-03-04T05:16:17Z"},
                      {"anthropic-ratelimit-tokens-remaining", "0"},
                      {"anthropic-ratelimit-tokens-reset", "tomorrow"}}),
            10s);
}

} // namespace troupe
