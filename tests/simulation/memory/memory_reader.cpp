#include "tests/simulation/memory/memory_reader.hpp"

#include "persistence/rules/rules.hpp"
#include "tests/simulation/memory/pages.hpp"
#include "tests/simulation/memory/tables/nodes.hpp"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

namespace troupe {

namespace {

constexpr auto every = [](const auto&) { return true; };
constexpr auto itself = [](const auto& place) { return *place; };

page<message_record, std::int64_t> messages_page(const memory_data& data, const uuid& thread_id, std::int64_t after,
                                                 int limit, auto is_wanted) {
  const auto found = data.messages.index().of_thread(thread_id).behind(after);
  return make_page<message_record, std::int64_t>(limit, each_of(found.begin(), found.end(), itself, is_wanted),
                                                 [](const memory_message& row) {
                                                   return std::pair{row.record, row.position};
                                                 });
}

bool matches(const task_filter& filter, const memory_task& row) {
  const auto& task = row.record;
  const auto fits = [](const auto& wanted, const auto& value) { return !wanted || *wanted == value; };
  return !row.deleted && task.ns == filter.ns && fits(filter.status, task.status)
         && fits(filter.created_by, task.created_by) && fits(filter.thread_id, task.thread_id)
         && fits(filter.bot, task.bot) && (!filter.created_after || task.created_at > *filter.created_after)
         && (!filter.created_before || task.created_at < *filter.created_before);
}

/// The attempt under way, which only the queue knows.
std::optional<attempt_record> running_attempt(const memory_data& data, const uuid& task_id) {
  const auto* row = data.queue.find(task_id);
  if (!row || row->entry.state != queue_state::running)
    return std::nullopt;
  attempt_record attempt;
  attempt.attempt = row->attempt;
  attempt.started_at = row->entry.started_at;
  attempt.usage = row->entry.usage;
  attempt.node = row->entry.node;
  attempt.model = row->entry.model;
  return attempt;
}

template <class Record, class Table>
store_result<Record> find_named(const Table& table, std::string_view kind, const std::string& ns,
                                const std::string& name) {
  const auto* found = table.find({ns, name});
  if (!found)
    return not_in_catalog(kind, ns, name);
  return *found;
}

template <class Record, class Table>
page<Record, std::string> named_page(const Table& table, const std::string& ns, const std::string& after, int limit) {
  const auto& all = table.ordered();
  auto at = all.upper_bound({ns, after});
  return make_page<Record, std::string>(
    limit, [&]() -> const Record* { return at != all.end() && at->first.first == ns ? (at++)->second.get() : nullptr; },
    [](const Record& row) {
      return std::pair{row, row.name};
    });
}

} // namespace

// -- views ------------------------------------------------------------------------

void memory_reader::begin() {
  if (view_)
    return;
  const std::lock_guard guard{state_->mutex};
  view_ = state_->data.last_change();
  state_->views.insert(*view_);
}

void memory_reader::end_view() {
  if (!view_)
    return;
  const std::lock_guard guard{state_->mutex};
  state_->views.erase(state_->views.find(*view_));
  view_.reset();
}

// -- tasks ------------------------------------------------------------------------

store_result<task_record> memory_reader::get_task(const uuid& id) {
  const auto data = look();
  const auto* row = shown_task(*data, id);
  if (!row)
    return no_such("task", id.to_string());
  return row->record;
}

store_result<task_outline> memory_reader::outline(const uuid& task_id) {
  const auto data = look();
  const auto* row = shown_task(*data, task_id);
  if (!row)
    return no_such("task", task_id.to_string());
  const auto entries = data->events.index().of_task(task_id).all();
  return task_outline{row->record.thread_id, row->record.status, entries.empty() ? 0 : entries.back()->seq};
}

store_result<page<task_record, uuid>> memory_reader::list_tasks(const task_filter& filter, std::optional<uuid> before,
                                                                int limit) {
  const auto data = look();
  const auto& index = data->tasks.index();
  const auto& ids = filter.thread_id ? index.of_thread(*filter.thread_id) : index.of_namespace(filter.ns);
  const std::reverse_iterator from{before ? ids.lower_bound(*before) : ids.end()};
  return make_page<task_record, uuid>(limit,
                                      each_of(
                                        from, ids.rend(), [&](const auto& id) { return data->tasks.find(*id); },
                                        [&](const memory_task& row) { return matches(filter, row); }),
                                      [](const memory_task& row) {
                                        return std::pair{row.record, row.record.id};
                                      });
}

store_result<page<attempt_record, int>> memory_reader::attempts(const uuid& task_id, int after, int limit) {
  const auto data = look();
  if (!shown_task(*data, task_id))
    return no_such("task", task_id.to_string());
  const auto& all = data->attempts.ordered();
  auto at = all.upper_bound({task_id, after});
  auto last = running_attempt(*data, task_id);
  bool is_last_told = !last || last->attempt <= after;
  const auto find = [&]() -> const attempt_record* {
    if (at != all.end() && at->first.first == task_id)
      return (at++)->second.get();
    return std::exchange(is_last_told, true) ? nullptr : &*last;
  };
  return make_page<attempt_record, int>(limit, find, [](const attempt_record& row) {
    return std::pair{row, row.attempt};
  });
}

// -- messages ---------------------------------------------------------------------

store_result<page<message_record, std::int64_t>> memory_reader::task_messages(const uuid& task_id, std::int64_t after,
                                                                              int limit) {
  const auto data = look();
  const auto* row = shown_task(*data, task_id);
  if (!row)
    return no_such("task", task_id.to_string());
  // Nothing of a task precedes its creation, however long its thread is.
  const auto entries = data->events.index().of_task(task_id).all();
  const auto begin = entries.empty() ? 0 : entries.front()->position;
  return messages_page(*data, row->record.thread_id, std::max(after, begin), limit,
                       [&](const memory_message& message) { return message.record.task_id == task_id; });
}

store_result<page<message_record, std::int64_t>> memory_reader::thread_messages(const uuid& thread_id,
                                                                                std::int64_t after, int limit) {
  const auto data = look();
  const auto is_shown = [&](const uuid& id) { return shown_task(*data, id) != nullptr; };
  const auto& members = data->tasks.index().of_thread(thread_id);
  if (std::none_of(members.begin(), members.end(), is_shown))
    return no_such("thread", thread_id.to_string());
  return messages_page(*data, thread_id, after, limit,
                       [&](const memory_message& message) { return is_shown(message.record.task_id); });
}

// -- journals ---------------------------------------------------------------------

store_result<page<event_record, std::int64_t>> memory_reader::events_after(const uuid& task_id, std::int64_t seq,
                                                                           int limit) {
  const auto data = look();
  if (!data->tasks.find(task_id))
    return no_such("task", task_id.to_string());
  const auto all = data->events.index().of_task(task_id).all();
  // Numbered 1, 2, 3…
  const auto from = all.begin() + std::clamp<std::ptrdiff_t>(seq, 0, std::ssize(all));
  return make_page<event_record, std::int64_t>(limit, each_of(from, all.end(), itself, every),
                                               [](const event_record& row) {
                                                 return std::pair{row, row.seq};
                                               });
}

store_result<room> memory_reader::resolve(const room& r) {
  if (r.type != room::kind::task)
    return r;
  const auto data = look();
  const auto* row = data->tasks.find(r.id);
  if (!row)
    return no_such("task", r.id.to_string());
  return room{room::kind::task, row->record.thread_id, {}};
}

store_result<std::int64_t> memory_reader::position_of(const uuid& task_id, std::int64_t seq) {
  const auto data = look();
  const auto all = data->events.index().of_task(task_id).all();
  if (all.empty())
    return no_such("task", task_id.to_string());
  if (seq < 1)
    return all.front()->position - 1;
  return all[static_cast<std::size_t>(std::min<std::int64_t>(seq, std::ssize(all)) - 1)]->position;
}

// -- bots and models --------------------------------------------------------------

store_result<bot_record> memory_reader::get_bot(const std::string& ns, const std::string& name) {
  const auto data = look();
  return find_named<bot_record>(data->bots, "bot", ns, name);
}

store_result<model_record> memory_reader::get_model(const std::string& ns, const std::string& name) {
  const auto data = look();
  return find_named<model_record>(data->models, "model", ns, name);
}

store_result<page<bot_record, std::string>> memory_reader::list_bots(const std::string& ns, const std::string& after,
                                                                     int limit) {
  const auto data = look();
  return named_page<bot_record>(data->bots, ns, after, limit);
}

store_result<page<model_record, std::string>> memory_reader::list_models(const std::string& ns,
                                                                         const std::string& after, int limit) {
  const auto data = look();
  return named_page<model_record>(data->models, ns, after, limit);
}

// -- nodes ------------------------------------------------------------------------

store_result<std::vector<node_record>> memory_reader::nodes() {
  const auto data = look();
  return known_nodes(*state_);
}

} // namespace troupe
