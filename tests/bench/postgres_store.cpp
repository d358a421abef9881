#include "tests/bench/postgres_store.hpp"

#include "tests/bench/operations.hpp"

#include <stdexcept>
#include <utility>

namespace troupe {

store_worker::store_worker(const std::string& url)
  : database_{take(open_database(url))}, writer_{take(database_->open_writer())} {}

committed store_worker::apply(const std::vector<operation>& batch) {
  return apply_all(*writer_, batch);
}

void store_worker::create(std::size_t count) {
  complete({}, count);
}

std::vector<fence> store_worker::claim(std::size_t count) {
  const auto result = apply({claim_tasks{owner_, "node", static_cast<int>(count), now()}});
  std::vector<fence> claimed;
  for (const auto& task : std::get<claimed_tasks>(result.outcomes.at(0)).tasks) {
    claimed.push_back({task.id, task.attempt, owner_});
  }
  if (claimed.size() != count) {
    throw std::runtime_error{"a claim found " + std::to_string(claimed.size()) + " tasks"};
  }
  return claimed;
}

void store_worker::complete(const std::vector<fence>& claimed, std::size_t fresh) {
  std::vector<operation> batch;
  for (const auto& f : claimed) {
    batch.emplace_back(completion(f));
  }
  for (std::size_t i = 0; i < fresh; ++i) {
    batch.emplace_back(creation());
  }
  apply(batch);
}

} // namespace troupe
