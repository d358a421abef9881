#include "persistence/sqlite/tables/usage.hpp"

namespace troupe {

sqlite_usage::sqlite_usage(sqlite_connection& connection)
  : add_{connection.get(),
         "INSERT INTO usage(day, ns, bot, model, created_by, attempts, input_tokens, output_tokens, cost, estimated) "
         "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(day, ns, bot, model, created_by) DO UPDATE SET "
         "attempts = attempts + excluded.attempts, input_tokens = input_tokens + excluded.input_tokens, "
         "output_tokens = output_tokens + excluded.output_tokens, cost = cost + excluded.cost, "
         "estimated = max(estimated, excluded.estimated)"} {}

void sqlite_usage::write() {
  for (const auto& [key, sum] : sums_.all())
    add_.run(key.day, key.ns, key.bot, key.model, key.created_by, sum.attempts, sum.usage.input_tokens,
             sum.usage.output_tokens, sum.usage.cost, sum.usage.estimated);
}

} // namespace troupe
