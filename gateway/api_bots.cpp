#include "gateway/api.hpp"
#include "gateway/cursor.hpp"
#include "gateway/gateway_actor.hpp"
#include "gateway/parse_bot.hpp"
#include "gateway/render.hpp"

namespace troupe::api {

namespace {

/// What bots and models have in common: a name in a namespace.
struct named {
  std::string ns;
  std::string name;
};

/// Reads the name in the path and the query's namespace; an answer has been given
/// if one of them is wrong.
std::optional<named> name_of(const context_ptr& context, std::string_view what) {
  query_parameters query{context->request().query};
  named result{query.ns(), {}};
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return std::nullopt;
  }
  auto name = path_name(context->part(), what);
  if (auto* wrong = std::get_if<problem>(&name)) {
    context->refuse(std::move(*wrong));
    return std::nullopt;
  }
  result.name = std::move(std::get<std::string>(name));
  return result;
}

/// Asks a reader for one record and answers with it.
template <class Record, class Question>
void answer_one(const context_ptr& context, Question question) {
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.reader(), std::move(question),
    [context](const Record& found) { context->respond_json(200, render(found)); },
    [context](const store_error& reason) { context->refuse(reason); });
}

/// Answers with a page by name.
template <class Page, class Question>
void answer_page(const context_ptr& context, cursor_kind kind) {
  query_parameters query{context->request().query};
  Question question;
  question.ns = query.ns();
  question.limit = query.limit();
  if (const auto* cursor = query.raw("cursor")) {
    auto after = read_name_cursor(kind, *cursor);
    if (auto* wrong = std::get_if<problem>(&after)) {
      context->refuse(std::move(*wrong));
      return;
    }
    question.after = std::move(std::get<std::string>(after));
  }
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  answer_one<Page>(context, std::move(question));
}

/// Has the writer do what the body asks for; 201 if that made something new.
template <class Result, class Operation>
void answer_put(const context_ptr& context, parsed<Operation> command, const auto& record_of) {
  if (auto* wrong = std::get_if<problem>(&command)) {
    context->refuse(std::move(*wrong));
    return;
  }
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.peers().writer, std::move(std::get<Operation>(command)),
    [context, record_of](const Result& result) {
      context->respond_json(result.created ? 201 : 200, render(record_of(result)));
    },
    [context](const store_error& reason) { context->refuse(reason); });
}

template <class Operation>
void answer_delete(const context_ptr& context, Operation command) {
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.peers().writer, std::move(command),
    [context](const done&) {
      context->respond({204, "", "", {}});
    },
    [context](const store_error& reason) { context->refuse(reason); });
}

} // namespace

// -- models -------------------------------------------------------------------

void list_models(const context_ptr& context) {
  answer_page<model_page, troupe::get_models>(context, cursor_kind::models);
}

void get_model(const context_ptr& context) {
  if (auto which = name_of(context, "model name"))
    answer_one<model_record>(context, troupe::get_model{which->ns, which->name});
}

void put_model(const context_ptr& context) {
  if (refuse_media_type(context))
    return;
  if (auto which = name_of(context, "model name"))
    answer_put<model_result>(
      context, parse_model(context->request().body, which->ns, which->name, context->gateway().config().clock()),
      [](const model_result& result) { return result.model; });
}

void delete_model(const context_ptr& context) {
  if (auto which = name_of(context, "model name"))
    answer_delete(context, troupe::delete_model{which->ns, which->name});
}

// -- bots ---------------------------------------------------------------------

void list_bots(const context_ptr& context) {
  answer_page<bot_page, troupe::get_bots>(context, cursor_kind::bots);
}

void get_bot(const context_ptr& context) {
  if (auto which = name_of(context, "bot name"))
    answer_one<bot_record>(context, troupe::get_bot{which->ns, which->name});
}

void put_bot(const context_ptr& context) {
  if (refuse_media_type(context))
    return;
  if (auto which = name_of(context, "bot name"))
    answer_put<bot_result>(
      context, parse_bot(context->request().body, which->ns, which->name, context->gateway().config().clock()),
      [](const bot_result& result) { return result.bot; });
}

void delete_bot(const context_ptr& context) {
  if (auto which = name_of(context, "bot name"))
    answer_delete(context, troupe::delete_bot{which->ns, which->name});
}

namespace {

/// Looks for the bot's model where an attempt would, and answers.
void validate_model(const context_ptr& context, const bot_record& bot, const std::string& ns) {
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.reader(), troupe::get_model{ns, bot.model},
    [context](const model_record&) { context->respond_json(200, validation_answer({}, {})); },
    [context, bot, ns](const store_error& reason) {
      if (reason.code != store_errc::not_found)
        context->refuse(reason);
      else if (ns != "default")
        validate_model(context, bot, "default");
      else
        context->respond_json(
          200, validation_answer({"The model '" + bot.model + "' exists neither in the namespace '" + bot.ns
                                  + "' nor in 'default'; PUT /api/v1/models/" + bot.model + " creates it."},
                                 {}));
    });
}

} // namespace

void validate_bot(const context_ptr& context) {
  const auto which = name_of(context, "bot name");
  if (!which)
    return;
  if (auto refused = idempotency_key_of(context->request()); auto* wrong = std::get_if<problem>(&refused)) {
    context->refuse(std::move(*wrong));
    return;
  }
  auto& gateway = context->gateway();
  gateway.ask(
    gateway.reader(), troupe::get_bot{which->ns, which->name},
    [context](const bot_record& bot) { validate_model(context, bot, bot.ns); },
    [context](const store_error& reason) { context->refuse(reason); });
}

} // namespace troupe::api
