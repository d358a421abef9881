#include "tests/e2e/server_test.hpp"

#include <functional>
#include <string>
#include <vector>

/// What https://github.com/dropseed/h1spec checks of any server (its 33 cases at commit
/// d8f69184825d3eedd649843a545c957f3fccac06, strict and hardening ones included), each by a test of our own against
/// the real binary, and more strictly: exactly which status it is. The 33 cases of another suite of that name are in
/// transport/conformance_test.cpp.
namespace troupe {

namespace {

constexpr auto host = "Host: localhost\r\n";

class Conformance : public server_test {
protected:
  /// The statuses of all answers to `bytes`, until the server closes or has been silent for a while.
  std::vector<unsigned> statuses(const std::string& bytes) {
    last_ = exchange_bytes(server().port(), bytes);
    std::vector<unsigned> found;
    // Sentences of a body speak of HTTP/1.1, too, but never with a number behind it.
    for (auto at = last_.bytes.find("HTTP/1.1 "); at != last_.bytes.npos; at = last_.bytes.find("HTTP/1.1 ", at + 1))
      if (const auto status = last_.bytes.substr(at + 9, 3); status.find_first_not_of("0123456789") == status.npos)
        found.push_back(static_cast<unsigned>(std::stoul(status)));
    return found;
  }

  /// Refused with this status, once, and closed: what follows is not read.
  void expect_refused(const std::string& request, unsigned status) {
    SCOPED_TRACE(request.substr(0, 200));
    EXPECT_THAT(statuses(request + "GET /healthz HTTP/1.1\r\n" + host + "\r\n"), testing::ElementsAre(status));
    EXPECT_TRUE(last_.closed);
    EXPECT_NE(last_.bytes.find("\r\nConnection: close\r\n"), std::string::npos);
    EXPECT_NE(last_.bytes.find("\r\nContent-Length: "), std::string::npos);
  }

  /// Answered with this status, as is the request behind it.
  void expect_served(const std::string& request, unsigned status) {
    SCOPED_TRACE(request.substr(0, 200));
    EXPECT_THAT(statuses(request + "GET /healthz HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n"),
                testing::ElementsAre(status, 200U));
    EXPECT_TRUE(last_.closed);
  }

