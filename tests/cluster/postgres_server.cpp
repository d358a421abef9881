#include "tests/cluster/postgres_server.hpp"

#include "tests/cluster/postgres_programs.hpp"

#include <csignal>
#include <fstream>
#include <stdexcept>

namespace troupe {

postgres_server::postgres_server() : postgres_database{lasting_port()} {
  give_to_postgres(folder_.path());
  child_process made{as_postgres({postgres_binaries() / "initdb", "--pgdata", folder_.path() / "data", "--username",
                                  user_name, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"})};
  if (made.wait() != 0) {
    throw std::runtime_error{"initdb failed:\n" + made.output()};
  }
  start();
  ask("postgres", "CREATE DATABASE " + database_name);
}

postgres_server::postgres_server(const postgres_server& primary, const std::string& name)
  : postgres_database{lasting_port()} {
  give_to_postgres(folder_.path());
  child_process copied{as_postgres(
    {postgres_binaries() / "pg_basebackup", "--pgdata", folder_.path() / "data", "--write-recovery-conf",
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

// -- faults -----------------------------------------------------------------------

void postgres_server::start() {
  run("database system is ready to accept connections");
}

void postgres_server::start_as_standby() {
  const std::ofstream sign{folder_.path() / "data/standby.signal"};
  run("database system is ready to accept read-only connections");
}

void postgres_server::run(std::string_view ready) {
  std::vector<std::string> command{postgres_binaries() / "postgres", "-D", folder_.path() / "data"};
  for (const auto& setting : {
         "port=" + std::to_string(port()),
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
  process_.emplace(as_postgres(std::move(command)));
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
  give_to_postgres(folder);
  ask("postgres", "CREATE TABLESPACE elsewhere LOCATION '" + folder.string() + "'");
  ask("postgres", "ALTER DATABASE " + database_name + " SET TABLESPACE elsewhere");
}

void postgres_server::copy_to(const std::string& database) {
  ask("postgres", "CREATE DATABASE " + database);
  const auto where = " -h '" + folder_.path().string() + "' -p " + std::to_string(port()) + " -U " + user_name + " ";
  child_process copied{{"/bin/sh", "-c",
                        "'" + (postgres_binaries() / "pg_dump").string() + "'" + where + database_name + " | '"
                          + (postgres_binaries() / "psql").string() + "' -X -q -v ON_ERROR_STOP=1" + where + database}};
  if (copied.wait() != 0) {
    throw std::runtime_error{"the database could not be copied:\n" + copied.output()};
  }
}

std::size_t postgres_server::terminate_backends() {
  return std::stoul(value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                          "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"));
}

} // namespace troupe
