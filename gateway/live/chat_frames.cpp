#include "gateway/live/chat_frames.hpp"

#include "gateway/forms/parse_task.hpp"
#include "gateway/forms/render.hpp"

namespace troupe {

namespace {

using answer_function = std::function<void(std::string)>;

auto refusing(const answer_function& answer) {
  return [answer](const store_error& reason) {
    const auto refused = from_store_error(reason);
    answer(error_frame(to_string(refused.code), refused.detail));
  };
}

/// True, with an answer given, if the node cannot do just now what a frame needs.
bool refuse_now(const gateway_state& gateway, const handle_chat_frame& asked, need what) {
  const auto refused = refusal_of(what, condition_of(gateway));
  if (refused)
    asked.answer(error_frame(to_string(refused->code), refused->detail));
  return refused.has_value();
}

void handle_frame(gateway_state& gateway, const handle_chat_frame& asked, const chat_send_frame& frame) {
  if (refuse_now(gateway, asked, need::new_work))
    return;
  gateway.ask(
    gateway.peers().supervisor,
    start_turn{asked.task_id, frame.message, default_task_name(frame.message), frame.metadata},
    [turn = asked.turn](const task_result&) {}, refusing(asked.answer));
}

void handle_frame(gateway_state& gateway, const handle_chat_frame& asked, const chat_cancel_frame&) {
  if (refuse_now(gateway, asked, need::commit))
    return;
  gateway.ask(
    gateway.peers().supervisor, cancel_turn{asked.task_id}, [turn = asked.turn](const task_result&) {},
    refusing(asked.answer));
}

void handle_frame(gateway_state& gateway, const handle_chat_frame& asked, const history_sync_frame& frame) {
  const asker whom{.chat_gone = asked.gone};
  if (whom.is_gone())
    return;
  const auto refuse = refusing(asked.answer);
  const written_as answer_with{[](const message_page& page) { return history_frame(page); },
                               [&gateway, answer = asked.answer, turn = asked.turn](std::string history) {
                                 gateway.note_given(history.size());
                                 answer(std::move(history));
                               }};
  gateway.read_for(whom, [&] {
    gateway.look_up(
      get_outline{asked.task_id},
      [&gateway, frame, answer_with, whom, refuse](const task_outline& task) {
        if (whom.is_gone())
          return;
        gateway.read_for(whom, [&] {
          gateway.look_up(get_thread_messages{task.thread_id, frame.after, frame.limit}, answer_with, refuse);
        });
      },
      refuse);
  });
}

} // namespace

void handle(gateway_state& gateway, const handle_chat_frame& asked) {
  if (const auto* send = std::get_if<chat_send_frame>(&asked.frame))
    handle_frame(gateway, asked, *send);
  else if (const auto* cancel = std::get_if<chat_cancel_frame>(&asked.frame))
    handle_frame(gateway, asked, *cancel);
  else if (const auto* sync = std::get_if<history_sync_frame>(&asked.frame))
    handle_frame(gateway, asked, *sync);
}

} // namespace troupe
