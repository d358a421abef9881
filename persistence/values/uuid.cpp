#include "persistence/values/uuid.hpp"

#include "persistence/values/time.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <stdexcept>
#include <sys/random.h>
#include <utility>

namespace troupe {
namespace {

constexpr char digits[] = "0123456789abcdef";

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

constexpr bool is_hyphen_place(std::size_t i) noexcept {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

/// Random bits from the kernel, fetched for many identifiers at once.
std::uint64_t random_bits() {
  constexpr std::size_t capacity = 32;
  thread_local std::array<std::uint64_t, capacity> pool;
  thread_local std::size_t used = capacity;
  if (used == capacity) {
    if (::getrandom(pool.data(), sizeof pool, 0) != static_cast<ssize_t>(sizeof pool))
      throw std::runtime_error("The system gives no random bits.");
    used = 0;
  }
  return pool[used++];
}

/// 48 bits of milliseconds above the 12-bit counter. Past the counter's end, or when the clock steps back, the time
/// itself is counted up (section 6.2).
std::uint64_t next_stamp(std::chrono::milliseconds since_epoch, std::uint64_t before) noexcept {
  return std::max(static_cast<std::uint64_t>(since_epoch.count()) << 12, before + 1);
}

uuid make_version_7(std::uint64_t stamp, std::uint64_t random) noexcept {
  uuid result;
  for (std::size_t i = 0; i < 6; ++i)
    result.bytes[i] = static_cast<std::uint8_t>(stamp >> (52 - 8 * i));
  result.bytes[6] = static_cast<std::uint8_t>(0x70 | (stamp >> 8 & 0x0f));
  result.bytes[7] = static_cast<std::uint8_t>(stamp);
  std::memcpy(result.bytes.data() + 8, &random, sizeof random);
  result.bytes[8] = static_cast<std::uint8_t>(0x80 | (result.bytes[8] & 0x3f));
  return result;
}

thread_local scripted_uuids* script = nullptr;

} // namespace

bool uuid::is_nil() const noexcept {
  return *this == uuid{};
}

void uuid::to_chars(std::span<char, 36> out) const noexcept {
  std::size_t i = 0;
  for (const auto byte : bytes) {
    if (is_hyphen_place(i))
      out[i++] = '-';
    out[i++] = digits[byte >> 4];
    out[i++] = digits[byte & 15];
  }
}

std::string uuid::to_string() const {
  std::array<char, 36> text;
  to_chars(text);
  return {text.data(), text.size()};
}

std::optional<uuid> uuid::parse(std::string_view text) noexcept {
  if (text.size() != 36)
    return std::nullopt;
  uuid result;
  std::size_t i = 0;
  for (auto& byte : result.bytes) {
    if (is_hyphen_place(i) && text[i++] != '-')
      return std::nullopt;
    const int high = hex_value(text[i++]);
    const int low = hex_value(text[i++]);
    if (high < 0 || low < 0)
      return std::nullopt;
    byte = static_cast<std::uint8_t>(high << 4 | low);
  }
  return result;
}

uuid make_uuid() {
  if (script)
    return script->next();
  static std::atomic<std::uint64_t> latest{0};
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(now()).time_since_epoch();
  auto before = latest.load(std::memory_order_relaxed);
  std::uint64_t stamp = 0;
  do {
    stamp = next_stamp(milliseconds, before);
  } while (!latest.compare_exchange_weak(before, stamp, std::memory_order_relaxed));
  return make_version_7(stamp, random_bits());
}

scripted_uuids::scripted_uuids(std::function<std::chrono::milliseconds()> since_epoch,
                               std::function<std::uint64_t()> random_bits)
  : since_epoch_{std::move(since_epoch)}, random_bits_{std::move(random_bits)} {
  script = this;
}

scripted_uuids::~scripted_uuids() {
  script = nullptr;
}

uuid scripted_uuids::next() {
  latest_ = next_stamp(since_epoch_(), latest_);
  return make_version_7(latest_, random_bits_());
}

} // namespace troupe

std::size_t std::hash<troupe::uuid>::operator()(const troupe::uuid& id) const noexcept {
  std::uint64_t head = 0;
  std::uint64_t tail = 0;
  std::memcpy(&head, id.bytes.data(), sizeof head);
  std::memcpy(&tail, id.bytes.data() + 8, sizeof tail);
  return static_cast<std::size_t>(tail ^ head * 0x9e3779b97f4a7c15ULL);
}
