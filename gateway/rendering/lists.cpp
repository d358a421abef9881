#include "gateway/rendering/lists.hpp"

#include "gateway/rendering/frames.hpp"
#include "gateway/rendering/pages.hpp"
#include "gateway/rendering/records.hpp"

#include <algorithm>
#include <chrono>

namespace troupe {

namespace {

template <class Items, class Append, class Cursor>
std::string list_of(const Items& items, Append append, const Cursor& next_cursor) {
  std::string out;
  reserve_for(out, items);
  {
    json_object members{out};
    add_page(members, items, append, next_cursor);
  }
  return out;
}

} // namespace

std::string render_tasks(const page<task_record, uuid>& tasks) {
  return list_of(tasks.items, append_task, cursor_of(tasks.next, task_cursor));
}

std::string render_bots(const page<bot_record, std::string>& bots) {
  return list_of(bots.items, append_bot,
                 cursor_of(bots.next, [](const auto& at) { return name_cursor(cursor_kind::bots, at); }));
}

std::string render_models(const page<model_record, std::string>& models) {
  return list_of(models.items, append_model,
                 cursor_of(models.next, [](const auto& at) { return name_cursor(cursor_kind::models, at); }));
}

std::string render_messages(const page<message_record, std::int64_t>& messages) {
  return list_of(messages.items, append_message, cursor_behind(messages));
}

std::string render_attempts(const page<attempt_record, int>& attempts) {
  return list_of(attempts.items, append_attempt,
                 cursor_of(attempts.next, [](auto at) { return number_cursor(cursor_kind::attempts, at); }));
}

std::string render_journal(const page<event_record, std::int64_t>& events) {
  return list_of(events.items, append_event,
                 cursor_of(events.next, [](auto at) { return number_cursor(cursor_kind::journal, at); }));
}

std::string render_approvals(const page<approval_record, approval_place>& approvals, cursor_kind kind) {
  return list_of(approvals.items, append_approval,
                 cursor_of(approvals.next, [kind](const auto& at) { return approval_cursor(kind, at); }));
}

std::string render_usage(const std::vector<usage_record>& groups) {
  return list_of(groups, append_usage, nullptr);
}

std::string render_nodes(const node_list& found) {
  return list_of(found.nodes, append_node, nullptr);
}

// -- the queue -----------------------------------------------------------------------

namespace {

void add_queue_row(json_object& members, const queue_stats::row& row, timestamp at) {
  members.add("ready", row.ready)
    .add("scheduled", row.scheduled)
    .add("retrying", row.retrying)
    .add("blocked", row.blocked)
    .add("running", row.running)
    .add("oldest_due", row.oldest_due);
  if (row.oldest_due) {
    const auto age = std::chrono::duration<double>(at - *row.oldest_due).count();
    members.add("oldest_age_s", std::max(age, 0.0));
  } else {
    members.add("oldest_age_s", nullptr);
  }
}

} // namespace

std::string render_queue(const queue_stats& queue, timestamp at) {
  std::string out;
  {
    json_object members{out};
    {
      json_array rows{members.open("namespaces")};
      for (const auto& row : queue.namespaces) {
        json_object row_members{rows.open()};
        row_members.add("namespace", row.ns);
        add_queue_row(row_members, row, at);
      }
    }
    members.add("next_cursor",
                cursor_of(queue.next, [](const auto& last) { return name_cursor(cursor_kind::queue, last); }));
    json_object total_members{members.open("totals")};
    add_queue_row(total_members, queue.totals, at);
  }
  return out;
}

} // namespace troupe
