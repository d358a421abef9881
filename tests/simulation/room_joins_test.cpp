#include "gateway/live/room_joins.hpp"
#include "tests/simulation/process.hpp"
#include "tests/simulation/run_here.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <gtest/gtest.h>

#include <functional>
#include <string>

/// What is said of a broadcaster's death to whoever has joined rooms there.
namespace troupe {

namespace {

using joiner = subscriber_actor::extend<caf::reacts_to<run_here>>;

/// Joins rooms, and writes down what it is told.
struct joiner_state {
  static inline const char* name = "joiner";

  explicit joiner_state(joiner::pointer self)
    : joins{self, {[this] { log += "interrupted "; }, [this] { log += "again "; }}} {}

  std::string log;
  room_joins<joiner::pointer> joins;
};

joiner::behavior_type behave(joiner::stateful_pointer<joiner_state> self, joiner_state** where) {
  *where = &self->state;
  return {
    [](const events_published&) {},
    [](const events_missed&) {},
    [](const run_here& job) { job.what(); },
  };
}

/// One that answers, or not.
broadcaster_actor::behavior_type broadcast(broadcaster_actor::pointer, bool answers) {
  return {
    [](const events_committed&) {},
    [](const events_missed&) {},
    [answers](const join_room&) -> caf::result<done> {
      if (answers)
        return done{};
      return caf::delegated<done>{};
    },
    [](const leave_room&) {},
    [](const links_changed&) {},
    [](const commit_overdue&) {},
    [](const look_due&) {},
    [](const linger_over&) {},
    [](const services_changed&) {},
  };
}

class RoomJoins : public testing::Test {
protected:
  RoomJoins() : system_{configure_simulated(config_)} {
    joiner_ = system_.spawn(behave, &state_);
    run();
  }
  ~RoomJoins() override {
    caf::anon_send_exit(joiner_, caf::exit_reason::kill);
    run();
  }

  void run() { static_cast<caf::scheduler::test_coordinator&>(system_.scheduler()).run(); }
  void have(const std::function<void(room_joins<joiner::pointer>&)>& what) {
    caf::anon_send(joiner_, run_here{[this, what] { what(state_->joins); }});
    run();
  }
  void link(bool answers) {
    have([this, answers](auto& joins) { joins.link(system_.spawn(broadcast, answers)); });
  }
  void join() {
    have([this](auto& joins) { joins.join(lab_, [this] { ++joined_; }); });
  }
  void leave() {
    have([this](auto& joins) { joins.leave(lab_); });
  }
  [[nodiscard]] const std::string& log() const { return state_->log; }

  int joined_ = 0;

private:
  const room lab_{room::kind::ns, {}, "lab"};
  caf::actor_system_config config_;
  caf::actor_system system_;
  joiner joiner_;
  joiner_state* state_ = nullptr;
};

} // namespace

TEST_F(RoomJoins, NobodyIsInterruptedWhoHasNone) {
  link(true);
  link(true);
  EXPECT_EQ(log(), "");
}

TEST_F(RoomJoins, AreMadeAgainAtTheNextBroadcaster) {
  link(true);
  join();
  EXPECT_EQ(joined_, 1);
  link(true);
  EXPECT_EQ(log(), "interrupted again ");
  EXPECT_EQ(joined_, 1);
}

TEST_F(RoomJoins, OfOneThatDoesNotAnswerAreOverOnceThereIsAnother) {
  link(false);
  join();
  EXPECT_EQ(joined_, 0);
  link(true);
  EXPECT_EQ(joined_, 1);
  EXPECT_EQ(log(), "interrupted again ");
}

TEST_F(RoomJoins, ThatAreLeftWhileTheyAreMadeAgainKeepNobodyInterrupted) {
  link(true);
  join();
  link(false);
  leave();
  EXPECT_EQ(log(), "interrupted ");
  link(true);
  EXPECT_EQ(log(), "interrupted interrupted again ");
}

} // namespace troupe
