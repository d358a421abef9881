#include "raw_client.hpp"
#include "test_server.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>

/// What https://github.com/uNetworking/h1spec checks of a server that echoes every body (its 33 cases at commit
/// f0a5650a20c575fbea0f7179a3a9cfa50f20ba6e), each by a test of our own, and more strictly: a request that has not
/// ended is not only left unanswered for a while, but served once it ends. The 33 cases of another suite of that name
/// are in e2e/conformance_test.cpp.
namespace troupe::testing {
namespace {

void echo(const std::shared_ptr<exchange>& request) {
  request->respond(text_response(request->request().body));
}

// -- requests that come in pieces ----------------------------------------------------

constexpr std::string_view whole = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// Where the first piece ends.
struct cut {
  const char* name;
  std::string_view first;
};

std::ostream& operator<<(std::ostream& to, const cut& c) {
  return to << c.name;
}

class FragmentedRequest : public ::testing::TestWithParam<cut> {};

TEST_P(FragmentedRequest, IsWaitedForAndThenServed) {
  test_server server{echo};
  raw_client client{server.port()};
  const auto first = GetParam().first;
  ASSERT_TRUE(whole.starts_with(first));
  client.send(first);
  // Another connection is served meanwhile, so the first piece had its time, too.
  raw_client other{server.port()};
  other.send(whole);
  ASSERT_EQ(other.read_response().value().status, 200u);
  client.send(whole.substr(first.size()));
  const auto response = client.read_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200u) << response->body;
  // The first answer to come was the one to the whole request: there is no other.
  client.shut_down();
  EXPECT_TRUE(client.is_closed());
}

INSTANTIATE_TEST_SUITE_P(Conformance, FragmentedRequest,
                         ::testing::Values(cut{"InItsMethod", "G"}, cut{"BehindItsMethod", "GET "},
                                           cut{"InItsTarget", "GET /hello"}, cut{"BehindItsTarget", "GET /hello "},
                                           cut{"InItsVersion", "GET /hello HTTP"},
                                           cut{"BehindItsVersion", "GET /hello HTTP/1.1"},
                                           cut{"InTheFirstLineEnd", "GET /hello HTTP/1.1\r"},
                                           cut{"BehindTheFirstLine", "GET /hello HTTP/1.1\r\n"},
                                           cut{"InAFieldName", "GET /hello HTTP/1.1\r\nHos"},
                                           cut{"BehindAColon", "GET /hello HTTP/1.1\r\nHost:"},
                                           cut{"BehindTheSpaceOfAValue", "GET /hello HTTP/1.1\r\nHost: "},
                                           cut{"BehindAValue", "GET /hello HTTP/1.1\r\nHost: localhost"},
                                           cut{"InTheLineEndOfAField", "GET /hello HTTP/1.1\r\nHost: localhost\r"},
                                           cut{"BehindAField", "GET /hello HTTP/1.1\r\nHost: localhost\r\n"},
                                           cut{"InTheLastLineEnd", "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r"}),
                         [](const auto& given) { return std::string{given.param.name}; });

// -- requests that are whole ------------------------------------------------------------

struct sample {
  const char* name;
  std::string request;
  /// Of the answer: 400 stands for any of 400 to 499.
  unsigned status = 400;
  std::string body{};
};

std::ostream& operator<<(std::ostream& to, const sample& s) {
  return to << s.name;
}

class WholeRequest : public ::testing::TestWithParam<sample> {};

TEST_P(WholeRequest, IsAnsweredAsTheStandardSays) {
  test_server server{echo};
  raw_client client{server.port()};
  client.send(GetParam().request);
  const auto response = client.read_response();
  ASSERT_TRUE(response);
  if (GetParam().status == 400) {
    EXPECT_GE(response->status, 400u);
    EXPECT_LT(response->status, 500u);
  } else {
    EXPECT_EQ(response->status, GetParam().status);
    EXPECT_EQ(response->body, GetParam().body);
  }
}

INSTANTIATE_TEST_SUITE_P(
  Conformance, WholeRequest,
  ::testing::Values(
    sample{"WithoutAVersion", "GET / \r\n\r\n"},
    // There is no body to go on with, so that nothing is said between.
    sample{"ThatExpectsToGoOnWithoutABody", "GET / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n", 200},
    sample{"OfTheSimplestKind", "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", 200},
    sample{"WithATabAndAnEmptyField", "GET / HTTP/1.1\r\nhOsT:\ta.example\r\nnothing:\r\n\r\n", 200},
    sample{"WithAnEmptyFieldBehindASpace", "GET / HTTP/1.1\r\nHost: a.example\r\nX-Nothing: \r\n\r\n", 200},
    sample{"WithBracketsInAFieldName", "GET / HTTP/1.1\r\nHost: a.example\r\nX-List[]: 1\r\n\r\n"},
    sample{"WithoutAHost", "GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\n"},
    sample{"WithTwoHosts", "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n"},
    sample{"WithALengthFarBelowZero",
           "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: -987654321987654321987654321\r\n\r\n"},
    sample{"WithALengthBelowZero", "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: -12\r\n\r\n"},
    sample{"WithALengthThatIsNoNumber", "GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: five\r\n\r\n"},
    sample{"WithABellInAValue", "GET / HTTP/1.1\r\nHost: a.example\r\nX-Bell: ring\x07\r\n\r\n"},
    sample{"OfAVersionToCome", "GET / HTTP/9.9\r\nHost: a.example\r\n\r\n", 505,
           "refused: This server speaks HTTP/1.0 and HTTP/1.1."},
    sample{"WithWordsBeforeItsMethod", "Some wordsGET / HTTP/1.1\r\nHost: a.example\r\n\r\n"},
    sample{"WithALineThatEndsInACarriageReturn", "GET / HTTP/1.1\r\nHost: a.example\r\n\rX-Late: 1\r\n\r\n"},
    sample{"WithABody", "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 4\r\n\r\nbody", 200, "body"},
    sample{"WithAChunkedBody",
           "POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nWhole chunk\r\n0\r\n\r\n", 200,
           "Whole chunk"},
    sample{"WithALengthBesideChunksInAnyCase",
           "POST / HTTP/1.1\r\nHost: a.example\r\ncONTENT-length: 4\r\ntRANSFER-Encoding: chunked\r\n\r\n"
           "b\r\nWhole chunk\r\n0\r\n\r\n"}),
  [](const auto& given) { return std::string{given.param.name}; });

} // namespace
} // namespace troupe::testing
