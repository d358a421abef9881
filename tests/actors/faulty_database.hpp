#pragma once

#include "persistence/store.hpp"

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

/// A real database with trouble on order: what befalls a commit is decided by the
/// test, and what was committed together is written down.
namespace troupe {

enum class fault : std::uint8_t {
  none,
  /// Nothing is written and every outcome is `unavailable`.
  refused,
  /// The writer throws and nothing was written.
  lost,
  /// The writer throws after everything was written.
  lost_after_commit,
};

struct fault_plan {
  /// Asked before each commit.
  std::function<fault(std::span<const operation>)> befalls = [](auto) { return fault::none; };
  /// The operations of each commit, by type: what `operation::index` says.
  std::vector<std::vector<std::size_t>> commits;
  /// As if other processes used the database too.
  bool shared = false;
  /// Those processes, as an announcement finds them.
  std::vector<node_record> other_nodes;
  /// Whether their leases have run out.
  bool others_expired = false;
};

template <class Op>
bool holds(std::span<const operation> batch) {
  return std::any_of(batch.begin(), batch.end(), [](const auto& op) { return std::holds_alternative<Op>(op); });
}

/// `what` befalls the first commit with an `Op`, after `skip` such commits.
template <class Op>
auto once(fault what, int skip = 0) {
  return [what, skip, over = false](std::span<const operation> batch) mutable {
    if (over || !holds<Op>(batch) || skip-- > 0)
      return fault::none;
    over = true;
    return what;
  };
}

class faulty_writer final : public store_writer {
public:
  faulty_writer(std::unique_ptr<store_writer> real, std::shared_ptr<fault_plan> plan)
    : real_{std::move(real)}, plan_{std::move(plan)} {}

  committed apply(std::span<const operation> batch) override {
    auto& types = plan_->commits.emplace_back();
    for (const auto& op : batch)
      types.push_back(op.index());
    const auto fate = plan_->befalls(batch);
    if (fate == fault::lost)
      throw std::runtime_error{"the disk is gone"};
    if (fate == fault::refused) {
      committed nothing;
      nothing.outcomes.assign(batch.size(), store_error{errc::unavailable, "The disk is full."});
      return nothing;
    }
    auto result = real_->apply(batch);
    if (fate == fault::lost_after_commit)
      throw std::runtime_error{"the disk is gone after the commit"};
    for (auto& one : result.outcomes)
      add_others(one);
    return result;
  }

private:
  void add_others(outcome& result) const {
    if (auto* lease = std::get_if<lease_state>(&result))
      lease->others_expired = plan_->others_expired;
    if (auto* found = std::get_if<node_list>(&result))
      found->nodes.insert(found->nodes.end(), plan_->other_nodes.begin(), plan_->other_nodes.end());
  }

  std::unique_ptr<store_writer> real_;
  std::shared_ptr<fault_plan> plan_;
};

class faulty_database final : public database {
public:
  faulty_database(std::shared_ptr<database> real, std::shared_ptr<fault_plan> plan)
    : real_{std::move(real)}, plan_{std::move(plan)} {}

  store_result<std::unique_ptr<store_writer>> open_writer() override {
    auto opened = real_->open_writer();
    if (auto* refusal = std::get_if<store_error>(&opened))
      return std::move(*refusal);
    return std::make_unique<faulty_writer>(std::move(std::get<std::unique_ptr<store_writer>>(opened)), plan_);
  }

  store_result<std::unique_ptr<store_reader>> open_reader() override { return real_->open_reader(); }

  [[nodiscard]] database_info info() const override {
    auto found = real_->info();
    found.shared = plan_->shared;
    return found;
  }
  [[nodiscard]] bool available() const noexcept override { return real_->available(); }
  [[nodiscard]] store_state state() const override { return real_->state(); }
  void give_up() noexcept override { real_->give_up(); }

private:
  std::shared_ptr<database> real_;
  std::shared_ptr<fault_plan> plan_;
};

} // namespace troupe
