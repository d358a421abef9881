#include "actors/broadcast/broadcaster.hpp"
#include "actors/models/builtin_model.hpp"
#include "actors/models/models.hpp"
#include "actors/tasks/scheduler.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <caf/stateful_actor.hpp>
#include <gmock/gmock.h>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

} // namespace

// -- broadcaster --------------------------------------------------------------

namespace {

/// Writes down what a subscriber is sent: per message, the sequence numbers.
class Broadcaster : public actor_fixture {
protected:
  using messages = std::vector<std::vector<std::int64_t>>;

  void SetUp() override {
    subject_ = system_.spawn(broadcaster, std::make_shared<const services>(), config_.measured);
    track(caf::actor_cast<caf::actor>(subject_));
  }

  subscriber_actor make_subscriber(messages& got) {
    const auto one = system_.spawn([&got](subscriber_actor::pointer) -> subscriber_actor::behavior_type {
      return {[&got](const events_published& published) {
                auto& numbers = got.emplace_back();
                for (const auto index : published.chosen)
                  numbers.push_back((*published.events)[index].seq);
              },
              [](const events_missed&) {}};
    });
    track(caf::actor_cast<caf::actor>(one));
    return one;
  }

  void join(const room& where, const subscriber_actor& who) { value_of(ask<done>(subject_, join_room{where, who})); }

  void leave(const room& where, const subscriber_actor& who) {
    caf::anon_send(subject_, leave_room{where, who});
    run();
  }

  /// An event of a task of that thread, by that user, in that namespace.
  event_record event(const uuid& thread, std::string user, std::string ns) {
    event_record made;
    made.source
      = std::make_shared<const event_source>(event_source{make_uuid(), thread, std::move(ns), std::move(user)});
    made.seq = made.position = ++last_;
    return made;
  }

  void publish(std::vector<event_record> events) {
    caf::anon_send(subject_, events_committed{std::make_shared<const std::vector<event_record>>(std::move(events))});
    run();
  }

  static room thread_room(const uuid& id) { return {room::kind::task, id, {}}; }
  static room user_room(std::string name) { return {room::kind::user, {}, std::move(name)}; }
  static room ns_room(std::string name) { return {room::kind::ns, {}, std::move(name)}; }

  broadcaster_actor subject_;
  uuid thread_ = make_uuid();
  std::int64_t last_ = 0;
};

} // namespace

TEST_F(Broadcaster, SendsASubscriberOneMessagePerBatchHoweverManyRoomsMatch) {
  messages got;
  const auto one = make_subscriber(got);
  join(thread_room(thread_), one);
  join(user_room("ada"), one);
  join(ns_room("lab"), one);
  publish({event(thread_, "ada", "lab"), event(make_uuid(), "eve", "other"), event(make_uuid(), "ada", "other"),
           event(make_uuid(), "eve", "lab")});
  EXPECT_THAT(got, ElementsAre(ElementsAre(1, 3, 4)));
}

TEST_F(Broadcaster, KeepsRoomsApart) {
  messages in_thread;
  messages of_user;
  messages of_ns;
  join(thread_room(thread_), make_subscriber(in_thread));
  join(user_room("ada"), make_subscriber(of_user));
  join(ns_room("ada"), make_subscriber(of_ns));
  publish({event(thread_, "eve", "lab")});
  publish({event(make_uuid(), "ada", "lab")});
  publish({event(make_uuid(), "eve", "ada")});
  EXPECT_THAT(in_thread, ElementsAre(ElementsAre(1)));
  EXPECT_THAT(of_user, ElementsAre(ElementsAre(2)));
  EXPECT_THAT(of_ns, ElementsAre(ElementsAre(3)));
}

TEST_F(Broadcaster, SendsNothingToWhomNothingConcerns) {
  messages got;
  join(user_room("ada"), make_subscriber(got));
  publish({event(thread_, "eve", "lab")});
  EXPECT_THAT(got, IsEmpty());
}

TEST_F(Broadcaster, WhoJoinedTwiceLeavesTwice) {
  messages got;
  const auto one = make_subscriber(got);
  join(user_room("ada"), one);
  join(user_room("ada"), one);
  publish({event(thread_, "ada", "lab")});
  leave(user_room("ada"), one);
  publish({event(thread_, "ada", "lab")});
  leave(user_room("ada"), one);
  publish({event(thread_, "ada", "lab")});
  EXPECT_THAT(got, ElementsAre(ElementsAre(1), ElementsAre(2)));
}

