#pragma once

#include "gateway/live/gateway_actor.hpp"

#include <string>
#include <utility>

/// How a route asks an actor and goes on with the answer. `dispatch` is not on the stack any more by then, so what goes
/// on is guarded likewise: also what is thrown there is an answer (gateway/requests/refused.hpp).
namespace troupe {

/// The answer to a question that was refused.
inline auto refusing(const context_ptr& context) {
  return [context](const store_error& reason) { context->refuse(reason); };
}

/// `then`, which is a lambda that is not generic, behind the door for refusals.
template <class Then>
auto guarded(const context_ptr& context, Then then) {
  return [context, then = std::move(then)](const answers::value<Then>& answer) mutable {
    context->guard([&] { then(answer); });
  };
}

/// Text is made of records alone, so that nothing in it can be refused.
template <class Text, class Then>
auto guarded(const context_ptr&, written_as<Text, Then> answer) {
  return answer;
}

/// Asks an actor for a request; `then` goes on with the answer, any error is the request's.
template <class Handle, class Message, class Then>
void ask_for(const context_ptr& context, const Handle& whom, Message&& what, Then then) {
  context->gateway().ask(whom, std::forward<Message>(what), guarded(context, std::move(then)), refusing(context));
}

/// As `ask_for`, of one of the store's readers; `then` may be an `answer_with`.
template <class Message, class Then>
void look_up_for(const context_ptr& context, Message what, Then then) {
  context->gateway().look_up(std::move(what), guarded(context, std::move(then)), refusing(context));
}

/// Answers a request with what `text` makes of a record or a page.
template <class Text>
auto answer_with(const context_ptr& context, Text text) {
  return written_as{std::move(text), [context](std::string body) { context->respond_json(200, std::move(body)); }};
}

} // namespace troupe
