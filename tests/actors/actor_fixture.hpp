#pragma once

#include "actors/interfaces.hpp"
#include "actors/node.hpp"
#include "tests/actors/faulty_database.hpp"
#include "tests/temporary_folder.hpp"

#include <caf/actor_registry.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// The ground of the second test ring: actors on CAF's deterministic scheduler,
/// one message at a time in one thread, with simulated time and a real SQLite file.
namespace troupe {

/// What has come of a question so far.
template <class T>
struct answer {
  std::optional<T> value;
  std::optional<caf::error> error;

  [[nodiscard]] bool waits() const { return !value && !error; }
};

inline std::vector<tool_record> builtin_tools_named(const std::vector<std::string>& names) {
  std::vector<tool_record> tools;
  for (const auto& name : names)
    tools.emplace_back().name = name;
  return tools;
}

class actor_fixture : public testing::Test {
protected:
  actor_fixture();
  ~actor_fixture() override;

  /// Ends the node and everything tracked; fails if any actor outlives that.
  void TearDown() override;

  // -- time and messages ------------------------------------------------------

  /// Until nobody has a message. Time stands still.
  void run() { coordinator().run(); }
  /// Time passes, each timeout in its turn.
  void advance(std::chrono::microseconds by);
  /// The wall clock of all actors; goes with the simulated time.
  [[nodiscard]] timestamp wall_clock();
  /// Puts the wall clock forward, as an operator would.
  void put_clock_forward(std::chrono::microseconds by) { clock_skew_ += by; }
  std::size_t living_actors() { return system_.registry().running(); }
  /// Messages and timeouts that wait for their time.
  std::size_t waiting_ticks() { return coordinator().clock().schedule().size(); }
  /// Lets every request's timeout pass; how many messages still wait for their
  /// time. One more than before: somebody ticks on for nothing.
  std::size_t ticks_at_rest() {
    advance(std::chrono::minutes{11});
    return waiting_ticks();
  }

  /// Asks without waiting for the answer: messages move with `run` and `advance`.
  template <class T, class Handle, class Message>
  std::shared_ptr<answer<T>> ask(const Handle& whom, Message question) {
    auto got = std::make_shared<answer<T>>();
    track(system_.spawn([=](caf::event_based_actor* self) {
      self->request(whom, caf::infinite, question)
        .then([got](T& value) { got->value = std::move(value); },
              [got](caf::error& error) { got->error = std::move(error); });
    }));
    return got;
  }
  /// Asks the writer for an operation.
  template <class Op>
  auto ask_writer(Op op) {
    return ask<typename Op::result_type>(peers()->writer, std::move(op));
  }
  /// Asks the supervisor for an operation.
  template <class Op>
  auto ask_supervisor(Op op) {
    return ask<typename Op::result_type>(peers()->supervisor, std::move(op));
  }
  /// The answer, which comes without time passing.
  template <class T>
  T value_of(const std::shared_ptr<answer<T>>& asked) {
    run();
    if (!asked->value)
      throw std::runtime_error{asked->error ? sentence_of(*asked->error) : "no answer"};
    return *asked->value;
  }
  template <class T>
  std::optional<errc> refusal_of(const std::shared_ptr<answer<T>>& asked) {
    run();
    if (!asked->error || asked->error->category() != caf::atom("troupe"))
      return std::nullopt;
    return static_cast<errc>(asked->error->code());
  }

  template <class Handle>
  void kill(const Handle& whom) {
    caf::anon_send_exit(whom, caf::exit_reason::kill);
    run();
  }
  /// Has it ended with the test.
  void track(caf::actor one) { tracked_.push_back(std::move(one)); }

  // -- the node ---------------------------------------------------------------

  /// With `config_` as the test has set it.
  void start_node();
  /// As a layer above adds its own.
  void add_to_node(add_service service) { value_of(ask<done>(node_, std::move(service))); }
  /// The services as a gateway would know them.
  [[nodiscard]] services_ptr peers() const { return *peers_; }
  [[nodiscard]] node_load load() { return value_of(ask<node_load>(peers()->supervisor, get_load{})); }

  // -- tasks ------------------------------------------------------------------

  [[nodiscard]] create_task make_task(std::string input);
  [[nodiscard]] cancel_task make_cancel(const uuid& id);
  /// Creates and executes; runs until nobody has a message.
  uuid execute(create_task command);
  uuid execute(std::string input) { return execute(make_task(std::move(input))); }
  uuid execute_in(const uuid& thread, std::string input);
  /// A bot of the default model under that name; `change` sets what is special.
  void put_bot_named(
    std::string name, const std::function<void(bot_record&)>& change = [](bot_record&) {});
  uuid execute_with(std::string bot, std::string input);

  // -- what is stored ---------------------------------------------------------

  task_record task(const uuid& id);
  task_status status(const uuid& id) { return task(id).status; }
  std::vector<event_record> journal(const uuid& id);
  /// The types of the journal's entries, separated by spaces.
  std::string story(const uuid& id);
  /// The data of the journal's last entry of that type.
  std::string data_of(const uuid& id, event_type type);
  /// The text of the chunks of an attempt, in a row; each has to begin where the one before ended.
  std::string streamed(const uuid& id, int attempt = 1);
  std::vector<message_record> messages(const uuid& id);
  /// Roles of the task's messages, separated by spaces.
  std::string roles(const uuid& id);
  std::vector<attempt_record> attempts(const uuid& id);
  /// Outcomes of the attempts, separated by spaces.
  std::string outcomes(const uuid& id);
  /// The journal is 1…n with one end, which is the last entry.
  void expect_sound_journal(const uuid& id);

  node_config config_;
  std::shared_ptr<fault_plan> faults_ = std::make_shared<fault_plan>();
  /// What the node gave up with.
  std::vector<std::string> given_up_;
  /// Times that a service's handle has changed.
  int relinks_ = 0;
  caf::actor_system_config system_config_;
  caf::actor_system system_;

private:
  caf::scheduler::test_coordinator& coordinator() {
    return static_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  temporary_folder folder_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::microseconds clock_skew_{0};
  std::size_t actors_at_start_ = 0;
  node_actor node_;
  std::shared_ptr<services_ptr> peers_ = std::make_shared<services_ptr>();
  std::vector<caf::actor> tracked_;
  std::unique_ptr<store_reader> reader_;
};

} // namespace troupe
