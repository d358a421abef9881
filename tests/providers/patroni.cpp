#include "tests/providers/patroni.hpp"

#include "tests/bench/sockets.hpp"
#include "tests/cluster/postgres_database.hpp"
#include "tests/cluster/postgres_programs.hpp"

#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace troupe {

namespace {

/// The name of all members together.
const std::string scope = "troupe";

/// A program of Patroni's, with what it needs to find its own modules. They are Debian's, and so is their Python.
std::vector<std::string> program(const std::string& name) {
  if (const auto installed = "/usr/bin/" + name; ::access(installed.c_str(), X_OK) == 0)
    return {"/usr/bin/python3", installed};
  const std::string tools = TROUPE_SOURCE_DIR "/build/tools/usr";
  if (const auto unpacked = tools + "/bin/" + name; ::access(unpacked.c_str(), X_OK) == 0)
    return {"/usr/bin/env", "PYTHONPATH=" + tools + "/lib/python3/dist-packages", "/usr/bin/python3", unpacked};
  return {};
}

nlohmann::json etcd_at(std::uint16_t port) {
  return {{"host", "127.0.0.1:" + std::to_string(port)}};
}

/// Its configuration is YAML, which JSON is a part of.
void write(const std::string& file, const nlohmann::json& document) {
  std::ofstream{file} << document.dump(2);
}

/// Whether a process runs. One that has ended, and that nobody waits for, does not.
bool runs(pid_t process) {
  std::ifstream status{"/proc/" + std::to_string(process) + "/stat"};
  std::string number, name, state;
  return static_cast<bool>(status >> number >> name >> state) && state != "Z";
}

} // namespace

// -- a member -----------------------------------------------------------------------

class patroni::member {
public:
  member(std::size_t number, std::uint16_t etcd, bool synchronous) {
    give_to_postgres(folder_.path());
    const std::string file = folder_.file("patroni.json");
    write(file, configuration("m" + std::to_string(number), etcd, synchronous));
    auto command = program("patroni");
    command.push_back(file);
    process_ = std::make_unique<child_process>(as_postgres(std::move(command), "TERM"));
  }

  ~member() {
    process_->signal(SIGKILL);
    // In order, so that no memory that it shares stays behind.
    if (const auto server = postmaster(); server > 0) {
      ::kill(server, SIGQUIT);
      eventually([server] { return !runs(server); });
    }
  }

  member(const member&) = delete;
  member& operator=(const member&) = delete;

  [[nodiscard]] const member_ports& ports() const noexcept { return ports_; }
  [[nodiscard]] std::string output() const { return process_->output(); }

  void kill() const {
    process_->signal(SIGKILL);
    const auto server = std::to_string(postmaster());
    std::vector<pid_t> all{postmaster()};
    std::ifstream children{"/proc/" + server + "/task/" + server + "/children"};
    for (pid_t child = 0; children >> child;)
      all.push_back(child);
    for (const auto one : all)
      if (one > 0)
        ::kill(one, SIGKILL);
  }

private:
  /// The process of its PostgreSQL; 0 if it has none.
  [[nodiscard]] pid_t postmaster() const {
    pid_t found = 0;
    std::ifstream{folder_.path() / "data/postmaster.pid"} >> found;
    return runs(found) ? found : 0;
  }

  [[nodiscard]] nlohmann::json configuration(const std::string& name, std::uint16_t etcd, bool synchronous) const {
    using json = nlohmann::json;
    const auto at = [](std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); };
    const json account{{"username", postgres_database::user_name}};
    return {
      {"scope", scope},
      {"name", name},
      {"etcd3", etcd_at(etcd)},
      {"restapi", {{"listen", at(ports_.api)}, {"connect_address", at(ports_.api)}}},
      {"bootstrap",
       {{"dcs",
         {{"ttl", 20},
          {"loop_wait", 1},
          {"retry_timeout", 3},
          // However far a standby is behind, it is better than none.
          {"maximum_lag_on_failover", 1 << 30},
          {"synchronous_mode", synchronous},
          {"postgresql", {{"use_pg_rewind", true}, {"parameters", {{"max_connections", 200}}}}}}},
        {"initdb", {{{"encoding", "UTF8"}}, {{"locale", "C"}}, {{"auth", "trust"}}, "no-sync"}},
        {"pg_hba", {"host all all 127.0.0.1/32 trust", "host replication all 127.0.0.1/32 trust"}}}},
      {"postgresql",
       {{"listen", at(ports_.database)},
        {"connect_address", at(ports_.database)},
        {"data_dir", folder_.file("data")},
        {"bin_dir", postgres_binaries().string()},
        {"pgpass", folder_.file("pgpass")},
        {"authentication", {{"superuser", account}, {"replication", account}}},
        {"parameters", {{"unix_socket_directories", folder_.path().string()}, {"log_min_error_statement", "panic"}}},
        {"basebackup", {{{"checkpoint", "fast"}}, "no-sync"}}}}};
  }

  temporary_folder folder_;
  member_ports ports_{lasting_port(), lasting_port()};
  std::unique_ptr<child_process> process_;
};

