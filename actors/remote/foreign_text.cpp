#include "actors/remote/foreign_text.hpp"

#include <algorithm>

namespace troupe::foreign {

namespace {

constexpr std::string_view replacement = "\xef\xbf\xbd";
constexpr std::string_view ellipsis = "\xe2\x80\xa6";

/// Length of the well-formed UTF-8 sequence that starts `text` (RFC 3629, section 4),
/// 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xbf) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80)
    return 1;
  if (lead >= 0xc2 && lead <= 0xdf)
    return continues(1) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef)
    return continues(1, lead == 0xe0 ? 0xa0 : 0x80, lead == 0xed ? 0x9f : 0xbf) && continues(2) ? 3 : 0;
  if (lead >= 0xf0 && lead <= 0xf4)
    return continues(1, lead == 0xf0 ? 0x90 : 0x80, lead == 0xf4 ? 0x8f : 0xbf) && continues(2) && continues(3) ? 4 : 0;
  return 0;
}

bool is_unwanted_control(std::string_view character) noexcept {
  const auto first = static_cast<unsigned char>(character[0]);
  if (character.size() == 1)
    return (first < 0x20 && first != '\t' && first != '\n' && first != '\r') || first == 0x7f;
  return first == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0;
}

} // namespace

std::string clean_text(std::string_view untrusted) {
  std::string clean;
  clean.reserve(untrusted.size());
  while (!untrusted.empty()) {
    const auto length = sequence_length(untrusted);
    const auto character = untrusted.substr(0, std::max<std::size_t>(length, 1));
    if (length == 0)
      clean += replacement;
    else if (!is_unwanted_control(character))
      clean += character;
    untrusted.remove_prefix(character.size());
  }
  return clean;
}

std::string excerpt(std::string_view text, std::size_t max) {
  std::string line;
  for (const char c : clean_text(text)) {
    if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (line.ends_with(' '))
    line.pop_back();
  if (line.size() <= max)
    return line;
  const auto mark = max < ellipsis.size() ? std::string_view{} : ellipsis;
  auto end = max - mark.size();
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80)
    --end;
  line.resize(end);
  return line.append(mark);
}

error_class class_of_status(unsigned status) noexcept {
  if (status == 429 || status == 529)
    return error_class::throttled;
  // 499 is a proxy's word for a client that has gone, which this one has not.
  if (status == 408 || status == 409 || status == 425 || status == 499 || status >= 500)
    return error_class::transient;
  return error_class::permanent;
}

} // namespace troupe::foreign
