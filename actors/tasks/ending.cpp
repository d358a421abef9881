#include "actors/tasks/ending.hpp"

#include "actors/store/store_answers.hpp"
#include "actors/timeouts.hpp"
#include "persistence/values/parse_json.hpp"

#include <caf/stateful_actor.hpp>
#include <nlohmann/json.hpp>

#include <type_traits>
#include <utility>

namespace troupe {

namespace {

constexpr int journal_page = 500;

/// Whether whoever runs the task has to stop.
bool stops_a_run(const cancel_task&) {
  return true;
}

bool stops_a_run(const set_task_status& request) {
  return is_terminal(request.status);
}

bool stops_a_run(const delete_task&) {
  return true;
}

/// The text of a `chat:chunk`.
std::string text_of(const event_record& chunk) {
  const auto data = parse_json_object(chunk.data);
  if (!data)
    return {};
  const auto found = data->find("text");
  return found != data->end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

template <class Operation>
caf::typed_response_promise<typename Operation::result_type> ending_state::end(Operation& request) {
  auto promise = self_->make_response_promise<typename Operation::result_type>();
  if (stops_a_run(request))
    find(std::move(request), promise);
  else
    store(std::move(request), promise);
  return promise;
}

// -- the flow, in order -----------------------------------------------------------

template <class Operation, class Promise>
void ending_state::find(Operation request, Promise promise) {
  self_->request(peers_->readers.front(), timeouts::store_read, get_task{request.id})
    .then(
      [this, request, promise](const task_record& task) {
        if (task.status == task_status::running)
          ask_node(task, request, promise);
        else
          store(request, promise);
      },
      [this, request, promise](const caf::error&) {
        // If it is not there the writer says so, too.
        store(request, promise);
      });
}

template <class Operation, class Promise>
void ending_state::ask_node(const task_record& task, Operation request, Promise promise) {
  const auto here = [this, task, request, promise] {
    if constexpr (std::is_same_v<Operation, cancel_task>)
      collect(task, request, 0, promise);
    else
      store(request, promise);
  };
  self_->request(peers_->cluster, timeouts::end_elsewhere, end_elsewhere{task.node, request})
    .then(
      [this, id = task.id, promise, here](const ending_done& done) {
        if (done.ran)
          answer(id, promise);
        else
          here();
      },
      [this, promise, here](caf::error& reason) {
        if (is_passing(reason))
          here();
        else
          fail(std::move(reason), promise);
      });
}

void ending_state::collect(const task_record& task, cancel_task request, std::int64_t after, task_promise promise) {
  self_->request(peers_->readers.front(), timeouts::store_read, get_events{task.id, after, journal_page})
    .then(
      [this, task, request, promise](const event_page& events) mutable {
        for (const auto& event : events.items)
          if (event.type == event_type::chat_chunk && event.attempt == task.attempt)
            request.partial_output += text_of(event);
        if (events.next)
          collect(task, std::move(request), *events.next, promise);
        else
          store(std::move(request), promise);
      },
      [this, request, promise](const caf::error&) {
        // A cancel matters more than the text.
        store(request, promise);
      });
}

template <class Operation, class Promise>
void ending_state::store(Operation request, Promise promise) {
  const auto id = request.id;
  self_->request(peers_->writer, timeouts::execution_write, std::move(request))
    .then(
      [this, id, promise](typename Operation::result_type& result) mutable {
        // It may have been claimed here meanwhile.
        self_->send(peers_->supervisor, task_was_ended{id});
        promise.deliver(std::move(result));
        self_->quit();
      },
      [this, promise](caf::error& reason) { fail(std::move(reason), promise); });
}

// -- ends -------------------------------------------------------------------------

void ending_state::answer(const uuid& id, task_promise promise) {
  self_->request(peers_->readers.front(), timeouts::store_read, get_task{id})
    .then(
      [this, promise](task_record& task) mutable {
        promise.deliver(task_result{std::move(task), false});
        self_->quit();
      },
      [this, promise](caf::error& reason) { fail(std::move(reason), promise); });
}

void ending_state::answer(const uuid&, done_promise promise) {
  promise.deliver(done{});
  self_->quit();
}

template <class Promise>
void ending_state::fail(caf::error reason, Promise promise) {
  promise.deliver(std::move(reason));
  self_->quit();
}

ending_actor::behavior_type ending(ending_actor::stateful_pointer<ending_state> self, services_ptr peers) {
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->state.start(std::move(peers));
  return {
    [self](cancel_task& request) { return self->state.end(request); },
    [self](set_task_status& request) { return self->state.end(request); },
    [self](delete_task& request) { return self->state.end(request); },
  };
}

} // namespace troupe
