#include "gateway/cli/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cwchar>
#include <locale.h>
#include <numeric>
#include <utility>

namespace troupe {

using api_json = nlohmann::ordered_json;
using std::chrono::microseconds;

// -- members --------------------------------------------------------------------------

namespace {

const api_json* find(const api_json& object, const char* name) {
  if (!object.is_object())
    return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

} // namespace

std::string text_member(const api_json& object, const char* name) {
  const auto* member = find(object, name);
  return member != nullptr && member->is_string() ? member->get<std::string>() : std::string{};
}

std::int64_t integer_member(const api_json& object, const char* name) {
  const auto* member = find(object, name);
  return member != nullptr && member->is_number_integer() ? member->get<std::int64_t>() : 0;
}

std::optional<timestamp> time_member(const api_json& object, const char* name) {
  const auto text = text_member(object, name);
  return text.empty() ? std::nullopt : parse_rfc3339(text);
}

// -- text on a terminal -----------------------------------------------------------

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

/// The code point that `text` begins with, and its length in bytes; U+FFFD and 1 for
/// a byte that begins none.
std::pair<char32_t, std::size_t> decode(std::string_view text) noexcept {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80U)
    return {first, 1};
  const std::size_t length = first >= 0xF0U && first < 0xF5U ? 4 : first >= 0xE0U ? 3 : first >= 0xC2U ? 2 : 0;
  if (length == 0 || first >= 0xF5U || length > text.size())
    return {U'\uFFFD', 1};
  char32_t point = first & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xC0U) != 0x80U)
      return {U'\uFFFD', 1};
    point = (point << 6U) | (next & 0x3FU);
  }
  constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = point >= 0xD800 && point < 0xE000;
  if (point < least[length] || point > 0x10FFFF || is_surrogate)
    return {U'\uFFFD', 1};
  return {point, length};
}

/// Control codes, and the marks that reorder a line (UAX #9), with which a name
/// could pose as another.
bool is_unsafe(char32_t point) noexcept {
  return point < 0x20 || (point >= 0x7F && point < 0xA0) || (point >= 0x202A && point <= 0x202E)
         || (point >= 0x2066 && point <= 0x2069);
}

std::string make_printable(std::string_view text, bool one_line) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto [point, length] = decode(text);
    if (point == U'\n' || point == U'\t')
      out += one_line ? ' ' : text.front();
    else if (point == U'\uFFFD' || is_unsafe(point))
      out += replacement;
    else
      out += text.substr(0, length);
    text.remove_prefix(length);
  }
  return out;
}

/// The columns of a code point. The C library knows them, for its UTF-8 locale only.
class width_of_code_points {
public:
  width_of_code_points() : before_{uselocale(utf8())} {}
  ~width_of_code_points() { uselocale(before_); }
  width_of_code_points(const width_of_code_points&) = delete;
  width_of_code_points& operator=(const width_of_code_points&) = delete;

  std::size_t operator()(char32_t point) const noexcept {
    const int columns = wcwidth(static_cast<wchar_t>(point));
    // It is unknown to the library, or the locale is missing.
    return columns < 0 ? 1 : static_cast<std::size_t>(columns);
  }

private:
  static locale_t utf8() {
    // Never freed: it lives as long as the process.
    static const auto locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    return locale;
  }

  locale_t before_;
};

/// Bytes of the longest beginning of `text` that takes up at most `columns`.
std::size_t bytes_within(std::string_view text, std::size_t columns) {
  const width_of_code_points width_of;
  std::size_t used = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const auto [point, length] = decode(text.substr(bytes));
    used += width_of(point);
    if (used > columns)
      break;
    bytes += length;
  }
  return bytes;
}

} // namespace

std::string printable(std::string_view text) {
  return make_printable(text, false);
}

std::string printable_line(std::string_view text) {
  return make_printable(text, true);
}

std::size_t display_width(std::string_view text) {
  const width_of_code_points width_of;
  std::size_t columns = 0;
  while (!text.empty()) {
    const auto [point, length] = decode(text);
    columns += width_of(point);
    text.remove_prefix(length);
  }
  return columns;
}

std::string fit(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns)
    return std::string{text};
  if (columns == 0)
    return {};
  return std::string{text.substr(0, bytes_within(text, columns - 1))} + "…";
}

namespace {

/// Whole seconds, minutes, hours or days: the largest of them that is not 0.
std::string in_one_unit(microseconds age, const std::array<const char*, 4>& units) {
  const auto s = std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
  if (s < 60)
    return std::to_string(s) + units[0];
  if (s < 3600)
    return std::to_string(s / 60) + units[1];
  if (s < 86400)
    return std::to_string(s / 3600) + units[2];
  return std::to_string(s / 86400) + units[3];
}

} // namespace

std::string short_age(microseconds age) {
  return in_one_unit(age, {"s", "m", "h", "d"});
}

std::string spoken_age(microseconds age) {
  return in_one_unit(age, {" s", " min", " h", " d"});
}

