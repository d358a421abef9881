#pragma once

#include "persistence/store.hpp"

#include <map>
#include <set>
#include <utility>
#include <vector>

namespace troupe {

/// Which rooms a node wants, and what of that it has not told the others yet. Pure.
class interest {
public:
  struct change {
    bool listening = false;
    std::vector<room> joined;
    std::vector<room> left;
  };

  void listen(bool on) {
    untold_ = untold_ || listening_ != on;
    listening_ = on;
  }

  void join(const room& where) {
    rooms_.insert(where);
    changed_[where] = true;
    untold_ = true;
  }

  void leave(const room& where) {
    rooms_.erase(where);
    changed_[where] = false;
    untold_ = true;
  }

  void clear() { *this = {}; }

  [[nodiscard]] bool has_news() const noexcept { return untold_; }

  /// What is to be told to those who know the rest.
  change take_news() {
    change news{listening_, {}, {}};
    for (const auto& [where, wanted] : std::exchange(changed_, {}))
      (wanted ? news.joined : news.left).push_back(where);
    untold_ = false;
    return news;
  }

  /// What is to be told to somebody who knows nothing.
  [[nodiscard]] change all() const { return {listening_, {rooms_.begin(), rooms_.end()}, {}}; }

private:
  bool listening_ = false;
  bool untold_ = false;
  std::set<room> rooms_;
  /// Whether each is wanted now.
  std::map<room, bool> changed_;
};

} // namespace troupe
