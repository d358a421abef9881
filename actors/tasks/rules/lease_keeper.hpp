#pragma once

#include "persistence/values/uuid.hpp"

#include <array>
#include <chrono>
#include <optional>
#include <vector>

namespace troupe {

/// Leases of nodes that seem to be gone.
using lease_suspects = std::vector<uuid>;

/// What a supervisor is to do about its lease, all of it, in this order.
struct lease_orders {
  /// Ask for the lease.
  bool take = false;
  /// Have `renewal_due` come when a third of the lease's time is over, where it has one.
  bool renew_later = false;
  bool renew = false;
  /// Have the store give back what owners without a lease hold; and these, if it has lost
  /// sight of them.
  std::optional<lease_suspects> recover{};
  /// Have `recovery_due` come for this suspect after each of `lease_keeper::asked_again`.
  std::optional<uuid> watch{};
  /// Tasks may be claimed, those just recovered among them.
  bool claim = false;
  /// Come back with `looked_again` after a while.
  bool look_again = false;
  /// The lease is lost, and with it all that runs.
  bool step_down = false;

  bool operator==(const lease_orders&) const = default;
};

/// Keeps the lease of a task supervisor. It is asked for, held and renewed, and then lost to
/// others or given up; whoever has it asks the store to recover what was left behind,
/// by one question at a time, and may claim as soon as the first was answered: the rest of many
/// is recovered beside what runs already.
///
///     lease      none ── taken ──▶ held ── not_renewed(taken over), give_up ──▶ none
///     renewal    at rest ── renewal_due ──▶ under way ── renewed, not_renewed ──▶ at rest
///     recovery   at rest ── wanted ──▶ under way ── recovered, not_recovered ──▶ at rest
///                wanted while it is under way: again, once it was answered to the end
///
/// Each event answers with what is to be done. Pure: time passes and the store answers
/// elsewhere.
class lease_keeper {
public:
  /// A link may notice a death before the database does.
  static constexpr std::array<std::chrono::milliseconds, 3> asked_again{
    std::chrono::milliseconds{100}, std::chrono::milliseconds{300}, std::chrono::milliseconds{1000}};

  // -- the lease --------------------------------------------------------------

  /// This node is to run tasks.
  lease_orders started() const;
  lease_orders taken();
  lease_orders not_taken() const;
  lease_orders renewal_due();
  /// `others_expired`: a lease has run out that others held tasks under.
  lease_orders renewed(bool others_expired);
  /// `taken_over`: others have taken this node for dead.
  lease_orders not_renewed(bool taken_over);
  /// The node ends; returns whether there is a lease to be ended.
  bool give_up();

  // -- recovery ---------------------------------------------------------------

  lease_orders recovered(bool is_more_left);
  lease_orders not_recovered();
  lease_orders suspected(const uuid& lease);
  /// `last`: the suspect is not asked for again.
  lease_orders recovery_due(const uuid& suspect, bool last);
  /// What was not to be had is asked for again; no lease any more where the node ends.
  lease_orders looked_again(bool is_draining);

  [[nodiscard]] bool is_held() const noexcept { return held_; }
  /// The store has begun to recover what was left behind when the lease was taken.
  [[nodiscard]] bool is_ready() const noexcept { return ready_; }

private:
  /// One question at a time.
  std::optional<lease_suspects> want_recovery();

  bool held_ = false;
  bool renewing_ = false;
  bool recovering_ = false;
  /// More was found to recover while the store was asked.
  bool recover_again_ = false;
  bool ready_ = false;
  /// All that was left behind when the lease was taken has been recovered.
  bool swept_ = false;
  lease_suspects suspects_;
};

} // namespace troupe
