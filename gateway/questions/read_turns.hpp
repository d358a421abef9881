#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>

/// Which questions to the store's readers are asked now, and which wait. A page may have a
/// mebibyte, and readers find pages faster than they are rendered and written: without a
/// bound a crowd of them stands in the mailbox, as memory and before everybody else's small
/// question. So few pages are on their way at once, and single records do not wait behind
/// them. A record may be large too, which is not known before: as many are on their way as
/// will have a mebibyte if the next are like the last. Pure; one per gateway actor.
namespace troupe {

class read_turns {
public:
  enum class kind : std::uint8_t { record, page };
  using question = std::function<void()>;

  /// Whether a question of this kind may be asked at once; then it counts as asked.
  [[nodiscard]] bool try_begin(kind what);
  /// Else it waits. Numbers rise.
  void wait(kind what, std::uint64_t number, question f);
  /// Whoever has asked question `number` waits for it no longer: it is answered, or refused,
  /// perhaps before it was asked. `bytes` of the answer, where there is one.
  void end(kind what, std::uint64_t number, std::size_t bytes = 0);
  /// The next one that waits and may be asked; it counts as asked.
  [[nodiscard]] std::optional<question> next();

  /// Bytes of answers that were given to the I/O thread, and that it has taken.
  void note_given(std::size_t bytes) noexcept { on_the_way_ += bytes; }
  void note_taken(std::size_t bytes) noexcept { on_the_way_ -= bytes; }

private:
  struct waiting_question {
    std::uint64_t number;
    question ask;
  };
  struct line {
    int limit;
    /// What those that are open may be answered with, by what is likely.
    std::size_t bytes;
    int open = 0;
    std::deque<waiting_question> waiting{};
    /// What an answer is likely to have: soon as much as the last, later as little.
    std::size_t likely_bytes = 0;
  };

  [[nodiscard]] line& of(kind what) noexcept { return lines_[static_cast<std::size_t>(what)]; }
  [[nodiscard]] bool may_begin(const line& one) const noexcept;

  static constexpr std::size_t mebibyte = std::size_t{1024} * 1024;

  // Records come first. Of large pages one is read while another is written out.
  std::array<line, 2> lines_{line{.limit = 64, .bytes = mebibyte}, line{.limit = 4, .bytes = 2 * mebibyte}};
  std::size_t on_the_way_ = 0;
};

} // namespace troupe
