#pragma once

#include "persistence/values/time.hpp"

#include <nlohmann/json_fwd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What the command line's client prints: the API's documents as tables and blocks
/// for people. Pure: the time and the terminal's width are passed in. Texts of others
/// (names, inputs, answers) never reach a terminal with control characters in them.
namespace troupe {

// -- text on a terminal -----------------------------------------------------------

/// `text` with every control character but line feeds and tabs as U+FFFD, and with
/// what is not UTF-8 as U+FFFD too. No escape sequence gets through.
std::string printable(std::string_view text);

/// The same on one line: line feeds and tabs become spaces.
std::string printable_line(std::string_view text);

/// The columns that `text`, printable UTF-8, takes up on a terminal.
std::size_t display_width(std::string_view text);

/// The beginning of `text` that takes up at most `columns`, ending in `…` if it is cut.
std::string fit(std::string_view text, std::size_t columns);

/// Whole units, one of them: `0s`, `59s`, `3m`, `5h`, `12d`; a negative one is `0s`.
std::string short_age(std::chrono::microseconds age);

/// The same as in a sentence: `0 s`, `59 s`, `3 min`, `5 h`, `12 d`.
std::string spoken_age(std::chrono::microseconds age);

/// For how long something took: `0.4 s`, `12.3 s`, `3 min 20 s`, `2 h 5 min`.
std::string spoken_duration(std::chrono::microseconds duration);

// -- tables -------------------------------------------------------------------------

struct table_column {
  std::string title;
  bool is_number = false;
  /// May be cut down to so many columns to fit the terminal; 0 for never.
  std::size_t least_width = 0;
};

/// Columns two spaces apart under their titles. `width` is the terminal's; without
/// one nothing is cut. The last columns are cut first.
std::string render_table(const std::vector<table_column>& columns, const std::vector<std::vector<std::string>>& rows,
                         std::optional<std::size_t> width);

// -- documents ----------------------------------------------------------------------

/// The tasks of an array as a table.
std::string render_tasks(const nlohmann::ordered_json& tasks, timestamp now, std::optional<std::size_t> width);

/// A task as a block of lines, its texts at the end.
std::string render_task(const nlohmann::ordered_json& task, timestamp now);

/// The answer of `GET /queue` as a table: a row a namespace, and the totals if there
/// are several.
std::string render_queue(const nlohmann::ordered_json& queue, std::optional<std::size_t> width);

/// The answer of `GET /nodes` as a table: a row a node. `now` should be the
/// database's time as well: ages and what is left of leases are counted from it.
std::string render_nodes(const nlohmann::ordered_json& nodes, timestamp now, std::optional<std::size_t> width);

// -- members --------------------------------------------------------------------------

// The server's documents, read leniently: what is missing, null or of another type
// is empty, 0 or nothing, so that an older client shows what it knows of a newer server.

std::string text_member(const nlohmann::ordered_json& object, const char* name);
std::int64_t integer_member(const nlohmann::ordered_json& object, const char* name);
std::optional<timestamp> time_member(const nlohmann::ordered_json& object, const char* name);

} // namespace troupe
