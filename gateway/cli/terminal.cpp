#include "gateway/cli/terminal.hpp"

#include "gateway/cli/text.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <sys/ioctl.h>
#include <unistd.h>

namespace troupe {

namespace {

std::optional<std::size_t> width_of(int descriptor) {
  winsize size{};
  if (isatty(descriptor) == 0)
    return std::nullopt;
  if (ioctl(descriptor, TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
    return 80;
  return size.ws_col;
}

/// A terminal that can erase a line.
bool can_redraw(int descriptor) {
  const char* kind = std::getenv("TERM");
  return isatty(descriptor) != 0 && kind != nullptr && std::string_view{kind} != "dumb";
}

void write_error(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

volatile std::sig_atomic_t interrupted = 0;

void remember_interrupt(int) {
  interrupted = 1;
}

} // namespace

std::optional<std::size_t> output_width() {
  return width_of(STDOUT_FILENO);
}

void print(std::string_view text) {
  std::string safe;
  if (isatty(STDOUT_FILENO) != 0) {
    safe = printable(text);
    text = safe;
  }
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0)
    throw std::runtime_error{std::string{"Standard output cannot be written: "} + std::strerror(errno) + "."};
}

void complain(std::string_view sentence) {
  write_error(printable(sentence) + "\n");
}

// -- the live screen ------------------------------------------------------------------

live_screen::live_screen(bool streams_text)
  : streams_text_{streams_text && isatty(STDOUT_FILENO) != 0}, draws_line_{can_redraw(STDERR_FILENO)} {}

live_screen::~live_screen() {
  erase_line();
}

void live_screen::erase_line() {
  if (drawn_.empty())
    return;
  drawn_.clear();
  write_error("\r\x1b[K");
}

void live_screen::draw(const std::string& line) {
  if (!draws_line_ || is_within_text_)
    return;
  // The last column stays free: some terminals wrap as soon as it is written.
  auto cut = fit(line, width_of(STDERR_FILENO).value_or(80) - 1);
  if (cut == drawn_)
    return;
  write_error("\r" + cut + "\x1b[K");
  drawn_ = std::move(cut);
}

void live_screen::note(const std::string& sentence) {
  if (!draws_line_)
    return;
  settle();
  complain(sentence);
}

void live_screen::text(std::string_view fresh) {
  if (!streams_text_ || fresh.empty())
    return;
  erase_line();
  print(fresh);
  has_shown_text_ = true;
  is_within_text_ = true;
}

void live_screen::settle() {
  erase_line();
  if (is_within_text_)
    print("\n");
  is_within_text_ = false;
}

// -- interrupts -------------------------------------------------------------------------

interrupt_watch::interrupt_watch() {
  struct sigaction before {};
  if (sigaction(SIGINT, nullptr, &before) != 0 || before.sa_handler == SIG_IGN)
    return;
  struct sigaction watched {};
  watched.sa_handler = remember_interrupt;
  // Back to the default with the first one: the second one always gets through.
  watched.sa_flags = SA_RESETHAND | SA_RESTART;
  installed_ = sigaction(SIGINT, &watched, nullptr) == 0;
}

interrupt_watch::~interrupt_watch() {
  if (installed_)
    std::signal(SIGINT, SIG_DFL);
}

bool interrupt_watch::was_interrupted() noexcept {
  return interrupted != 0;
}

} // namespace troupe
