#include "tests/bench/operations.hpp"

namespace troupe {

committed apply_all(store_writer& writer, std::span<const operation> batch) {
  auto result = writer.apply(batch);
  for (const auto& one : result.outcomes) {
    if (const auto* error = std::get_if<store_error>(&one)) {
      throw std::runtime_error{error->message};
    }
  }
  return result;
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

} // namespace troupe
