#include "actors/remote/sse.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

namespace troupe {

namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
constexpr std::size_t longest_id = 1024;
constexpr std::int64_t longest_retry = std::int64_t{24} * 3600 * 1000;

} // namespace

first_bytes_of first_bytes(std::string_view begin) noexcept {
  constexpr std::array<std::string_view, 4> fields{"data", "event", "retry", "id"};
  if (byte_order_mark.starts_with(begin.substr(0, byte_order_mark.size())) && begin.size() < byte_order_mark.size())
    return first_bytes_of::unknown;
  if (begin.starts_with(byte_order_mark))
    begin.remove_prefix(byte_order_mark.size());
  begin.remove_prefix(std::min(begin.find_first_not_of(" \t\r\n"), begin.size()));
  if (begin.empty())
    return first_bytes_of::unknown;
  if (begin.front() == ':')
    return first_bytes_of::stream;
  for (const auto field : fields) {
    if (begin.size() <= field.size() && field.starts_with(begin))
      return first_bytes_of::unknown;
    if (begin.starts_with(field) && begin.size() > field.size()
        && (begin[field.size()] == ':' || begin[field.size()] == '\n' || begin[field.size()] == '\r'))
      return first_bytes_of::stream;
  }
  return first_bytes_of::body;
}

bool sse_parser::read(std::string_view piece, std::vector<sse_event>& out) {
  while (!piece.empty() && !malformed_) {
    if (std::exchange(skip_lf_, false) && piece.front() == '\n') {
      piece.remove_prefix(1);
      continue;
    }
    // Two searches for a character each are far faster than one for either.
    const auto line = piece.substr(0, piece.find('\n'));
    const auto length = std::min(line.find('\r'), line.size());
    if (length > max_event_ - line_.size()) {
      malformed_ = true;
      break;
    }
    if (length == piece.size()) {
      line_.append(piece);
      break;
    }
    skip_lf_ = piece[length] == '\r';
    if (line_.empty()) {
      take_line(piece.substr(0, length), out);
    } else {
      line_.append(piece.substr(0, length));
      take_line(line_, out);
      line_.clear();
    }
    piece.remove_prefix(length + 1);
  }
  return !malformed_;
}

void sse_parser::finish(std::vector<sse_event>& out) {
  if (malformed_)
    return;
  if (!line_.empty())
    take_line(std::exchange(line_, {}), out);
  if (!malformed_)
    dispatch(out);
}

void sse_parser::take_line(std::string_view line, std::vector<sse_event>& out) {
  if (std::exchange(at_start_, false) && line.starts_with(byte_order_mark))
    line.remove_prefix(byte_order_mark.size());
  if (line.empty()) {
    dispatch(out);
    return;
  }
  const auto colon = std::min(line.find(':'), line.size());
  const auto field = line.substr(0, colon);
  auto value = line.substr(std::min(colon + 1, line.size()));
  if (value.starts_with(' '))
    value.remove_prefix(1);
  if (field == "event") {
    event_.name = value;
  } else if (field == "data") {
    if (std::exchange(has_data_, true))
      event_.data += '\n';
    event_.data += value;
    malformed_ = event_.data.size() > max_event_;
  } else if (field == "id") {
    // One with a NUL is to be ignored; a long one is no id but a way to fill memory.
    if (value.size() <= longest_id && value.find('\0') == value.npos)
      id_ = value;
  } else if (field == "retry") {
    take_retry(value);
  }
}

void sse_parser::take_retry(std::string_view value) {
  std::int64_t wait = 0;
  const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), wait);
  if (wrong == std::errc{} && end == value.data() + value.size() && wait >= 0)
    reconnect_after_ = std::chrono::milliseconds{std::min(wait, longest_retry)};
}

void sse_parser::dispatch(std::vector<sse_event>& out) {
  auto event = std::exchange(event_, {});
  if (id_)
    last_id_ = *std::exchange(id_, std::nullopt);
  if (!std::exchange(has_data_, false))
    return;
  event.id = last_id_;
  out.push_back(std::move(event));
}

} // namespace troupe