std::string spoken_duration(microseconds duration) {
  const auto tenths = std::max<std::int64_t>(0, duration.count() / 100'000);
  const auto s = tenths / 10;
  if (s < 60)
    return std::to_string(s) + "." + std::to_string(tenths % 10) + " s";
  if (s < 3600)
    return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
  return std::to_string(s / 3600) + " h " + std::to_string(s / 60 % 60) + " min";
}

// -- tables -------------------------------------------------------------------------

namespace {

constexpr std::size_t gap = 2;

/// Takes from the last columns first what is too wide for the terminal.
void shrink(std::vector<std::size_t>& widths, const std::vector<table_column>& columns, std::size_t available) {
  const auto total = std::accumulate(widths.begin(), widths.end(), std::size_t{0}) + gap * (widths.size() - 1);
  auto excess = total > available ? total - available : 0;
  for (auto i = widths.size(); i-- > 0 && excess > 0;) {
    const auto least = columns[i].least_width;
    if (least == 0 || widths[i] <= least)
      continue;
    const auto cut = std::min(excess, widths[i] - least);
    widths[i] -= cut;
    excess -= cut;
  }
}

void append_row(std::string& out, const std::vector<table_column>& columns, const std::vector<std::size_t>& widths,
                const std::vector<std::string>& cells) {
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i > 0)
      line.append(gap, ' ');
    const auto cell = fit(cells[i], widths[i]);
    const std::string padding(widths[i] - display_width(cell), ' ');
    line += columns[i].is_number ? padding + cell : cell + padding;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  out += line;
  out += '\n';
}

} // namespace

std::string render_table(const std::vector<table_column>& columns, const std::vector<std::vector<std::string>>& rows,
                         std::optional<std::size_t> width) {
  std::vector<std::string> titles;
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    titles.push_back(columns[i].title);
    widths.push_back(display_width(columns[i].title));
    for (const auto& row : rows)
      widths[i] = std::max(widths[i], display_width(row[i]));
  }
  if (width)
    shrink(widths, columns, *width);
  std::string out;
  append_row(out, columns, widths, titles);
  for (const auto& row : rows)
    append_row(out, columns, widths, row);
  return out;
}

// -- documents ----------------------------------------------------------------------

