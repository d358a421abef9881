#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace CLI {
class App;
}

/// The settings of a Troupe process: the one place where each of them is defined,
/// described and bounded. Every setting is a flag (`--http-port`), an environment
/// variable (`TROUPE_HTTP_PORT`) and a key of the TOML file that `--config` names
/// (`http_port`), in falling precedence; an empty environment variable counts as
/// unset. `troupe serve --help` is the reference.
namespace troupe {

enum class log_level : std::uint8_t { trace, debug, info, warn, error };

/// `trace`, `debug`, `info`, `warn`, `error`.
std::string_view to_string(log_level level) noexcept;

enum class log_format : std::uint8_t {
  /// One line a message, for people.
  text,
  /// One JSON object a line, for machines.
  json,
};

/// `text`, `json`.
std::string_view to_string(log_format format) noexcept;

struct settings {
  /// The address to listen on. Loopback only (127.0.0.0/8, ::1, localhost), as
  /// there is no authentication yet.
  std::string http_host = "127.0.0.1";
  /// The TCP port to listen on, 0 to 65535; 0 takes any free one.
  std::uint16_t http_port = 8080;
  /// The folder of everything the process keeps; it is made if it is missing.
  std::string data_dir = "./var";
  /// `sqlite:<file>`. Empty stands for `sqlite:<data_dir>/troupe.db` until
  /// `check` has filled it in.
  std::string database;
  /// Tasks that run at once on this node, 1 to 1000000; others wait in the queue.
  int capacity = 10000;
  /// Threads for network input and output, 1 to 64.
  int io_threads = 1;
  /// Threads that run actors, 0 to 256. 0 stands for one per core until `check`
  /// has filled it in.
  int worker_threads = 0;
  /// Connections that read the database beside the one that writes, 1 to 64.
  int store_readers = 2;
  /// How long a drain lets running tasks go on before it hands them back to the
  /// queue; 0 to 1 h.
  std::chrono::milliseconds drain_timeout{30'000};
  /// How often a task that was running when its process died is taken up again
  /// before it fails, 0 to 1000.
  int max_recoveries = 5;
  /// The least severe level that is logged.
  log_level level = log_level::info;
  log_format format = log_format::text;
  /// Client connections open at once, 1 to 1000000; further ones are refused.
  int max_connections = 20000;
  /// The largest request body, 1 KiB to 64 MiB.
  std::size_t max_body_bytes = 1024 * 1024;
  /// How long the gateway waits for an actor's answer; 100 ms to 1 h.
  std::chrono::milliseconds request_timeout{30'000};
  /// This node's name in records, logs and metrics: 1 to 64 letters, digits, `.`,
  /// `-`, `_`. Empty stands for the host's name until `check` has filled it in.
  std::string node_name;

  bool operator==(const settings&) const = default;
};

// -- the command line ---------------------------------------------------------

// Each of these gives a subcommand the options of some settings and `--config`.
// When the subcommand's arguments are parsed, `target` takes the values of the
// flags, the environment and the file; a wrong one ends the parse with a
// CLI::ParseError that names the setting, its value, where it came from and what
// it must be. `target` must outlive the parse. They may be combined on one
// subcommand, whose parse-complete callback they take; its `callback` stays free.

/// Every setting there is.
void add_serve_options(CLI::App& sub, settings& target);

/// `data_dir` and `database`, for what only touches the store.
void add_store_options(CLI::App& sub, settings& target);

/// `log_level` and `log_format`.
void add_log_options(CLI::App& sub, settings& target);

/// `http_host` and `http_port`, for commands that call a running server.
void add_address_options(CLI::App& sub, settings& target);

// -- after reading ------------------------------------------------------------

/// Fills in what is derived (`database`, `worker_threads`, `node_name`, and the
/// address of `localhost`) and holds every value against its bounds. A sentence
/// says what is wrong.
std::optional<std::string> check(settings& s);

} // namespace troupe
