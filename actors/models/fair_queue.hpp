#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

/// Who waits for the same thing, in a fair order: the keys take turns, and each key's own
/// entries go first come, first served. So whoever asks for much delays nobody who asks for
/// little. Pure.
namespace troupe {

template <class T>
class fair_queue {
public:
  void push(const std::string& key, T entry) {
    auto& line = lines_[key];
    if (line.empty())
      turns_.push_back(key);
    line.push_back(std::move(entry));
    ++size_;
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

  /// Whose turn it is; the queue must not be empty.
  [[nodiscard]] T& front() { return lines_.at(turns_.front()).front(); }

  /// Takes the front out; its key goes to the end of the turn.
  T pop() {
    const auto key = std::move(turns_.front());
    turns_.pop_front();
    const auto line = lines_.find(key);
    T entry = std::move(line->second.front());
    line->second.pop_front();
    if (line->second.empty())
      lines_.erase(line);
    else
      turns_.push_back(key);
    --size_;
    return entry;
  }

  /// Takes out the first entry that `matches`, and gives it to `take`. False if there is none.
  template <class Matches, class Take>
  bool remove(Matches matches, Take take) {
    for (auto line = lines_.begin(); line != lines_.end(); ++line) {
      auto& entries = line->second;
      const auto found = std::find_if(entries.begin(), entries.end(), matches);
      if (found == entries.end())
        continue;
      take(*found);
      entries.erase(found);
      --size_;
      if (entries.empty()) {
        turns_.remove(line->first);
        lines_.erase(line);
      }
      return true;
    }
    return false;
  }

private:
  std::unordered_map<std::string, std::deque<T>> lines_;
  std::list<std::string> turns_;
  std::size_t size_ = 0;
};

} // namespace troupe
