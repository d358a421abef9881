#include "config/settings.hpp"

#include "config/addresses.hpp"
#include "config/setting_table.hpp"
#include "config/toml.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <map>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

constexpr auto config_flag = "--config";
constexpr auto config_variable = "TROUPE_CONFIG";

// -- the three sources --------------------------------------------------------

/// A value as it was given, and where.
struct given_value {
  std::string text;
  std::string source;
};

[[noreturn]] void refuse(const setting& which, const given_value& given, const std::string& must) {
  throw CLI::ValidationError(which.key, which.cited(given.text) + " (from " + given.source + ") " + must);
}

std::optional<given_value> from_flag(const CLI::App& sub, const std::string& flag) {
  const auto* option = sub.get_option_no_throw(flag);
  if (option == nullptr || option->count() == 0)
    return std::nullopt;
  return given_value{option->results().back(), flag};
}

std::optional<given_value> from_environment(const std::string& variable) {
  const char* value = std::getenv(variable.c_str());
  if (value == nullptr || *value == '\0')
    return std::nullopt;
  return given_value{value, variable};
}

std::string read_file(const std::string& path) {
  constexpr std::size_t largest = 1024 * 1024;
  std::ifstream in(path, std::ios::binary);
  std::error_code ignored;
  if (!in || std::filesystem::is_directory(path, ignored))
    throw CLI::FileError("The configuration file " + path + " cannot be read", CLI::ExitCodes::FileError);
  std::string text(largest + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad() || text.size() > largest)
    throw CLI::FileError("The configuration file " + path + " cannot be read or is larger than 1 MiB",
                         CLI::ExitCodes::FileError);
  return text;
}

[[noreturn]] void refuse_unknown_key(const std::string& path, const toml_entry& entry) {
  auto message = path + " line " + std::to_string(entry.line) + ": unknown setting \"" + entry.key + "\"";
  auto underscored = entry.key;
  std::replace(underscored.begin(), underscored.end(), '-', '_');
  if (find_setting(underscored) != nullptr)
    message += "; did you mean " + underscored + "?";
  throw CLI::ConfigError(message);
}

/// By key. Every value is held against its bounds, also of those settings that the
/// subcommand at hand does not use: a file is right or wrong as a whole.
std::map<std::string, given_value, std::less<>> from_file(const std::string& path) {
  const auto parsed = parse_toml(read_file(path));
  if (const auto* error = std::get_if<toml_error>(&parsed))
    throw CLI::ConfigError(path + " " + error->message);
  std::map<std::string, given_value, std::less<>> values;
  settings scratch;
  for (const auto& entry : std::get<std::vector<toml_entry>>(parsed)) {
    const auto* known = find_setting(entry.key);
    if (known == nullptr)
      refuse_unknown_key(path, entry);
    given_value given{entry.value, path + " line " + std::to_string(entry.line)};
    if (const auto must = known->read(scratch, given.text))
      refuse(*known, given, *must);
    values.emplace(entry.key, std::move(given));
  }
  return values;
}

std::optional<given_value> config_path(const CLI::App& sub) {
  auto given = from_flag(sub, config_flag);
  return given ? given : from_environment(config_variable);
}

/// Gives `target` the values of every setting that `sub` has an option for.
void read_sources(const CLI::App& sub, settings& target) {
  std::map<std::string, given_value, std::less<>> file;
  if (const auto path = config_path(sub))
    file = from_file(path->text);
  for (const auto& each : setting_table()) {
    if (sub.get_option_no_throw(each.flag()) == nullptr)
      continue;
    auto given = from_flag(sub, each.flag());
    if (!given)
      given = from_environment(each.variable());
    if (const auto entry = file.find(each.key); !given && entry != file.end())
      given = entry->second;
    if (!given)
      continue;
    if (const auto must = each.read(target, given->text))
      refuse(each, *given, *must);
  }
}

// -- options ------------------------------------------------------------------

std::string help_text(const setting& s) {
  return s.description + ".\n" + s.bounds + "; default " + s.default_text + "; " + s.variable();
}

void add_options(CLI::App& sub, settings& target, std::initializer_list<setting_group> groups) {
  if (sub.get_option_no_throw(config_flag) == nullptr) {
    const auto description = std::string("TOML file with settings; flags and the environment go before it.\n")
                             + "a path; default none; " + config_variable;
    sub.add_option(config_flag, description)->type_name("FILE");
  }
  for (const auto& each : setting_table()) {
    const bool wanted = std::find(groups.begin(), groups.end(), each.group) != groups.end();
    if (!wanted || sub.get_option_no_throw(each.flag()) != nullptr)
      continue;
    const auto description = help_text(each);
    sub.add_option(each.flag(), description)->type_name(each.placeholder);
  }
  // CLI11's own sources do not serve here: it reads a configuration file for the
  // main command only, before the environment, and gives the environment's values
  // to subcommands that were not called.
  sub.parse_complete_callback([&sub, &target] { read_sources(sub, target); });
}

// -- derived values -----------------------------------------------------------

