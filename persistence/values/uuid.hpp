#pragma once

#include <array>
#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace troupe {

/// A 128-bit identifier in network byte order (RFC 9562). Ordering is bytewise,
/// which for version 7 is the order of creation.
struct uuid {
  std::array<std::uint8_t, 16> bytes{};

  auto operator<=>(const uuid&) const = default;

  /// True for the all-zero identifier, which names nothing.
  [[nodiscard]] bool is_nil() const noexcept;

  /// The canonical 36-character lower-case form.
  [[nodiscard]] std::string to_string() const;

  /// Writes the canonical form without allocating.
  void to_chars(std::span<char, 36> out) const noexcept;

  /// Reads the canonical form only: 36 characters, hyphens at 8, 13, 18 and 23,
  /// hexadecimal digits of either case. Anything else is nullopt.
  static std::optional<uuid> parse(std::string_view text) noexcept;
};

/// Makes a version 7 identifier (RFC 9562, section 5.7). Within one process the
/// results strictly increase, also for calls within one millisecond and across
/// threads; `rand_a` serves as the counter (section 6.2, method 1).
uuid make_uuid();

/// While one lives, this thread's identifiers are made of the time and the chance that it is given, so that a run
/// which is repeated makes the same ones. For simulations; not more than one per thread at a time.
class scripted_uuids {
public:
  scripted_uuids(std::function<std::chrono::milliseconds()> since_epoch, std::function<std::uint64_t()> random_bits);
  ~scripted_uuids();
  scripted_uuids(const scripted_uuids&) = delete;
  scripted_uuids& operator=(const scripted_uuids&) = delete;

  uuid next();

private:
  std::function<std::chrono::milliseconds()> since_epoch_;
  std::function<std::uint64_t()> random_bits_;
  std::uint64_t latest_ = 0;
};

} // namespace troupe

template <>
struct std::hash<troupe::uuid> {
  std::size_t operator()(const troupe::uuid& id) const noexcept;
};
