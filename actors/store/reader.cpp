#include "actors/store/reader.hpp"

#include "actors/background.hpp"
#include "persistence/logging/say.hpp"

#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <stdexcept>

namespace troupe {

void reader_state::open(database& db) {
  auto opened = db.open_reader();
  if (auto* refusal = std::get_if<store_error>(&opened)) {
    say::error("the store does not open: {}", refusal->message);
    throw std::runtime_error{refusal->message};
  }
  store_ = std::move(std::get<std::unique_ptr<store_reader>>(opened));
}

store_reader& reader_state::view() {
  if (!view_open_) {
    // Sent before the view is opened: whatever is asked before the view closes was in the mailbox before it was
    // opened, so nobody reads a view that is older than the question.
    self_->send(self_, troupe::close_view{});
    store_->begin();
    view_open_ = true;
  }
  return *store_;
}

void reader_state::close_view() {
  store_->end();
  view_open_ = false;
}

store_result<room_start> reader_state::find_room_start(const get_room_start& question) {
  auto& store = view();
  auto resolved = store.resolve(question.where);
  if (auto* refusal = std::get_if<store_error>(&resolved))
    return *refusal;
  auto position
    = question.after_seq ? store.position_of(question.where.id, *question.after_seq) : store.last_position();
  if (auto* refusal = std::get_if<store_error>(&position))
    return *refusal;
  room_start start{std::get<room>(resolved), std::get<std::int64_t>(position), 0};
  if (question.after_position && *question.after_position > start.position)
    start.was_ahead = *question.after_position;
  else if (question.after_position)
    start.position = *question.after_position;
  return start;
}

namespace {

template <class T>
caf::result<T> answer(store_result<T> found) {
  if (auto* refusal = std::get_if<store_error>(&found))
    return to_error(*refusal);
  return std::move(std::get<T>(found));
}

/// The same for what is told in a message of its own.
template <class Message, class T>
caf::result<Message> answer_as(store_result<T> found) {
  if (auto* refusal = std::get_if<store_error>(&found))
    return to_error(*refusal);
  return Message{std::move(std::get<T>(found))};
}

} // namespace

reader_actor::behavior_type reader(reader_actor::stateful_pointer<reader_state> self, std::shared_ptr<database> db,
                                   reading how) {
  if (how == reading::behind_others)
    give_way_to_others();
  self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
  self->state.open(*db);
  return {
    [self](const get_task& q) { return answer(self->state.view().get_task(q.id)); },
    [self](const get_outline& q) { return answer(self->state.view().outline(q.task_id)); },
    [self](const get_tasks& q) { return answer(self->state.view().list_tasks(q.filter, q.before, q.limit)); },
    [self](const get_task_messages& q) {
      return answer(self->state.view().task_messages(q.task_id, q.after, q.limit));
    },
    [self](const get_thread_messages& q) {
      return answer(self->state.view().thread_messages(q.thread_id, q.after, q.limit));
    },
    [self](const get_attempts& q) { return answer(self->state.view().attempts(q.task_id, q.after, q.limit)); },
    [self](const get_events& q) { return answer(self->state.view().events_after(q.task_id, q.after, q.limit)); },
    [self](const get_room_start& q) { return answer(self->state.find_room_start(q)); },
    [self](const get_room_events& q) {
      return answer(self->state.view().room_events_after(q.resolved, q.position, q.most));
    },
    [self](const get_bot& q) { return answer(self->state.view().get_bot(q.ns, q.name)); },
    [self](const find_bot& q) { return answer(self->state.view().find_bot(q.ns, q.name)); },
    [self](const check_bot& q) { return answer(self->state.view().check_bot(q.ns, q.name)); },
    [self](const get_bots& q) { return answer(self->state.view().list_bots(q.ns, q.after, q.limit)); },
    [self](const get_model& q) { return answer(self->state.view().get_model(q.ns, q.name)); },
    [self](const get_models& q) { return answer(self->state.view().list_models(q.ns, q.after, q.limit)); },
    [self](const get_approvals& q) {
      return answer(self->state.view().list_approvals(q.ns, q.state, q.after, q.limit));
    },
    [self](const get_task_approvals& q) { return answer(self->state.view().approvals(q.task_id, q.after, q.limit)); },
    [self](const get_usage& q) { return answer(self->state.view().usage(q.filter, q.group)); },
    [self](const get_budget& q) { return answer(self->state.view().get_budget(q.scope)); },
    [self](const get_thread& q) { return answer(self->state.view().get_thread(q.thread_id)); },
    [self](const get_queue& q) { return answer(self->state.view().queue(q.after, q.limit)); },
    [self](const get_nodes&) { return answer_as<node_list>(self->state.view().nodes()); },
    [self](const get_last_position&) { return answer_as<last_position>(self->state.view().last_position()); },
    [self](const close_view&) { self->state.close_view(); },
  };
}

} // namespace troupe
