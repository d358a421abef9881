#include "gateway/requests/origin_policy.hpp"
#include "gateway/requests/own_addresses.hpp"

#include <boost/beast/http/verb.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Servers on loopback that every page could use: quick-lint/quick-lint-js#951, mgedmin/restview#51 and
/// stellar/stellar-core#1517 (names that were made to resolve to it), cockpit-project/cockpit#496 and
/// hypothesi/mcp-server-tauri#36 (WebSockets), playframework/play-java-websocket-example#57 (an origin that only
/// begins like an allowed one).
namespace troupe {
namespace {

using testing::HasSubstr;
namespace http = boost::beast::http;

using fields = std::vector<std::pair<std::string, std::string>>;

http_request request_of(std::string_view method, std::string_view host, const fields& headers = {}) {
  http_request request;
  request.method = http::string_to_verb({method.data(), method.size()});
  request.method_name = method;
  request.path = "/api/v1/tasks";
  request.authority = host;
  for (const auto& [name, value] : headers)
    request.headers.insert(name, value);
  return request;
}

origin_rules rules_of(std::vector<std::string> origins, std::vector<std::string> hosts = {}) {
  return {
    .allowed_hosts = std::move(hosts),
    .cors_origins = std::move(origins),
    .is_own_address =
      [own = std::make_shared<own_addresses>()](const auto& address) {
        return own->contains(address) || address.to_string() == "192.0.2.7" || address.to_string() == "2001:db8::7";
      },
    .methods_of = [](std::string_view path) { return path == "/api/v1/tasks" ? "GET, HEAD, POST, OPTIONS" : ""; }};
}

constexpr auto own_host = "localhost:8080";

/// The status of the refusal, 0 for none.
unsigned refusal(const origin_policy& policy, const http_request& request) {
  const auto judged = policy.judge(request);
  return judged.refusal ? status_of(judged.refusal->code) : 0;
}

std::string field(const origin_judgement& judged, std::string_view name) {
  std::string all;
  for (const auto& [key, value] : judged.fields)
    if (key == name)
      all += (all.empty() ? "" : ", ") + value;
  return all;
}

// -- hosts ----------------------------------------------------------------------------

TEST(Hosts, ThatAreThisServersAreServed) {
  const origin_policy policy{rules_of({})};
  for (const auto* host : {"127.0.0.1", "127.0.0.1:8080", "127.8.9.10", "[::1]", "[::1]:8080", "[0:0:0:0:0:0:0:1]:1",
                           "[::ffff:127.0.0.1]:8080", "192.0.2.7:80", "[2001:db8::7]", "localhost", "LOCALHOST:9",
                           "localhost.", "localhost.:8080", "app.localhost:8080", "a.b.localhost.", "localhost:"})
    EXPECT_EQ(refusal(policy, request_of("GET", host)), 0U) << host;
}

TEST(Hosts, OfSomebodyElseAreRefusedWhateverIsAsked) {
  const origin_policy policy{rules_of({"*"})};
  for (const std::string host : {"evil.example",
                                 "evil.example:8080",
                                 "127.0.0.1.evil.example",
                                 "localhost.evil.example",
                                 "evillocalhost",
                                 "notlocalhost:8080",
                                 "localhost..",
                                 "198.51.100.1",
                                 "[2001:db8::8]:8080",
                                 "[fe80::1%25eth0]",
                                 "0.0.0.0:8080",
                                 "[::]:8080",
                                 "[::ffff:0.0.0.0]",
                                 "127.1",
                                 "2130706433",
                                 "0x7f000001",
                                 "0177.0.0.1",
                                 "127.0.0.1.",
                                 "l%6fcalhost",
                                 "user@localhost",
                                 "[v1.localhost]",
                                 "xn--localhost-8za",
                                 ":8080",
                                 "a,localhost"})
    for (const auto* method : {"GET", "HEAD", "OPTIONS", "POST", "DELETE", "BREW"}) {
      const auto judged = policy.judge(request_of(method, host));
      ASSERT_TRUE(judged.refusal) << method << ' ' << host;
      EXPECT_EQ(judged.refusal->code, problem_code::misdirected_request);
      EXPECT_THAT(judged.refusal->detail, HasSubstr("http_allowed_hosts"));
      EXPECT_EQ(field(judged, "Access-Control-Allow-Origin"), "");
    }
}

TEST(Hosts, ThatAreAllowedByNameAreServed) {
  const origin_policy policy{rules_of({}, {"troupe.example", "203.0.113.9", "2001:db8::9"})};
  for (const auto* host : {"troupe.example", "Troupe.Example:443", "troupe.example.", "203.0.113.9:1", "[2001:db8::9]"})
    EXPECT_EQ(refusal(policy, request_of("GET", host)), 0U) << host;
  for (const auto* host : {"x.troupe.example", "troupe.example.org", "203.0.113.8", "[2001:db8::8]"})
    EXPECT_EQ(refusal(policy, request_of("GET", host)), 421U) << host;
}

TEST(Hosts, AreNotAskedForWhereNoBrowserIs) {
  // HTTP/1.0 without a Host.
  const origin_policy policy{rules_of({})};
  EXPECT_EQ(refusal(policy, request_of("POST", "")), 0U);
  EXPECT_EQ(refusal(policy, request_of("POST", "", {{"Origin", "http://localhost:8080"}})), 403U);
}

TEST(OwnAddresses, AreThoseOfLoopbackAndOfInterfaces) {
  own_addresses own;
  for (const auto* address : {"127.0.0.1", "127.255.0.1", "::1", "::ffff:127.0.0.2"})
    EXPECT_TRUE(own.contains(boost::asio::ip::make_address(address))) << address;
  for (const auto* address : {"0.0.0.0", "::", "192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "255.255.255.255"})
    EXPECT_FALSE(own.contains(boost::asio::ip::make_address(address))) << address;
}

// -- what pages may change ----------------------------------------------------------------

TEST(Pages, OfTheServersOwnOriginMayDoEverything) {
  const origin_policy policy{rules_of({}, {"troupe.example"})};
  const std::vector<std::pair<std::string, std::string>> own{
    {"localhost:8080", "http://localhost:8080"},
    {"localhost:8080", "HTTP://LOCALHOST:8080"},
    {"127.0.0.1:8080", "http://127.0.0.1:8080"},
    {"[::1]:8080", "http://[::1]:8080"},
    {"[0:0::1]:8080", "http://[::1]:8080"},
    {"localhost", "http://localhost"},
    {"localhost:80", "http://localhost"},
    {"localhost", "http://localhost:80"},
    {"localhost.:8080", "http://localhost.:8080"},
    {"troupe.example", "https://troupe.example"},
    {"troupe.example:443", "https://troupe.example"},
    {"troupe.example:8443", "https://troupe.example:8443"},
  };
  for (const auto& [host, origin] : own)
    for (const auto* method : {"GET", "POST", "PUT", "DELETE", "PATCH"}) {
      const auto judged
        = policy.judge(request_of(method, host, {{"Origin", origin}, {"Sec-Fetch-Site", "same-origin"}}));
      EXPECT_FALSE(judged.refusal) << method << ' ' << host << ' ' << origin;
      EXPECT_TRUE(judged.fields.empty()) << host;
    }
}

const std::vector<std::string> foreign_origins{"https://evil.example",
                                               "http://localhost",
                                               "http://localhost:3000",
                                               "http://127.0.0.1:8080",
                                               "http://[::1]:8080",
                                               "http://localhost.:8080",
                                               "ws://localhost:8080",
                                               "ftp://localhost:8080",
                                               "null",
                                               "",
                                               "*",
                                               "localhost:8080",
                                               "http://localhost:8080/",
                                               "http://user@localhost:8080",
                                               "http://localhost:8080 https://evil.example",
                                               "http://localhost:8080, http://localhost:8080",
                                               "http://localhost:8080.evil.example",
                                               "http://localhost:08080x",
                                               "http://evil.example#http://localhost:8080"};

TEST(Pages, OfOtherOriginsChangeNothing) {
  const origin_policy policy{rules_of({})};
  for (const auto& origin : foreign_origins)
    for (const auto* method : {"POST", "PUT", "PATCH", "DELETE", "CONNECT", "TRACE", "BREW", "get"}) {
      const auto judged = policy.judge(request_of(method, own_host, {{"Origin", origin}}));
      ASSERT_TRUE(judged.refusal) << method << ' ' << origin;
      EXPECT_EQ(judged.refusal->code, problem_code::origin_refused);
      EXPECT_THAT(judged.refusal->detail, HasSubstr("cors_origins"));
      EXPECT_EQ(field(judged, "Vary"), "Origin");
      EXPECT_EQ(field(judged, "Access-Control-Allow-Origin"), "");
    }
}

TEST(Pages, OfOtherOriginsOpenNoWebSocket) {
  const origin_policy policy{rules_of({"https://app.example"})};
  for (const auto& origin : foreign_origins) {
    auto upgrade = request_of("GET", own_host, {{"Origin", origin}, {"Upgrade", "websocket"}});
    EXPECT_EQ(refusal(policy, upgrade), 403U) << origin;
    upgrade.is_websocket_upgrade = true;
    EXPECT_EQ(refusal(policy, upgrade), 403U) << origin;
  }
  for (const auto* origin : {"http://localhost:8080", "https://app.example"})
    EXPECT_EQ(refusal(policy, request_of("GET", own_host, {{"Origin", origin}, {"Upgrade", "websocket"}})), 0U);
  EXPECT_EQ(refusal(policy, request_of("GET", own_host, {{"Upgrade", "websocket"}})), 0U) << "no browser";
}

TEST(Pages, WithSeveralOriginsHaveNone) {
  const origin_policy policy{rules_of({"https://app.example"})};
  for (const auto* second : {"http://localhost:8080", "https://app.example", "https://evil.example"})
    EXPECT_EQ(refusal(policy, request_of("POST", own_host, {{"Origin", "http://localhost:8080"}, {"Origin", second}})),
              403U);
}

TEST(Pages, ThatTheBrowserTellsOfWithoutAnOriginChangeNothing) {
  const origin_policy policy{rules_of({})};
  for (const auto* site : {"cross-site", "same-site", "something-new", ""}) {
    EXPECT_EQ(refusal(policy, request_of("POST", own_host, {{"Sec-Fetch-Site", site}})), 403U) << site;
    EXPECT_EQ(refusal(policy, request_of("GET", own_host, {{"Sec-Fetch-Site", site}})), 0U) << site;
  }
  EXPECT_EQ(
    refusal(policy, request_of("POST", own_host, {{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "cross-site"}})),
    403U);
  for (const auto* site : {"same-origin", "none"})
    EXPECT_EQ(refusal(policy, request_of("POST", own_host, {{"Sec-Fetch-Site", site}})), 0U) << site;
}

TEST(Pages, AreNotSuspectedWhereNobodyNamesOne) {
  const origin_policy policy{rules_of({})};
  for (const auto* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const auto judged = policy.judge(request_of(method, own_host));
    EXPECT_FALSE(judged.refusal) << method;
    EXPECT_TRUE(judged.fields.empty()) << method;
  }
}

// -- what pages may read --------------------------------------------------------------------

TEST(Pages, OfOtherOriginsAreNotShownWhatTheyAskFor) {
  for (const auto& listed : {std::vector<std::string>{}, {"https://app.example"}}) {
    const origin_policy policy{rules_of(listed)};
    for (const auto& origin : foreign_origins)
      for (const auto* method : {"GET", "HEAD", "OPTIONS"}) {
        const auto judged = policy.judge(request_of(method, own_host, {{"Origin", origin}}));
        EXPECT_FALSE(judged.refusal) << method << ' ' << origin;
        EXPECT_EQ(field(judged, "Access-Control-Allow-Origin"), "") << origin;
        EXPECT_EQ(field(judged, "Access-Control-Allow-Credentials"), "");
        EXPECT_EQ(field(judged, "Cross-Origin-Resource-Policy"), "same-origin");
        EXPECT_EQ(field(judged, "X-Content-Type-Options"), "nosniff");
      }
  }
}

TEST(Pages, OfAllowedOriginsReadAndChange) {
  const origin_policy policy{rules_of({"https://app.example", "http://localhost:3000", "tauri://localhost"})};
  for (const auto* origin : {"https://app.example", "http://localhost:3000", "tauri://localhost"})
    for (const auto* method : {"GET", "POST", "DELETE"}) {
      const auto judged
        = policy.judge(request_of(method, own_host, {{"Origin", origin}, {"Sec-Fetch-Site", "cross-site"}}));
      EXPECT_FALSE(judged.refusal) << method << ' ' << origin;
      EXPECT_EQ(field(judged, "Access-Control-Allow-Origin"), origin);
      EXPECT_EQ(field(judged, "Access-Control-Allow-Credentials"), "true");
      EXPECT_EQ(field(judged, "Vary"), "Origin");
      for (const auto* exposed : {"Location", "Retry-After", "ETag", "X-Request-Id", "Preference-Applied", "RateLimit"})
        EXPECT_THAT(field(judged, "Access-Control-Expose-Headers"), HasSubstr(exposed));
    }
  for (const auto* origin :
       {"http://app.example", "https://app.example:8443", "https://x.app.example", "https://app.example."})
    EXPECT_EQ(refusal(policy, request_of("POST", own_host, {{"Origin", origin}})), 403U) << origin;
}

TEST(Pages, OfEveryOriginAreNeverGivenCredentials) {
  const origin_policy policy{rules_of({"*"})};
  for (const auto* origin : {"https://app.example", "http://localhost:3000", "null"}) {
    const auto judged = policy.judge(request_of("POST", own_host, {{"Origin", origin}}));
    EXPECT_FALSE(judged.refusal) << origin;
    EXPECT_EQ(field(judged, "Access-Control-Allow-Origin"), "*");
    EXPECT_EQ(field(judged, "Access-Control-Allow-Credentials"), "");
  }
  for (const auto* origin : {"", "x", "https://a.example/", "http://a http://b"})
    EXPECT_EQ(refusal(policy, request_of("POST", own_host, {{"Origin", origin}})), 403U) << origin;
}

TEST(Pages, ThatMayBeAnsweredDifferentlyAreAnsweredWithVary) {
  // A cache in between must not give one page what was meant for another, nor for none.
  const origin_policy policy{rules_of({"https://app.example"})};
  EXPECT_EQ(field(policy.judge(request_of("GET", own_host)), "Vary"), "Origin");
  EXPECT_EQ(field(policy.judge(request_of("GET", own_host, {{"Origin", "https://evil.example"}})), "Vary"), "Origin");
  EXPECT_EQ(field(policy.judge(request_of("POST", own_host, {{"Origin", "https://evil.example"}})), "Vary"), "Origin");
}

// -- preflights -------------------------------------------------------------------------------

fields preflight(std::string origin, const fields& more = {}) {
  fields all{{"Origin", std::move(origin)}, {"Access-Control-Request-Method", "POST"}};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

TEST(Preflights, OfAllowedOriginsAreToldWhatThePathTakes) {
  const origin_policy policy{rules_of({"https://app.example"})};
  const auto judged = policy.judge(request_of(
    "OPTIONS", own_host, preflight("https://app.example", {{"Access-Control-Request-Headers", "authorization"}})));
  EXPECT_FALSE(judged.refusal);
  EXPECT_EQ(field(judged, "Access-Control-Allow-Origin"), "https://app.example");
  EXPECT_EQ(field(judged, "Access-Control-Allow-Methods"), "GET, HEAD, POST, OPTIONS");
  for (const auto* sent :
       {"Authorization", "Content-Type", "Idempotency-Key", "Prefer", "If-None-Match", "Last-Event-ID"})
    EXPECT_THAT(field(judged, "Access-Control-Allow-Headers"), HasSubstr(sent));
  EXPECT_EQ(field(judged, "Access-Control-Max-Age"), "600");
  EXPECT_EQ(field(judged, "Access-Control-Expose-Headers"), "");
  EXPECT_EQ(field(judged, "Access-Control-Allow-Private-Network"), "");
}

TEST(Preflights, OfOthersAreRefused) {
  for (const auto& listed : {std::vector<std::string>{}, {"https://app.example"}}) {
    const origin_policy policy{rules_of(listed)};
    for (const auto& origin : foreign_origins) {
      const auto judged = policy.judge(
        request_of("OPTIONS", own_host, preflight(origin, {{"Access-Control-Request-Private-Network", "true"}})));
      ASSERT_TRUE(judged.refusal) << origin;
      EXPECT_EQ(judged.refusal->code, problem_code::origin_refused);
      EXPECT_EQ(field(judged, "Vary"), "Origin");
      for (const auto& [name, value] : judged.fields)
        EXPECT_FALSE(name.starts_with("Access-Control")) << name;
    }
  }
}

TEST(Preflights, AboutAPrivateNetworkAreAnsweredForAllowedOriginsAlone) {
  const fields more{{"Access-Control-Request-Private-Network", "true"}};
  for (const auto* listed : {"*", "https://app.example"}) {
    const origin_policy policy{rules_of({listed})};
    const auto judged = policy.judge(request_of("OPTIONS", own_host, preflight("https://app.example", more)));
    EXPECT_EQ(field(judged, "Access-Control-Allow-Private-Network"), "true") << listed;
  }
}

} // namespace
} // namespace troupe
