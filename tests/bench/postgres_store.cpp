#include "tests/bench/postgres_store.hpp"

#include <stdexcept>
#include <utility>

namespace troupe {

namespace {

template <class T>
T take(store_result<T> result) {
  if (const auto* error = std::get_if<store_error>(&result)) {
    throw std::runtime_error{error->message};
  }
  return std::get<T>(std::move(result));
}

create_task creation() {
  create_task op;
  op.task.id = make_uuid();
  op.task.thread_id = op.task.id;
  op.task.ns = "default";
  op.task.name = "Hello";
  op.task.input = "Hello";
  op.task.bot = "default";
  op.task.bot_ns = "default";
  op.task.created_by = "anonymous";
  op.task.created_at = op.task.updated_at = now();
  op.execute = true;
  return op;
}

complete_task completion(const fence& claimed) {
  complete_task op;
  op.fence = claimed;
  op.output = "Echo: Hello";
  op.events = {{event_type::chat_chunk, R"({"text":"Echo: Hello","offset":0})"}, {event_type::chat_done, "{}"}};
  op.usage = {1, 2};
  op.at = now();
  return op;
}

} // namespace

store_worker::store_worker(const std::string& url)
  : database_{take(open_database(url))}, writer_{take(database_->open_writer())} {}

committed store_worker::apply(const std::vector<operation>& batch) {
  auto result = writer_->apply(batch);
  for (const auto& one : result.outcomes) {
    if (const auto* error = std::get_if<store_error>(&one)) {
      throw std::runtime_error{error->message};
    }
  }
  return result;
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
