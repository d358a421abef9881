#include "actors/toolbox/mcp_result.hpp"

#include "actors/providers/provider.hpp"
#include "actors/remote/foreign_text.hpp"
#include "actors/toolbox/mcp_json.hpp"
#include "persistence/values/json_text.hpp"
#include "persistence/values/parse_json.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace troupe::mcp {

namespace {

/// What goes on to the model is read again there.
constexpr std::size_t deepest_result = 64;
/// No text of a person's has so many letters and digits in a row, no hash is so long.
constexpr std::size_t longest_run = 1024;
/// Behind `;base64,`, what is worth a model's tokens.
constexpr std::size_t longest_inline = 256;

// -- base64 -----------------------------------------------------------------------------

bool is_base64(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '-'
         || c == '_' || c == '=';
}

/// The end of the run that begins at `from`; it may be broken into lines (RFC 2045).
std::size_t end_of_run(std::string_view text, std::size_t from) noexcept {
  constexpr std::size_t shortest_line = 60;
  std::size_t line = from;
  for (std::size_t at = from; at < text.size(); ++at) {
    if (is_base64(text[at]))
      continue;
    const auto next = text.substr(at).starts_with("\r\n") ? at + 2 : text[at] == '\n' ? at + 1 : text.npos;
    if (next >= text.size() || at - line < shortest_line || !is_base64(text[next]))
      return at;
    line = next;
    at = next;
  }
  return text.size();
}

/// Letters of both cases and digits: what a bitmap of zeros has too, at its beginning.
bool looks_encoded(std::string_view run) noexcept {
  const auto has = [run](char first, char last) {
    return std::any_of(run.begin(), run.end(), [=](char c) { return c >= first && c <= last; });
  };
  return has('a', 'z') && has('A', 'Z') && has('0', '9');
}

/// Without long runs of base64, which are named.
std::string without_data(const std::string& text) {
  constexpr std::string_view mark = ";base64,";
  std::string out;
  std::size_t kept = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_base64(text[at])) {
      ++at;
      continue;
    }
    const auto end = end_of_run(text, at);
    const auto run = std::string_view{text}.substr(at, end - at);
    const bool is_url = std::string_view{text}.substr(0, at).ends_with(mark);
    if ((is_url && run.size() > longest_inline) || (run.size() > longest_run && looks_encoded(run))) {
      out.append(text, kept, at - kept).append("[" + std::to_string(run.size()) + " bytes of base64 left out]");
      kept = end;
    }
    at = end;
  }
  return kept == 0 ? text : out.append(text, kept);
}

/// `image/png`, say, as far as it says that the data beside it is for no model to read.
bool is_binary(std::string_view type) noexcept {
  constexpr std::array<std::string_view, 6> kinds{"image/", "audio/",          "video/",
                                                  "font/",  "application/pdf", "application/zip"};
  return type == "application/octet-stream"
         || std::any_of(kinds.begin(), kinds.end(), [type](auto kind) { return type.starts_with(kind); });
}

bool describes_binary(const json& object) {
  for (const auto* name : {"mimeType", "mime_type", "mediaType", "media_type", "contentType"})
    if (is_binary(string_in(object, name)))
      return true;
  const auto type = string_in(object, "type");
  return type == "image" || type == "audio";
}

void leave_out_member(json& object, const char* name) {
  if (const auto* data = member(object, name); data && data->is_string()) {
    object.erase(name);
    object["omitted"] = true;
  }
}

/// At any depth, which is bounded.
void leave_out_data(json& value) {
  if (value.is_string()) {
    value = without_data(value.get_ref<const std::string&>());
    return;
  }
  if (value.is_object()) {
    if (describes_binary(value))
      leave_out_member(value, "data");
    if (value.contains("uri") || value.contains("mimeType"))
      leave_out_member(value, "blob");
  }
  if (value.is_structured())
    for (auto& one : value)
      leave_out_data(one);
}

// -- content ----------------------------------------------------------------------------

std::string texts_of(const json& contents) {
  std::string all;
  for (const auto& block : contents) {
    const auto text = string_in(block, "text");
    if (!all.empty() && !text.empty())
      all += '\n';
    all += text;
  }
  return all;
}

bool is_single_text(const json& contents) {
  return contents.size() == 1 && string_in(contents[0], "type") == "text";
}

std::string content_of(const json& contents) {
  if (is_single_text(contents))
    return json_or_string(string_in(contents[0], "text"));
  return foreign::clean_text(to_text(contents));
}

