#include "actors/errors.hpp"

#include <caf/atom.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include <exception>

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
  case errc::not_found: return "There is no such thing.";
  case errc::illegal_transition: return "The task's status does not allow this.";
  case errc::fenced: return "Another attempt runs the task now.";
  case errc::key_reused: return "The idempotency key was used with another request.";
  case errc::bot_invalid: return "The bot does not exist, or its model does not.";
  case errc::thread_not_found: return "The identifier cannot be a thread of this namespace.";
  case errc::thread_busy: return "The thread is busy with another turn.";
  case errc::unavailable: return "The server cannot do this right now; try again.";
  case errc::attempt_failed: return "The attempt failed.";
  case errc::crashed: return "The actor crashed.";
  }
  return "Unknown error.";
}

namespace {

errc code_of(store_errc code) noexcept {
  switch (code) {
  case store_errc::not_found: return errc::not_found;
  case store_errc::illegal_transition: return errc::illegal_transition;
  case store_errc::fenced: return errc::fenced;
  case store_errc::key_reused: return errc::key_reused;
  case store_errc::bot_invalid: return errc::bot_invalid;
  case store_errc::thread_not_found: return errc::thread_not_found;
  case store_errc::thread_busy: return errc::thread_busy;
  case store_errc::unavailable:
  case store_errc::schema_too_new:
  case store_errc::unsuitable: return errc::unavailable;
  }
  return errc::unavailable;
}

store_errc code_of(errc code) noexcept {
  switch (code) {
  case errc::not_found: return store_errc::not_found;
  case errc::illegal_transition: return store_errc::illegal_transition;
  case errc::fenced: return store_errc::fenced;
  case errc::key_reused: return store_errc::key_reused;
  case errc::bot_invalid: return store_errc::bot_invalid;
  case errc::thread_not_found: return store_errc::thread_not_found;
  case errc::thread_busy: return store_errc::thread_busy;
  case errc::unavailable:
  case errc::attempt_failed:
  case errc::crashed: return store_errc::unavailable;
  }
  return store_errc::unavailable;
}

bool is_ours(const caf::error& reason) {
  return reason.category() == caf::atom("troupe");
}

} // namespace

caf::error to_error(const store_error& refusal) {
  return caf::make_error(code_of(refusal.code), refusal.message);
}

store_error to_store_error(const caf::error& reason) {
  if (is_ours(reason))
    return {code_of(static_cast<errc>(reason.code())), sentence_of(reason)};
  return {store_errc::unavailable, std::string{to_string(errc::unavailable)}};
}

caf::error to_error(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const std::exception& e) {
    return caf::make_error(errc::crashed, std::string{e.what()}, logging::type_of(e));
  } catch (...) {
    return caf::make_error(errc::crashed, std::string{"unknown exception"}, std::string{"something"});
  }
}

std::string sentence_of(const caf::error& reason) {
  if (!is_ours(reason))
    return caf::to_string(reason);
  const auto& context = reason.context();
  if (context.size() >= 1 && context.match_element<std::string>(0) && !context.get_as<std::string>(0).empty())
    return context.get_as<std::string>(0);
  return std::string{to_string(static_cast<errc>(reason.code()))};
}

namespace {

/// The type of an exception that was thrown; empty if there was none.
std::string thrown_type(const caf::error& reason) {
  if (reason != errc::crashed)
    return {};
  const auto& context = reason.context();
  const bool is_known = context.size() == 2 && context.match_element<std::string>(1);
  return is_known ? context.get_as<std::string>(1) : "an exception";
}

} // namespace

cited_error cite(std::string what, const caf::error& reason) {
  const auto type = thrown_type(reason);
  cited_error cited{std::move(what), logging::all_own};
  if (!type.empty()) {
    cited.text += " (" + type + ')';
    cited.own_words = cited.text.size();
  }
  cited.text += ": " + sentence_of(reason);
  return cited;
}

std::string loggable(const caf::error& reason) {
  const auto type = thrown_type(reason);
  return type.empty() ? sentence_of(reason) : "an actor threw " + type;
}

} // namespace troupe
