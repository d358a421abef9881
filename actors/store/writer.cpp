#include "actors/store/writer.hpp"

#include "persistence/logging/log.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <stdexcept>

namespace troupe {

namespace {

/// Bounds how long a commit takes, and with it how long the next ones wait.
constexpr std::size_t max_batch = 1000;

} // namespace

void writer_state::open(database& db, services_ptr peers, metrics_ptr measured) {
  auto opened = db.open_writer();
  if (auto* refusal = std::get_if<store_error>(&opened)) {
    say::error("the store does not open: {}", refusal->message);
    throw std::runtime_error{refusal->message};
  }
  store_ = std::move(std::get<std::unique_ptr<store_writer>>(opened));
  peers_ = std::move(peers);
  metrics_ = std::move(measured);
}

void writer_state::add_pending(operation op, reply answer) {
  operations_.push_back(std::move(op));
  replies_.push_back(std::move(answer));
  if (operations_.size() >= max_batch) {
    commit();
  } else if (!commit_sent_) {
    // The message queues up behind the operations that are in the mailbox already: they share the commit.
    commit_sent_ = true;
    self_->send(self_, commit_batch{});
  }
}

void writer_state::commit() {
  if (operations_.empty())
    return;
  claims_last();
  const auto operations = std::exchange(operations_, {});
  committing_ = std::exchange(replies_, {});
  const auto started = std::chrono::steady_clock::now();
  auto batch = store_->apply(operations);
  const auto took = std::chrono::steady_clock::now() - started;
  metrics_->committed(operations.size(), took);
  logging::trace("batch stored", [&](auto& line) {
    line.add("operations", operations.size()).add("events", batch.events.size());
    line.add("took_ms", std::chrono::duration_cast<std::chrono::microseconds>(took));
  });
  announce(batch);
  for (std::size_t i = 0; i < committing_.size(); ++i)
    committing_[i](&batch.outcomes[i]);
  committing_.clear();
}

void writer_state::claims_last() {
  // A claim finds what its own batch has brought, which saves such a task a commit. Nobody waits for the order of
  // operations in a batch.
  std::size_t first = operations_.size();
  for (std::size_t i = operations_.size(); i-- > 0;) {
    if (!std::holds_alternative<claim_tasks>(operations_[i]))
      continue;
    --first;
    // Two variants that are swapped are compiled for each pair of what they may hold.
    auto claim = std::exchange(operations_[i], std::move(operations_[first]));
    operations_[first] = std::move(claim);
    std::swap(replies_[i], replies_[first]);
  }
}

void writer_state::announce(committed& batch) {
  for (const auto& event : batch.events) {
    if (event.type == event_type::task_completed)
      metrics_->task_ended(task_status::completed);
    else if (event.type == event_type::task_failed)
      metrics_->task_ended(task_status::failed);
    else if (event.type == event_type::task_cancelled)
      metrics_->task_ended(task_status::cancelled);
  }
  // A null handle is a service that starts later, and asks for what it needs then.
  if (batch.to_position > batch.from_position) {
    const events_committed told{std::make_shared<const std::vector<event_record>>(std::move(batch.events)),
                                batch.from_position, batch.to_position};
    if (peers_->broadcaster)
      self_->send(peers_->broadcaster, told);
    if (peers_->cluster)
      self_->send(peers_->cluster, told);
  }
  if (batch.work_ready && peers_->supervisor)
    self_->send(peers_->supervisor, work_arrived{});
  if (batch.next_due && peers_->scheduler)
    self_->send(peers_->scheduler, task_scheduled{*batch.next_due});
}

void writer_state::relink(services_ptr peers) {
  const auto same_broadcaster = peers_->broadcaster == peers->broadcaster;
  peers_ = std::move(peers);
  // The latest commits may have been told to the one that died, when others had moved to the new one already.
  if (!same_broadcaster && peers_->broadcaster)
    self_->send(peers_->broadcaster, events_missed{});
}

void writer_state::abandon() {
  operations_.clear();
  for (auto& answer : std::exchange(committing_, {}))
    answer(nullptr);
  for (auto& answer : std::exchange(replies_, {}))
    answer(nullptr);
}

namespace {

template <class Operation>
auto handler(writer_actor::stateful_pointer<writer_state> self) {
  return [self](Operation& op) { return self->state.add(op); };
}

} // namespace

writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self, std::shared_ptr<database> db,
                                   services_ptr peers, metrics_ptr measured) {
  self->set_exception_handler([self](std::exception_ptr& thrown) {
    self->state.abandon();
    return to_error(thrown);
  });
  self->set_exit_handler([self](const caf::exit_msg& exit) {
    self->state.commit();
    self->quit(exit.reason);
  });
  self->state.open(*db, std::move(peers), std::move(measured));
  return {
    handler<create_task>(self),
    handler<enqueue_task>(self),
    handler<claim_tasks>(self),
    handler<append_journal>(self),
    handler<complete_task>(self),
    handler<fail_attempt>(self),
    handler<release_tasks>(self),
    handler<cancel_task>(self),
    handler<retry_task>(self),
    handler<set_task_status>(self),
    handler<delete_task>(self),
    handler<recover_tasks>(self),
    handler<put_bot>(self),
    handler<delete_bot>(self),
    handler<put_model>(self),
    handler<delete_model>(self),
    handler<clean_up>(self),
    handler<renew_lease>(self),
    handler<end_lease>(self),
    handler<announce_node>(self),
    handler<await_approval>(self),
    handler<decide_approval>(self),
    handler<reserve_budget>(self),
    handler<put_budget>(self),
    handler<delete_budget>(self),
    [self](const commit_batch&) { self->state.commit_due(); },
    [self](const services_changed& changed) { self->state.relink(changed.now); },
  };
}

} // namespace troupe
