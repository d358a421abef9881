#include "tests/cluster/postgres_server.hpp"

#include "tests/bench/sockets.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <pwd.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace troupe {

namespace {

// Strings, since gcc 12 sees an overflow where a short literal is appended to one.
const std::string database_name = "troupe";
const std::string user_name = "postgres";

// What no text of a database contains separates the fields and rows that psql prints.
constexpr char field_end = '\x1f';
constexpr char row_end = '\x1e';

/// The folder of the newest PostgreSQL that is installed.
std::filesystem::path installed_binaries() {
  std::filesystem::path newest;
  int version = 0;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator{"/usr/lib/postgresql", none}) {
    const int found = std::atoi(entry.path().filename().c_str());
    if (found > version && std::filesystem::exists(entry.path() / "bin/postgres")) {
      version = found;
      newest = entry.path() / "bin";
    }
  }
  if (newest.empty()) {
    throw std::runtime_error{"there is no PostgreSQL server in /usr/lib/postgresql: install the package postgresql"};
  }
  return newest;
}

bool is_root() {
  return ::geteuid() == 0;
}

/// PostgreSQL refuses to run as root. It ends with the test also if that is killed.
std::vector<std::string> as_its_user(std::vector<std::string> command) {
  std::vector<std::string> whole{"/usr/bin/setpriv", "--pdeathsig", "QUIT"};
  if (is_root()) {
    whole.insert(whole.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
  }
  whole.insert(whole.end(), command.begin(), command.end());
  return whole;
}

void give_to_its_user(const std::filesystem::path& folder) {
  if (!is_root()) {
    return;
  }
  const passwd* user = ::getpwnam("postgres");
  if (user == nullptr || ::chown(folder.c_str(), user->pw_uid, user->pw_gid) != 0) {
    throw std::runtime_error{"the user postgres is missing: install the package postgresql"};
  }
}

bool is_free(std::uint16_t port) {
  const descriptor socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

/// A free port that the system gives to nobody by itself, so that it is still free
/// when the server that was stopped is started again.
std::uint16_t choose_port() {
  unsigned first_given = 32768;
  std::ifstream{"/proc/sys/net/ipv4/ip_local_port_range"} >> first_given;
  std::random_device random;
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto port = static_cast<std::uint16_t>(10'000 + random() % (std::max(first_given, 11'000U) - 10'000));
    if (is_free(port)) {
      return port;
    }
  }
  throw std::runtime_error{"no port is free for PostgreSQL"};
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (auto end = text.find(separator); end != std::string::npos; end = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  parts.push_back(text.substr(begin));
  return parts;
}

} // namespace

postgres_server::postgres_server() : port_{choose_port()} {
  give_to_its_user(folder_.path());
  child_process made{as_its_user({installed_binaries() / "initdb", "--pgdata", folder_.path() / "data", "--username",
                                  user_name, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"})};
  if (made.wait() != 0) {
    throw std::runtime_error{"initdb failed:\n" + made.output()};
  }
  start();
  ask("postgres", "CREATE DATABASE " + database_name);
}

postgres_server::postgres_server(const postgres_server& primary, const std::string& name) : port_{choose_port()} {
  give_to_its_user(folder_.path());
  child_process copied{as_its_user(
    {installed_binaries() / "pg_basebackup", "--pgdata", folder_.path() / "data", "--write-recovery-conf",
     "--checkpoint=fast", "--no-sync", "--dbname",
     "host=127.0.0.1 port=" + std::to_string(primary.port()) + " user=" + user_name + " application_name=" + name})};
  if (copied.wait() != 0) {
    throw std::runtime_error{"pg_basebackup failed:\n" + copied.output()};
  }
  run("database system is ready to accept read-only connections");
}

postgres_server::~postgres_server() {
  if (process_) {
    stop_immediate();
  }
}

std::string postgres_server::url(std::uint16_t through) const {
  return url_of(database_name, through);
}

std::string postgres_server::url_of(const std::string& database, std::uint16_t through) const {
  return "postgres://" + user_name + "@127.0.0.1:" + std::to_string(through == 0 ? port_ : through) + "/" + database;
}

// -- faults -----------------------------------------------------------------------

void postgres_server::start() {
  run("database system is ready to accept connections");
}

void postgres_server::start_as_standby() {
  const std::ofstream sign{folder_.path() / "data/standby.signal"};
  run("database system is ready to accept read-only connections");
}

void postgres_server::run(std::string_view ready) {
  std::vector<std::string> command{installed_binaries() / "postgres", "-D", folder_.path() / "data"};
  for (const auto& setting : {
         "port=" + std::to_string(port_),
         std::string{"listen_addresses=127.0.0.1"},
         "unix_socket_directories=" + folder_.path().string(),
         std::string{"fsync=on"},
         std::string{"synchronous_commit=on"},
         std::string{"max_connections=200"},
         // Without the statements: a cut session would print all of them.
         std::string{"log_min_error_statement=panic"},
       }) {
    command.emplace_back("-c");
    command.push_back(setting);
  }
  process_.emplace(as_its_user(std::move(command)));
  process_->wait_for_line(ready);
}

void postgres_server::stop(int signal) {
  process_->signal(signal);
  process_->wait();
  process_.reset();
}

void postgres_server::signal_all(int signal) const {
  // Those that wait first, lest the first one starts others.
  process_->signal(signal);
  const auto pid = std::to_string(process_->pid());
  std::ifstream children{"/proc/" + pid + "/task/" + pid + "/children"};
  for (pid_t child = 0; children >> child;) {
    ::kill(child, signal);
  }
}

void postgres_server::freeze() {
  signal_all(SIGSTOP);
}

void postgres_server::thaw() {
  signal_all(SIGCONT);
}

void postgres_server::stop_immediate() {
  stop(SIGQUIT);
}

void postgres_server::stop_fast() {
  stop(SIGINT);
}

void postgres_server::promote() {
  if (value("SELECT pg_promote()") != "t") {
    throw std::runtime_error{"the standby was not promoted in time"};
  }
}

void postgres_server::set(const std::string& setting, const std::string& value) {
  ask("postgres",
      value.empty() ? "ALTER SYSTEM RESET " + setting : "ALTER SYSTEM SET " + setting + " = '" + value + "'");
  ask("postgres", "SELECT pg_reload_conf()");
}

void postgres_server::move_to(const std::filesystem::path& folder) {
  std::filesystem::create_directory(folder);
  give_to_its_user(folder);
  ask("postgres", "CREATE TABLESPACE elsewhere LOCATION '" + folder.string() + "'");
  ask("postgres", "ALTER DATABASE " + database_name + " SET TABLESPACE elsewhere");
}

void postgres_server::copy_to(const std::string& database) {
  ask("postgres", "CREATE DATABASE " + database);
  const auto where = " -h '" + folder_.path().string() + "' -p " + std::to_string(port_) + " -U " + user_name + " ";
  child_process copied{{"/bin/sh", "-c",
                        "'" + (installed_binaries() / "pg_dump").string() + "'" + where + database_name + " | '"
                          + (installed_binaries() / "psql").string() + "' -X -q -v ON_ERROR_STOP=1" + where
                          + database}};
  if (copied.wait() != 0) {
    throw std::runtime_error{"the database could not be copied:\n" + copied.output()};
  }
}

std::size_t postgres_server::terminate_backends() {
  return std::stoul(value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                          "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"));
}

// -- questions --------------------------------------------------------------------

std::vector<postgres_server::row> postgres_server::query(const std::string& sql) const {
  return ask(database_name, sql);
}

std::string postgres_server::value(const std::string& sql) const {
  const auto rows = query(sql);
  if (rows.size() != 1 || rows[0].size() != 1) {
    throw std::runtime_error{"one value was expected of: " + sql};
  }
  return rows[0][0];
}

std::vector<postgres_server::row> postgres_server::ask(const std::string& database, const std::string& sql) const {
  child_process psql{{"/usr/bin/env",
                      "PGOPTIONS=-c client_min_messages=error",
                      installed_binaries() / "psql",
                      "-X",
                      "-q",
                      "-A",
                      "-t",
                      "-F",
                      std::string{field_end},
                      "-R",
                      std::string{row_end},
                      "-v",
                      "ON_ERROR_STOP=1",
                      "-h",
                      folder_.path(),
                      "-p",
                      std::to_string(port_),
                      "-U",
                      user_name,
                      "-d",
                      database,
                      "-c",
                      sql}};
  if (psql.wait() != 0) {
    throw std::runtime_error{"psql could not do '" + sql + "':\n" + psql.output()};
  }
  std::string output = psql.output();
  if (output.ends_with('\n')) {
    output.pop_back();
  }
  std::vector<row> rows;
  if (!output.empty()) {
    for (const auto& line : split(output, row_end)) {
      rows.push_back(split(line, field_end));
    }
  }
  return rows;
}

} // namespace troupe
