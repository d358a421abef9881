#include "actors/tasks/rules/lease_keeper.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

// -- the lease ------------------------------------------------------------------

lease_orders lease_keeper::started() const {
  return {.take = true};
}

lease_orders lease_keeper::taken() {
  held_ = true;
  return {.renew_later = true, .recover = want_recovery()};
}

lease_orders lease_keeper::not_taken() const {
  return {.look_again = true};
}

lease_orders lease_keeper::renewal_due() {
  if (!held_)
    return {};
  // While the database is away the last one still waits.
  return {.renew_later = true, .renew = !std::exchange(renewing_, true)};
}

lease_orders lease_keeper::renewed(bool others_expired) {
  renewing_ = false;
  return others_expired ? lease_orders{.recover = want_recovery()} : lease_orders{};
}

lease_orders lease_keeper::not_renewed(bool taken_over) {
  renewing_ = false;
  if (taken_over)
    held_ = false;
  return {.step_down = taken_over};
}

bool lease_keeper::give_up() {
  return std::exchange(held_, false);
}

// -- recovery ---------------------------------------------------------------------

std::optional<lease_suspects> lease_keeper::want_recovery() {
  recover_again_ = std::exchange(recovering_, true);
  return recover_again_ ? std::nullopt : std::optional{suspects_};
}

lease_orders lease_keeper::recovered(bool is_more_left) {
  recovering_ = false;
  ready_ = true;
  swept_ = swept_ || !is_more_left;
  return {.recover = is_more_left || recover_again_ ? want_recovery() : std::nullopt, .claim = true};
}

lease_orders lease_keeper::not_recovered() {
  recovering_ = false;
  return {.look_again = !swept_};
}

lease_orders lease_keeper::suspected(const uuid& lease) {
  if (!ready_ || std::find(suspects_.begin(), suspects_.end(), lease) != suspects_.end())
    return {};
  suspects_.push_back(lease);
  return {.recover = want_recovery(), .watch = lease};
}

lease_orders lease_keeper::recovery_due(const uuid& suspect, bool last) {
  lease_orders orders{.recover = want_recovery()};
  if (last)
    std::erase(suspects_, suspect);
  return orders;
}

lease_orders lease_keeper::looked_again(bool is_draining) {
  if (swept_)
    return {};
  if (held_)
    return {.recover = want_recovery()};
  return {.take = !is_draining};
}

} // namespace troupe
