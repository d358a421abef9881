#include "gateway/requests/accept.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

/// `Accept` by its grammar (RFC 9110, section 12.5.1). A search for the type's name as it
/// stands takes a refusal for a request and misses capitals: modelcontextprotocol/php-sdk#448,
/// EM-GeekLab/NexusGate#82; the most precise range counts: srelens/srelens#234; the weight's
/// name may be a capital, too: honojs/hono#5349; weights were misread: palantir/conjure-rust#426.
namespace troupe {
namespace {

using lines = std::vector<std::string_view>;

bool asks(const lines& accept) {
  return asks_for_events(accept);
}

int weight(const lines& accept, std::string_view type = "text/event-stream") {
  return wish_for(accept, type).weight;
}

TEST(Accept, AsksForEventsByTheirName) {
  for (const auto* value :
       {"text/event-stream", "Text/Event-Stream", "TEXT/EVENT-STREAM", "text/event-stream;q=0.001",
        "text/event-stream ; q=1.000", "text/event-stream;charset=utf-8", "text/event-stream;charset=UTF-8;q=0.9",
        "text/html, text/event-stream", " text/event-stream\t,", ",, text/event-stream", "text/event-stream;q=1;q=0",
        // What clients of MCP and fetch-based ones send.
        "application/json, text/event-stream", "text/event-stream, */*", "text/event-stream, application/json;q=0.5"})
    EXPECT_TRUE(asks({value})) << value;
}

TEST(Accept, DoesNotAskForEventsItRefuses) {
  for (const auto* value :
       {"text/event-stream;q=0", "text/event-stream;q=0.0", "text/event-stream;Q=0", "text/event-stream ; q = 0",
        "Text/Event-Stream;q=0.000", "text/event-stream;charset=utf-8;q=0", "text/event-stream;q=0, */*",
        "text/event-stream;q=0, text/*", "*/*, text/event-stream;q=0", "text/*;q=0", "text/*;q=0, */*"})
    EXPECT_FALSE(asks({value})) << value;
}

TEST(Accept, DoesNotAskForEventsItDoesNotName) {
  for (const auto* value :
       {"", " ", ",", "*/*", "application/json", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        // Names that only look like it.
        "text/event-stream+json", "text/event-streams", "xtext/event-stream", "text / event-stream", "text", "text/",
        "/event-stream", "text/event", "application/x;note=\"text/event-stream\"",
        "application/x;note=\"a, text/event-stream, b\"", "application/x;note=\"\\\", text/event-stream\""})
    EXPECT_FALSE(asks({value})) << value;
  EXPECT_FALSE(asks({}));
}

TEST(Accept, WeighsEventsAgainstJson) {
  EXPECT_FALSE(asks({"application/json, text/event-stream;q=0.9"}));
  EXPECT_FALSE(asks({"text/event-stream;q=0.5, application/*;q=0.6"}));
  EXPECT_FALSE(asks({"text/event-stream;q=0.5, */*"}));
  EXPECT_TRUE(asks({"application/json;q=0.9, text/event-stream"}));
  EXPECT_TRUE(asks({"application/json;q=0, */*"})) << "anything but JSON";
  EXPECT_TRUE(asks({"text/*"})) << "JSON is no text";
  EXPECT_TRUE(asks({"text/*;q=0.2, */*;q=0.1"}));
}

TEST(Accept, IsOneListOverAllItsLines) {
  EXPECT_TRUE(asks({"application/json;q=0.1", "text/event-stream"}));
  EXPECT_FALSE(asks({"*/*", "text/event-stream;q=0"}));
  EXPECT_TRUE(asks({"", "text/event-stream"}));
  EXPECT_TRUE(asks({"application/x;note=\"never closed", "text/event-stream"})) << "a line spoils no other";
}

TEST(Accept, PassesOverElementsWhoseWeightIsNone) {
  for (const auto* value :
       {"text/event-stream;q=", "text/event-stream;q=2", "text/event-stream;q=1.001", "text/event-stream;q=-1",
        "text/event-stream;q=.5", "text/event-stream;q=0.1234", "text/event-stream;q=1.0000", "text/event-stream;q=0,5",
        "text/event-stream;q=\"1\"", "text/event-stream;q=0x1", "text/event-stream;q=00"})
    EXPECT_FALSE(asks({value})) << value;
  EXPECT_TRUE(asks({"text/event-stream;q=x, text/event-stream;q=0.3"}));
}

TEST(Accept, ReadsWeights) {
  EXPECT_EQ(weight({}), 1000);
  EXPECT_EQ(weight({"text/html"}), 0);
  EXPECT_EQ(weight({"text/event-stream"}), 1000);
  EXPECT_EQ(weight({"text/event-stream;q=0.2"}), 200);
  EXPECT_EQ(weight({"text/event-stream;q=0.25"}), 250);
  EXPECT_EQ(weight({"text/event-stream;q=0.007"}), 7);
  EXPECT_EQ(weight({"text/event-stream;q=1."}), 1000);
  EXPECT_EQ(weight({"*/*;q=0.1, text/*;q=0.2"}), 200);
  EXPECT_EQ(weight({"*/*;q=0.1, text/*;q=0.2, Text/Event-Stream;q=0.3"}), 300);
  EXPECT_EQ(weight({"*/*;q=0.1, text/*;q=0.2"}, "application/json"), 100);
}

TEST(Accept, MakesAStreamOfAJournalOnly) {
  http_request request;
  request.path = "/api/v1/tasks/0190a7a0-0000-7000-8000-000000000001/events";
  EXPECT_FALSE(is_event_stream_request(request));
  request.headers.insert("Accept", "application/json;q=0.5");
  EXPECT_FALSE(is_event_stream_request(request));
  request.headers.insert("accept", "Text/Event-Stream");
  EXPECT_TRUE(is_event_stream_request(request));
  request.method = boost::beast::http::verb::post;
  EXPECT_FALSE(is_event_stream_request(request));
  request.method = boost::beast::http::verb::get;
  request.path = "/api/v1/tasks";
  EXPECT_FALSE(is_event_stream_request(request));
}

} // namespace
} // namespace troupe
