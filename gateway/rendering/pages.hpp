#pragma once

#include "gateway/forms/cursor.hpp"
#include "persistence/page_bound.hpp"
#include "persistence/store.hpp"
#include "persistence/values/json_text.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

/// How a page is written, whatever is on it; for lists.cpp and frames.cpp.
namespace troupe {

/// `"items":[…],"next_cursor":…`, each item by `append`.
template <class Items, class Append, class Cursor>
void add_page(json_object& parent, const Items& items, Append append, const Cursor& next_cursor) {
  {
    json_array list{parent.open("items")};
    for (const auto& item : items)
      append(list.open(), item);
  }
  parent.add("next_cursor", next_cursor);
}

/// Room for a whole page at once, where it is known how large one may be: growing by and by takes twice as much.
template <class Items>
void reserve_for(std::string& out, const Items& items) {
  std::size_t bytes = 0;
  if constexpr (requires { stored_bytes(*items.begin()); })
    for (const auto& item : items)
      bytes += stored_bytes(item);
  // A few escapes are in every text.
  out.reserve(out.size() + bytes + bytes / 16);
}

/// Null behind the last page.
template <class Key, class MakeCursor>
std::optional<std::string> cursor_of(const std::optional<Key>& next, MakeCursor make) {
  if (next)
    return make(*next);
  return std::nullopt;
}

inline std::optional<std::string> cursor_behind(const page<message_record, std::int64_t>& messages) {
  return cursor_of(messages.next, [](auto at) { return number_cursor(cursor_kind::messages, at); });
}

} // namespace troupe