TEST_F(Broadcaster, ADeadSubscriberIsForgottenAndTheOthersAreNot) {
  messages dead;
  messages alive;
  const auto one = make_subscriber(dead);
  join(user_room("ada"), one);
  join(ns_room("lab"), one);
  join(user_room("ada"), make_subscriber(alive));
  kill(one);
  publish({event(thread_, "ada", "lab")});
  EXPECT_THAT(dead, IsEmpty());
  EXPECT_THAT(alive, ElementsAre(ElementsAre(1)));
}

TEST_F(Broadcaster, HoldsNoDeadSubscriber) {
  auto one = system_.spawn([](subscriber_actor::pointer) -> subscriber_actor::behavior_type {
    return {[](const events_published&) {}, [](const events_missed&) {}};
  });
  const auto address = one.address();
  join(user_room("ada"), one);
  join(ns_room("lab"), one);
  kill(one);
  one = nullptr;
  EXPECT_FALSE(caf::actor_cast<caf::strong_actor_ptr>(address));
}

TEST_F(Broadcaster, LeavingARoomThatNobodyIsInDoesNothing) {
  messages got;
  const auto one = make_subscriber(got);
  leave(user_room("ada"), one);
  join(user_room("ada"), one);
  publish({event(thread_, "ada", "lab")});
  EXPECT_THAT(got, ElementsAre(ElementsAre(1)));
}

TEST_F(Broadcaster, IsToldWhatTheWriterCommitsInTheOrderOfPositions) {
  start_node();
  std::vector<std::int64_t> positions;
  const auto one = system_.spawn([&](subscriber_actor::pointer) -> subscriber_actor::behavior_type {
    return {[&](const events_published& published) {
              for (const auto index : published.chosen)
                positions.push_back((*published.events)[index].position);
            },
            [](const events_missed&) {}};
  });
  track(caf::actor_cast<caf::actor>(one));
  value_of(ask<done>(peers()->broadcaster, join_room{ns_room("default"), one}));
  std::size_t journaled = 0;
  for (int i = 0; i < 3; ++i)
    journaled += journal(execute("hello")).size();
  EXPECT_EQ(positions.size(), journaled);
  EXPECT_TRUE(std::is_sorted(positions.begin(), positions.end()));
  // A new one knows nobody, and serves whoever joins again.
  kill(peers()->broadcaster);
  execute("unheard");
  EXPECT_EQ(positions.size(), journaled);
  value_of(ask<done>(peers()->broadcaster, join_room{ns_room("default"), one}));
  journaled += journal(execute("heard")).size();
  EXPECT_EQ(positions.size(), journaled);
}

TEST_F(Broadcaster, ANewOneTellsWhatMayHaveBeenToldToTheFormer) {
  start_node();
  int missed = 0;
  const auto one = system_.spawn([&](subscriber_actor::pointer) -> subscriber_actor::behavior_type {
    return {[](const events_published&) {}, [&](const events_missed&) { ++missed; }};
  });
  track(caf::actor_cast<caf::actor>(one));
  value_of(ask<done>(peers()->broadcaster, join_room{ns_room("default"), one}));
  EXPECT_EQ(missed, 0);
  // The subscriber is with the new one before the writer has heard of it.
  auto before = std::make_shared<services>(*peers());
  before->broadcaster = nullptr;
  caf::anon_send(peers()->writer, services_changed{before});
  caf::anon_send(peers()->writer, services_changed{peers()});
  run();
  EXPECT_EQ(missed, 1);
}

// -- scheduler ----------------------------------------------------------------