// -- all of them --------------------------------------------------------------------

std::string patroni::missing() {
  const auto command = program("patroni");
  if (command.empty())
    return "Patroni is missing (`./dev test` fetches it)";
  std::string line;
  for (const auto& word : command)
    line += word + " ";
  return std::system((line + "--version >/dev/null 2>&1").c_str()) == 0 ? "" : "Patroni does not run here";
}

patroni::patroni(std::uint16_t etcd, std::size_t members, bool synchronous) : etcd_{etcd} {
  for (std::size_t number = 0; number < members; ++number)
    members_.push_back(std::make_unique<member>(number, etcd, synchronous));
  const auto is_whole = [&] {
    std::size_t leaders = 0, others = 0, synchronous_ones = 0;
    for (std::size_t number = 0; number < members; ++number) {
      leaders += is(number, "primary") ? 1U : 0U;
      others += is(number, "replica") ? 1U : 0U;
      synchronous_ones += synchronous && is(number, "synchronous") ? 1U : 0U;
    }
    return leaders == 1 && others + 1 == members && synchronous_ones == (synchronous ? 1U : 0U);
  };
  if (!eventually(is_whole, 60s))
    throw std::runtime_error{"Patroni's members do not come up; they wrote:" + output()};
  const postgres_database first{members_[leader()]->ports().database};
  // A standby that finds no slot for it yet tries again after five seconds, and is called a replica meanwhile; promoted
  // then, it would not even have the database that is made here.
  const auto all_follow = [&] {
    return first.ask("postgres", "SELECT pid FROM pg_stat_replication WHERE state = 'streaming'").size() == members - 1;
  };
  if (!eventually(all_follow, 60s))
    throw std::runtime_error{"Patroni's members do not follow their leader; they wrote:" + output()};
  if (first.ask("postgres", "SELECT FROM pg_database WHERE datname = '" + postgres_database::database_name + "'")
        .empty())
    first.ask("postgres", "CREATE DATABASE " + postgres_database::database_name);
}

patroni::~patroni() = default;

std::string patroni::output() const {
  std::string said;
  for (const auto& one : members_)
    said += "\n" + one->output();
  return said;
}

std::vector<patroni::member_ports> patroni::ports() const {
  std::vector<member_ports> all;
  for (const auto& one : members_)
    all.push_back(one->ports());
  return all;
}

std::string patroni::url() const {
  std::string hosts;
  for (const auto& one : ports())
    hosts += (hosts.empty() ? "127.0.0.1:" : ",127.0.0.1:") + std::to_string(one.database);
  return "postgres://" + postgres_database::user_name + "@" + hosts + "/" + postgres_database::database_name;
}

bool patroni::is(std::size_t number, const std::string& what) const {
  try {
    const auto connection = connect_loopback(members_[number]->ports().api);
    send_all(connection.get(), get_request("/" + what));
    std::string answer;
    while (answer.find('\n') == std::string::npos)
      receive_some(connection.get(), answer);
    return answer.substr(0, answer.find('\n')).find(" 200 ") != std::string::npos;
  } catch (const std::exception&) {
    return false;
  }
}

std::size_t patroni::leader() const {
  std::size_t found = 0;
  const auto leads = [&] {
    for (found = 0; found < members_.size(); ++found)
      if (is(found, "primary"))
        return true;
    return false;
  };
  if (!eventually(leads, 60s))
    throw std::runtime_error{"no member of Patroni leads"};
  return found;
}

bool patroni::has_no_leader() const {
  for (std::size_t number = 0; number < members_.size(); ++number)
    if (is(number, "primary"))
      return false;
  return true;
}

void patroni::switch_over() {
  const auto before = leader();
  const temporary_folder folder;
  const auto file = folder.file("patronictl.json");
  write(file, {{"scope", scope}, {"etcd3", etcd_at(etcd_)}});
  auto command = program("patronictl");
  command.insert(command.end(), {"-c", file, "switchover", "--force", scope});
  child_process told{command};
  if (told.wait() != 0 || !eventually([&] { return leader() != before; }))
    throw std::runtime_error{"Patroni does not switch over:\n" + told.output()};
}

void patroni::kill_leader() {
  members_[leader()]->kill();
}

} // namespace troupe
