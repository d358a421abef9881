#pragma once

#include "actors/interfaces.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <cstdint>
#include <functional>
#include <string>

/// An ending brings one task to its end that no actor of this node runs, then ends
/// itself. Spawned by the task supervisor of a node in a cluster, which delegates to
/// it. If the task runs on a linked node it is ended there, for what its actor has
/// streamed; if not, or if that node does not answer, in the store, with the partial
/// answer as far as it was journaled: the fence then stops whoever runs it. If it
/// dies, whoever asked sees a timeout and may ask again.
namespace troupe {

class ending_state {
public:
  static inline const char* name = "ending";

  explicit ending_state(ending_actor::pointer self) : self_{self} {}

  void start(services_ptr peers) { peers_ = std::move(peers); }

  template <class Operation>
  caf::typed_response_promise<typename Operation::result_type> end(Operation& request);

private:
  using task_promise = caf::typed_response_promise<task_result>;
  using done_promise = caf::typed_response_promise<done>;

  // -- the flow, in order -----------------------------------------------------

  template <class Operation, class Promise>
  void find(Operation request, Promise promise);
  template <class Operation, class Promise>
  void ask_node(const task_record& task, Operation request, Promise promise);
  /// Puts the text that was journaled together, page by page.
  void collect(const task_record& task, cancel_task request, std::int64_t after, task_promise promise);
  template <class Operation, class Promise>
  void store(Operation request, Promise promise);

  // -- ends -------------------------------------------------------------------

  /// It was ended elsewhere.
  void answer(const uuid& id, task_promise promise);
  void answer(const uuid& id, done_promise promise);
  template <class Promise>
  void fail(caf::error reason, Promise promise);

  ending_actor::pointer self_;
  services_ptr peers_;
};

ending_actor::behavior_type ending(ending_actor::stateful_pointer<ending_state> self, services_ptr peers);

} // namespace troupe
