#pragma once

#include "persistence/records.hpp"
#include "persistence/store.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace troupe {

/// Who is in which room, and how often. `Member` is any equality-comparable
/// handle. Pure bookkeeping: looking up the rooms of an event costs a few hash
/// look-ups however many rooms and members there are.
template <class Member>
class room_directory {
public:
  using members = std::vector<std::pair<Member, std::size_t>>;

  /// True if the room was empty.
  bool join(const room& where, const Member& who) {
    auto& list = at(where);
    for (auto& [member, times] : list) {
      if (member == who) {
        ++times;
        return false;
      }
    }
    list.emplace_back(who, 1);
    return list.size() == 1;
  }

  /// True if the room is empty.
  bool leave(const room& where, const Member& who) {
    auto& list = at(where);
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].first == who && --list[i].second == 0) {
        list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
        break;
      }
    }
    const auto empty = list.empty();
    if (empty)
      forget(where);
    return empty;
  }

  /// Takes a member out of every room; those that are empty now.
  std::vector<room> remove(const Member& who) {
    std::vector<room> emptied;
    const auto purge = [&](auto& rooms, const auto& name) {
      for (auto at = rooms.begin(); at != rooms.end();) {
        std::erase_if(at->second, [&](const auto& entry) { return entry.first == who; });
        if (at->second.empty()) {
          emptied.push_back(name(at->first));
          at = rooms.erase(at);
        } else {
          ++at;
        }
      }
    };
    purge(threads_, thread_room);
    purge(users_, user_room);
    purge(namespaces_, ns_room);
    return emptied;
  }

  /// Every room that somebody is in.
  [[nodiscard]] std::vector<room> all() const {
    std::vector<room> found;
    const auto add = [&](const auto& rooms, const auto& name) {
      for (const auto& entry : rooms)
        found.push_back(name(entry.first));
    };
    add(threads_, thread_room);
    add(users_, user_room);
    add(namespaces_, ns_room);
    return found;
  }

  [[nodiscard]] bool empty() const noexcept { return threads_.empty() && users_.empty() && namespaces_.empty(); }

  /// Calls `f(member)` for each member of each room of the event; a member that is
  /// in several of them is called several times.
  template <class F>
  void for_each_member(const event_source& source, F f) const {
    const auto visit = [&](const auto& rooms, const auto& key) {
      if (rooms.empty())
        return;
      if (const auto found = rooms.find(key); found != rooms.end())
        for (const auto& entry : found->second)
          f(entry.first);
    };
    visit(threads_, source.thread_id);
    visit(users_, source.created_by);
    visit(namespaces_, source.ns);
  }

private:
  static room thread_room(const uuid& id) { return {room::kind::task, id, {}}; }
  static room user_room(const std::string& name) { return {room::kind::user, {}, name}; }
  static room ns_room(const std::string& name) { return {room::kind::ns, {}, name}; }

  members& at(const room& where) {
    switch (where.type) {
    case room::kind::task: return threads_[where.id];
    case room::kind::user: return users_[where.name];
    case room::kind::ns: break;
    }
    return namespaces_[where.name];
  }

  void forget(const room& where) {
    switch (where.type) {
    case room::kind::task: threads_.erase(where.id); break;
    case room::kind::user: users_.erase(where.name); break;
    case room::kind::ns: namespaces_.erase(where.name); break;
    }
  }

  std::unordered_map<uuid, members> threads_;
  std::unordered_map<std::string, members> users_;
  std::unordered_map<std::string, members> namespaces_;
};

} // namespace troupe
