#include "tests/e2e/server_process.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace troupe {

namespace {

std::system_error last_error(const char* what) {
  return {errno, std::generic_category(), what};
}

/// True if the server on `port` answers `GET /readyz` with 200.
bool is_ready(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  std::string answer;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    constexpr std::string_view request = "GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
      std::array<char, 512> buffer{};
      answer.assign(buffer.data(), static_cast<std::size_t>(
                                     std::max<ssize_t>(0, ::recv(descriptor, buffer.data(), buffer.size(), 0))));
    }
  }
  ::close(descriptor);
  return answer.starts_with("HTTP/1.1 200");
}

std::vector<std::string> serve_command(const std::filesystem::path& data_dir, const std::vector<std::string>& flags) {
  std::vector<std::string> command{troupe_binary(), "serve", "--data-dir", data_dir.string()};
  if (std::find(flags.begin(), flags.end(), "--http-port") == flags.end())
    command.insert(command.end(), {"--http-port", "0"});
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

} // namespace

// -- child_process --------------------------------------------------------------

child_process::child_process(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);

  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) {
    throw last_error("pipe2");
  }
  pid_ = ::fork();
  if (pid_ < 0) {
    throw last_error("fork");
  }
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(pipe[1], STDOUT_FILENO);
    ::dup2(pipe[1], STDERR_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(pipe[1]);
  // glibc 2.36 declares pidfd_open without extern "C".
  pid_descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  collector_ = std::thread([this, descriptor = pipe[0]] { collect(descriptor); });
}

child_process::~child_process() {
  if (exit_code_ < 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  collector_.join();
  ::close(pid_descriptor_);
}

void child_process::collect(int descriptor) {
  std::array<char, 16 * 1024> buffer{};
  for (;;) {
    const ssize_t length = ::read(descriptor, buffer.data(), buffer.size());
    if (length < 0 && errno == EINTR) {
      continue;
    }
    const std::lock_guard guard{mutex_};
    if (length <= 0) {
      closed_ = true;
    } else {
      output_.append(buffer.data(), static_cast<std::size_t>(length));
    }
    changed_.notify_all();
    if (closed_) {
      break;
    }
  }
  ::close(descriptor);
}

void child_process::signal(int number) const {
  if (exit_code_ < 0 && ::kill(pid_, number) != 0) {
    throw last_error("kill");
  }
}

int child_process::wait(std::chrono::milliseconds limit) {
  if (exit_code_ >= 0) {
    return exit_code_;
  }
  pollfd ended{pid_descriptor_, POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(limit.count())) != 1) {
    throw std::runtime_error{"the process still runs; it wrote:\n" + output()};
  }
  int status = 0;
  ::waitpid(pid_, &status, 0);
  exit_code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  std::unique_lock lock{mutex_};
  changed_.wait(lock, [this] { return closed_; });
  return exit_code_;
}

std::string child_process::output() const {
  const std::lock_guard guard{mutex_};
  return output_;
}

std::string child_process::wait_for_line(std::string_view text, std::chrono::milliseconds limit) {
  std::unique_lock lock{mutex_};
  std::string line;
  const auto found = [&] {
    const auto at = output_.find(text);
    const auto end = output_.find('\n', at == std::string::npos ? output_.size() : at);
    if (end == std::string::npos) {
      return false;
    }
    const auto begin = output_.rfind('\n', at);
    line
      = output_.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1));
    return true;
  };
  changed_.wait_for(lock, limit, [&] { return found() || closed_; });
  if (line.empty() && !found()) {
    throw std::runtime_error{"no line with '" + std::string{text} + "' came; the process wrote:\n" + output_};
  }
  return line;
}

std::size_t child_process::resident_bytes() const {
  return status_bytes("VmRSS:");
}

std::size_t child_process::peak_resident_bytes() const {
  return status_bytes("VmHWM:");
}

void child_process::reset_peak() const {
  // proc(5): 5 sets the peak to what is resident now.
  std::ofstream{"/proc/" + std::to_string(pid_) + "/clear_refs"} << 5;
}

std::size_t child_process::status_bytes(std::string_view name) const {
  std::ifstream status{"/proc/" + std::to_string(pid_) + "/status"};
  std::string word;
  while (status >> word) {
    if (word == name) {
      std::size_t kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  }
  throw std::runtime_error{"the process has ended; it wrote:\n" + output()};
}

std::chrono::milliseconds child_process::cpu_time() const {
  std::ifstream stat{"/proc/" + std::to_string(pid_) + "/stat"};
  std::string text;
  std::getline(stat, text);
  // Behind the name in parentheses: field 3 onwards; utime and stime are 14 and 15.
  text.erase(0, text.rfind(')') + 2);
  std::size_t begin = 0;
  for (int field = 3; field < 14; ++field) {
    begin = text.find(' ', begin) + 1;
  }
  char* end = nullptr;
  const long user = std::strtol(text.c_str() + begin, &end, 10);
  const long system = std::strtol(end, nullptr, 10);
  return std::chrono::milliseconds{(user + system) * 1000 / ::sysconf(_SC_CLK_TCK)};
}

// -- server_process --------------------------------------------------------------

server_process::server_process(const std::filesystem::path& data_dir, const std::vector<std::string>& flags)
  : child_process{serve_command(data_dir, flags)} {
  // Behind the last colon, as an IPv6 address has others.
  const std::string line = wait_for_line("listening on http://");
  const char* digits = line.data() + line.rfind(':') + 1;
  std::from_chars(digits, line.data() + line.size(), port_);
  if (!eventually([this] { return is_ready(port_); })) {
    throw std::runtime_error{"the server does not become ready; it wrote:\n" + output()};
  }
}

std::string troupe_binary() {
  return TROUPE_BINARY;
}

finished_run run_troupe(const std::vector<std::string>& arguments, std::chrono::milliseconds limit) {
  std::vector<std::string> command{troupe_binary()};
  command.insert(command.end(), arguments.begin(), arguments.end());
  child_process process{command};
  const int exit_code = process.wait(limit);
  return {exit_code, process.output()};
}

} // namespace troupe
