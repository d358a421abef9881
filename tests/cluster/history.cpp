#include "tests/cluster/history.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

call_counts& call_counts::operator+=(const call_counts& other) {
  acknowledged += other.acknowledged;
  refused += other.refused;
  unavailable += other.unavailable;
  interrupted += other.interrupted;
  timed_out += other.timed_out;
  longest = std::max(longest, other.longest);
  return *this;
}

std::string describe(const call_counts& counts) {
  return std::to_string(counts.acknowledged) + " calls acknowledged after " + std::to_string(counts.refused)
         + " refused connections, " + std::to_string(counts.unavailable) + " answers 503, "
         + std::to_string(counts.interrupted) + " lost connections, " + std::to_string(counts.timed_out)
         + " timeouts; the longest took " + std::to_string(counts.longest.count()) + " ms";
}

void history::acknowledge(acknowledged_task task) {
  const std::lock_guard guard{mutex_};
  task.may_vanish = task.may_vanish || lets_vanish_;
  tasks_.push_back(std::move(task));
}

void history::acknowledge_cancel(const std::string& id) {
  const std::lock_guard guard{mutex_};
  if (!lets_vanish_) {
    cancelled_.insert(id);
  }
}

void history::let_vanish(bool on) {
  const std::lock_guard guard{mutex_};
  lets_vanish_ = on;
  has_let_vanish_ = has_let_vanish_ || on;
}

bool history::has_let_vanish() const {
  const std::lock_guard guard{mutex_};
  return has_let_vanish_;
}

void history::complain(std::string what) {
  const std::lock_guard guard{mutex_};
  complaints_.push_back(std::move(what));
}

void history::add(const call_counts& counts) {
  const std::lock_guard guard{mutex_};
  counts_ += counts;
}

std::size_t history::size() const {
  const std::lock_guard guard{mutex_};
  return tasks_.size();
}

std::vector<acknowledged_task> history::tasks() const {
  const std::lock_guard guard{mutex_};
  return tasks_;
}

std::set<std::string> history::cancelled() const {
  const std::lock_guard guard{mutex_};
  return cancelled_;
}

std::vector<std::string> history::complaints() const {
  const std::lock_guard guard{mutex_};
  return complaints_;
}

call_counts history::counts() const {
  const std::lock_guard guard{mutex_};
  return counts_;
}

std::optional<acknowledged_task> history::pick(std::mt19937_64& random, std::size_t among) const {
  const std::lock_guard guard{mutex_};
  if (tasks_.empty()) {
    return std::nullopt;
  }
  return tasks_[tasks_.size() - 1 - random() % std::min(among, tasks_.size())];
}

} // namespace troupe
