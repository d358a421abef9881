#include "tests/simulation/memory/store_dump.hpp"

#include "persistence/rows/record_columns.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <type_traits>
#include <utility>

namespace troupe {

namespace {

constexpr int page_limit = 50;

/// Writes values of any kind, with a space behind each.
class value_text {
public:
  explicit value_text(std::string& out) : out_{out} {}

  void operator()(const std::string& value) { out_ += '\'' + value + "' "; }
  void operator()(std::nullopt_t) { out_ += "- "; }
  void operator()(const uuid& value) { out_ += value.to_string() + ' '; }
  void operator()(timestamp value) { out_ += to_rfc3339(value) + ' '; }
  template <class T>
  void operator()(const std::optional<T>& value) {
    if (value)
      (*this)(*value);
    else
      (*this)(std::nullopt);
  }
  template <class T>
  requires std::is_arithmetic_v<T> || std::is_enum_v<T>
  void operator()(T value) { out_ += std::to_string(static_cast<std::int64_t>(value)) + ' '; }

private:
  std::string& out_;
};

/// Collects lines.
class dump_text {
public:
  template <class... Values>
  void line(const char* name, const Values&... values) {
    begin(name);
    (value_text{text_}(values), ...);
    text_ += '\n';
  }

  void add(const task_record& r) { record("task", r); }
  void add(const attempt_record& r) { record("attempt", r); }
  void add(const message_record& r) { record("message", r); }
  void add(const approval_record& r) { record("approval", r); }
  void add(const budget_record& r) { record("budget", r); }
  void add(const event_record& r) {
    const auto& s = *r.source;
    line("event", s.task_id, s.thread_id, s.ns, s.created_by, r.seq, r.position, r.attempt, r.type, r.at, r.data);
  }
  void add(const bot_record& r) { line("bot", r.ns, r.name, r.created_at, r.updated_at, to_document(r)); }
  void add(const model_record& r) { line("model", r.ns, r.name, r.created_at, r.updated_at, to_document(r)); }
  void add(const usage_record& r) {
    line("usage", r.key, r.attempts, r.usage.input_tokens, r.usage.output_tokens, r.usage.cost, r.usage.estimated);
  }
  void add(const node_record& r) {
    line("node", r.id, r.name, r.role, r.health, r.version, r.address, r.lease, r.capacity, r.running, r.started_at,
         r.heartbeat_at, r.lease_expires_at);
  }
  void add(const thread_record& r) {
    line("thread", r.id, r.ns, r.tasks, r.usage.input_tokens, r.usage.output_tokens, r.usage.cost, r.created_at,
         r.updated_at);
  }
  void add(const queue_stats::row& r) {
    line("queue", r.ns, r.ready, r.scheduled, r.retrying, r.blocked, r.running, r.oldest_due);
  }
  void add(const task_outline& r) { line("outline", r.thread_id, r.status, r.last_seq); }
  void add(const store_error& r) { line("refused", r.code, r.message); }
  void add(std::int64_t number) { line("number", number); }
  void add(const room& r) { line("room", r.type, r.id, r.name); }

  // -- outcomes -----------------------------------------------------------------

  void add(const done&) { line("done"); }
  void add(const task_result& r) {
    line("answer", r.replayed);
    add(r.task);
  }
  void add(const claimed_task& r) {
    line("claimed", r.id, r.thread_id, r.ns, r.name, r.created_by, r.input, r.attempt, r.attempts_before, r.charged,
         r.throttled, r.has_history, r.spec, r.usage.input_tokens, r.usage.output_tokens, r.budgeted,
         r.bot ? r.bot->name : "none", r.model ? r.model->name : "none", r.fallbacks.size());
  }
  void add(const claimed_tasks& r) {
    for (const auto& task : r.tasks)
      add(task);
    line("next", r.next_due);
  }
  void add(const recovered_tasks& r) {
    line("recovered", r.requeued, r.failed, r.more);
    for (const auto& id : r.given_up)
      line("given up", id);
  }
  void add(const bot_result& r) {
    add(r.bot);
    line("created", r.created);
  }
  void add(const model_result& r) {
    add(r.model);
    line("created", r.created);
  }
  void add(const lease_state& r) { line("lease", r.others_expired); }
  void add(const node_list& r) {
    line("database", r.database);
    for (const auto& node : r.nodes)
      add(node);
  }
  void add(const approval_result& r) { add(r.approval); }
  void add(const budget_answer& r) { line("budget", r.granted, r.refusal); }
  void add(const budget_result& r) {
    add(r.budget);
    line("created", r.created);
  }

  // -- results ------------------------------------------------------------------

  template <class T>
  void add(const std::vector<T>& items) {
    for (const auto& item : items)
      add(item);
  }
  template <class... T>
  void add(const std::variant<T...>& result) {
    std::visit([this](const auto& one) { add(one); }, result);
  }
  /// Each page behind `after`, where `read(after)` gives one.
  template <class Key, class Read>
  void add_pages(Key after, Read read) {
    for (std::optional<Key> at = std::move(after); at;) {
      const auto part = read(*at);
      if (const auto* refused = std::get_if<store_error>(&part))
        return add(*refused);
      add(std::get<1>(part).items);
      at = std::get<1>(part).next;
    }
  }

