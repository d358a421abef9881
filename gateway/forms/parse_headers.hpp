#pragma once

#include "actors/remote/secrets.hpp"
#include "gateway/forms/body.hpp"
#include "persistence/records.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The headers that models and tools send, and which of them are secrets.
namespace troupe {

/// Whose headers are read, and what becomes of secrets in them.
struct header_owner {
  std::string_view ns;
  /// `bot` or `model`.
  std::string_view kind;
  std::string_view name;
  /// A bot's tool; empty and none for a model.
  std::string_view tool;
  std::optional<tool_kind> type;
  /// Encrypts them; without it they are refused.
  const secret_box* secrets = nullptr;
};

/// The member `headers`: at most 50. Those that the client writes itself, or that a tool's
/// protocol does, are refused. A secret that stands there itself (see `hides`) is encrypted,
/// or refused with what to do.
header_list read_headers(object_reader& members, const header_owner& owner, body_errors& errors);

/// True for a header whose name says that it carries a secret (a word of it is `authorization`,
/// `cookie`, `key`, `token`, `secret`, `password` or the like), and for credentials by their form
/// (`Bearer …`), unless the value only refers to it: beside `${env:NAME}` may stand what is too short for a
/// secret, such as `Bearer`. Also for all that is encrypted. It is shown as `hidden_value`.
bool hides(std::string_view name, std::string_view value);

inline constexpr std::string_view hidden_value = "***";

/// The names of the environment variables that a value refers to by `${env:NAME}`.
std::vector<std::string> variables_in(std::string_view value);

} // namespace troupe
