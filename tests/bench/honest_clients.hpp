#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

/// Clients that ask for little and expect an answer: what they notice of others is what is measured.
namespace troupe {

/// What honest clients saw.
struct honest_figures {
  /// Milliseconds of each answer. One that came later than the next question was due stands for the questions that
  /// could not be put meanwhile, too, so that a silence weighs as long as it was.
  std::vector<double> milliseconds;
  /// What was not answered with 2xx, in words; at most a few.
  std::vector<std::string> failures;
  std::size_t failed = 0;
  std::size_t answered = 0;
};

/// Each on a thread and a connection of its own, in turns of four kinds: one reads a task, one creates a task and waits
/// for its answer, one follows a task as server-sent events, one pings on a WebSocket.
class honest_clients {
public:
  /// Each asks once in `interval`; what takes longer than `limit` has failed.
  honest_clients(std::uint16_t port, std::size_t count,
                 std::chrono::milliseconds interval = std::chrono::milliseconds{100},
                 std::chrono::milliseconds limit = std::chrono::seconds{30});
  /// Stops them.
  ~honest_clients();

  honest_clients(const honest_clients&) = delete;
  honest_clients& operator=(const honest_clients&) = delete;

  /// What has been seen since the last call.
  honest_figures take();

  /// The answers that the slowest of them has had so far.
  [[nodiscard]] std::size_t rounds() const;

private:
  void run(std::size_t index);
  void note(double milliseconds);
  void note_failure(const std::string& what);

  std::uint16_t port_;
  std::chrono::milliseconds interval_;
  std::chrono::milliseconds limit_;
  std::string task_;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  honest_figures seen_;
  std::vector<std::atomic<std::size_t>> rounds_;
  std::vector<std::thread> threads_;
};

} // namespace troupe
