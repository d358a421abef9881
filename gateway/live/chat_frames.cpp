#include "gateway/live/chat_frames.hpp"

#include "gateway/rendering/frames.hpp"
#include "persistence/values/task_name.hpp"

namespace troupe {

namespace {

using answer_function = std::function<void(std::string)>;

void refuse_frame(const answer_function& answer, const problem& reason) {
  answer(error_frame(to_string(reason.code), reason.detail));
}

auto refusing(const answer_function& answer) {
  return [answer](const store_error& reason) { refuse_frame(answer, from_store_error(reason)); };
}

/// Frames that are about no thread never get here.
void handle_frame(gateway_state&, const handle_chat_frame&, const auto&) {}

void handle_frame(gateway_state& gateway, const handle_chat_frame& asked, const chat_send_frame& frame) {
  require_none(refusal_of(need::new_work, condition_of(gateway)));
  gateway.ask(
    gateway.peers().supervisor,
    start_turn{asked.task_id, frame.message, default_task_name(frame.message), frame.metadata},
    [turn = asked.turn](const task_result&) {}, refusing(asked.answer));
}

void handle_frame(gateway_state& gateway, const handle_chat_frame& asked, const chat_cancel_frame&) {
  require_none(refusal_of(need::commit, condition_of(gateway)));
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
  try {
    std::visit([&](const auto& frame) { handle_frame(gateway, asked, frame); }, asked.frame);
  } catch (const refused& why) {
    refuse_frame(asked.answer, why.reason);
  }
}

} // namespace troupe
