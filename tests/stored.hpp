#pragma once

#include "persistence/store.hpp"

#include <iterator>
#include <optional>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

/// What a store's reader has to say, for those who know that it says something.
namespace troupe {

/// Throws `std::runtime_error` with the sentence of a refusal.
template <class T>
T stored(store_result<T> result) {
  if (auto* refusal = std::get_if<store_error>(&result))
    throw std::runtime_error{refusal->message};
  return std::move(std::get<T>(result));
}

/// Every page of a list behind `first`, as one; `read` gives the page behind a key.
template <class Item, class Key, class Read>
std::vector<Item> all_pages(Key first, Read read) {
  std::vector<Item> items;
  for (std::optional<Key> after = first; after;) {
    auto one = stored(read(*after));
    std::move(one.items.begin(), one.items.end(), std::back_inserter(items));
    after = one.next;
  }
  return items;
}

} // namespace troupe
