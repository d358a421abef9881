#include "tests/actors/actor_fixture.hpp"

#include "tests/stored.hpp"

#include <caf/stateful_actor.hpp>
#include <nlohmann/json.hpp>

#include <cstdlib>

namespace troupe {

namespace {

using namespace std::chrono_literals;

caf::actor_system_config& configure(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe_wire>();
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

/// A service of the test's own, which is told the handles as a gateway is.
caf::behavior witness(caf::event_based_actor*, std::shared_ptr<services_ptr> peers, int* relinks) {
  return {
    [peers, relinks](const services_changed& changed) {
      *peers = changed.now;
      ++*relinks;
    },
  };
}

} // namespace

actor_fixture::actor_fixture() : system_{configure(system_config_)} {
  run();
  start_ = coordinator().clock().now();
  actors_at_start_ = living_actors();
  const auto file = stored(open_database("sqlite:" + folder_.file("troupe.db")));
  reader_ = stored(file->open_reader());
  config_.store = std::make_shared<faulty_database>(file, faults_);
  config_.measured = std::make_shared<metrics>();
  config_.detached = false;
  config_.give_up = [this](std::string why) { given_up_.push_back(std::move(why)); };
  config_.supervisor.node = config_.cluster.name = "test";
  config_.supervisor.node_id = config_.cluster.node_id = make_uuid();
  config_.cluster.clock = [this] { return wall_clock(); };
  // The other nodes of a test live in its own process.
  config_.cluster.links = false;
  config_.supervisor.clock = [this] { return wall_clock(); };
  // The middle: a delay stays as the policy has it.
  config_.supervisor.random = [] { return 0.5; };
}

actor_fixture::~actor_fixture() {
  reader_.reset();
  config_.store.reset();
}

void actor_fixture::TearDown() {
  faults_->befalls = [](auto) { return fault::none; };
  if (node_)
    caf::anon_send(node_, stop_node{});
  run();
  for (const auto& one : std::exchange(tracked_, {}))
    caf::anon_send_exit(one, caf::exit_reason::kill);
  // A node that gave up has left its services to the end of the process.
  if (const auto& rest = *peers_; rest && !given_up_.empty()) {
    caf::anon_send_exit(rest->supervisor, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(rest->scheduler, caf::exit_reason::kill);
    caf::anon_send_exit(rest->models, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(rest->tools, caf::exit_reason::user_shutdown);
    for (const auto& reader : rest->readers)
      caf::anon_send_exit(reader, caf::exit_reason::kill);
    caf::anon_send_exit(rest->writer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(rest->broadcaster, caf::exit_reason::kill);
    if (rest->cluster)
      caf::anon_send_exit(rest->cluster, caf::exit_reason::kill);
  }
  node_ = nullptr;
  *peers_ = nullptr;
  run();
  // What a killed service has left behind ends with the last message that it gets.
  while (living_actors() > actors_at_start_ && coordinator().trigger_timeout())
    run();
  if (living_actors() > actors_at_start_) {
    ADD_FAILURE() << "actors outlive the test: " << living_actors() - actors_at_start_;
    system_.await_actors_before_shutdown(false);
  }
}

// -- time and messages --------------------------------------------------------

void actor_fixture::advance(std::chrono::microseconds by) {
  run();
  auto& clock = coordinator().clock();
  const auto end = clock.now() + by;
  while (!clock.schedule().empty() && clock.schedule().begin()->first <= end) {
    clock.advance_time(std::max<caf::actor_clock::duration_type>(clock.schedule().begin()->first - clock.now(), 0ns));
    run();
  }
  clock.advance_time(end - clock.now());
  run();
}

timestamp actor_fixture::wall_clock() {
  static constexpr timestamp epoch{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}.time_since_epoch()};
  return epoch + std::chrono::duration_cast<std::chrono::microseconds>(coordinator().clock().now() - start_)
         + clock_skew_;
}

// -- the node -----------------------------------------------------------------

void actor_fixture::start_node() {
  node_ = system_.spawn(node, config_);
  add_to_node({"witness", [this](caf::actor_system& system, services_ptr now) {
                 *peers_ = std::move(now);
                 return caf::actor{system.spawn(witness, peers_, &relinks_)};
               }});
}

// -- tasks --------------------------------------------------------------------

create_task actor_fixture::make_task(std::string input) {
  create_task command;
  command.execute = true;
  auto& fresh = command.task;
  fresh.id = fresh.thread_id = make_uuid();
  fresh.ns = fresh.bot_ns = fresh.bot = "default";
  fresh.name = "a task";
  fresh.created_by = "tester";
  fresh.input = std::move(input);
  fresh.created_at = wall_clock();
  return command;
}

cancel_task actor_fixture::make_cancel(const uuid& id) {
  cancel_task request;
  request.id = id;
  request.at = wall_clock();
  return request;
}

uuid actor_fixture::execute(create_task command) {
  return value_of(ask_writer(std::move(command))).task.id;
}

uuid actor_fixture::execute_in(const uuid& thread, std::string input) {
  auto command = make_task(std::move(input));
  command.task.thread_id = thread;
  return execute(std::move(command));
}

void actor_fixture::put_bot_named(std::string name, const std::function<void(bot_record&)>& change) {
  bot_record bot;
  bot.name = std::move(name);
  bot.ns = "default";
  bot.model = "builtin";
  change(bot);
  value_of(ask_writer(put_bot{std::move(bot), wall_clock()}));
}

uuid actor_fixture::execute_with(std::string bot, std::string input) {
  auto command = make_task(std::move(input));
  command.task.bot = std::move(bot);
  return execute(std::move(command));
}

// -- what is stored -----------------------------------------------------------

task_record actor_fixture::task(const uuid& id) {
  return stored(reader_->get_task(id));
}

std::vector<event_record> actor_fixture::journal(const uuid& id) {
  return all_pages<event_record>(std::int64_t{0}, [&](auto after) { return reader_->events_after(id, after, 500); });
}

std::string actor_fixture::story(const uuid& id) {
  std::string types;
  for (const auto& event : journal(id))
    types.append(types.empty() ? "" : " ").append(to_string(event.type));
  return types;
}

std::string actor_fixture::data_of(const uuid& id, event_type type) {
  std::string data;
  for (const auto& event : journal(id))
    if (event.type == type)
      data = event.data;
  return data;
}

std::string actor_fixture::streamed(const uuid& id, int attempt) {
  std::string text;
  std::size_t points = 0;
  for (const auto& event : journal(id)) {
    if (event.type != event_type::chat_chunk || event.attempt != attempt)
      continue;
    const auto data = nlohmann::json::parse(event.data);
    EXPECT_EQ(data.at("offset"), points);
    const auto piece = data.at("text").get<std::string>();
    for (const char c : piece)
      points += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
    text += piece;
  }
  return text;
}

std::vector<message_record> actor_fixture::messages(const uuid& id) {
  return all_pages<message_record>(std::int64_t{0}, [&](auto after) { return reader_->task_messages(id, after, 500); });
}

std::string actor_fixture::roles(const uuid& id) {
  std::string text;
  for (const auto& message : messages(id))
    text.append(text.empty() ? "" : " ").append(to_string(message.role));
  return text;
}

std::vector<attempt_record> actor_fixture::attempts(const uuid& id) {
  return all_pages<attempt_record>(0, [&](auto after) { return reader_->attempts(id, after, 500); });
}

std::string actor_fixture::outcomes(const uuid& id) {
  std::string text;
  for (const auto& attempt : attempts(id))
    text.append(text.empty() ? "" : " ").append(to_string(attempt.outcome));
  return text;
}

void actor_fixture::expect_sound_journal(const uuid& id) {
  const auto events = journal(id);
  int ends = 0;
  for (std::size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(events[i].seq, static_cast<std::int64_t>(i) + 1);
    ends += is_terminal(events[i].type) ? 1 : 0;
  }
  EXPECT_EQ(ends, 1);
  ASSERT_FALSE(events.empty());
  EXPECT_TRUE(is_terminal(events.back().type));
}

} // namespace troupe
