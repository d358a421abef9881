#pragma once

#include "persistence/page_bound.hpp"
#include "persistence/store.hpp"

#include <cstddef>
#include <vector>

/// How long an answer of the store's readers is, roughly: what reading it costs, and
/// writing it out. Pure.
namespace troupe {

/// Of records that have no long texts.
inline constexpr std::size_t small_answer = 500;

template <class T>
concept has_stored_bytes = requires(const T& record) {
  stored_bytes(record);
};

template <class T>
std::size_t answer_size(const T& answer) noexcept {
  if constexpr (has_stored_bytes<T>)
    return stored_bytes(answer);
  else
    return small_answer;
}

template <class Record>
std::size_t sum_of_sizes(const std::vector<Record>& records) noexcept {
  std::size_t sum = small_answer;
  for (const auto& one : records)
    sum += answer_size(one);
  return sum;
}

template <class Record, class Cursor>
std::size_t answer_size(const page<Record, Cursor>& answer) noexcept {
  return sum_of_sizes(answer.items);
}

inline std::size_t answer_size(const room_events& answer) noexcept {
  return sum_of_sizes(answer.events);
}

} // namespace troupe
