#pragma once

#include "tests/eventually.hpp"
#include "tests/temporary_folder.hpp"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <thread>
#include <vector>

/// The real binary as a child process: started, watched, signalled and ended by
/// the tests and the benchmarks. Failures of the harness itself are thrown as
/// std::runtime_error with the child's output.
namespace troupe {

using namespace std::chrono_literals;

/// A child process whose standard output and error are collected. It is killed
/// with the object, and by the kernel if the parent dies.
class child_process {
public:
  /// `command[0]` is the program's path.
  explicit child_process(const std::vector<std::string>& command);
  ~child_process();

  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  void signal(int number) const;

  /// Waits for its end: the exit code, or 128 + the signal that ended it. Throws
  /// if it still runs after `limit`.
  int wait(std::chrono::milliseconds limit = patience);

  /// Everything written so far.
  [[nodiscard]] std::string output() const;

  /// Waits until a whole line contains `text` and returns that line; throws if the process
  /// ends before or `limit` is over.
  std::string wait_for_line(std::string_view text, std::chrono::milliseconds limit = patience);

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Resident memory (VmRSS).
  [[nodiscard]] std::size_t resident_bytes() const;

  /// The most resident memory (VmHWM) since the start, or since `reset_peak` was called.
  [[nodiscard]] std::size_t peak_resident_bytes() const;
  void reset_peak() const;

  /// User and system time consumed so far by all threads.
  [[nodiscard]] std::chrono::milliseconds cpu_time() const;

private:
  void collect(int descriptor);
  [[nodiscard]] std::size_t status_bytes(std::string_view name) const;

  pid_t pid_ = -1;
  int pid_descriptor_ = -1;
  int exit_code_ = -1;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::string output_;
  bool closed_ = false;
  std::thread collector_;
};

/// `troupe serve` on a free port of the loopback interface, unless `flags` name one.
class server_process : public child_process {
public:
  /// Starts it and returns once it is ready (`GET /readyz` says so).
  explicit server_process(const std::filesystem::path& data_dir, const std::vector<std::string>& flags = {});

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

private:
  std::uint16_t port_ = 0;
};

/// The path of the binary under test.
std::string troupe_binary();

/// A finished run of the binary.
struct finished_run {
  int exit_code = 0;
  std::string output;
};

/// Runs the binary with `arguments` to its end.
finished_run run_troupe(const std::vector<std::string>& arguments, std::chrono::milliseconds limit = patience);

} // namespace troupe
