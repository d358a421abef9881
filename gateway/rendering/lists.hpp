#pragma once

#include "gateway/forms/cursor.hpp"
#include "persistence/operations.hpp"
#include "persistence/store.hpp"

#include <cstdint>
#include <string>
#include <vector>

/// Lists as the API's JSON: `{"items":[…],"next_cursor":…}`, each item as in records.hpp.
namespace troupe {

std::string render_tasks(const page<task_record, uuid>& tasks);
std::string render_bots(const page<bot_record, std::string>& bots);
std::string render_models(const page<model_record, std::string>& models);
std::string render_messages(const page<message_record, std::int64_t>& messages);
std::string render_attempts(const page<attempt_record, int>& attempts);
/// One task's events.
std::string render_journal(const page<event_record, std::int64_t>& events);
/// `kind` says which list they are of: `approvals` or `task_approvals`.
std::string render_approvals(const page<approval_record, approval_place>& approvals, cursor_kind kind);
/// All groups are one page.
std::string render_usage(const std::vector<usage_record>& groups);
/// All nodes are one page.
std::string render_nodes(const node_list& found);
/// The answer of `GET /queue`; ages are counted to `at`.
std::string render_queue(const queue_stats& queue, timestamp at);

} // namespace troupe
