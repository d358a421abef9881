#include "tests/cluster/cluster.hpp"

#include "tests/e2e/server_test.hpp"

#include <algorithm>
#include <csignal>
#include <linux/close_range.h>
#include <set>
#include <sstream>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

/// The sockets of Asio are inherited by processes that are started later: there they would
/// keep connections open that a client has closed.
void keep_descriptors_to_ourselves() {
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
}

/// `defaults`, but for what `flags` say otherwise.
flag_map with_defaults(flag_map flags, flag_map defaults) {
  flags.merge(defaults);
  return flags;
}

flag_map suite_flags() {
  return {{"--node-port", "0"},
          {"--lease-time", std::to_string(lease_time.count()) + "ms"},
          {"--drain-timeout", "2s"},
          {"--capacity", "200"},
          {"--max-recoveries", "1000"}};
}

} // namespace

// -- node -------------------------------------------------------------------------

node::node(const postgres_database& database, gateway_directory& directory, std::string name, std::string role,
           flag_map flags)
  : directory_{directory}, name_{std::move(name)}, role_{std::move(role)}, flags_{std::move(flags)},
    proxy_{database.port()} {
  url_ = database.url(proxy_.port());
}

node::~node() {
  directory_.leave(name_);
}

void node::start() {
  if (process_) {
    throw std::logic_error{name_ + " runs already"};
  }
  keep_descriptors_to_ourselves();
  std::vector<std::string> flags{"--node-name", name_, "--role", role_};
  if (!flags_.contains("--database")) {
    flags.insert(flags.end(), {"--database", url_});
  }
  for (const auto& [flag, value] : flags_) {
    flags.insert(flags.end(), {flag, value});
  }
  process_.emplace(data_.path(), flags);
  if (is_gateway()) {
    directory_.enter(name_, port());
  }
}

void node::forget() {
  earlier_output_ += process_->output() + "---- " + name_ + " has ended\n";
  process_.reset();
  directory_.leave(name_);
}

void node::kill() {
  process_.value().signal(SIGKILL);
  const int ended = process_->wait();
  if (ended != 128 + SIGKILL) {
    throw std::runtime_error{name_ + " had ended by itself with " + std::to_string(ended) + "; it wrote:\n"
                             + process_->output()};
  }
  forget();
}

void node::freeze() {
  process_.value().signal(SIGSTOP);
}

void node::thaw() {
  process_.value().signal(SIGCONT);
}

void node::drain() {
  process_.value().signal(SIGTERM);
}

int node::wait_for_end(std::chrono::milliseconds limit) {
  const int ended = process_.value().wait(limit);
  forget();
  return ended;
}

bool node::is_running() const {
  if (!process_) {
    return false;
  }
  try {
    // One that has ended, and was not waited for, has no memory.
    return process_->resident_bytes() > 0;
  } catch (const std::runtime_error&) {
    return false;
  }
}

unsigned node::readiness() const {
  try {
    http_client http{port(), 2s};
    const auto reply = http.get("/readyz");
    if (reply.status == 503) {
      EXPECT_FALSE(reply.header("Retry-After").empty()) << reply.body;
    }
    return reply.status;
  } catch (const boost::system::system_error&) {
    return 0;
  }
}

double node::metric(const std::string& name) const {
  http_client http{port()};
  std::istringstream lines{http.get("/metrics").body};
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name) && line.size() > name.size() && (line[name.size()] == ' ' || line[name.size()] == '{')) {
      sum += std::stod(line.substr(line.rfind(' ') + 1));
    }
  }
  return sum;
}

std::string node::output() const {
  return earlier_output_ + (process_ ? process_->output() : "");
}

// -- cluster ----------------------------------------------------------------------

cluster::cluster(flag_map flags)
  : flags_{with_defaults(std::move(flags), suite_flags())}, database_{std::make_unique<postgres_server>()} {}

cluster::cluster(const postgres_database& elsewhere, flag_map flags)
  : flags_{with_defaults(with_defaults(std::move(flags), suite_flags()), {{"--database", elsewhere.url()}})},
    elsewhere_{elsewhere} {}

void cluster::fail_over_to(std::unique_ptr<postgres_server> standby) {
  standby->promote();
  database_ = std::move(standby);
  for (auto* one : nodes()) {
    one->database_link().lead_to(database_->port());
    one->database_link().reset();
  }
}

node& cluster::add(const std::string& name, const std::string& role, const flag_map& flags) {
  nodes_.push_back(std::make_unique<node>(data(), directory_, name, role, with_defaults(flags, flags_)));
  nodes_.back()->start();
  return *nodes_.back();
}

node& cluster::at(const std::string& name) {
  const auto found = std::find_if(nodes_.begin(), nodes_.end(), [&](const auto& n) { return n->name() == name; });
  if (found == nodes_.end()) {
    throw std::logic_error{"there is no node " + name};
  }
  return **found;
}

std::vector<node*> cluster::nodes() const {
  std::vector<node*> all;
  for (const auto& n : nodes_) {
    all.push_back(n.get());
  }
  return all;
}

std::vector<node*> cluster::gateways() const {
  auto found = nodes();
  std::erase_if(found, [](const node* n) { return !n->is_gateway(); });
  return found;
}

std::vector<node*> cluster::workers() const {
  auto found = nodes();
  std::erase_if(found, [](const node* n) { return !n->is_worker(); });
  return found;
}

std::uint16_t cluster::any_port() const {
  const auto known = directory_.ports();
  if (known.empty()) {
    throw std::runtime_error{"no gateway is started"};
  }
  return known.front();
}

std::vector<json> cluster::listed_nodes() const {
  http_client http{any_port()};
  return list_all(http, "/api/v1/nodes");
}

void cluster::wait_until_whole() {
  std::set<std::string> expected;
  for (const auto& n : nodes_) {
    if (n->is_started()) {
      expected.insert(n->name());
      EXPECT_TRUE(eventually([&] { return n->readiness() == 200; })) << n->name() << " is not ready:\n" << n->output();
    }
  }
  json listed;
  EXPECT_TRUE(eventually([&] {
    http_client http{any_port()};
    const auto reply = http.get("/api/v1/nodes");
    listed = reply.document();
    // Who was turned away by a server that was about to stop tries again a moment later.
    if (reply.status != 200) {
      return false;
    }
    // A node that was started again stands there twice for a while.
    std::set<std::string> alive;
    for (const auto& item : listed.at("items")) {
      if (item.at("status") == "alive") {
        alive.insert(item.at("name"));
      }
    }
    return alive == expected;
  }))
    << "the nodes are listed as " << listed;
}

} // namespace troupe
