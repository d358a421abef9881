#pragma once

#include "persistence/store.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace troupe {

/// The store's interface in the hands of one worker, without a server around it. What
/// the store refuses is thrown as std::runtime_error.
class store_worker {
public:
  explicit store_worker(const std::string& url);

  /// Creates tasks that are ready, as one batch.
  void create(std::size_t count);

  /// Claims that many tasks; throws if there are not so many.
  [[nodiscard]] std::vector<fence> claim(std::size_t count);

  /// Completes what was claimed, and creates `fresh` tasks in the same batch.
  void complete(const std::vector<fence>& claimed, std::size_t fresh = 0);

private:
  committed apply(const std::vector<operation>& batch);

  std::shared_ptr<database> database_;
  std::unique_ptr<store_writer> writer_;
  uuid owner_ = make_uuid();
};

} // namespace troupe
