#include "actors/models/api_key.hpp"
#include "actors/providers/tool_schema.hpp"
#include "gateway/api/api.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/forms/parse_bot.hpp"
#include "gateway/forms/parse_model.hpp"
#include "gateway/forms/parse_tool.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/rendering/lists.hpp"
#include "gateway/rendering/records.hpp"
#include "persistence/values/namespaces.hpp"

#include <cstdlib>
#include <memory>
#include <variant>

namespace troupe::api {

namespace {

/// What bots and models have in common: a name in a namespace.
struct named {
  std::string ns;
  std::string name;
};

named model_in_path(const context_ptr& context) {
  return {context->ns(), name_of(context, "model name")};
}

named bot_in_path(const context_ptr& context) {
  return {context->ns(), name_of(context, "bot name")};
}

/// What is asked for a page by name.
template <class Question>
Question names_of_page(const context_ptr& context, cursor_kind kind) {
  return context->read_query([&](query_parameters& query) {
    Question asked;
    asked.ns = query.ns();
    asked.limit = query.limit();
    if (const auto* cursor = query.raw("cursor"))
      asked.after = require(read_name_cursor(kind, *cursor));
    return asked;
  });
}

/// Has the writer do what the body asks for; 201 if that made something new.
template <class Result, class Operation>
void answer_put(const context_ptr& context, Operation command, const auto& shown) {
  ask_for(context, context->gateway().peers().writer, std::move(command),
          [context, shown](const Result& result) { context->respond_json(result.created ? 201 : 200, shown(result)); });
}

template <class Operation>
void answer_delete(const context_ptr& context, Operation command) {
  ask_for(context, context->gateway().peers().writer, std::move(command),
          [context](const done&) { context->respond_no_content(); });
}

} // namespace

// -- models -------------------------------------------------------------------

namespace {

/// A model with its state on this node, which need not answer for it to be shown.
void show_model(const context_ptr& context, troupe::get_model question) {
  look_up_for(context, std::move(question), [context](const model_record& found) {
    auto& gateway = context->gateway();
    gateway.ask(
      gateway.peers().models, get_model_state{found.ns, found.name},
      [context, found](const model_state& state) { context->respond_json(200, render_model_here(found, state)); },
      [context, found](const store_error&) { context->respond_json(200, render_model_here(found, model_state{})); });
  });
}

} // namespace

void list_models(const context_ptr& context) {
  look_up_for(context, names_of_page<troupe::get_models>(context, cursor_kind::models),
              answer_with(context, [](const model_page& found) { return render_models(found); }));
}

void get_model(const context_ptr& context) {
  const auto which = model_in_path(context);
  show_model(context, troupe::get_model{which.ns, which.name});
}

void put_model(const context_ptr& context) {
  const auto& request = context->request();
  require_json_body(request);
  const auto which = model_in_path(context);
  const auto& config = context->gateway().config();
  answer_put<model_result>(
    context, require(parse_model(request.body, which.ns, which.name, config.clock(), config.secrets.get())),
    [](const model_result& result) { return render_model(result.model); });
}

void delete_model(const context_ptr& context) {
  const auto which = model_in_path(context);
  // What still runs on it may be counted once more; that goes with time.
  context->gateway().config().measured->forget_model(which.ns, which.name);
  answer_delete(context, troupe::delete_model{which.ns, which.name});
}

// -- bots ---------------------------------------------------------------------

void list_bots(const context_ptr& context) {
  look_up_for(context, names_of_page<troupe::get_bots>(context, cursor_kind::bots),
              answer_with(context, [](const bot_page& found) { return render_bots(found); }));
}

void get_bot(const context_ptr& context) {
  const auto which = bot_in_path(context);
  look_up_for(context, troupe::get_bot{which.ns, which.name},
              answer_with(context, [](const bot_record& found) { return render_bot(found); }));
}

void put_bot(const context_ptr& context) {
  const auto& request = context->request();
  require_json_body(request);
  const auto which = bot_in_path(context);
  const auto& config = context->gateway().config();
  answer_put<bot_result>(context,
                         require(parse_bot(request.body, which.ns, which.name, config.clock(), config.secrets.get())),
                         [](const bot_result& result) { return render_bot(result.bot); });
}

void delete_bot(const context_ptr& context) {
  const auto which = bot_in_path(context);
  answer_delete(context, troupe::delete_bot{which.ns, which.name});
}

namespace {

/// What is known so far of a bot that is being validated.
struct validation {
  bot_record bot;
  std::vector<std::string> errors;
  std::vector<std::string> warnings;
};

using validation_ptr = std::shared_ptr<validation>;

/// A worker elsewhere may have what is missing here, so this is a warning.
void warn_of_variables(validation& found, const std::string& whose, const header_list& headers) {
  for (const auto& [name, value] : headers)
    for (const auto& variable : variables_in(value))
      if (std::getenv(variable.c_str()) == nullptr)
        found.warnings.push_back("The header '" + name + "' of the " + whose + " needs the environment variable '"
                                 + variable + "', which is not set on this node.");
}

/// Older versions took them.
void warn_of_clear_secrets(validation& found, const std::string& whose, const header_list& headers) {
  for (const auto& [name, value] : headers)
    if (!is_sealed(value) && hides(name, value))
      found.warnings.push_back("The header '" + name + "' of the " + whose
                               + " holds a secret that is stored in the clear, as older versions did: PUT it again "
                                 "with ${env:NAME} in its place, or with secret_key_file set, which has it encrypted.");
}

void warn_of_headers(validation& found, const std::string& whose, const header_list& headers) {
  warn_of_variables(found, whose, headers);
  warn_of_clear_secrets(found, whose, headers);
}

/// What is encrypted with another key is so on every node.
void judge_secrets(validation& found, const secret_box* box, const model_record& model) {
  auto headers = model.headers;
  if (auto wrong = open_headers(headers, {model.ns, "model", model.name, {}, {}}, box))
    found.errors.push_back(*std::move(wrong));
}

void warn_of(validation& found, const model_record& model) {
  const auto whose = "model '" + model.name + "'";
  const auto key = read_api_key(model);
  if (const auto* missing = std::get_if<key_missing>(&key))
    found.warnings.push_back("The " + whose + " cannot be asked from this node. " + missing->error);
  warn_of_headers(found, whose, model.headers);
}

std::string missing_model(const bot_record& bot, const std::string& model) {
  const auto next = looked_up_after(bot.ns);
  const auto where = next ? "exists neither in the namespace '" + bot.ns + "' nor in '" + std::string{*next} + "'"
                          : "does not exist in the namespace '" + bot.ns + "'";
  return (model == bot.model ? "The model '" : "The fallback model '") + model + "' " + where + "; PUT /api/v1/models/"
         + model + " creates it.";
}

void warn_of_tools(validation& found, const toolbox& tools) {
  found.warnings.insert(found.warnings.end(), tools.notes.begin(), tools.notes.end());
  for (const auto& tool : tools.definitions) {
    const auto shown = show_schema(tool.parameters);
    for (const auto& said : {shown.note, shown.doubt})
      if (!said.empty())
        found.warnings.push_back("The tool '" + tool.name + "': " + said);
  }
}

/// Asks the bot's MCP servers what they offer: what was renamed or left out is a warning, and so is a server that does
/// not answer, which a worker elsewhere may well reach.
void validate_tools(const context_ptr& context, const validation_ptr& found) {
  const auto respond
    = [context, found] { context->respond_json(200, validation_answer(found->errors, found->warnings)); };
  if (found->bot.tools.empty() || !context->gateway().peers().tools) {
    respond();
    return;
  }
  context->gateway().ask(
    context->gateway().peers().tools, get_toolbox{std::make_shared<const bot_record>(found->bot), {}, true, true},
    [found, respond](const toolbox_result& result) {
      if (const auto* tools = std::get_if<toolbox_ptr>(&result))
        warn_of_tools(*found, **tools);
      else
        found->errors.push_back(std::get<toolbox_failure>(result).error);
      respond();
    },
    [found, respond](const store_error& reason) {
      found->warnings.push_back("The MCP servers could not be asked for their tools in time: " + reason.message);
      respond();
    });
}

void validate_model(const context_ptr& context, validation& found, const checked_bot::model& model) {
  if (!model.found) {
    found.errors.push_back(missing_model(found.bot, model.name));
    return;
  }
  warn_of(found, *model.found);
  judge_secrets(found, context->gateway().config().secrets.get(), *model.found);
}

void validate(const context_ptr& context, const checked_bot& checked) {
  const auto found = std::make_shared<validation>();
  found->bot = checked.bot;
  for (const auto& tool : checked.bot.tools)
    warn_of_headers(*found, "tool '" + tool.name + "'", tool.headers);
  for (const auto& model : checked.models)
    validate_model(context, *found, model);
  validate_tools(context, found);
}

} // namespace

void validate_bot(const context_ptr& context) {
  const auto which = bot_in_path(context);
  // It changes nothing; its key must be well-formed all the same.
  idempotency_key_of(context->request());
  look_up_for(context, check_bot{which.ns, which.name},
              [context](const checked_bot& checked) { validate(context, checked); });
}

} // namespace troupe::api
