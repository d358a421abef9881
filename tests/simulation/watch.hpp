#pragma once

#include "gateway/live/feed.hpp"
#include "tests/judge/judge_rules.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/world.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// A simulated subscriber of one room: it remembers where it is, and when its connection is lost it goes on from there
/// at another process. It keeps what it has seen.
namespace troupe {

/// A frame as it is kept.
seen_event summary_of(std::int64_t seq, event_type type, const std::string& frame);

class watch : public std::enable_shared_from_this<watch> {
public:
  /// `choose` gives a process to connect to, or null; `told` hears of each event when it comes.
  watch(world& w, room where, resume_point from, std::function<process*()> choose,
        std::function<void(const live_event&)> told)
    : world_{w}, where_{std::move(where)}, from_{from}, choose_{std::move(choose)}, told_{std::move(told)} {}

  void connect();
  /// Its connection is gone; it makes another one after a while.
  void lose();
  /// As `lose`, if it is connected to that process.
  void lose(const process& whom);

  [[nodiscard]] const room& where() const noexcept { return where_; }
  [[nodiscard]] const std::map<uuid, std::vector<seen_event>>& seen() const noexcept { return seen_; }
  [[nodiscard]] const std::vector<std::string>& complaints() const noexcept { return complaints_; }
  /// Whether it stands where a subscriber of all that is stored would.
  [[nodiscard]] bool has_seen(const uuid& task, std::int64_t seq) const;

private:
  [[nodiscard]] feed::hooks hooks_of(const std::shared_ptr<std::weak_ptr<feed>>& mine);
  void take(const live_event& event);

  world& world_;
  room where_;
  resume_point from_;
  std::function<process*()> choose_;
  std::function<void(const live_event&)> told_;
  process* home_ = nullptr;
  std::shared_ptr<feed> feed_;
  /// Whatever former connections still bring is not for it.
  std::uint64_t connection_ = 0;
  bool connecting_ = false;
  std::map<uuid, std::vector<seen_event>> seen_;
  std::vector<std::string> complaints_;
};

} // namespace troupe
