#include "actors/errors.hpp"

#include <caf/atom.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include <exception>

namespace troupe {

namespace {

bool is_ours(const caf::error& reason) {
  return reason && reason.category() == caf::atom("troupe");
}

} // namespace

caf::error to_error(const store_error& refusal) {
  return caf::make_error(told(refusal.code), refusal.message);
}

store_error to_store_error(const caf::error& reason) {
  if (is_ours(reason))
    return {told(static_cast<errc>(reason.code())), sentence_of(reason)};
  return {errc::unavailable, std::string{to_string(errc::unavailable)}};
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
  // Another node may say no more than that something went wrong.
  if (!reason)
    return "no reason is given";
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
