#pragma once

#include "persistence/store.hpp"

#include <span>
#include <stdexcept>
#include <utility>
#include <variant>

/// A task's life as it is asked of the store, for the ceilings.
namespace troupe {

/// The value; throws std::runtime_error with the store's sentence if there is none.
template <class T>
T take(store_result<T> result) {
  if (const auto* error = std::get_if<store_error>(&result)) {
    throw std::runtime_error{error->message};
  }
  return std::get<T>(std::move(result));
}

/// Applies a batch; throws if any of it is refused.
committed apply_all(store_writer& writer, std::span<const operation> batch);

/// A new task of the default bot, executed.
create_task creation();

/// The end of its first attempt.
complete_task completion(const fence& claimed);

} // namespace troupe
