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
/// them. Pure; one per gateway actor.
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
  /// perhaps before it was asked.
  void end(kind what, std::uint64_t number);
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
    int open = 0;
    std::deque<waiting_question> waiting{};
  };

  [[nodiscard]] line& of(kind what) noexcept { return lines_[static_cast<std::size_t>(what)]; }
  [[nodiscard]] bool may_begin(const line& one) const noexcept;

  // Records come first.
  std::array<line, 2> lines_{line{64}, line{4}};
  std::size_t on_the_way_ = 0;
};

} // namespace troupe
