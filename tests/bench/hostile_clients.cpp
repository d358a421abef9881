#include "tests/bench/hostile_clients.hpp"

#include "tests/bench/sockets.hpp"
#include "tests/bench/websocket_bytes.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <poll.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace troupe {

namespace {

using clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

/// A server that takes nothing for so long has made up its mind.
constexpr auto stalled_after = 1s;
constexpr std::size_t input_limit = 256UL * 1024;

void rest_for(std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
}

// -- a connection -----------------------------------------------------------------

enum class reading { never, always };

/// A connection that is written to for as long as the server takes it.
class hostile_connection {
public:
  explicit hostile_connection(std::uint16_t port) : socket_{connect_loopback(port)} {}

  [[nodiscard]] bool open() const { return open_; }
  [[nodiscard]] bool drained() const { return rest_.empty(); }
  [[nodiscard]] clock::time_point progressed() const { return progressed_; }

  void queue(std::string_view bytes) { rest_.append(bytes); }

  /// Sends what the socket takes, and reads away what is there if it is to.
  void move(reading how) {
    while (open_ && !drained()) {
      const auto length
        = ::send(socket_.get(), rest_.data() + sent_, rest_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (length < 0) {
        open_ = errno == EAGAIN || errno == EINTR;
        break;
      }
      sent_ += static_cast<std::size_t>(length);
      progressed_ = clock::now();
      if (sent_ == rest_.size()) {
        rest_ = {};
        sent_ = 0;
      }
    }
    while (open_ && how == reading::always) {
      std::array<char, 64 * 1024> part;
      const auto length = ::recv(socket_.get(), part.data(), part.size(), MSG_DONTWAIT);
      if (length <= 0) {
        open_ = length < 0 && (errno == EAGAIN || errno == EINTR);
        break;
      }
      progressed_ = clock::now();
    }
  }

  /// Waits for a moment in which there is something to do.
  void wait(reading how) const {
    if (how == reading::never && drained()) {
      return rest_for(20ms);
    }
    pollfd poll{socket_.get(), static_cast<short>((drained() ? 0 : POLLOUT) | (how == reading::always ? POLLIN : 0)),
                0};
    ::poll(&poll, 1, 20);
  }

  /// The connection goes with a reset.
  void set_abrupt() {
    const linger now{1, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

private:
  descriptor socket_;
  std::string rest_;
  std::size_t sent_ = 0;
  clock::time_point progressed_ = clock::now();
  bool open_ = true;
};

/// False if the server takes no further connection: the attack goes on later.
bool connected(std::deque<hostile_connection>& connections, std::uint16_t port) {
  try {
    connections.emplace_back(port);
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

// -- floods of frames ----------------------------------------------------------------

using frame_maker = std::function<std::string(std::size_t)>;

frame_maker always(std::string frame) {
  return [same = std::move(frame)](std::size_t) { return same; };
}

/// Sends frames as fast as they are taken; whenever it is cut it comes back and goes on.
void flood(hostile_run& run, const std::string& target, reading how, const frame_maker& frame) {
  std::size_t made = 0;
  std::deque<hostile_connection> connections;
  while (!run.stopping()) {
    if (connections.empty() || !connections.front().open()) {
      run.cut += connections.empty() ? 0 : 1;
      connections.clear();
      if (!connected(connections, run.port)) {
        rest_for(50ms);
        continue;
      }
      connections.front().queue(websocket_request(target));
    }
    auto& connection = connections.front();
    if (connection.drained() && made < run.amounts.frames) {
      std::string chunk;
      while (made < run.amounts.frames && chunk.size() < 64UL * 1024) {
        chunk += frame(made++);
      }
      connection.queue(chunk);
      run.taken = made;
    }
    connection.move(how);
    const bool all = connection.drained() && made == run.amounts.frames;
    if (all || clock::now() - connection.progressed() > stalled_after) {
      run.set_spent();
    }
    if (!connection.drained() || all) {
      connection.wait(how);
    }
  }
}

std::string chat_of(const hostile_run& run) {
  return "/api/v1/tasks/" + run.task + "/chat";
}

const std::string events_door = "/api/v1/events";

std::string room_frame(std::string_view type, std::size_t room) {
  return text_frame(R"({"type":")" + std::string{type} + R"(","room":"user:u)" + std::to_string(room) + "\"}");
}

void ask_for_histories(hostile_run& run) {
  flood(run, chat_of(run), reading::always, always(text_frame(R"({"type":"history:sync","limit":500})")));
}

void ask_for_unread_histories(hostile_run& run) {
  flood(run, chat_of(run), reading::never, always(text_frame(R"({"type":"history:sync","limit":500})")));
}

void subscribe(hostile_run& run) {
  flood(run, events_door, reading::always, [](std::size_t n) { return room_frame("subscribe", n % 100); });
}

void subscribe_unread(hostile_run& run) {
  flood(run, events_door, reading::never, [](std::size_t n) { return room_frame("subscribe", n % 100); });
}

void subscribe_and_leave(hostile_run& run) {
  flood(run, events_door, reading::always,
        [](std::size_t n) { return room_frame(n % 2 == 0 ? "subscribe" : "unsubscribe", n / 2 % 50); });
}

/// Of a room with events behind it, each of which would be sent again.
void subscribe_from_the_start(hostile_run& run) {
  const auto room = R"(","room":"task:)" + run.task + "\"";
  const auto join = text_frame(R"({"type":"subscribe)" + room + R"(,"after":"0"})");
  const auto leave = text_frame(R"({"type":"unsubscribe)" + room + "}");
  flood(run, events_door, reading::always, [&](std::size_t n) { return n % 2 == 0 ? join : leave; });
}

void chat(hostile_run& run) {
  flood(run, chat_of(run), reading::always,
        [](std::size_t n) { return text_frame(R"({"type":"chat:send","message":")" + std::to_string(n) + "\"}"); });
}

void cancel(hostile_run& run) {
  flood(run, chat_of(run), reading::always, always(text_frame(R"({"type":"chat:cancel"})")));
}

void send_unknown_frames(hostile_run& run) {
  flood(run, events_door, reading::always, always(text_frame(R"({"type":"dance","to":"the music"})")));
}

void ping_unread(hostile_run& run) {
  flood(run, events_door, reading::never, always(websocket_frame(0x89, std::string(125, 'p'))));
}

void pong_unasked(hostile_run& run) {
  flood(run, events_door, reading::never, always(websocket_frame(0x8A, std::string(125, 'p'))));
}

/// The protocol's own pings between the fragments of a message that never ends.
void ping_within_a_message(hostile_run& run) {
  const auto ping = websocket_frame(0x89, std::string(125, 'p'));
  flood(run, events_door, reading::never, [&](std::size_t n) { return n == 0 ? websocket_frame(0x01, "{") : ping; });
}

// -- requests whose answers nobody reads ------------------------------------------------

/// On each connection its share of the requests in a row; then it holds them all, and never reads.
void ask_unread(hostile_run& run, const std::string& request) {
  std::deque<hostile_connection> connections;
  const auto share = std::max<std::size_t>(1, run.amounts.frames / std::max<std::size_t>(1, run.amounts.connections));
  while (!run.stopping()) {
    std::erase_if(connections, [&](const auto& connection) {
      run.cut += connection.open() ? 0 : 1;
      return !connection.open();
    });
    // Those that were cut come back, as often as there are requests left to send.
    while (connections.size() < run.amounts.connections && run.taken + share <= run.amounts.frames
           && connected(connections, run.port)) {
      for (std::size_t i = 0; i < share; ++i) {
        connections.back().queue(request);
      }
      run.taken += share;
    }
    bool progress = false;
    for (auto& connection : connections) {
      connection.move(reading::never);
      progress = progress || (connection.open() && clock::now() - connection.progressed() < stalled_after);
    }
    if (!progress) {
      run.set_spent();
    }
    rest_for(20ms);
  }
}

void ask_for_unread_lists(hostile_run& run) {
  ask_unread(run, get_request("/api/v1/tasks?limit=500"));
}

void ask_for_unread_pages(hostile_run& run) {
  ask_unread(run, get_request("/api/v1/threads/" + run.task + "/messages?limit=500"));
}

void ask_for_unread_tasks(hostile_run& run) {
  ask_unread(run, get_request("/api/v1/tasks/" + run.task));
}

/// A client that reads, and asks for a page with each request that it may have in flight.
void ask_for_lists(hostile_run& run) {
  const auto request = get_request("/api/v1/tasks?limit=500");
  std::deque<hostile_connection> connections;
  while (!run.stopping()) {
    std::erase_if(connections, [](const auto& connection) { return !connection.open(); });
    while (connections.size() < run.amounts.connections && connected(connections, run.port)) {
    }
    for (auto& connection : connections) {
      if (connection.drained() && run.taken < run.amounts.frames) {
        connection.queue(request);
        ++run.taken;
      }
      connection.move(reading::always);
    }
    if (run.taken >= run.amounts.frames) {
      run.set_spent();
    }
    rest_for(1ms);
  }
}

// -- what is never finished ------------------------------------------------------------------

/// Opens its connections, sends `first` on each, and then a byte now and then.
void dribble(hostile_run& run, const std::string& first) {
  std::deque<hostile_connection> connections;
  auto next_byte = clock::now() + 2s;
  std::size_t opened = 0;
  while (!run.stopping()) {
    std::erase_if(connections, [&](const auto& connection) {
      run.cut += connection.open() ? 0 : 1;
      return !connection.open();
    });
    // What was cut comes back, three times over at most.
    while (connections.size() < run.amounts.connections && opened < 4 * run.amounts.connections
           && connected(connections, run.port)) {
      connections.back().queue(first);
      ++opened;
    }
    const bool now = clock::now() >= next_byte;
    bool all = true;
    for (auto& connection : connections) {
      if (now && connection.drained()) {
        connection.queue("x");
      }
      connection.move(reading::always);
      all = all && (connection.drained() || clock::now() - connection.progressed() > stalled_after);
    }
    if (now) {
      next_byte = clock::now() + 2s;
    }
    run.taken = opened;
    if (all && opened >= run.amounts.connections) {
      run.set_spent();
    }
    rest_for(20ms);
  }
}

void send_partial_bodies(hostile_run& run) {
  const auto bytes = run.amounts.bytes;
  dribble(run, "POST /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
                 + std::to_string(bytes) + "\r\n\r\n" + std::string(bytes - std::min<std::size_t>(bytes, 100), ' '));
}

void send_partial_chunks(hostile_run& run) {
  const auto size = std::max<std::size_t>(run.amounts.bytes, 16 * 1024) - 100;
  std::string body;
  // Small chunks cost most beside what they hold.
  for (std::size_t i = 0; i < size / 16; ++i) {
    body += "A\r\n          \r\n";
  }
  dribble(run, "POST /api/v1/tasks HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
               "Transfer-Encoding: chunked\r\n\r\n"
                 + body + "1000\r\n");
}

void send_partial_messages(hostile_run& run) {
  const auto bytes = run.amounts.bytes;
  // A frame that says how long it is, and is not sent to its end.
  const auto frame = websocket_frame(0x81, std::string(bytes, ' '));
  dribble(run, websocket_request(events_door) + frame.substr(0, frame.size() - std::min<std::size_t>(bytes, 100)));
}

void send_fragments(hostile_run& run) {
  std::string message = websocket_frame(0x01, " ");
  const auto fragment = websocket_frame(0x00, std::string(1000, ' '));
  while (message.size() + fragment.size() < run.amounts.bytes) {
    message += fragment;
  }
  dribble(run, websocket_request(events_door) + message);
}

void send_slow_headers(hostile_run& run) {
  const auto bytes = std::min<std::size_t>(run.amounts.bytes, 15UL * 1024);
  dribble(run, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + std::string(bytes, 'x'));
}

// -- those that are gone ------------------------------------------------------------------------

/// Connects, asks for much, and goes before it is answered.
void ask_and_go(hostile_run& run, const std::string& bytes, std::size_t questions) {
  while (!run.stopping()) {
    std::deque<hostile_connection> connections;
    while (connections.size() < run.amounts.connections && run.taken < run.amounts.frames
           && connected(connections, run.port)) {
      connections.back().queue(bytes);
      run.taken += questions;
    }
    const auto until = clock::now() + 100ms;
    while (clock::now() < until
           && std::any_of(connections.begin(), connections.end(), [](const auto& c) { return !c.drained(); })) {
      for (auto& connection : connections) {
        connection.move(reading::never);
      }
      rest_for(1ms);
    }
    for (auto& connection : connections) {
      connection.set_abrupt();
    }
    if (run.taken >= run.amounts.frames) {
      run.set_spent();
      rest_for(20ms);
    }
  }
}

void leave_histories(hostile_run& run) {
  constexpr std::size_t questions = 50;
  std::string bytes = websocket_request(chat_of(run));
  for (std::size_t i = 0; i < questions; ++i) {
    bytes += text_frame(R"({"type":"history:sync","limit":500})");
  }
  ask_and_go(run, bytes, questions);
}

void leave_lists(hostile_run& run) {
  ask_and_go(run, get_request("/api/v1/tasks?limit=500"), 1);
}

void leave_streams(hostile_run& run) {
  const auto request = get_request("/api/v1/tasks/" + run.task + "/events?after=0");
  ask_and_go(run, request.substr(0, request.size() - 2) + "Accept: text/event-stream\r\n\r\n", 1);
}

// -- all of them ----------------------------------------------------------------------------------

constexpr hostile_scene nothing{};
/// A thread whose history is 20 MB: each message of its tasks is there with its echo.
constexpr hostile_scene long_thread{40, input_limit - 1024, true};
constexpr hostile_scene short_thread{1, 100, true};
constexpr hostile_scene long_list{500, input_limit - 1024, false};

constexpr std::array kinds{
  hostile_kind{"history-sync", "asks for a long history again and again", {2'000}, long_thread, ask_for_histories},
  hostile_kind{"history-unread", "and reads none of it", {2'000}, long_thread, ask_for_unread_histories},
  hostile_kind{"subscribe", "joins the same rooms again and again", {300'000}, nothing, subscribe},
  hostile_kind{"subscribe-unread", "and reads none of it", {300'000}, nothing, subscribe_unread},
  hostile_kind{"resubscribe", "joins rooms and leaves them", {300'000}, nothing, subscribe_and_leave},
  hostile_kind{"replay", "joins a room from its start and leaves it", {20'000}, long_thread, subscribe_from_the_start},
  hostile_kind{"chat-send", "sends turns without end", {20'000}, short_thread, chat},
  hostile_kind{"chat-cancel", "cancels what does not run", {100'000}, short_thread, cancel},
  hostile_kind{"unknown-frames", "sends frames that nobody knows", {300'000}, nothing, send_unknown_frames},
  hostile_kind{"pings", "pings and reads no pong", {3'000'000}, nothing, ping_unread},
  hostile_kind{"pongs", "sends pongs that nobody asked for", {3'000'000}, nothing, pong_unasked},
  hostile_kind{"pings-within", "pings within a message", {3'000'000}, nothing, ping_within_a_message},
  hostile_kind{"unread-lists", "reads none of the lists it asks for", {8, 8}, long_list, ask_for_unread_lists},
  hostile_kind{"pipelined-lists", "asks for them in a row", {800, 8}, long_list, ask_for_unread_lists},
  hostile_kind{"unread-connections", "on many connections", {300, 300}, long_list, ask_for_unread_lists},
  hostile_kind{"unread-threads", "reads no page of a thread", {300, 300}, long_thread, ask_for_unread_pages},
  hostile_kind{"unread-tasks", "reads no task", {1'000, 1'000}, long_thread, ask_for_unread_tasks},
  hostile_kind{"lists", "asks for long lists all the time", {5'000, 8}, long_list, ask_for_lists},
  hostile_kind{"partial-bodies", "finishes no body", {0, 300, 1'048'576}, nothing, send_partial_bodies},
  hostile_kind{"partial-chunks", "finishes no body of small chunks", {0, 300, 1'048'576}, nothing, send_partial_chunks},
  hostile_kind{"partial-messages", "finishes no frame", {0, 300, 1'048'576}, nothing, send_partial_messages},
  hostile_kind{"fragments", "finishes no message", {0, 300, 1'048'576}, nothing, send_fragments},
  hostile_kind{"slow-headers", "finishes no header", {0, 2'000, 15'000}, nothing, send_slow_headers},
  hostile_kind{"left-histories", "asks for histories and goes", {20'000, 8}, long_thread, leave_histories},
  hostile_kind{"left-lists", "asks for lists and goes", {5'000, 8}, long_list, leave_lists},
  hostile_kind{"left-streams", "asks for events and goes", {5'000, 8}, long_thread, leave_streams},
};

} // namespace

std::span<const hostile_kind> hostile_kinds() {
  return kinds;
}

const hostile_kind& hostile_kind_named(std::string_view name) {
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const auto& kind) { return kind.name == name; });
  if (found == kinds.end()) {
    throw std::runtime_error{"there is no hostile client '" + std::string{name} + "'"};
  }
  return *found;
}

std::string set_scene(std::uint16_t port, const hostile_scene& scene) {
  const auto socket = connect_loopback(port);
  std::string id;
  for (std::size_t i = 0; i < scene.tasks; ++i) {
    const auto text = std::string(scene.input_bytes, 'x');
    const auto thread = scene.one_thread && !id.empty() ? R"(,"thread_id":")" + id + "\"" : std::string{};
    const auto made = ask(socket.get(), post_request("/api/v1/tasks", R"({"input":")" + text + "\"" + thread + "}"));
    const auto task = string_member(made, "id");
    if (scene.one_thread) {
      ask(socket.get(), post_request("/api/v1/tasks/" + task + "/execute", ""));
    }
    id = id.empty() ? task : id;
  }
  return id;
}

hostile_run::hostile_run(std::uint16_t to, hostile_amounts how_much, std::string id)
  : port{to}, amounts{how_much}, task{std::move(id)} {}

hostile_client::hostile_client(const hostile_kind& kind, std::uint16_t port, hostile_amounts amounts, std::string task)
  : run_{port, amounts, std::move(task)}, thread_{[this, attack = kind.attack] {
      // Elsewhere it would be a machine of its own: what it costs the server is measured, not what it takes from the
      // honest clients beside it.
      ::setpriority(PRIO_PROCESS, 0, 19);
      attack(run_);
    }} {}

hostile_client::~hostile_client() {
  run_.stop();
  thread_.join();
}

} // namespace troupe