  raw_reply last_;
};

} // namespace

// -- the request line (RFC 9112, section 3) -----------------------------------------------

TEST_F(Conformance, TakesEveryFormOfATarget) {
  expect_served(std::string{"GET / HTTP/1.1\r\n"} + host + "\r\n", 404);
  expect_served(std::string{"GET /healthz HTTP/1.1\r\n"} + host + "\r\n", 200);
  expect_served(std::string{"POST / HTTP/1.1\r\n"} + host + "Content-Length: 5\r\n\r\nhello", 404);
  expect_served(std::string{"OPTIONS * HTTP/1.1\r\n"} + host + "\r\n", 204);
  expect_served(std::string{"GET http://localhost/ HTTP/1.1\r\n"} + host + "\r\n", 404);
  expect_served(std::string{"CONNECT example.com:443 HTTP/1.1\r\n"} + host + "\r\n", 501);
}

TEST_F(Conformance, RefusesRequestLinesThatAreNone) {
  expect_refused(std::string{"GET / HTTP/2.0\r\n"} + host + "\r\n", 505);
  expect_refused(std::string{"GET /\r\n"} + host + "\r\n", 400);
}

// -- header fields (RFC 9112, section 5) ----------------------------------------------------

TEST_F(Conformance, RefusesHeadersThatAreNone) {
  expect_refused("GET / HTTP/1.1\r\n\r\n", 400);
  expect_refused(std::string{"GET / HTTP/1.1\r\n"} + host + "Host: example.com\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: two words\r\n\r\n", 400);
  expect_refused(std::string{"GET / HTTP/1.1\r\n"} + host + "Two Words: value\r\n\r\n", 400);
  expect_refused(std::string{"GET / HTTP/1.1\r\n"} + host + "  goes on\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400);
  expect_refused("GET / HTTP/1.1\r\nHost: local" + std::string(1, '\0') + "host\r\n\r\n", 400);
}

// -- bodies (RFC 9112, sections 6 and 7) ------------------------------------------------------

TEST_F(Conformance, TakesAChunkedBody) {
  expect_served(std::string{"POST / HTTP/1.1\r\n"} + host + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                404);
}

TEST_F(Conformance, RefusesBodiesOfUnclearLength) {
  const auto post = std::string{"POST / HTTP/1.1\r\n"} + host;
  const std::string chunks = "5\r\nhello\r\n0\r\n\r\n";
  expect_refused(std::string{"POST / HTTP/1.0\r\n"} + host + "Transfer-Encoding: chunked\r\n\r\n" + chunks, 400);
  // The connection is closed behind it, too.
  expect_refused(post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n" + chunks, 400);
  expect_refused(post + "Transfer-Encoding: nonsense\r\n\r\nhello", 400);
  expect_refused(post + "Transfer-Encoding: chunked, gzip\r\n\r\n" + chunks, 400);
  expect_refused(post + "Content-Length: xyz\r\n\r\nhello", 400);
  expect_refused(post + "Content-Length: 5\r\nContent-Length: 7\r\n\r\nhello!!", 400);
  expect_refused(post + "Transfer-Encoding: chunked\r\n\r\nZ\r\nhello\r\n0\r\n\r\n", 400);
  expect_refused(post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello0\r\n\r\n", 400);
}

TEST_F(Conformance, AsksForABodyThatWaitsToBeAskedFor) {
  const auto head = std::string{"POST / HTTP/1.1\r\n"} + host + "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_THAT(statuses(head), testing::ElementsAre(100U));
  EXPECT_THAT(statuses(head + "hello"), testing::Contains(404U));
}

// -- answers and connections --------------------------------------------------------------------

TEST_F(Conformance, GivesAnswersThatEndWhereTheySay) {
  EXPECT_THAT(statuses(std::string{"HEAD / HTTP/1.1\r\n"} + host + "\r\n"), testing::ElementsAre(404U));
  EXPECT_TRUE(last_.bytes.ends_with("\r\n\r\n")) << "no body follows";
  EXPECT_THAT(statuses(std::string{"get / HTTP/1.1\r\n"} + host + "\r\n"), testing::ElementsAre(404U));
  EXPECT_NE(last_.bytes.find("\r\nContent-Length: "), std::string::npos);
}

TEST_F(Conformance, KeepsAConnectionOrClosesIt) {
  const auto get = std::string{"GET / HTTP/1.1\r\n"} + host;
  EXPECT_THAT(statuses(get + "\r\n" + get + "\r\n"), testing::ElementsAre(404U, 404U));
  EXPECT_FALSE(last_.closed);
  EXPECT_THAT(statuses(get + "Connection: close\r\n\r\n"), testing::ElementsAre(404U));
  EXPECT_TRUE(last_.closed);
  EXPECT_THAT(statuses(std::string{"GET / HTTP/1.0\r\n"} + host + "\r\n"), testing::ElementsAre(404U));
  EXPECT_TRUE(last_.closed);
}

// -- what is too much -----------------------------------------------------------------------------

TEST_F(Conformance, SurvivesRequestsThatAreTooMuch) {
  const auto get = std::string{"GET / HTTP/1.1\r\n"} + host;
  expect_refused("GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n" + host + "\r\n", 414);
  std::string fields;
  for (int i = 0; i < 101; ++i)
    fields += "X-Field-" + std::to_string(i) + ": value\r\n";
  expect_served(get + fields + "\r\n", 404);
  expect_served(get + "X-Large: " + std::string(9000, 'x') + "\r\n\r\n", 404);
}

} // namespace troupe