namespace {

/// The scheduler alone, with somebody in the supervisor's place who counts.
class Scheduler : public actor_fixture {
protected:
  void SetUp() override {
    auto stand_in = system_.spawn([this](task_supervisor_actor::pointer) -> task_supervisor_actor::behavior_type {
      return {
        [this](const work_arrived&) { woken_.push_back(wall_clock()); },
        [](const retry_settling&) {},
        [](const renewal_due&) {},
        [](const node_suspected&) {},
        [](const recovery_due&) {},
        [](const end_running&) { return ending_done{}; },
        [](const task_was_ended&) {},
        [](const cancel_task&) { return task_result{}; },
        [](const set_task_status&) { return task_result{}; },
        [](const delete_task&) { return done{}; },
        [](const start_turn&) { return task_result{}; },
        [](const cancel_turn&) { return task_result{}; },
        [](const drain&) { return drained{}; },
        [](const drain_expired&) {},
        [](const get_load&) { return node_load{}; },
        [](const services_changed&) {},
      };
    });
    track(caf::actor_cast<caf::actor>(stand_in));
    auto known = std::make_shared<services>();
    known->supervisor = stand_in;
    subject_ = system_.spawn(scheduler, services_ptr{known}, config_.supervisor.clock,
                             std::optional<std::chrono::milliseconds>{});
    track(caf::actor_cast<caf::actor>(subject_));
    begin_ = wall_clock();
  }

  void schedule(std::chrono::microseconds wait) {
    caf::anon_send(subject_, task_scheduled{wall_clock() + wait});
    run();
  }

  scheduler_actor subject_;
  timestamp begin_{};
  std::vector<timestamp> woken_;
};

} // namespace

TEST_F(Scheduler, WakesTheSupervisorWhenATaskIsDue) {
  schedule(10s);
  advance(9999999us);
  EXPECT_THAT(woken_, IsEmpty());
  advance(1us);
  EXPECT_THAT(woken_, ElementsAre(begin_ + 10s));
  advance(10min);
  EXPECT_EQ(woken_.size(), 1U);
}

TEST_F(Scheduler, WakesAtOnceForATimeThatIsPast) {
  schedule(-5s);
  advance(0us);
  EXPECT_THAT(woken_, ElementsAre(begin_));
}

TEST_F(Scheduler, AnEarlierTimeTakesThePlaceOfALaterOneWhoseTickIsIgnored) {
  schedule(10s);
  schedule(5s);
  advance(10min);
  // The supervisor's claim says again what is due next, so one is enough.
  EXPECT_THAT(woken_, ElementsAre(begin_ + 5s));
}

TEST_F(Scheduler, ALaterTimeDoesNotMoveAnEarlierOne) {
  schedule(5s);
  schedule(10s);
  advance(5s);
  EXPECT_THAT(woken_, ElementsAre(begin_ + 5s));
}

TEST_F(Scheduler, AnOldTickDoesNotWakeForANewTime) {
  schedule(10s);
  schedule(5s);
  advance(5s);
  schedule(30s);
  const auto ticks = waiting_ticks();
  // At 10 s comes the tick that the 5 s have outdated; it asks for no other.
  advance(5s);
  EXPECT_EQ(waiting_ticks(), ticks - 1);
  advance(24999ms);
  EXPECT_THAT(woken_, ElementsAre(begin_ + 5s));
  advance(1ms);
  EXPECT_THAT(woken_, ElementsAre(begin_ + 5s, begin_ + 35s));
}

TEST_F(Scheduler, NoticesWithinAMinuteThatTheWallClockWasPutForward) {
  schedule(3h);
  advance(90s);
  put_clock_forward(3h);
  EXPECT_THAT(woken_, IsEmpty());
  advance(30s);
  EXPECT_EQ(woken_.size(), 1U);
}

TEST_F(Scheduler, WaitsALongTimeToItsEnd) {
  schedule(3h);
  advance(3h - 1us);
  EXPECT_THAT(woken_, IsEmpty());
  advance(1us);
  EXPECT_THAT(woken_, ElementsAre(begin_ + 3h));
}

TEST_F(Scheduler, HasOldIdempotencyKeysForgotten) {
  start_node();
  const auto create = [&] {
    auto command = make_task("hello");
    command.execute = false;
    command.key = idempotency_key{"key", "print"};
    return value_of(ask_writer(std::move(command)));
  };
  EXPECT_FALSE(create().replayed);
  advance(23h);
  EXPECT_TRUE(create().replayed);
  advance(2h + 1s);
  EXPECT_FALSE(create().replayed);
}

// -- models -------------------------------------------------------------------