std::string host_name() {
  std::array<char, 256> buffer{};
  if (gethostname(buffer.data(), buffer.size() - 1) != 0 || buffer.front() == '\0')
    return "node";
  std::string name = buffer.data();
  name.resize(std::min<std::size_t>(name.size(), 64));
  const auto allowed = std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_");
  std::replace_if(
    name.begin(), name.end(), [allowed](char c) { return allowed.find(c) == allowed.npos; }, '-');
  return name;
}

void derive(settings& s) {
  // Not left to a resolver, which could be told to answer with another address. Clients, who
  // are given no address, are listened to on all of localhost (`loopback_addresses`).
  if (s.node_host == "localhost")
    s.node_host = "127.0.0.1";
  if (s.database.empty() && !s.data_dir.empty())
    s.database = "sqlite:" + (std::filesystem::path(s.data_dir) / "troupe.db").string();
  if (s.worker_threads == 0)
    s.worker_threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 256u));
  if (s.node_name.empty())
    s.node_name = host_name();
}

// -- values against each other ------------------------------------------------

// Each gives a sentence if something is wrong.

std::optional<std::string> check_bounds(const settings& s) {
  settings scratch;
  for (const auto& each : setting_table()) {
    const auto value = each.write(s);
    if (const auto must = each.read(scratch, value))
      return each.key + ": " + each.cited(value) + " " + *must;
  }
  return std::nullopt;
}

std::optional<std::string> check_role(const settings& s) {
  if (s.role == node_role::all || is_postgres(s.database))
    return std::nullopt;
  return "role: \"" + std::string(to_string(s.role))
         + "\" needs a PostgreSQL database, because one process alone holds a SQLite file and does everything there; "
           "set database to postgres://… or leave role at \"all\"";
}

struct named_file {
  std::string key;
  std::string path;
};

std::array<named_file, 3> tls_files(const settings& s) {
  return {{{"node_tls_cert", s.node_tls_cert}, {"node_tls_key", s.node_tls_key}, {"node_tls_ca", s.node_tls_ca}}};
}

std::optional<std::string> check_links(const settings& s) {
  const auto files = tls_files(s);
  const auto missing = [](const named_file& f) { return f.path.empty(); };
  const auto first_missing = std::find_if(files.begin(), files.end(), missing);
  if (first_missing == files.end())
    return std::nullopt;
  if (!std::all_of(files.begin(), files.end(), missing))
    return first_missing->key
           + " is missing: node_tls_cert, node_tls_key and node_tls_ca are set all three or not at all";
  if (!is_loopback(s.node_host))
    return "node_host: \"" + s.node_host
           + "\" must be a loopback address (127.0.0.0/8, ::1 or localhost) unless node_tls_cert, node_tls_key and "
             "node_tls_ca are set: the links between nodes carry no authentication of their own, so whoever reached "
             "this one could pass for a node";
  return std::nullopt;
}

/// Opens nothing: a named pipe gives what it has only once.
std::optional<std::string> check_file(const named_file& file) {
  if (file.path.empty())
    return std::nullopt;
  const auto refusal = [&file](const std::string& why) {
    return file.key + ": \"" + file.path + "\" must be a file that this process can read: " + why;
  };
  if (access(file.path.c_str(), R_OK) != 0)
    return refusal(std::generic_category().message(errno));
  std::error_code ignored;
  if (std::filesystem::is_directory(file.path, ignored))
    return refusal("it is a folder");
  return std::nullopt;
}

std::optional<std::string> check_files(const settings& s) {
  auto wrong = check_file({"database_password_file", s.database_password_file});
  if (!wrong)
    wrong = check_file({"outbound_ca_file", s.outbound_ca_file});
  if (!wrong)
    wrong = check_file({"secret_key_file", s.secret_key_file});
  for (const auto& file : tls_files(s)) {
    if (!wrong)
      wrong = check_file(file);
  }
  return wrong;
}

} // namespace

std::string_view to_string(log_level level) noexcept {
  switch (level) {
  case log_level::trace: return "trace";
  case log_level::debug: return "debug";
  case log_level::info: return "info";
  case log_level::warn: return "warn";
  case log_level::error: return "error";
  }
  return "";
}

std::string_view to_string(log_format format) noexcept {
  switch (format) {
  case log_format::text: return "text";
  case log_format::json: return "json";
  }
  return "";
}

std::string_view to_string(node_role role) noexcept {
  switch (role) {
  case node_role::all: return "all";
  case node_role::gateway: return "gateway";
  case node_role::worker: return "worker";
  }
  return "";
}

void add_serve_options(CLI::App& sub, settings& target) {
  using enum setting_group;
  add_options(sub, target, {address, store, engine, cluster, logging});
}

void add_store_options(CLI::App& sub, settings& target) {
  add_options(sub, target, {setting_group::store});
}

void add_log_options(CLI::App& sub, settings& target) {
  add_options(sub, target, {setting_group::logging});
}

void add_address_options(CLI::App& sub, settings& target) {
  add_options(sub, target, {setting_group::address});
}

std::optional<std::string> check(settings& s) {
  derive(s);
  for (const auto part : {check_bounds, check_role, check_links, check_files}) {
    if (auto wrong = part(s))
      return wrong;
  }
  return std::nullopt;
}

} // namespace troupe
