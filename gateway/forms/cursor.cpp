#include "gateway/forms/cursor.hpp"

#include "persistence/values/names.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

namespace troupe {

// A cursor is base64url (RFC 4648, section 5, no padding) of
//   version (1 byte), kind (1 byte), payload, checksum (4 bytes of FNV-1a, low first).

namespace {

constexpr std::uint8_t version = 1;
constexpr std::size_t overhead = 6;
constexpr std::size_t longest_payload = max_name_length;
constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

using byte_view = std::span<const std::uint8_t>;

std::uint32_t checksum(byte_view bytes) noexcept {
  std::uint32_t sum = 2166136261U;
  for (const auto byte : bytes)
    sum = (sum ^ byte) * 16777619U;
  return sum;
}

void append_base64url(std::string& out, byte_view bytes) {
  std::uint32_t bits = 0;
  int held = 0;
  for (const auto byte : bytes) {
    bits = (bits << 8) | byte;
    for (held += 8; held >= 6; held -= 6)
      out += alphabet[(bits >> (held - 6)) & 63];
  }
  if (held > 0)
    out += alphabet[(bits << (6 - held)) & 63];
}

/// The bytes, or nothing for text that no encoder writes: other characters, an
/// impossible length, or bits set behind the last byte.
std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int held = 0;
  for (const char c : text) {
    const auto digit = alphabet.find(c);
    if (digit == alphabet.npos)
      return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    held += 6;
    if (held >= 8) {
      held -= 8;
      out += static_cast<char>((bits >> held) & 0xFF);
    }
  }
  if (held == 6 || (bits & ((1U << held) - 1)) != 0)
    return std::nullopt;
  return out;
}

void append_cursor(std::string& out, cursor_kind kind, byte_view payload) {
  std::array<std::uint8_t, longest_payload + overhead> bytes;
  bytes[0] = version;
  bytes[1] = static_cast<std::uint8_t>(kind);
  const auto size = std::min(payload.size(), longest_payload);
  std::copy_n(payload.begin(), size, bytes.begin() + 2);
  const auto sum = checksum({bytes.data(), size + 2});
  for (std::size_t i = 0; i < 4; ++i)
    bytes[size + 2 + i] = static_cast<std::uint8_t>(sum >> (8 * i));
  append_base64url(out, {bytes.data(), size + overhead});
}

std::array<std::uint8_t, 8> to_bytes(std::int64_t number) noexcept {
  std::array<std::uint8_t, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    bytes[i] = static_cast<std::uint8_t>(static_cast<std::uint64_t>(number) >> (8 * i));
  return bytes;
}

problem refusal(std::string_view why) {
  problem result{.code = problem_code::invalid_cursor};
  result.detail = "The cursor ";
  result.detail += why;
  result.detail += "; use one from this list's answers as it is, or leave it out to start over.";
  return result;
}

parsed<std::string> read(cursor_kind kind, std::string_view text) {
  if (text.empty())
    return refusal("is empty");
  // A quarter more is what base64 makes of the longest cursor; no need to look further.
  if (text.size() > (longest_payload + overhead) * 4 / 3 + 1)
    return refusal("is longer than any that was given out");
  const auto bytes = from_base64url(text);
  if (!bytes || bytes->size() < overhead)
    return refusal("is damaged");
  const byte_view all{reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size()};
  const auto guarded = all.first(all.size() - 4);
  const auto sum = checksum(guarded);
  for (std::size_t i = 0; i < 4; ++i)
    if (all[guarded.size() + i] != static_cast<std::uint8_t>(sum >> (8 * i)))
      return refusal("is damaged");
  if (all[0] != version)
    return refusal("was made by another version");
  if (all[1] != static_cast<std::uint8_t>(kind))
    return refusal("belongs to another kind of list");
  return bytes->substr(2, bytes->size() - overhead);
}

} // namespace

// -- writing ----------------------------------------------------------------------

std::string task_cursor(const uuid& last) {
  std::string out;
  append_cursor(out, cursor_kind::tasks, last.bytes);
  return out;
}

std::string name_cursor(cursor_kind kind, std::string_view last) {
  std::string out;
  append_cursor(out, kind, {reinterpret_cast<const std::uint8_t*>(last.data()), last.size()});
  return out;
}

std::string approval_cursor(cursor_kind kind, const approval_place& last) {
  return name_cursor(kind, last.task_id.to_string() + last.call_id);
}

std::string number_cursor(cursor_kind kind, std::int64_t last) {
  std::string out;
  append_cursor(out, kind, to_bytes(last));
  return out;
}

void append_event_cursor(std::string& out, std::int64_t position) {
  append_cursor(out, cursor_kind::events, to_bytes(position));
}

// -- reading ----------------------------------------------------------------------

parsed<uuid> read_task_cursor(std::string_view text) {
  auto payload = read(cursor_kind::tasks, text);
  if (auto* refused = std::get_if<problem>(&payload))
    return std::move(*refused);
  const auto& bytes = std::get<std::string>(payload);
  uuid id;
  if (bytes.size() != id.bytes.size())
    return refusal("is damaged");
  std::memcpy(id.bytes.data(), bytes.data(), bytes.size());
  return id;
}

parsed<std::string> read_name_cursor(cursor_kind kind, std::string_view text) {
  auto payload = read(kind, text);
  if (const auto* name = std::get_if<std::string>(&payload); name != nullptr && !is_valid_name(*name))
    return refusal("is damaged");
  return payload;
}

parsed<approval_place> read_approval_cursor(cursor_kind kind, std::string_view text) {
  auto payload = read(kind, text);
  if (auto* refused = std::get_if<problem>(&payload))
    return std::move(*refused);
  const std::string_view place = std::get<std::string>(payload);
  constexpr std::size_t id_length = 36;
  const auto id = uuid::parse(place.substr(0, id_length));
  if (!id || place.size() <= id_length)
    return refusal("is damaged");
  return approval_place{*id, std::string{place.substr(id_length)}};
}

parsed<std::int64_t> read_number_cursor(cursor_kind kind, std::string_view text) {
  auto payload = read(kind, text);
  if (auto* refused = std::get_if<problem>(&payload))
    return std::move(*refused);
  const auto& bytes = std::get<std::string>(payload);
  if (bytes.size() != 8)
    return refusal("is damaged");
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i)
    number |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
  const auto result = static_cast<std::int64_t>(number);
  if (result < 0)
    return refusal("is damaged");
  return result;
}

} // namespace troupe
