#pragma once

#include "actors/interfaces.hpp"
#include "actors/metrics.hpp"
#include "persistence/store.hpp"

#include <caf/sec.hpp>
#include <caf/typed_event_based_actor.hpp>

#include <functional>
#include <memory>
#include <vector>

/// The writer owns the store's only writing connection. Spawned detached by the
/// node, since a commit blocks. Whoever changes anything sends it an operation
/// (persistence/operations.hpp) and is answered when that is on disk. What has
/// arrived while one commit ran is the next commit. After each it tells the
/// broadcaster (and the cluster) what was journaled, the supervisor that there is
/// work, and the scheduler when there will be. While the database is away it waits. If it dies, all who wait are told
/// so, and the node starts another; what it had not answered may or may not be on disk.
namespace troupe {

class writer_state {
public:
  static inline const char* name = "writer";

  explicit writer_state(writer_actor::pointer self) : self_{self} {}

  void open(database& db, services_ptr peers, metrics_ptr measured);

  /// Takes an operation into the next batch.
  template <class Operation>
  caf::typed_response_promise<typename Operation::result_type> add(Operation& op) {
    using result_type = typename Operation::result_type;
    auto promise = self_->make_response_promise<result_type>();
    add_pending(std::move(op), [promise](outcome* result) mutable {
      if (!result)
        promise.deliver(caf::make_error(caf::sec::request_receiver_down));
      else if (auto* refusal = std::get_if<store_error>(result))
        promise.deliver(to_error(*refusal));
      else
        promise.deliver(std::move(std::get<result_type>(*result)));
    });
    return promise;
  }

  /// The time to commit that `add` asked for has come.
  void commit_due() {
    commit_sent_ = false;
    commit();
  }

  /// Applies what was collected, answers, and tells the others.
  void commit();

  void relink(services_ptr peers);

  /// Tells everybody who waits that there will be no answer: what they asked for
  /// may or may not be on disk.
  void abandon();

private:
  /// Null for an outcome that nobody will ever know.
  using reply = std::function<void(outcome*)>;

  void add_pending(operation op, reply answer);
  void claims_last();
  void announce(committed& batch);

  writer_actor::pointer self_;
  std::unique_ptr<store_writer> store_;
  services_ptr peers_;
  metrics_ptr metrics_;
  std::vector<operation> operations_;
  std::vector<reply> replies_;
  /// Of the batch that is being committed.
  std::vector<reply> committing_;
  bool commit_sent_ = false;
};

/// Opens the store's writing side of `db`; quits if that fails.
writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self, std::shared_ptr<database> db,
                                   services_ptr peers, metrics_ptr measured);

} // namespace troupe