namespace {

std::string line_member(const api_json& object, const char* name) {
  return printable_line(text_member(object, name));
}

std::string attempts_of(const api_json& task) {
  return std::to_string(integer_member(task, "attempt")) + "/" + std::to_string(integer_member(task, "max_attempts"));
}

std::string age_member(const api_json& object, const char* name, timestamp now) {
  const auto at = time_member(object, name);
  return at ? short_age(now - *at) : "-";
}

/// `2026-01-02 03:04:05 UTC`
std::string calendar(timestamp at) {
  const auto text = to_rfc3339(at);
  return text.substr(0, 10) + " " + text.substr(11, 8) + " UTC";
}

/// One `name  value` line; nothing for an empty value.
void append_fact(std::string& out, std::string name, const std::string& value) {
  if (value.empty())
    return;
  name.resize(12, ' ');
  out += name + value + '\n';
}

/// A text of any number of lines, indented under its name; nothing for an empty one.
void append_text(std::string& out, std::string_view name, const std::string& text) {
  if (text.empty())
    return;
  out += '\n';
  out += name;
  std::string_view rest = text;
  do {
    const auto end = std::min(rest.find('\n'), rest.size());
    out += "\n  ";
    out += printable(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  } while (!rest.empty());
  out += '\n';
}

std::string compact_object(const api_json& object, const char* name) {
  const auto* member = find(object, name);
  return member != nullptr && member->is_object() && !member->empty() ? printable_line(member->dump()) : std::string{};
}

/// `0.0015`, in whatever currency, to the billionth that costs are counted in; empty for none.
std::string cost_of(const api_json& usage) {
  const auto* cost = find(usage, "cost");
  if (cost == nullptr || !cost->is_number())
    return {};
  std::array<char, 40> digits;
  const auto [end, error]
    = std::to_chars(digits.data(), digits.data() + digits.size(), cost->get<double>(), std::chars_format::fixed, 9);
  if (error != std::errc{})
    return cost->dump();
  std::string text{digits.data(), end};
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.'))
    text.pop_back();
  return text == "0" ? std::string{} : text;
}

std::string how_it_ended(const api_json& task, timestamp now) {
  const auto started = time_member(task, "started_at");
  const auto completed = time_member(task, "completed_at");
  if (!completed)
    return {};
  auto text = calendar(*completed) + " (" + short_age(now - *completed) + " ago";
  if (started)
    text += ", took " + spoken_duration(*completed - *started);
  return text + ")";
}

} // namespace

std::string render_tasks(const api_json& tasks, timestamp now, std::optional<std::size_t> width) {
  const std::vector<table_column> columns{{"ID"},        {"STATUS"},    {"BOT", false, 8},
                                          {"AGE", true}, {"TRY", true}, {"NAME", false, 10}};
  std::vector<std::vector<std::string>> rows;
  for (const auto& task : tasks)
    rows.push_back({line_member(task, "id"), line_member(task, "status"), line_member(task, "bot"),
                    age_member(task, "created_at", now), attempts_of(task), line_member(task, "name")});
  return rows.empty() ? "No tasks.\n" : render_table(columns, rows, width);
}

std::string render_task(const api_json& task, timestamp now) {
  std::string out;
  append_fact(out, "id", line_member(task, "id"));
  append_fact(out, "name", line_member(task, "name"));
  append_fact(out, "namespace", line_member(task, "namespace"));
  append_fact(out, "status", line_member(task, "status"));
  append_fact(out, "waits for", line_member(task, "wait_reason"));
  append_fact(out, "bot", line_member(task, "bot"));
  append_fact(out, "attempt", attempts_of(task));
  if (text_member(task, "thread_id") != text_member(task, "id"))
    append_fact(out, "thread", line_member(task, "thread_id"));
  if (const auto priority = integer_member(task, "priority"))
    append_fact(out, "priority", std::to_string(priority));
  if (const auto created = time_member(task, "created_at"))
    append_fact(out, "created",
                calendar(*created) + " (" + short_age(now - *created) + " ago) by " + line_member(task, "created_by"));
  if (const auto run_at = time_member(task, "run_at"))
    append_fact(out, "not before", calendar(*run_at));
  if (const auto started = time_member(task, "started_at"))
    append_fact(out, "started", calendar(*started));
  append_fact(out, "ended", how_it_ended(task, now));
  append_fact(out, "finish", line_member(task, "finish_reason"));
  if (const auto* usage = find(task, "usage")) {
    append_fact(out, "tokens",
                std::to_string(integer_member(*usage, "input_tokens")) + " in, "
                  + std::to_string(integer_member(*usage, "output_tokens")) + " out");
    append_fact(out, "cost", cost_of(*usage));
  }
  append_fact(out, "node", line_member(task, "node"));
  append_fact(out, "spec", compact_object(task, "spec"));
  append_fact(out, "metadata", compact_object(task, "metadata"));
  append_text(out, "input", text_member(task, "input"));
  append_text(out, "output", text_member(task, "output"));
  append_text(out, "error", text_member(task, "error"));
  return out;
}

std::string render_queue(const api_json& queue, std::optional<std::size_t> width) {
  const std::vector<table_column> columns{{"NAMESPACE", false, 8}, {"READY", true},   {"SCHEDULED", true},
                                          {"RETRYING", true},      {"BLOCKED", true}, {"RUNNING", true},
                                          {"OLDEST DUE", true}};
  const auto row_of = [](std::string name, const api_json& row) {
    std::vector<std::string> cells{std::move(name)};
    for (const auto* state : {"ready", "scheduled", "retrying", "blocked", "running"})
      cells.push_back(std::to_string(integer_member(row, state)));
    const auto* age = find(row, "oldest_age_s");
    cells.push_back(age != nullptr && age->is_number() ? short_age(std::chrono::duration_cast<microseconds>(
                      std::chrono::duration<double>(std::clamp(age->get<double>(), 0.0, 1e9))))
                                                       : "-");
    return cells;
  };
  std::vector<std::vector<std::string>> rows;
  if (const auto* namespaces = find(queue, "namespaces"))
    for (const auto& row : *namespaces)
      rows.push_back(row_of(line_member(row, "namespace"), row));
  if (rows.empty())
    return "The queue is empty.\n";
  if (const auto* totals = find(queue, "totals"); totals != nullptr && rows.size() > 1)
    rows.push_back(row_of("(all)", *totals));
  return render_table(columns, rows, width);
}

namespace {

/// How the right of a node to run its tasks stands. Without a time there is none; a
/// node that ran tasks and is gone had it taken away.
std::string lease_of(const api_json& node, timestamp now) {
  if (const auto expires = time_member(node, "lease_expires_at"))
    return *expires > now ? "ok, " + spoken_age(*expires - now) + " left" : "lost";
  return text_member(node, "status") == "lost" && text_member(node, "role") != "gateway" ? "lost" : "-";
}

} // namespace

std::string render_nodes(const api_json& nodes, timestamp now, std::optional<std::size_t> width) {
  const std::vector<table_column> columns{{"NAME", false, 8},  {"ROLE"},    {"STATUS"},
                                          {"RUNNING", true},   {"VERSION"}, {"ADDRESS", false, 12},
                                          {"HEARTBEAT", true}, {"LEASE"}};
  std::vector<std::vector<std::string>> rows;
  if (const auto* items = find(nodes, "items"))
    for (const auto& node : *items) {
      const auto address = line_member(node, "address");
      const auto heartbeat = time_member(node, "heartbeat_at");
      rows.push_back(
        {line_member(node, "name"), line_member(node, "role"), line_member(node, "status"),
         std::to_string(integer_member(node, "running")) + "/" + std::to_string(integer_member(node, "capacity")),
         line_member(node, "version"), address.empty() ? "-" : address,
         heartbeat ? spoken_age(now - *heartbeat) + " ago" : "-", lease_of(node, now)});
    }
  return rows.empty() ? "No nodes.\n" : render_table(columns, rows, width);
}

} // namespace troupe
