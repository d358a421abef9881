#pragma once

#include "persistence/rows/record_rows.hpp"
#include "tests/simulation/memory/memory_data.hpp"

#include <iterator>

/// How rows in memory become pages, by the same measure as those of every database (rows/record_rows.hpp).
namespace troupe {

/// The task as everybody sees it; null if there is none, or if it is deleted.
inline const memory_task* shown_task(const memory_data& data, const uuid& id) {
  const auto* row = data.tasks.find(id);
  return row && !row->deleted ? row : nullptr;
}

/// What `find()` gives one after the other, until it gives null.
template <class Find>
class found_rows {
public:
  explicit found_rows(Find find) : find_{std::move(find)} {}
  bool next() {
    row_ = find_();
    return row_ != nullptr;
  }
  const auto& operator*() const noexcept { return *row_; }

private:
  Find find_;
  decltype(std::declval<Find>()()) row_{};
};

/// `take(row)` gives the record and its key.
template <class Record, class Key, class Find, class Take>
page<Record, Key> make_page(int limit, Find find, Take take) {
  found_rows<Find> rows{std::move(find)};
  return take_page<Record, Key>(rows, limit, [&](const auto& found) { return take(*found); });
}

/// A `find` for the rows from `at` to `end` that `is_wanted(row)` takes; `row_at(place)` gives a pointer.
template <class Place, class RowAt, class IsWanted>
auto each_of(Place at, Place end, RowAt row_at, IsWanted is_wanted) {
  return [=]() mutable -> decltype(row_at(at)) {
    while (at != end) {
      const auto* row = row_at(at++);
      if (is_wanted(*row))
        return row;
    }
    return nullptr;
  };
}

} // namespace troupe