  [[nodiscard]] std::string take() { return std::move(text_); }

private:
  template <class Record>
  void record(const char* name, const Record& r) {
    begin(name);
    value_text put{text_};
    each_column(columns<Record>, [&](const auto& c) { put_value(c, r, put); });
    text_ += '\n';
  }

  void begin(const char* name) {
    text_ += name;
    text_ += ' ';
  }

  std::string text_;
};

/// The tasks whose entries are in a room, whose entries are dumped too.
void dump_room(store_reader& reader, const room& r, dump_text& out, std::set<uuid>& tasks) {
  out.add(r);
  for (std::int64_t position = 0;;) {
    const auto part = reader.room_events_after(r, position, page_limit);
    if (const auto* refused = std::get_if<store_error>(&part))
      return out.add(*refused);
    const auto& found = std::get<room_events>(part);
    out.add(found.events);
    for (const auto& event : found.events)
      tasks.insert(event.source->task_id);
    position = found.position;
    if (found.at_end)
      return;
  }
}

void dump_task(store_reader& reader, const uuid& id, dump_text& out) {
  out.line("of", id);
  out.add(reader.get_task(id));
  out.add(reader.outline(id));
  out.add(reader.get_thread(id));
  out.add(reader.position_of(id, 0));
  out.add_pages(std::int64_t{0}, [&](auto after) { return reader.events_after(id, after, page_limit); });
  out.add_pages(std::int64_t{0}, [&](auto after) { return reader.task_messages(id, after, page_limit); });
  out.add_pages(std::int64_t{0}, [&](auto after) { return reader.thread_messages(id, after, page_limit); });
  out.add_pages(0, [&](auto after) { return reader.attempts(id, after, page_limit); });
  out.add_pages(approval_place{}, [&](const auto& after) { return reader.approvals(id, after.call_id, page_limit); });
  std::set<uuid> tasks;
  if (const auto r = reader.resolve({room::kind::task, id, {}}); const auto* resolved = std::get_if<room>(&r))
    dump_room(reader, *resolved, out, tasks);
}

void dump_namespace(store_reader& reader, const std::string& ns, dump_text& out) {
  out.add_pages(std::string{}, [&](const auto& after) { return reader.list_bots(ns, after, page_limit); });
  out.add_pages(std::string{}, [&](const auto& after) { return reader.list_models(ns, after, page_limit); });
  task_filter filter;
  filter.ns = ns;
  out.add_pages(std::optional<uuid>{}, [&](const auto& before) -> store_result<page<task_record, std::optional<uuid>>> {
    auto part = reader.list_tasks(filter, before, page_limit);
    if (auto* refused = std::get_if<store_error>(&part))
      return std::move(*refused);
    auto& found = std::get<1>(part);
    page<task_record, std::optional<uuid>> result{std::move(found.items), std::nullopt};
    if (found.next)
      result.next = found.next;
    return result;
  });
  for (const auto state :
       {approval_state::pending, approval_state::approved, approval_state::rejected, approval_state::closed})
    out.add_pages(approval_place{},
                  [&](const auto& after) { return reader.list_approvals(ns, state, after, page_limit); });
  out.add(reader.get_budget("namespace:" + ns));
  out.add(reader.get_budget("bot:" + ns + "/default"));
}

} // namespace

std::string dump_of(store_reader& reader, const dump_places& places) {
  dump_text out;
  std::set<uuid> tasks;
  out.add(reader.last_position());
  for (const auto& user : places.users)
    dump_room(reader, {room::kind::user, {}, user}, out, tasks);
  for (const auto& ns : places.namespaces) {
    dump_room(reader, {room::kind::ns, {}, ns}, out, tasks);
    dump_namespace(reader, ns, out);
  }
  for (const auto& id : tasks)
    dump_task(reader, id, out);
  for (const auto group :
       {usage_group::bot, usage_group::model, usage_group::ns, usage_group::created_by, usage_group::day})
    out.add(reader.usage({}, group));
  if (const auto found = reader.queue({}, page_limit); const auto* stats = std::get_if<queue_stats>(&found)) {
    out.add(stats->totals);
    out.add(stats->namespaces);
  }
  out.add(reader.nodes());
  return out.take();
}

std::string dump_of(const committed& result) {
  dump_text out;
  out.add(result.outcomes);
  out.add(result.events);
  out.line("committed", result.from_position, result.to_position, result.work_ready, result.next_due);
  return out.take();
}

std::string first_difference(std::string_view one, std::string_view other) {
  const auto line_of = [](std::string_view text) { return text.substr(0, text.find('\n')); };
  while (one != other) {
    const auto here = line_of(one);
    const auto there = line_of(other);
    if (here != there || here.empty())
      return "one: " + std::string{here} + "\nother: " + std::string{there};
    one.remove_prefix(std::min(one.size(), here.size() + 1));
    other.remove_prefix(std::min(other.size(), there.size() + 1));
  }
  return {};
}

} // namespace troupe
