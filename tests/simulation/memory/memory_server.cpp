#include "tests/simulation/memory/memory_server.hpp"

#include "tests/simulation/memory/memory_reader.hpp"
#include "tests/simulation/memory/memory_state.hpp"
#include "tests/simulation/memory/memory_writer.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace troupe {

namespace {

class memory_database final : public database {
public:
  explicit memory_database(std::shared_ptr<memory_process> process) : process_{std::move(process)} {}
  ~memory_database() override {
    auto& server = *process_->server;
    const std::lock_guard guard{server.mutex};
    std::erase_if(server.sessions, [this](const auto& session) { return session.second == process_->number; });
  }

  store_result<std::unique_ptr<store_writer>> open_writer() override {
    const std::lock_guard guard{process_->server->mutex};
    if (std::exchange(process_->has_writer, true))
      return store_error{errc::unavailable, "The database has this process's one writer already."};
    return std::make_unique<memory_writer>(process_);
  }
  store_result<std::unique_ptr<store_reader>> open_reader() override {
    return std::make_unique<memory_reader>(process_->server);
  }

  [[nodiscard]] database_info info() const override {
    return {!process_->server->exclusive, process_->server->id, process_->number == 1};
  }
  [[nodiscard]] timestamp now() const override { return process_->server->clock(); }
  [[nodiscard]] bool available() const noexcept override { return true; }
  [[nodiscard]] store_state state() const override { return {}; }
  /// Nothing is ever waited for.
  void give_up() noexcept override {}

private:
  std::shared_ptr<memory_process> process_;
};

/// The last change of the commit with that number.
std::uint64_t& mark_of(memory_state& state, std::uint64_t commits) {
  if (commits < state.first_commit || commits - state.first_commit >= state.commits.size())
    throw std::out_of_range{"there is no way back to commit " + std::to_string(commits) + ": known are those from "
                            + std::to_string(state.first_commit) + " to "
                            + std::to_string(state.first_commit + state.commits.size() - 1)};
  return state.commits[static_cast<std::size_t>(commits - state.first_commit)];
}

} // namespace

memory_server::memory_server(std::function<timestamp()> clock, access by, memory_faults faults)
  : state_{std::make_shared<memory_state>(std::move(clock), by == access::exclusive, faults)} {}

std::shared_ptr<database> memory_server::open(std::function<std::chrono::steady_clock::time_point()> steady) {
  const std::lock_guard guard{state_->mutex};
  auto process = std::make_shared<memory_process>(memory_process{state_, std::move(steady), ++state_->processes});
  return std::make_shared<memory_database>(std::move(process));
}

void memory_server::end_session(const uuid& node_id) {
  const std::lock_guard guard{state_->mutex};
  state_->sessions.erase(node_id);
}

std::uint64_t memory_server::commits() const noexcept {
  const std::lock_guard guard{state_->mutex};
  return state_->first_commit + state_->commits.size() - 1;
}

void memory_server::undo_to(std::uint64_t commits) {
  const std::lock_guard guard{state_->mutex};
  if (!state_->views.empty())
    throw std::logic_error{"a reader has a view open, whose commits cannot be taken back"};
  state_->data.undo(mark_of(*state_, commits));
  state_->commits.resize(static_cast<std::size_t>(commits - state_->first_commit) + 1);
  ++state_->failovers;
}

void memory_server::keep_undo_behind(std::uint64_t commits) {
  const std::lock_guard guard{state_->mutex};
  const auto mark = mark_of(*state_, commits);
  state_->commits.erase(state_->commits.begin(),
                        state_->commits.begin() + static_cast<std::ptrdiff_t>(commits - state_->first_commit));
  state_->first_commit = commits;
  // A view may need more.
  state_->data.forget(state_->views.empty() ? mark : std::min(mark, *state_->views.begin()));
}

} // namespace troupe
