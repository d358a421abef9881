#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"
#include "tests/providers/nginx.hpp"

/// Behind the real nginx with its defaults, which hold answers back until a buffer is full
/// unless they say otherwise: nginx/nginx#1505, owncloud/core#9924, fanout/django-eventstream#37.
namespace troupe {

namespace {

/// What WebSockets need, by nginx's own documentation.
constexpr auto for_websockets
  = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection \"upgrade\";";

class Nginx : public server_test {};

} // namespace

TEST_F(Nginx, PassesEventsOnOneByOne) {
  TROUPE_NEEDS(nginx);
  const nginx proxy{server().port()};
  // It waits for hours: whatever is there now arrives now, or not at all.
  const json task = start_task("@delay=3600000");
  sse_client stream{proxy.port(), task_path(task) + "/events"};
  EXPECT_EQ(stream.head().status, 200U);
  EXPECT_EQ(stream.head().header("Cache-Control"), "no-store");
  EXPECT_EQ(stream.head().header("X-Accel-Buffering"), "") << "it is nginx's to read, and to keep";
  const auto frames = stream.until(of_type("task:started"));
  EXPECT_EQ(frames.size(), 3U);
  http().post(task_path(task) + "/cancel");
  EXPECT_EQ(stream.until(is_terminal_event).back().at("type"), "task:cancelled");
}

TEST_F(Nginx, PassesEveryChunkOnAsItComes) {
  TROUPE_NEEDS(nginx);
  const nginx proxy{server().port()};
  const json task = start_task("@words=40 @pace=60");
  sse_client stream{proxy.port(), task_path(task) + "/events"};
  // The first words are here while the last ones are not written yet.
  stream.until(of_type("chat:chunk"));
  EXPECT_EQ(this->task(task.at("id")).at("status"), "RUNNING");
  stream.until(is_terminal_event);
}

TEST_F(Nginx, LetsAClientGoOnBehindItsLastEvent) {
  TROUPE_NEEDS(nginx);
  const nginx proxy{server().port()};
  const json task = run_task("Hello");
  const auto journal = journal_of(http(), task.at("id"));
  sse_client stream{proxy.port(), task_path(task) + "/events", {{"Last-Event-ID", "3"}}};
  EXPECT_EQ(stream.until(is_terminal_event), std::vector<json>(journal.begin() + 3, journal.end()));
}

TEST_F(Nginx, PassesWebSocketsAndRequestsThatWait) {
  TROUPE_NEEDS(nginx);
  const nginx proxy{server().port(), for_websockets};
  const json task = create("@words=5 @pace=20");
  websocket_client socket{proxy.port(), task_path(task) + "/chat"};
  http_client through{proxy.port()};
  const auto waited = through.send("POST", task_path(task) + "/execute", "", {{"Prefer", "wait=30"}});
  EXPECT_EQ(waited.status, 200U);
  EXPECT_EQ(waited.document().at("status"), "COMPLETED");
  EXPECT_EQ(socket.until(is_terminal_event).back().at("type"), "task:completed");
  const json slow = create("@delay=3600000");
  EXPECT_EQ(through.send("POST", task_path(slow) + "/execute", "", {{"Prefer", "wait=1"}}).status, 202U);
}

} // namespace troupe
