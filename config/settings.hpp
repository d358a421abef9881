#pragma once

// For everyone who tells the databases apart or shows what `database` says.
#include "config/database_url.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// What a node of a cluster does.
enum class node_role : std::uint8_t {
  /// Both of the following.
  all,
  /// Answers clients and runs no tasks.
  gateway,
  /// Runs tasks and takes no requests of clients.
  worker,
};

/// `all`, `gateway`, `worker`.
std::string_view to_string(node_role role) noexcept;

struct settings {
  /// The address to listen on. Loopback only (127.0.0.0/8, ::1, localhost), as
  /// there is no authentication yet. `localhost` is both 127.0.0.1 and ::1.
  std::string http_host = "127.0.0.1";
  /// The TCP port to listen on, 0 to 65535; 0 takes any free one.
  std::uint16_t http_port = 8080;
  /// Where a second listener serves `/metrics`, `/healthz` and `/readyz`, and nothing else: a
  /// numeric address, of whatever network, or `localhost`.
  std::string metrics_host = "127.0.0.1";
  /// Its TCP port, 0 to 65535; 0 takes any free one. None: there is no such listener.
  std::optional<std::uint16_t> metrics_port;
  /// The folder of everything the process keeps; it is made if it is missing.
  std::string data_dir = "./var";
  /// `sqlite:<file>`, a PostgreSQL URI (`postgres://…`, `postgresql://…`) or libpq's
  /// keywords (`host=db dbname=troupe`). Empty stands for
  /// `sqlite:<data_dir>/troupe.db` until `check` has filled it in. May hold a
  /// password: show only what `redacted_database` gives.
  std::string database;
  /// The path of a file whose first line is the password for PostgreSQL; empty for
  /// none. Keeps the password out of the process list, the environment and the
  /// settings file.
  std::string database_password_file;
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
  /// Whether each request gets a line in the log, whatever its level.
  bool access_log = false;
  /// Client connections open at once, 1 to 1000000; further ones are refused.
  int max_connections = 20000;
  /// The largest request body, 1 KiB to 64 MiB.
  std::size_t max_body_bytes = 1024 * 1024;
  /// How long the gateway waits for an actor's answer; 100 ms to 1 h.
  std::chrono::milliseconds request_timeout{30'000};
  /// Names and addresses that the Host field of a request may bear beside the addresses
  /// of this host and `localhost`: in lower case, without ports and brackets.
  std::vector<std::string> http_allowed_hosts;
  /// Origins whose pages may use the API from a browser, in lower case, as
  /// `https://app.example.com`; or one `*` for every page, then without credentials.
  std::vector<std::string> cors_origins;
  /// Targets of tools and providers that are reached although they are not public
  /// addresses (loopback, private networks): `host`, `host:port`, `[IPv6]`,
  /// `[IPv6]:port`, in lower case, or `*` for every one. Without a port, any of them.
  std::vector<std::string> outbound_allow;
  /// The path of a PEM file with certificates of authorities that tools and providers
  /// are trusted by, beside the system's; empty for none.
  std::string outbound_ca_file;
  /// Connections to providers and tools at once, 16 to 1000000; 0 stands for three quarters
  /// of the files that the process may open.
  int outbound_connections = 0;
  /// Calls of tools at one host and port at once, 1 to 100000; others wait for their turn.
  int outbound_per_target = 128;
  /// The path of a file with the key, of 32 bytes, that secrets in headers of tools and
  /// models are encrypted with before they are stored; empty for none, where such secrets
  /// are refused. All nodes of a cluster need the same one.
  std::string secret_key_file;
  /// This node's name in records, logs and metrics: 1 to 64 letters, digits, `.`,
  /// `-`, `_`. It must be unique in a cluster. Empty stands for the host's name until
  /// `check` has filled it in.
  std::string node_name;
  /// What this node does. Other than `all` with PostgreSQL only, as one process alone
  /// holds a SQLite file.
  node_role role = node_role::all;
  /// The address that this node listens on for links from other nodes, and that it
  /// tells them: an IPv4 or IPv6 address or a host name, never an unspecified address
  /// (`0.0.0.0`, `::`). Other than loopback only with the three TLS files, as the
  /// links carry no authentication of their own.
  std::string node_host = "127.0.0.1";
  /// The TCP port for links from other nodes, 0 to 65535; 0 takes any free one.
  std::uint16_t node_port = 0;
  /// Whether this node links to others. Without links nodes share the database only:
  /// everything works, and what happens on another node is seen later.
  bool node_links = true;
  /// Paths of PEM files for the links: this node's certificate, its private key, and
  /// the authority that the certificates of all nodes come from. All three or none.
  std::string node_tls_cert;
  std::string node_tls_key;
  std::string node_tls_ca;
  /// How long a node's right to run its tasks lasts without renewal, 1 s to 10 min;
  /// it is renewed at a third of that.
  std::chrono::milliseconds lease_time{10'000};

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

/// `data_dir`, `database` and `database_password_file`, for what only touches the
/// store.
void add_store_options(CLI::App& sub, settings& target);

/// `log_level` and `log_format`.
void add_log_options(CLI::App& sub, settings& target);

/// `http_host` and `http_port`, for commands that call a running server.
void add_address_options(CLI::App& sub, settings& target);

// -- after reading ------------------------------------------------------------

/// Fills in what is derived (`database`, `worker_threads`, `node_name`, and a
/// `node_host` of `localhost`), holds every value against its bounds and against the
/// others, and looks whether the files that are named can be read. A sentence says
/// what is wrong; it never holds a password of `database`.
std::optional<std::string> check(settings& s);

} // namespace troupe
