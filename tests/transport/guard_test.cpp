#include "raw_client.hpp"
#include "test_server.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <ostream>
#include <string>
#include <thread>
#include <utility>

namespace troupe::testing {
namespace {

using namespace std::chrono_literals;

void answer_ok(const std::shared_ptr<exchange>& request) {
  request->respond(text_response("reached the routes: " + request->request().path));
}

// -- framing ----------------------------------------------------------------------

struct probe {
  const char* name;
  const char* request;
  unsigned status = 400;
};

std::ostream& operator<<(std::ostream& to, const probe& p) {
  return to << p.name;
}

class FramingGuard : public ::testing::TestWithParam<probe> {};

/// A request behind each probe would be answered if the probe were understood.
TEST_P(FramingGuard, RefusesOnceAndCloses) {
  test_server server{answer_ok};
  raw_client client{server.port()};
  client.send(GetParam().request);
  client.send(get("/smuggled"));
  const auto response = client.read_response();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, GetParam().status) << response->body;
  EXPECT_EQ(response->headers.at("connection"), "close");
  EXPECT_TRUE(response->body.starts_with("refused: ")) << response->body;
  EXPECT_TRUE(client.is_closed());
}

INSTANTIATE_TEST_SUITE_P(
  Probes, FramingGuard,
  ::testing::Values(
    probe{"UnknownTransferEncoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n"},
    probe{"TransferEncodingWithLength",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"},
    probe{"ChunkedWithLength",
          "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    probe{"ChunkedBeforeGzip", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n"},
    probe{"GzipBeforeChunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    probe{"ChunkedTwice", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
    probe{"TwoTransferEncodings",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    probe{"AlmostChunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    probe{"ChunkedOnHttp10", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    probe{"EqualLengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
    probe{"DifferentLengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc"},
    probe{"LengthList", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 3\r\n\r\nabc"},
    probe{"SignedLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"},
    probe{"HexLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x3\r\n\r\nabc"},
    probe{"NegativeLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n"},
    probe{"OverflowingLength", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551619\r\n\r\nabc"},
    probe{"NoHost", "GET / HTTP/1.1\r\n\r\n"}, probe{"TwoHosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
    probe{"TwoHostsOnHttp10", "GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"},
    probe{"EmptyHost", "GET / HTTP/1.1\r\nHost:\r\n\r\n"}, probe{"HostWithPath", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"},
    probe{"HostWithUser", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n"},
    probe{"HostWithBadPort", "GET / HTTP/1.1\r\nHost: a:8x\r\n\r\n"},
    probe{"FoldedLine", "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n"},
    probe{"FoldedFirstLine", "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    probe{"FoldedTransferEncoding", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"},
    probe{"SpaceBeforeColon", "GET / HTTP/1.1\r\nHost: a\r\nX-A : b\r\n\r\n"},
    probe{"BareLineFeeds", "GET / HTTP/1.1\nHost: a\n\n"},
    probe{"OneBareLineFeed", "GET / HTTP/1.1\r\nHost: a\nX-A: b\r\n\r\n"},
    probe{"BareCarriageReturn", "GET / HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n"},
    probe{"ControlCharacter", "GET / HTTP/1.1\r\nHost: a\r\nX-A: \x01\r\n\r\n"},
    probe{"LineWithoutColon", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n"},
    probe{"HttpVersion2", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
    probe{"HttpVersion12", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505}, probe{"NoVersion", "GET /\r\nHost: a\r\n\r\n"},
    probe{"BadVersion", "GET / HTTX/1.1\r\nHost: a\r\n\r\n"},
    probe{"AsteriskOfAnotherMethod", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"AsteriskWithAQuery", "OPTIONS *?a HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"AuthorityOfAnotherMethod", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"},
    probe{"ConnectWithAPath", "CONNECT /x HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"ConnectWithAUser", "CONNECT u@a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"AbsoluteFormWithAUser", "GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"AbsoluteFormWithABadPort", "GET http://a:8x/x HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"AbsoluteFormOfAnotherScheme", "GET ws://a/x HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"AbsoluteFormWithoutHost", "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
    probe{"OtherProtocol", "\x16\x03\x01\x02 hello"},
    probe{"BadChunkSize", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n"},
    probe{"PrefixedChunkSize", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n"},
    probe{"ChunkLongerThanSaid",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"},
    probe{"ChunkLineWithBareLineFeed",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;\na\r\n0\r\n\r\n"},
    probe{"TrailerWithBareLineFeed",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-Last: a\n"},
    probe{"EndOfTrailerWithBareLineFeed",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Last: a\r\n\n"},
    probe{"ChunkExtensionWithBareLineFeed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\n"},
    probe{"ChunkEndWithBareLineFeed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\n0\r\n"},
    probe{"LengthInTrailer",
          "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n"}),
  [](const auto& given) { return std::string{given.param.name}; });

// -- limits -----------------------------------------------------------------------

TEST(TransportLimits, RefusesALongHeader) {
  test_server server{answer_ok};
  for (const bool finished : {true, false}) {
    raw_client client{server.port()};
    std::string request = "GET / HTTP/1.1\r\nHost: a\r\n";
    while (request.size() <= 16 * 1024)
      request += "X-Filler: " + std::string(500, 'x') + "\r\n";
    client.send(finished ? request + "\r\n" : request);
    EXPECT_EQ(client.read_response().value().status, 431u);
    EXPECT_TRUE(client.is_closed());
  }
}

TEST(TransportLimits, RefusesALongTarget) {
  test_server server{answer_ok};
  raw_client fits{server.port()};
  fits.send(get("/" + std::string(8 * 1024 - 1, 'x')));
  EXPECT_EQ(fits.read_response().value().status, 200u);
  raw_client whole{server.port()};
  whole.send(get("/" + std::string(8 * 1024, 'x')));
  EXPECT_EQ(whole.read_response().value().status, 414u);
  raw_client endless{server.port()};
  endless.send("GET /" + std::string(20 * 1024, 'x'));
  EXPECT_EQ(endless.read_response().value().status, 414u);
  EXPECT_TRUE(endless.is_closed());
}

TEST(TransportLimits, RefusesALongBodyBeforeItIsSent) {
  test_server server{answer_ok};
  raw_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.read_response().value().status, 413u);
  EXPECT_TRUE(client.is_closed());
}

TEST(TransportLimits, LetsAClientThatSendsALongBodyReadItsRefusal) {
  test_server server{answer_ok};
  raw_client client{server.port()};
  constexpr std::size_t size = 40'000'000;
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n");
  EXPECT_TRUE(client.send(std::string(size, 'x')));
  EXPECT_EQ(client.read_response().value().status, 413u);
}

TEST(TransportLimits, RefusesALongChunkedBody) {
  test_server server{answer_ok};
  raw_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 17; ++i)
    client.send(chunk);
  EXPECT_EQ(client.read_response().value().status, 413u);
  EXPECT_TRUE(client.is_closed());
}

TEST(TransportLimits, EndsAnEndlessChunkExtension) {
  test_server server{answer_ok};
  for (const auto* start : {"1;ext=", "0\r\nX-Trailer: "}) {
    raw_client client{server.port()};
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string{start});
    // More than the buffer takes, less than is read away after the refusal.
    client.send(std::string(4'000'000, 'x'));
    EXPECT_EQ(client.read_response().value().status, 400u);
    client.shut_down();
    EXPECT_TRUE(client.is_closed());
  }
}

TEST(TransportLimits, RefusesAConnectionTooMany) {
  transport_limits limits;
  limits.connections = 2;
  test_server server{answer_ok, limits};
  raw_client first{server.port()};
  auto second = std::make_unique<raw_client>(server.port());
  for (auto* client : {&first, second.get()}) {
    client->send(get("/"));
    ASSERT_EQ(client->read_response().value().status, 200u);
  }
  raw_client third{server.port()};
  EXPECT_EQ(third.read_response().value().status, 503u);
  EXPECT_TRUE(third.is_closed());
  first.send(get("/"));
  EXPECT_EQ(first.read_response().value().status, 200u);
}

// -- time -------------------------------------------------------------------------

transport_limits impatient() {
  transport_limits limits;
  limits.header_timeout = 1s;
  limits.progress_timeout = 1s;
  limits.idle_timeout = 1s;
  limits.websocket_idle_timeout = 2s;
  return limits;
}

TEST(TransportTimeouts, EndsAConnectionThatNeverAsks) {
  test_server server{answer_ok, impatient()};
  raw_client client{server.port()};
  EXPECT_TRUE(client.is_closed());
}

TEST(TransportTimeouts, EndsAnIdleConnection) {
  test_server server{answer_ok, impatient()};
  raw_client client{server.port()};
  client.send(get("/"));
  ASSERT_TRUE(client.read_response());
  EXPECT_TRUE(client.is_closed());
}

TEST(TransportTimeouts, Answers408ToAHeaderThatDribbles) {
  test_server server{answer_ok, impatient()};
  raw_client client{server.port()};
  client.send("GET / HTTP/1.1\r\n");
  // Each further line is progress, and still the header has only so much time.
  const auto start = std::chrono::steady_clock::now();
  std::thread dribble{[&] {
    while (std::chrono::steady_clock::now() - start < 5s && client.send("X-A: b\r\n"))
      std::this_thread::sleep_for(100ms);
  }};
  EXPECT_EQ(client.read_response().value().status, 408u);
  client.shut_down();
  dribble.join();
}

TEST(TransportTimeouts, Answers408ToABodyThatStops) {
  test_server server{answer_ok, impatient()};
  raw_client client{server.port()};
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_EQ(client.read_response().value().status, 408u);
  EXPECT_TRUE(client.is_closed());
}

TEST(TransportTimeouts, DropsAClientThatDoesNotReadItsAnswer) {
  auto limits = impatient();
  test_server server{[](const std::shared_ptr<exchange>& request) {
                       request->respond(text_response(std::string(32 * 1024 * 1024, 'x')));
                     },
                     limits};
  raw_client client{server.port(), 4096};
  client.send(get("/"));
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (server.http_connections == 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  while (server.http_connections > 0 && std::chrono::steady_clock::now() < until)
    std::this_thread::yield();
  EXPECT_EQ(server.http_connections, 0);
}

TEST(TransportTimeouts, LetsTheRoutesTakeTheirTime) {
  std::shared_ptr<exchange> held;
  signal_flag arrived;
  test_server server{[&](std::shared_ptr<exchange> request) {
                       if (request->request().path != "/slow")
                         return answer_ok(request);
                       held = std::move(request);
                       arrived.raise();
                     },
                     impatient()};
  raw_client slow{server.port()};
  slow.send(get("/slow"));
  ASSERT_TRUE(arrived.wait());
  // Another connection's end shows that the time is over.
  raw_client other{server.port()};
  ASSERT_TRUE(other.is_closed());
  held->respond(text_response("at last"));
  EXPECT_EQ(slow.read_response().value().body, "at last");
}

} // namespace
} // namespace troupe::testing