/// The text that repeats the structured content, for clients that know only that; or, where a
/// library has wrapped a plain value, that value.
bool says_the_same(const json& contents, const json& structured) {
  if (contents.empty())
    return true;
  if (!is_single_text(contents))
    return false;
  const auto text = string_in(contents[0], "text");
  const auto wrapped = parse(R"({"is":)" + text + '}', deepest_result + 1);
  const auto* value = wrapped && wrapped->size() == 1 ? member(*wrapped, "is") : nullptr;
  const auto is_said = [&](const json& meant) { return (value && *value == meant) || meant == text; };
  const auto* plain = structured.size() == 1 ? member(structured, "result") : nullptr;
  return is_said(structured) || (plain && is_said(*plain));
}

tool_result failed_call(const json& contents, const json* structured) {
  const auto text = texts_of(contents);
  if (text.empty())
    return failed_tool(structured ? to_text(*structured) : "The tool failed, and did not say why.");
  if (!structured || says_the_same(contents, *structured))
    return failed_tool(text);
  tool_result answer;
  answer.failed = true;
  {
    json_object content{answer.content};
    content.add("error", foreign::clean_text(text));
    content.add_raw("structuredContent", foreign::clean_text(to_text(*structured)));
  }
  return answer;
}

tool_result good_call(const json& contents, const json* structured) {
  tool_result answer;
  if (!structured) {
    answer.content = content_of(contents);
  } else if (says_the_same(contents, *structured)) {
    answer.content = foreign::clean_text(to_text(*structured));
  } else {
    json_object content{answer.content};
    content.add_raw("content", content_of(contents));
    content.add_raw("structuredContent", foreign::clean_text(to_text(*structured)));
  }
  return answer;
}

// -- other kinds of results ---------------------------------------------------------------

std::variant<tool_result, another_round> read_request(const json& object) {
  if (const auto* requests = member(object, "inputRequests"); requests && !requests->empty()) {
    std::string asked;
    for (const auto& request : *requests) {
      const auto* params = member(request, "params");
      const auto what = string_in(request, "method");
      const auto message = params ? string_in(*params, "message") : std::string{};
      asked += (asked.empty() ? "" : "; ") + (what.empty() ? std::string{"something"} : what);
      asked += message.empty() ? "" : " (\"" + foreign::excerpt(message, 120) + "\")";
    }
    return failed_tool("The tool asks for something that nobody here can give: " + foreign::excerpt(asked)
                       + ". It was not carried out.");
  }
  const auto* state = member(object, "requestState");
  if (state && state->is_string())
    return another_round{state->get<std::string>()};
  return failed_tool("The MCP server wants to be asked again, and does not say with what.");
}

/// Tools that have nothing to say leave it out, older ones answer with `toolResult`
/// (2024-10-07), and some give a text or one block in place of the list: the call was carried
/// out all the same, and must not look as if it had not been.
json content_in(const json& object) {
  const auto text_block = [](std::string text) { return json{{"type", "text"}, {"text", std::move(text)}}; };
  auto contents = object.value("content", json());
  if (contents.is_array())
    return contents;
  auto list = json::array();
  if (contents.is_string())
    list.push_back(text_block(contents.get<std::string>()));
  else if (contents.is_object())
    list.push_back(std::move(contents));
  else if (const auto* older = member(object, "toolResult"); older && !older->is_null())
    list.push_back(text_block(older->is_string() ? older->get<std::string>() : to_text(*older)));
  return list;
}

} // namespace

std::variant<tool_result, another_round> read_call(std::string_view result) {
  auto object = parse(result, deepest_result);
  if (!object)
    return failed_tool("The MCP server answered the call with something that is no result, or is nested too deep.");
  if (const auto* type = member(*object, "resultType"); type && *type != "complete") {
    if (*type == "input_required")
      return read_request(*object);
    return failed_tool("The MCP server answered the call with a kind of result that is not known here: "
                       + foreign::excerpt(to_text(*type), 40) + ".");
  }
  auto contents = content_in(*object);
  auto structured = object->value("structuredContent", json());
  leave_out_data(contents);
  leave_out_data(structured);
  const auto* shown = structured.is_null() ? nullptr : &structured;
  return is_true(*object, "isError") ? failed_call(contents, shown) : good_call(contents, shown);
}

} // namespace troupe::mcp
