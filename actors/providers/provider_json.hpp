#pragma once

#include "actors/providers/provider.hpp"

#include <nlohmann/json_fwd.hpp>

#include <optional>
#include <string>
#include <string_view>

/// What providers' protocols have in common below the protocol: reading JSON that may
/// be anything, and finding out what an error says. Pure; nothing throws.
namespace troupe::providers {

// -- JSON that a provider wrote -----------------------------------------------

/// Null if `object` is none, or has no such member, or if that is `null`.
const nlohmann::json* member(const nlohmann::json& object, const char* name);

/// Empty unless the member is a string.
std::string_view string_in(const nlohmann::json& object, const char* name);

/// Text that comes as a string, or in parts: `[{"type":"text","text":…}]`.
std::string text_in(const nlohmann::json& object, const char* name);

/// Parses an object that may hold invalid UTF-8, control characters, and halves of
/// escaped surrogate pairs, which some servers make where they cut their text.
std::optional<nlohmann::json> read_object(std::string_view text);

/// Text that parses where halves of escaped surrogate pairs, invalid UTF-8 and control
/// characters were all that was wrong with it.
std::string mended_json(std::string_view text);

/// Reads the events of one stream. A server that cuts its text by UTF-16 units leaves one
/// half of a character at the end of an event and the other at the beginning of the next:
/// they are joined.
class event_json {
public:
  /// As `read_object`.
  std::optional<nlohmann::json> read(std::string_view text);

private:
  /// The escape of the first half; empty for none.
  std::string half_;
};

/// The JSON as text, whatever its strings hold.
std::string dump(const nlohmann::json& value);

/// Adds a model's headers, which stand in place of those of the same name.
void replace_headers(header_list& headers, const header_list& theirs);

/// ASCII letters alone.
std::string in_lower_case(std::string_view text);

/// Without white space around it.
std::string_view trim(std::string_view text) noexcept;

// -- errors -------------------------------------------------------------------

/// A failure that names no time to wait.
provider_failure failure(error_class kind, std::string error);

/// `sentence` as a failure, of which `what` are our own words.
provider_failure cited(error_class kind, std::string what, std::string_view message);

/// Of an answer with a good status that is none: a page is no passing fault, since it is a
/// wrong address that has one (atopos31/llmio#42).
provider_failure no_answer(std::string_view body);

/// `what: message.`, or `what.` if there is no message, which is shortened, and rid of
/// what looks like a key.
std::string sentence(std::string what, std::string_view message);

/// What a provider says of an error.
struct said_error {
  std::string message;
  std::string code;
  std::string type;
  /// A code that is an HTTP error status, as a number or as text, else 0.
  unsigned status = 0;

  [[nodiscard]] bool is(std::string_view name) const { return code == name || type == name; }
  [[nodiscard]] bool is_out_of_quota() const;
  /// The conversation does not fit the model (earendil-works/pi#129, #5677).
  [[nodiscard]] bool is_too_long() const;
  /// The model is on its way into memory (mostlygeek/llama-swap#146).
  [[nodiscard]] bool is_loading() const;
  /// The model wrote a call that its server could not read: another try may be luckier
  /// (huggingface/smolagents#1119).
  [[nodiscard]] bool is_bad_luck() const;
};

/// Reads the forms that servers use: `{"error":{"message":…,"type":…,"code":…}}`,
/// `{"error":"text"}`, `{"message":…}`, `{"detail":…}`, lists of them, lists of
/// `{"loc":[…],"msg":…}`, and MiniMax' `base_resp` (infiniflow/ragflow#17292).
said_error read_error(const nlohmann::json& body);

/// The same of a body that may be no JSON at all; of a page, its title
/// (earendil-works/pi#6239).
said_error read_error_body(std::string_view body);

/// True for a page of HTML, which is what a wrong address answers with.
bool is_page(std::string_view body) noexcept;

/// The failure as permanent, with what to do about a conversation that is too long before
/// what was said.
provider_failure too_long(provider_failure failed);

} // namespace troupe::providers
