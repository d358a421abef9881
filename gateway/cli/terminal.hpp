#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

/// The two streams of a command: answers on standard output, all else on standard
/// error. What is printed for a program to read is exact; what a terminal shows is
/// made printable first and has no control character of somebody else's in it.
namespace troupe {

/// Columns of the terminal behind standard output; nothing if there is none.
std::optional<std::size_t> output_width();

/// Prints on standard output and flushes. Throws std::runtime_error if it cannot.
void print(std::string_view text);

/// Prints a line on standard error.
void complain(std::string_view sentence);

/// What a followed task shows while it runs: a progress line on standard error where
/// that is a terminal, and the answer as it comes on standard output where that is one.
/// The two never share a line: while text stands on it, the progress line is away.
class live_screen {
public:
  /// `streams_text`: show the answer as it comes.
  explicit live_screen(bool streams_text);
  /// Takes the progress line away.
  ~live_screen();

  live_screen(const live_screen&) = delete;
  live_screen& operator=(const live_screen&) = delete;

  void draw(const std::string& line);
  /// A line that stays, where there is a terminal.
  void note(const std::string& sentence);
  void text(std::string_view fresh);
  /// Ends what is on the screen, so that other output can follow on a new line.
  void settle();

  /// True if any text of the answer was shown.
  [[nodiscard]] bool has_shown_text() const noexcept { return has_shown_text_; }

private:
  void erase_line();

  bool streams_text_;
  bool draws_line_;
  std::string drawn_;
  bool is_within_text_ = false;
  bool has_shown_text_ = false;
};

/// While it lives, the first SIGINT is only remembered; the second ends the process
/// as ever. Where SIGINT is ignored (a job in the background), it stays so.
class interrupt_watch {
public:
  interrupt_watch();
  ~interrupt_watch();

  interrupt_watch(const interrupt_watch&) = delete;
  interrupt_watch& operator=(const interrupt_watch&) = delete;

  [[nodiscard]] static bool was_interrupted() noexcept;

private:
  bool installed_ = false;
};

} // namespace troupe
