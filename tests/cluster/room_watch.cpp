#include "tests/cluster/room_watch.hpp"

#include "persistence/values/time.hpp"
#include "tests/cluster/chaos_options.hpp"
#include "tests/e2e/server_test.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace troupe {

using clock = std::chrono::steady_clock;

namespace {

/// After so long a silence the server is asked whether it is still there.
constexpr std::chrono::milliseconds doubt{1000};
/// After so long a silence it is not.
constexpr std::chrono::milliseconds despair{3000};

bool starts_with(const std::string& text, const std::string& beginning) {
  return text.starts_with(beginning);
}

/// The name behind the colon of a room.
std::string name_in(const std::string& room) {
  return room.substr(room.find(':') + 1);
}

} // namespace

room_watch::room_watch(const gateway_directory& directory, std::string room, std::uint64_t seed)
  : directory_{directory}, room_{std::move(room)}, random_{seed} {}

void room_watch::follow(const std::function<bool()>& done) {
  while (!done()) {
    port_ = directory_.any(random_, port_);
    try {
      if (port_ != 0) {
        read(port_, done);
        continue;
      }
    } catch (const json::exception& error) {
      const std::lock_guard guard{mutex_};
      complaints_.push_back(std::string{"a frame that cannot be read: "} + error.what());
    } catch (const std::exception&) {
      // Refused, or lost: there may be another gateway.
    }
    let_pass(20ms);
  }
}

std::string room_watch::door() const {
  if (starts_with(room_, "task:")) {
    return task_path(name_in(room_)) + "/chat?after=" + (cursor_.empty() ? "0" : cursor_);
  }
  if (starts_with(room_, "user:")) {
    return "/api/v1/user/notifications?created_by=" + name_in(room_) + (cursor_.empty() ? "" : "&after=" + cursor_);
  }
  return "/api/v1/events";
}

void room_watch::read(std::uint16_t port, const std::function<bool()>& done) {
  websocket_client socket{port, door()};
  {
    const std::lock_guard guard{mutex_};
    ++connections_;
    frames_ = 0;
  }
  if (starts_with(room_, "namespace:")) {
    json frame{{"type", "subscribe"}, {"room", room_}};
    if (!cursor_.empty()) {
      frame["after"] = cursor_;
    }
    socket.send(frame);
  }
  auto heard = clock::now();
  bool asked = false;
  // Every connection ends after a while, for clients come and go also without faults.
  for (auto left = 200 + random_() % 1000; left > 0 && !done();) {
    if (const auto frame = socket.next(50ms)) {
      heard = clock::now();
      asked = false;
      --left;
      take(*frame);
    } else if (!socket.is_open() || clock::now() - heard > despair) {
      break;
    } else if (!asked && clock::now() - heard > doubt) {
      socket.send({{"type", "ping"}});
      asked = true;
    }
  }
  if (socket.is_open()) {
    socket.drop();
  }
}

void room_watch::take(const json& frame) {
  const std::lock_guard guard{mutex_};
  const std::string type = frame.at("type");
  if (frame.contains("seq")) {
    cursor_ = frame.at("cursor");
    ++frames_;
    auto& of_task = seen_[frame.at("task_id")];
    of_task.push_back(summary_of(frame));
    if (of_task.size() > 1 && of_task.back().seq > of_task[of_task.size() - 2].seq + 1) {
      // Where to look for it.
      complaints_.push_back("a hole, met by frame " + std::to_string(frames_) + " of connection "
                            + std::to_string(connections_) + ", to port " + std::to_string(port_) + ", at "
                            + to_rfc3339(now()) + ": " + frame.dump());
    }
  } else if (type == "subscribed") {
    joined_ = true;
  } else if (type == "gap") {
    complaints_.push_back("a gap, where nothing was removed: " + frame.dump());
  } else if (type == "error" && frame.at("code").get<std::string>().ends_with("unavailable")) {
    // The database is away: whoever asks again later is served.
    throw std::runtime_error{frame.dump()};
  } else if (type == "error") {
    complaints_.push_back("an error: " + frame.dump());
  }
}

// -- what it has seen ---------------------------------------------------------------

bool room_watch::has_joined() const {
  const std::lock_guard guard{mutex_};
  return joined_;
}

bool room_watch::has_seen_end_of(const std::string& task_id) const {
  const std::lock_guard guard{mutex_};
  const auto found = seen_.find(task_id);
  return found != seen_.end()
         && std::any_of(found->second.begin(), found->second.end(), [](const seen_event& e) { return e.ends_run; });
}

seen_events room_watch::seen() const {
  const std::lock_guard guard{mutex_};
  return seen_;
}

std::size_t room_watch::connections() const {
  const std::lock_guard guard{mutex_};
  return connections_;
}

std::vector<std::string> room_watch::complaints() const {
  const std::lock_guard guard{mutex_};
  return complaints_;
}

} // namespace troupe
