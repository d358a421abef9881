#include "actors/toolbox/mcp_answer.hpp"

#include "actors/providers/provider.hpp"
#include "actors/providers/provider_json.hpp"
#include "actors/remote/foreign_text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace troupe::mcp {

namespace {

bool contains(const std::vector<std::string>& versions, std::string_view version) {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

bool speaks_legacy(const std::vector<std::string>& versions) {
  return std::any_of(std::begin(legacy_versions), std::end(legacy_versions),
                     [&](std::string_view version) { return contains(versions, version); });
}

/// "2026-07-28, 2025-11-25".
std::string list_of(const std::vector<std::string>& versions) {
  std::string text;
  for (const auto& version : versions)
    text.append(text.empty() ? "" : ", ").append(version);
  return text;
}

toolbox_failure no_common_version(const std::vector<std::string>& supported) {
  std::string text = "There is no version of the protocol in common";
  const auto own_words = text.size();
  text.append(": the MCP server speaks ").append(list_of(supported)).append(", and this version of Troupe ");
  text.append(modern_version).append(", ").append(legacy_versions[0]).append(" and older.");
  return {error_class::permanent, std::move(text), {}, own_words};
}

error_class class_of(outbound_errc code) noexcept {
  switch (code) {
  case outbound_errc::unreachable:
  case outbound_errc::timed_out:
  case outbound_errc::cut_off: return error_class::transient;
  case outbound_errc::busy: return error_class::throttled;
  case outbound_errc::refused:
  case outbound_errc::malformed: break;
  }
  return error_class::permanent;
}

toolbox_failure failure_of(const outbound_failure& failure) {
  const bool is_busy = failure.code == outbound_errc::busy;
  return {class_of(failure.code), failure.error, is_busy ? std::optional{busy_pause} : std::nullopt};
}

/// JSON-RPC 2.0, section 5.1: codes that are a server's own.
bool is_of_servers(std::int64_t code) noexcept {
  return code >= -32099 && code <= -32000;
}

/// "Session not found", "No valid session ID provided", "Server not initialized": the words of
/// the SDKs and of those that were seen beside them (server-everything 2026.8.31, fastmcp 4.20,
/// mcp-proxy 6.7.19, @playwright/mcp 0.0.83).
bool speaks_of_lost_session(std::string_view said) {
  const auto lower = providers::in_lower_case(said.substr(0, 1000));
  const auto says = [&](std::string_view word) { return lower.find(word) != std::string::npos; };
  if (says("not initialized"))
    return true;
  return says("session")
         && (says("not found") || says("notfound") || says("no valid") || says("unknown") || says("expired")
             || says("invalid") || says("does not exist") || says("terminated") || says("missing") || says("required")
             || says("no such"));
}

/// A refusal that says nothing of the request.
bool is_no_answer(const answer& got) noexcept {
  return (got.head.status == 404 || got.head.status == 400) && (!got.answered || !got.answered->id);
}

/// JSON-RPC 2.0, section 5.1: what is wrong with the request stays so; anything else is the
/// server's trouble.
error_class class_of(const error& refusal) noexcept {
  switch (refusal.code) {
  case codes::invalid_request:
  case codes::method_not_found:
  case codes::invalid_params:
  case codes::header_mismatch:
  case codes::missing_capability:
  case codes::unsupported_version: return error_class::permanent;
  default: return error_class::transient;
  }
}

/// "The MCP server refused (HTTP 400)"
std::string opening_of(const answer& got) {
  const auto* refusal = got.refusal();
  std::string text = refusal ? "The MCP server refused" : "The MCP server answered";
  if (got.head.status / 100 != 2)
    text += (refusal ? " (HTTP " : " HTTP ") + std::to_string(got.head.status) + (refusal ? ")" : "");
  return text;
}

/// "The MCP server refused (HTTP 400): Unsupported protocol version."
std::string sentence_of(const answer& got) {
  const auto* refusal = got.refusal();
  auto text = opening_of(got);
  const auto said = refusal ? refusal->message : foreign::excerpt(providers::read_error_body(got.body).message);
  text = providers::sentence(std::move(text), said);
  if (const auto location = got.head.header("location"); got.head.status / 100 == 3 && !location.empty())
    text += " It sends elsewhere, which is not followed: if it is there, give the tool the address "
            + foreign::excerpt(location, 200) + '.';
  if (!refusal && (got.head.status == 404 || got.head.status == 405))
    text += " Does it speak streamable HTTP at this address?";
  if (refusal && !refusal->supported.empty())
    text += " It speaks " + list_of(refusal->supported) + '.';
  return text;
}

toolbox_failure failure_of_status(const answer& got, timestamp at) {
  toolbox_failure failure{foreign::class_of_status(got.head.status), sentence_of(got), {}, opening_of(got).size()};
  if (failure.kind == error_class::permanent)
    return failure;
  failure.retry_after = providers::wait_asked_for(got.head, got.body, at);
  if (failure.retry_after)
    failure.kind = error_class::throttled;
  return failure;
}

bool is_malformed(const answer& got) noexcept {
  return got.is_good() && !got.answered && !got.is_missing();
}

constexpr std::string_view ended_early = "The MCP server ended its answer before it had answered.";

constexpr std::string_view no_message_sentence = "The MCP server answered with something that is no JSON-RPC message";

std::string no_mcp(const answer& got) {
  std::string text{no_message_sentence};
  return text.append(": ").append(foreign::excerpt(got.body, 100));
}

} // namespace

const error* answer::refusal() const noexcept {
  return answered ? std::get_if<error>(&answered->result) : nullptr;
}

bool answer::refused_with(std::int64_t code) const noexcept {
  const auto* said = refusal();
  return said && said->code == code;
}

bool answer::is_missing() const noexcept {
  if (answered)
    return false;
  if (failure)
    return failure->sent && failure->code == outbound_errc::cut_off;
  return is_good() && (streamed || body.empty());
}

std::variant<std::string, toolbox_failure> result_of(const answer& got, timestamp at) {
  if (got.failure)
    return failure_of(*got.failure);
  if (got.head.status / 100 != 2)
    return failure_of_status(got, at);
  if (const auto* refusal = got.refusal())
    return toolbox_failure{class_of(*refusal), sentence_of(got), {}, opening_of(got).size()};
  if (got.answered)
    return std::get<std::string>(got.answered->result);
  if (got.is_missing())
    return toolbox_failure{error_class::transient, std::string{ended_early}, {}};
  return toolbox_failure{error_class::permanent, no_mcp(got), {}, no_message_sentence.size()};
}

bool has_lost_session(const answer& got) {
  if (got.failure)
    return false;
  const auto* refusal = got.refusal();
  if (refusal == nullptr) {
    if (got.answered || got.is_good())
      return false;
    return got.head.status == 404 || (got.head.status == 400 && speaks_of_lost_session(got.body));
  }
  // What was wrong with the request itself has been looked at.
  if (refusal->code == codes::invalid_params || refusal->code == codes::method_not_found)
    return false;
  if (!got.answered->id && got.head.status == 404)
    return true;
  return is_of_servers(refusal->code) && speaks_of_lost_session(refusal->message);
}

std::optional<std::string> moved_to(const outbound_head& head, std::string_view from) {
  if (head.status != 307 && head.status != 308)
    return std::nullopt;
  const auto location = head.header("location");
  const auto host = from.find("://");
  const auto origin
    = from.substr(0, host == from.npos ? 0 : std::min(from.find_first_of("/?#", host + 3), from.size()));
  if (origin.empty() || location.empty())
    return std::nullopt;
  if (location.starts_with('/') && !location.starts_with("//"))
    return std::string{origin}.append(location);
  const auto rest = location.substr(std::min(origin.size(), location.size()));
  if (location.starts_with(origin) && (rest.empty() || rest.front() == '/' || rest.front() == '?'))
    return std::string{location};
  return std::nullopt;
}

bool has_changed_era(const answer& got, const manner& how) noexcept {
  if (got.failure)
    return false;
  if (how.is_modern())
    return got.refused_with(codes::unsupported_version) || is_no_answer(got);
  return got.refused_with(codes::unsupported_version);
}

tool_result call_failure(const answer& got, repeat_rule rule, timestamp at) {
  if (got.failure)
    return read_tool_failure(*got.failure, rule);
  if (got.is_missing())
    return read_tool_failure({outbound_errc::cut_off, std::string{ended_early}, true}, rule);
  if (is_malformed(got))
    return failed_tool(no_mcp(got));
  auto result = failed_tool(sentence_of(got));
  result.status = got.head.status;
  if (got.head.status / 100 == 2)
    return result;
  const auto failure = failure_of_status(got, at);
  if (failure.kind != error_class::permanent) {
    result.retry = failure.kind;
    result.retry_after = failure.retry_after;
  }
  return result;
}

// -- which era --------------------------------------------------------------------------

speaks_modern assumed_modern() {
  server_info info;
  info.has_tools = true;
  return {{era::modern, std::string{modern_version}}, std::move(info)};
}

bool may_be_modern(const answer& got) noexcept {
  if (got.refused_with(codes::method_not_found))
    return true;
  const auto* refusal = got.refusal();
  return refusal && refusal->code == codes::unsupported_version
         && (refusal->supported.empty() || contains(refusal->supported, modern_version));
}

namespace {

/// Of the versions that a server names.
std::variant<speaks_modern, needs_initialize, toolbox_failure> pick(const std::vector<std::string>& supported,
                                                                    speaks_modern modern) {
  if (contains(supported, modern_version))
    return modern;
  if (supported.empty() || speaks_legacy(supported))
    return needs_initialize{};
  return no_common_version(supported);
}

} // namespace

std::variant<speaks_modern, needs_initialize, toolbox_failure> judge_probe(const answer& got, timestamp at) {
  if (got.failure) {
    // A server that does not know the question may well leave it at that.
    const bool may_be_legacy = got.failure->sent && got.failure->code != outbound_errc::refused;
    if (may_be_legacy)
      return needs_initialize{};
    return failure_of(*got.failure);
  }
  if (got.head.status == 401 || foreign::class_of_status(got.head.status) == error_class::throttled)
    return failure_of_status(got, at);
  if (got.refused_with(codes::unsupported_version))
    return pick(got.refusal()->supported, assumed_modern());
  if (got.refused_with(codes::header_mismatch) || got.refused_with(codes::missing_capability))
    return assumed_modern();
  if (!got.is_good() || !got.answered || got.refusal())
    return needs_initialize{};
  auto read = read_discovered(std::get<std::string>(got.answered->result));
  auto* info = std::get_if<server_info>(&read);
  if (!info)
    return needs_initialize{};
  auto modern = assumed_modern();
  const auto supported = info->supported;
  modern.info = std::move(*info);
  return pick(supported, std::move(modern));
}

} // namespace troupe::mcp
