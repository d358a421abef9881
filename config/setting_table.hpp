#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The table behind `settings`: how each of them is named, described, read from
/// text and written as text. The command line, the TOML file, the environment and
/// the bounds check all go by it, so that none of them can disagree.
namespace troupe {

enum class setting_group : std::uint8_t { address, store, engine, cluster, logging };

struct setting {
  /// The key of the TOML file: `http_port`.
  std::string key;
  setting_group group = setting_group::engine;
  /// What stands for the value in the help: `PORT`.
  std::string placeholder;
  std::string description;
  /// For the help: `0 to 65535`.
  std::string bounds;
  /// For the help: the default as one would write it, or how it is derived.
  std::string default_text;
  /// Takes the value; what it must be if it is not.
  std::function<std::optional<std::string>(settings&, std::string_view)> read;
  /// The value in the form `read` takes.
  std::function<std::string(const settings&)> write;
  /// The value without what must not be shown; null if all of it may be.
  std::function<std::string(const std::string&)> redact;

  /// `--http-port`.
  [[nodiscard]] std::string flag() const;
  /// `TROUPE_HTTP_PORT`.
  [[nodiscard]] std::string variable() const;
  /// `value` in quotes, as refusals cite it: without secrets.
  [[nodiscard]] std::string cited(const std::string& value) const;
};

/// All settings, in the order of the help.
const std::vector<setting>& setting_table();

/// Null if no setting has this key.
const setting* find_setting(std::string_view key);

/// Reads `500ms`, `30s`, `5m`, `1h`, or a bare number of seconds; no fractions and
/// no signs. Nullopt also past one year.
std::optional<std::chrono::milliseconds> parse_duration(std::string_view text) noexcept;

/// The shortest form `parse_duration` takes.
std::string write_duration(std::chrono::milliseconds value);

/// Reads a number of bytes, bare or with `KiB` or `MiB`.
std::optional<std::uint64_t> parse_bytes(std::string_view text) noexcept;

/// The shortest form `parse_bytes` takes.
std::string write_bytes(std::uint64_t value);

} // namespace troupe
