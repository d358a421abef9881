#pragma once

#include <cstdint>

namespace troupe {

/// What is to be done with what a claim has brought.
struct claim_orders {
  /// None of it is started: the node ends.
  bool give_back = false;
  /// So many more are claimed at once; 0 for none.
  int claim = 0;
  /// There is more than this node can take: others are to be told.
  bool pass_on = false;

  bool operator==(const claim_orders&) const = default;
};

/// Decides when a task supervisor claims, and how many tasks: one claim at a time, for as
/// much as there is room for, and once more if something came up that the last one may have
/// missed.
///
///     waiting ── open ──▶ open ── shut ──▶ shut
///
/// `running` is always what runs now. Where an event gives a number, so many tasks are to be
/// claimed; 0 for none. Pure.
class claim_gate {
public:
  /// Bounds a claim's transaction; what is left is claimed by the next one.
  static constexpr int max_claim = 250;

  /// So many tasks at once are a sign that more are under way: the next claim then goes with
  /// the batch that brings them, which saves each of them a commit.
  static constexpr int busy_claim = 4;

  /// `capacity`: tasks that run at once; 0 on a node that runs none.
  explicit claim_gate(int capacity = 0) : capacity_{capacity} {}

  // -- whether anything is claimed at all -------------------------------------

  /// What ran before is recovered.
  int open(int running);
  /// The node ends.
  void shut();

  // -- one claim --------------------------------------------------------------

  /// There may be work.
  int work_came(int running);
  /// The claim has brought `count` tasks, each of which is either started or given back.
  claim_orders claimed(int count, int running);
  /// One of them runs, and is counted as such from now on.
  void started();
  /// The claim has changed nothing.
  void refused();
  void given_back();
  /// A task has ended.
  int room_came(int running);

  /// Whether a task that comes now can be taken, now or after the claim under way.
  [[nodiscard]] bool has_room(int running) const noexcept;
  [[nodiscard]] bool is_claiming() const noexcept { return asked_ > 0; }
  [[nodiscard]] int capacity() const noexcept { return capacity_; }

private:
  enum class state : std::uint8_t { waiting, open, shut };

  [[nodiscard]] int room(int running) const noexcept { return capacity_ - running - arriving_; }

  state state_ = state::waiting;
  int capacity_;
  /// Of the claim under way; 0 if there is none.
  int asked_ = 0;
  /// Claimed and about to be started.
  int arriving_ = 0;
  /// Something may be due that the last claim did not return.
  bool backlog_ = false;
};

} // namespace troupe
