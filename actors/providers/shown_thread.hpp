#pragma once

#include "persistence/records.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

/// A thread as any model may be shown it: what every protocol has in common, before it is
/// written in one of them. Pure. Whatever has become of a thread (turns that failed, were
/// cancelled or never answered, calls that were no calls, messages of other models), the
/// result is valid for the strictest of providers:
///
/// - user and assistant alternate, the user first and, unless results of calls stand there,
///   last: neighbours of one role are one message (mistralai/mistral-vibe#255,
///   charmbracelet/crush#279), and behind results comes the assistant, also where a turn
///   ended there (Mistral: "Unexpected role 'user' after role 'tool'", onyx-dot-app/onyx#6458);
/// - each call has one result, a valid name, a JSON object for arguments, and an id that is
///   unique in the request and of nine letters or digits (Mistral; vllm-project/vllm#9019);
/// - what a model wants to see again stands at the messages that it made itself, untouched.
namespace troupe {

struct shown_call {
  /// As it is stored.
  const tool_call* call = nullptr;
  std::string id;
  /// `[A-Za-z_][A-Za-z0-9_-]*`, at most 64.
  std::string name;
  /// A JSON object as text, its numbers as they were written.
  std::string_view arguments;
  /// As it is stored; JSON.
  std::string_view result;
};

struct shown_message {
  /// Otherwise the assistant's.
  bool from_user = false;
  /// Not blank, unless there are calls.
  std::string text;
  std::vector<shown_call> calls;
  /// The model that is asked has made it, and nothing was added to it.
  bool own = false;
  /// Own messages only: see `message_record::replay`; empty for none.
  std::string_view replay;
  /// Behind the last message of the user: part of the turn under way.
  bool is_current = false;
};

/// The messages of a window (`fit_window`), which must outlive the result, for the model
/// of the given identity (`model_identity`).
std::vector<shown_message> show_thread(std::span<const message_record> window, std::string_view asked);

/// A name that providers take: as it is if it is one already, else cleaned, with a digest
/// that tells it apart from others that come out the same.
std::string shown_name(std::string_view name);

/// A result as plain text where it is a JSON string, which a model reads better than its
/// escapes; never empty.
std::string shown_result(std::string_view content);

/// True if there is nothing but white space.
bool is_blank(std::string_view text) noexcept;

} // namespace troupe
