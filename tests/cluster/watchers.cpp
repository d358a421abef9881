#include "tests/cluster/watchers.hpp"

#include <algorithm>
#include <random>
#include <set>

namespace troupe {

namespace {

room_view view_of(const room_watch& watch) {
  return {watch.room(), watch.seen(), watch.complaints(), watch.connections()};
}

} // namespace

watchers::watchers(const gateway_directory& directory, const history& record, const std::vector<std::string>& rooms,
                   unsigned followers, std::uint64_t seed) {
  for (const auto& room : rooms) {
    rooms_.push_back(std::make_unique<room_watch>(directory, room, ++seed));
  }
  for (auto& watch : rooms_) {
    threads_.emplace_back([this, &watch] { watch->follow([this] { return stopped_.load(); }); });
  }
  for (unsigned i = 0; i < followers; ++i) {
    threads_.emplace_back([this, &directory, &record, own = ++seed] { follow_tasks(directory, record, own); });
  }
}

watchers::~watchers() {
  stop();
}

void watchers::follow_tasks(const gateway_directory& directory, const history& record, std::uint64_t seed) {
  std::mt19937_64 random{seed};
  std::set<std::string> known;
  while (!stopped_) {
    std::string next;
    eventually([&] {
      const auto task = record.pick(random, 5);
      // A room is that of a thread, so its first task is followed: all that comes is behind its beginning.
      if (task && task->id == task->thread_id && !known.contains(task->id)) {
        next = task->id;
      }
      return stopped_ || !next.empty();
    });
    if (next.empty()) {
      continue;
    }
    known.insert(next);
    room_watch watch{directory, "task:" + next, random()};
    watch.follow([&] { return stopped_ || watch.has_seen_end_of(next); });
    auto view = view_of(watch);
    // The rest of the thread is left in the middle.
    std::erase_if(view.seen, [&](const auto& entry) { return entry.first != next; });
    if (watch.has_seen_end_of(next)) {
      const std::lock_guard guard{mutex_};
      followed_.push_back(std::move(view));
    }
  }
}

bool watchers::have_joined() const {
  return std::all_of(rooms_.begin(), rooms_.end(), [](const auto& watch) { return watch->has_joined(); });
}

bool watchers::have_seen_end_of(const std::string& task_id, const std::string& created_by) const {
  return std::all_of(rooms_.begin(), rooms_.end(), [&](const auto& watch) {
    const bool concerned = !watch->room().starts_with("user:") || watch->room() == "user:" + created_by;
    return !concerned || watch->has_seen_end_of(task_id);
  });
}

std::vector<room_view> watchers::stop() {
  stopped_ = true;
  for (auto& thread : threads_) {
    thread.join();
  }
  threads_.clear();
  std::vector<room_view> views;
  for (const auto& watch : rooms_) {
    views.push_back(view_of(*watch));
  }
  rooms_.clear();
  views.insert(views.end(), std::make_move_iterator(followed_.begin()), std::make_move_iterator(followed_.end()));
  followed_.clear();
  return views;
}

} // namespace troupe