namespace {

class Models : public actor_fixture {
protected:
  void SetUp() override {
    subject_ = system_.spawn(models, std::make_shared<const services>(), models_config{nullptr, now});
    track(caf::actor_cast<caf::actor>(subject_));
    listener_ = system_.spawn([this](chat_listener::pointer) -> chat_listener::behavior_type {
      return {[this](const chat_delta& delta) { heard_ += delta.text; }};
    });
    track(caf::actor_cast<caf::actor>(listener_));
  }

  chat_request request(std::string input, int attempt = 1, int version = 1) {
    auto model = std::make_shared<model_record>();
    model->name = "builtin";
    model->ns = "default";
    model->updated_at = timestamp{std::chrono::microseconds{version}};
    chat_request made;
    made.model = model;
    made.bot = std::make_shared<const bot_record>();
    made.id = {task_, attempt};
    made.input = std::move(input);
    made.listener = listener_;
    return made;
  }

  models_actor subject_;
  chat_listener listener_;
  std::string heard_;
  uuid task_ = make_uuid();
};

} // namespace

TEST_F(Models, AnAnswerWithoutPaceComesInOnePiece) {
  const auto result = value_of(ask<chat_result>(subject_, request("hello")));
  EXPECT_EQ(std::get<chat_turn>(result).text, "Echo: hello");
  EXPECT_TRUE(heard_.empty());
}

TEST_F(Models, StreamsWordByWordAndAnswersWithTheLast) {
  const auto asked = ask<chat_result>(subject_, request("@delay=500 @pace=100 one two"));
  advance(499ms);
  EXPECT_EQ(heard_, "");
  advance(1ms);
  EXPECT_EQ(heard_, "Echo:");
  advance(100ms);
  EXPECT_EQ(heard_, "Echo: one");
  EXPECT_TRUE(asked->waits());
  advance(100ms);
  EXPECT_EQ(heard_, "Echo: one two");
  const auto turn = std::get<chat_turn>(value_of(asked));
  EXPECT_EQ(turn.text, heard_);
  EXPECT_EQ(turn.usage, (token_usage{4, 3}));
}

TEST_F(Models, AStoppedChatIsAnsweredAsCancelledAndStreamsNoMore) {
  const auto chat = request("@pace=100 one two three");
  const auto asked = ask<chat_result>(subject_, chat);
  const auto other = ask<chat_result>(subject_, request("@delay=1000 other", 2));
  advance(150ms);
  caf::anon_send(subject_, stop_chat{chat.model, chat.id});
  EXPECT_EQ(std::get<chat_failure>(value_of(asked)).kind, error_class::cancelled);
  const auto heard = heard_;
  advance(1s);
  EXPECT_EQ(heard_, heard);
  EXPECT_TRUE(std::holds_alternative<chat_turn>(value_of(other)));
}

TEST_F(Models, AChangedModelLetsOpenChatsOfTheOldOneEnd) {
  const auto old = ask<chat_result>(subject_, request("@delay=1000 old", 1, 1));
  run();
  const auto fresh = ask<chat_result>(subject_, request("fresh", 2, 2));
  EXPECT_EQ(std::get<chat_turn>(value_of(fresh)).text, "Echo: fresh");
  advance(1s);
  EXPECT_EQ(std::get<chat_turn>(value_of(old)).text, "Echo: old");
}

TEST_F(Models, AChatOfAChangedModelCanStillBeStopped) {
  const auto ticks = ticks_at_rest();
  const auto chat = request("@pace=1000 @words=10000", 1, 1);
  const auto asked = ask<chat_result>(subject_, chat);
  run();
  value_of(ask<chat_result>(subject_, request("fresh", 2, 2)));
  caf::anon_send(subject_, stop_chat{chat.model, chat.id});
  EXPECT_EQ(std::get<chat_failure>(value_of(asked)).kind, error_class::cancelled);
  EXPECT_EQ(ticks_at_rest(), ticks);
}

TEST_F(Models, TheirEndAnswersOpenChats) {
  const auto old = ask<chat_result>(subject_, request("@delay=1000 old", 1, 1));
  run();
  const auto open = ask<chat_result>(subject_, request("@delay=1000 hello", 2, 2));
  run();
  caf::anon_send_exit(subject_, caf::exit_reason::user_shutdown);
  EXPECT_EQ(std::get<chat_failure>(value_of(old)).kind, error_class::transient);
  EXPECT_EQ(std::get<chat_failure>(value_of(open)).kind, error_class::transient);
}

} // namespace troupe
