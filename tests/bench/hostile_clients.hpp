#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <thread>

/// Clients that ask for more than they should get. What they do is bounded, goes to the loopback interface only, and
/// stops when it is told to; the server may close their connections as it likes.
namespace troupe {

/// How much a hostile client does. What a kind has no use for it does not look at.
struct hostile_amounts {
  /// Frames or requests in all.
  std::size_t frames = 0;
  /// Connections side by side.
  std::size_t connections = 1;
  /// Bytes of each request, message or header that is never finished.
  std::size_t bytes = 0;
};

/// What a kind finds at the server before it begins.
struct hostile_scene {
  /// Tasks with an input of so many bytes, all in one thread if `one_thread`.
  std::size_t tasks = 0;
  std::size_t input_bytes = 0;
  bool one_thread = false;
};

class hostile_run;

struct hostile_kind {
  std::string_view name;
  std::string_view does;
  /// As in the issue that such a client was first seen in.
  hostile_amounts full;
  hostile_scene scene;
  void (*attack)(hostile_run& run);
};

/// Every kind there is.
std::span<const hostile_kind> hostile_kinds();
/// The kind of this name; throws std::runtime_error if there is none.
const hostile_kind& hostile_kind_named(std::string_view name);

/// Creates what the kind finds at the server and returns the id of a task (of the thread, if it is one).
std::string set_scene(std::uint16_t port, const hostile_scene& scene);

/// What an attack knows and tells.
class hostile_run {
public:
  hostile_run(std::uint16_t port, hostile_amounts amounts, std::string task);

  const std::uint16_t port;
  const hostile_amounts amounts;
  /// The id of a task of the scene.
  const std::string task;

  [[nodiscard]] bool stopping() const { return stopping_; }
  void stop() { stopping_ = true; }
  /// It has done what it came for: all is sent, or the server takes no more.
  void set_spent() { spent_ = true; }
  [[nodiscard]] bool spent() const { return spent_; }

  /// Connections that the server has ended, and frames or requests that it has taken.
  std::atomic<std::size_t> cut = 0;
  std::atomic<std::size_t> taken = 0;

private:
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> spent_ = false;
};

/// One hostile client on a thread of its own.
class hostile_client {
public:
  hostile_client(const hostile_kind& kind, std::uint16_t port, hostile_amounts amounts, std::string task);
  /// Stops it and closes its connections.
  ~hostile_client();

  hostile_client(const hostile_client&) = delete;
  hostile_client& operator=(const hostile_client&) = delete;

  [[nodiscard]] bool spent() const { return run_.spent(); }
  [[nodiscard]] std::size_t cut() const { return run_.cut; }
  [[nodiscard]] std::size_t taken() const { return run_.taken; }

private:
  hostile_run run_;
  std::thread thread_;
};

} // namespace troupe
