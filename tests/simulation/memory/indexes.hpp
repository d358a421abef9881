#pragma once

#include "persistence/records.hpp"
#include "persistence/values/uuid.hpp"
#include "tests/simulation/memory/rows.hpp"

#include <algorithm>
#include <compare>
#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

/// In which order the rows of the in-memory store are asked for.
namespace troupe {

/// Rows by their positions; nearly always changed at the end.
template <class Row>
class position_list {
public:
  void add(const Row* row) { rows_.insert(place_behind(row->position), row); }
  void remove(const Row* row) { rows_.erase(place_behind(row->position) - 1); }

  /// Those behind `position`, in order.
  [[nodiscard]] std::span<const Row* const> behind(std::int64_t position) const {
    const auto from = std::upper_bound(rows_.begin(), rows_.end(), position,
                                       [](std::int64_t place, const Row* row) { return place < row->position; });
    return {from, rows_.end()};
  }
  [[nodiscard]] std::span<const Row* const> all() const noexcept { return rows_; }

private:
  auto place_behind(std::int64_t position) {
    return !rows_.empty() && rows_.back()->position <= position
             ? rows_.end()
             : rows_.begin() + (static_cast<std::ptrdiff_t>(rows_.size() - behind(position).size()));
  }

  std::vector<const Row*> rows_;
};

/// What `lists` has under `name`; an empty one if there is none.
template <class List, class Name>
const List& list_of(const std::unordered_map<Name, List>& lists, const Name& name) {
  static const List none;
  const auto found = lists.find(name);
  return found == lists.end() ? none : found->second;
}

/// Journals by task and by room. An entry never changes.
class event_index {
public:
  using list = position_list<event_record>;

  void replace(std::int64_t, const event_record* before, const event_record* after);

  [[nodiscard]] const list& of_task(const uuid& id) const { return list_of(tasks_, id); }
  [[nodiscard]] const list& of_thread(const uuid& id) const { return list_of(threads_, id); }
  [[nodiscard]] const list& of_user(const std::string& name) const { return list_of(users_, name); }
  [[nodiscard]] const list& of_namespace(const std::string& name) const { return list_of(namespaces_, name); }

private:
  std::unordered_map<uuid, list> tasks_;
  std::unordered_map<uuid, list> threads_;
  std::unordered_map<std::string, list> users_;
  std::unordered_map<std::string, list> namespaces_;
};

/// Messages by thread. One never changes.
class message_index {
public:
  using list = position_list<memory_message>;

  void replace(std::int64_t, const memory_message* before, const memory_message* after);

  [[nodiscard]] const list& of_thread(const uuid& id) const { return list_of(threads_, id); }

private:
  std::unordered_map<uuid, list> threads_;
};

/// Tasks, deleted ones too, by namespace and by thread; both stay as they are.
class task_index {
public:
  using ids = std::set<uuid>;

  void replace(const uuid& id, const memory_task* before, const memory_task* after);

  [[nodiscard]] const ids& of_namespace(const std::string& name) const { return list_of(namespaces_, name); }
  [[nodiscard]] const ids& of_thread(const uuid& id) const { return list_of(threads_, id); }

private:
  std::unordered_map<std::string, ids> namespaces_;
  std::unordered_map<uuid, ids> threads_;
};

/// The queue by what its tasks wait for, and by thread.
class queue_index {
public:
  /// Highest priority first, then in the order of queueing.
  struct ready_place {
    int below_top = 0;
    std::int64_t order = 0;
    uuid task_id;
    auto operator<=>(const ready_place&) const = default;
  };
  struct due_place {
    timestamp due{};
    std::int64_t order = 0;
    uuid task_id;
    auto operator<=>(const due_place&) const = default;
  };
  using place = std::pair<std::int64_t, uuid>;

  void replace(const uuid& id, const memory_queued* before, const memory_queued* after);

  [[nodiscard]] const std::set<ready_place>& ready() const noexcept { return ready_; }
  [[nodiscard]] const std::set<due_place>& scheduled() const noexcept { return scheduled_; }
  /// In the order of queueing, as are the other two.
  [[nodiscard]] const std::set<place>& running() const noexcept { return running_; }
  [[nodiscard]] const std::set<place>& all() const noexcept { return all_; }
  [[nodiscard]] const std::vector<place>& of_thread(const uuid& id) const { return list_of(threads_, id); }

private:
  void add(const uuid& id, const memory_queued& row);
  void remove(const uuid& id, const memory_queued& row);
  void join(const uuid& id, const memory_queued& row);
  void leave(const uuid& id, const memory_queued& row);

  std::set<ready_place> ready_;
  std::set<due_place> scheduled_;
  std::set<place> running_;
  std::set<place> all_;
  std::unordered_map<uuid, std::vector<place>> threads_;
};

/// Keys in the order of their coming.
class key_index {
public:
  void replace(const std::string& key, const memory_key* before, const memory_key* after);
  [[nodiscard]] const std::map<std::int64_t, std::string>& by_number() const noexcept { return keys_; }

private:
  std::map<std::int64_t, std::string> keys_;
};

/// Approvals of a namespace in one state, oldest task first.
class approval_index {
public:
  using key = std::pair<uuid, std::string>;
  using place = std::tuple<std::string, approval_state, uuid, std::string>;

  void replace(const key& at, const approval_record* before, const approval_record* after);
  [[nodiscard]] const std::set<place>& by_state() const noexcept { return places_; }

private:
  std::set<place> places_;
};

/// Tells whoever has looked things up that they may be others now.
class change_tally {
public:
  template <class Key, class Row>
  void replace(const Key&, const Row*, const Row*) noexcept {
    ++changes_;
  }
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }

private:
  std::uint64_t changes_ = 0;
};

} // namespace troupe
