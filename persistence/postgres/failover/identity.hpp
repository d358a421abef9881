#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

/// Which database a session is really in, whatever name led there. Pure.
namespace troupe {

struct pg_identity {
  /// Made by initdb, and shared by all standbys; empty where the role may not know.
  std::string system{};
  /// The database's number in its server: a copy beside the original has another.
  std::int64_t database = 0;
  /// Grows when a standby is promoted and when a backup is restored to a point in time; 0 on a standby.
  std::uint32_t timeline = 0;

  bool operator==(const pg_identity&) const = default;

  /// Whoever gives the same text is in the same database, and not in a copy of it.
  [[nodiscard]] std::string text() const {
    return system + '/' + std::to_string(database) + '/' + std::to_string(timeline);
  }

  /// The same server's history, before `seen`: a primary that others have replaced.
  [[nodiscard]] bool is_behind(const pg_identity& seen) const noexcept {
    return system == seen.system && timeline < seen.timeline;
  }

  /// As the names of WAL files begin: eight hexadecimal digits. 0 for anything else.
  static std::uint32_t parse_timeline(std::string_view text) noexcept {
    std::uint32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return value;
  }
};

} // namespace troupe
