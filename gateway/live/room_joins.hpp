#pragma once

#include "actors/errors.hpp"
#include "actors/interfaces.hpp"
#include "actors/timeouts.hpp"
#include "gateway/questions/open_questions.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

namespace troupe {

/// The rooms that an actor has joined at the broadcaster, each as often as it was asked for. Where a broadcaster dies
/// its successor knows nobody: it is asked for all of them again. Until the last one is answered it may have told an
/// event behind others that were never told, so nobody is to take one for the next.
///
/// `Self` is the pointer of a typed actor that a `subscriber_actor` can be made of.
template <class Self>
class room_joins {
public:
  struct hooks {
    /// Events may pass unheard from now on.
    std::function<void()> interrupted;
    /// Every room is joined again: what has passed unheard is in the store, and what comes now comes here.
    std::function<void()> joined_again;
  };

  room_joins(Self self, hooks h) : self_{self}, hooks_{std::move(h)} {}

  /// The broadcaster, which may be another one than before.
  void link(const broadcaster_actor& now) {
    if (std::exchange(broadcaster_, now) == now || (rooms_.empty() && !rejoining_))
      return;
    rejoining_ = true;
    hooks_.interrupted();
    // What the former one was asked for it does not answer; the rooms are among those that are joined again.
    open_.refuse_before(open_questions::time_point::max(), gone());
    const auto left = std::make_shared<std::size_t>(rooms_.size());
    if (rooms_.empty())
      rejoined();
    for (const auto& [where, times] : rooms_)
      join_again(where, times, left);
  }

  /// `then` runs once later events will come, or once it is certain that the next broadcaster will be asked for them.
  void join(const room& where, std::function<void()> then) {
    ++rooms_[where];
    const auto number = open_.add(self_->clock().now(), [then](const store_error&) { then(); });
    const auto answered = [this, number, then] {
      if (open_.close(number))
        then();
    };
    self_->request(broadcaster_, caf::infinite, join_room{where, subscriber_actor{self_}})
      .then([answered](const done&) { answered(); },
            // It died. The room is noted.
            [answered](const caf::error&) { answered(); });
  }

  void leave(const room& where) {
    const auto found = rooms_.find(where);
    if (found == rooms_.end())
      return;
    if (--found->second == 0)
      rooms_.erase(found);
    self_->send(broadcaster_, leave_room{where, subscriber_actor{self_}});
  }

  /// Whoever has waited too long waits no more.
  void look_after_questions() { open_.refuse_before(self_->clock().now() - timeouts::join_room, gone()); }

private:
  static store_error gone() { return {errc::unavailable, std::string{to_string(errc::unavailable)}}; }

  void join_again(const room& where, int times, const std::shared_ptr<std::size_t>& left) {
    const auto answered = [this, left, whose = broadcaster_] {
      if (--*left == 0 && whose == broadcaster_)
        rejoined();
    };
    self_->request(broadcaster_, timeouts::join_room, join_room{where, subscriber_actor{self_}})
      .then([answered](const done&) { answered(); },
            [answered](const caf::error& reason) {
              say::error("a room could not be joined again: {}", loggable(reason));
              answered();
            });
    // Each feed leaves for itself, so the room is to be left as often as it was joined.
    for (int i = 1; i < times; ++i)
      caf::anon_send(broadcaster_, join_room{where, subscriber_actor{self_}});
  }

  void rejoined() {
    rejoining_ = false;
    hooks_.joined_again();
  }

  Self self_;
  hooks hooks_;
  broadcaster_actor broadcaster_;
  std::map<room, int> rooms_;
  open_questions open_;
  /// Not every room is joined again.
  bool rejoining_ = false;
};

} // namespace troupe
