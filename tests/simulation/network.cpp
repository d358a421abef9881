#include "tests/simulation/network.hpp"

#include "actors/cluster/node_address.hpp"
#include "actors/errors.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <optional>
#include <string>

namespace troupe {

namespace {

using namespace std::chrono_literals;

/// As the server has CAF's middleman notice a silent peer.
constexpr world::duration silence = 5s;

constexpr world::duration shortest_way = 50us;
constexpr world::duration longest_way = 2ms;

} // namespace

// -- the ends -------------------------------------------------------------------

/// Passes on what its process's cluster actor tells the peer that it stands for.
class network::outlet_state {
public:
  static inline const char* name = "outlet";

  explicit outlet_state(outlet_actor::pointer self) : self_{self} {}

  void start(network* home, std::weak_ptr<connection> c, int side) {
    home_ = home;
    connection_ = std::move(c);
    side_ = side;
    if (const auto made = connection_.lock(); made && made->ends[side].target)
      self_->monitor(made->ends[side].target);
  }

  template <class Message>
  void tell(const Message& what) {
    const auto c = connection_.lock();
    if (!c)
      return;
    home_->carry(c, 1 - side_, [c, what, there = 1 - side_] {
      const auto& end = c->ends.at(there);
      caf::send_as(caf::actor_cast<caf::actor>(end.outlet), caf::actor_cast<caf::actor>(end.target), what);
    });
  }

  template <class Answer, class Question>
  caf::typed_response_promise<Answer> ask(const Question& what) {
    // A promise takes the sender with it.
    const auto asker = caf::actor_cast<peer_actor>(self_->current_sender());
    auto promise = self_->make_response_promise<Answer>();
    const auto c = connection_.lock();
    if (!c)
      return promise;
    if (auto& own = c->ends.at(side_).target; !own && asker) {
      own = asker;
      self_->monitor(asker);
    }
    home_->carry(c, 1 - side_, [home = home_, c, there = 1 - side_, what, promise] {
      caf::anon_send(c->ends.at(there).outlet,
                     run_here{[home, c, there, what, promise] { ask_there(home, c, there, what, promise); }});
    });
    return promise;
  }

  void peer_ended() {
    if (const auto c = connection_.lock())
      home_->close(c, side_);
  }

private:
  /// Runs in the outlet at the other end.
  template <class Answer, class Question>
  static void ask_there(network* home, const connection_ptr& c, int there, const Question& what,
                        caf::typed_response_promise<Answer> promise) {
    const auto& end = c->ends.at(there);
    if (!end.outlet || !end.target)
      return;
    auto* outlet = static_cast<outlet_actor::pointer>(caf::actor_cast<caf::abstract_actor*>(end.outlet));
    const auto back = [home, c, there](std::function<void()> answer) {
      home->carry(c, 1 - there, [c, there, answer = std::move(answer)] {
        caf::anon_send(c->ends.at(1 - there).outlet, run_here{answer});
      });
    };
    outlet->request(end.target, caf::infinite, what)
      .then([back, promise](const Answer& answer) { back([=]() mutable { promise.deliver(answer); }); },
            [back, promise](const caf::error& reason) { back([=]() mutable { promise.deliver(reason); }); });
  }

  outlet_actor::pointer self_;
  network* home_ = nullptr;
  std::weak_ptr<connection> connection_;
  int side_ = 0;
};

class network::connector_state {
public:
  static inline const char* name = "connector";

  explicit connector_state(simulated_connector::pointer self) : self_{self} {}

  caf::typed_response_promise<door> open(network* home, network_host* host, const open_door& request) {
    auto promise = self_->make_response_promise<door>();
    std::erase_if(home->doors_, [host](const auto& entry) { return entry.second.host == host; });
    home->doors_[++home->last_port_] = {host, request.whom};
    promise.deliver(door{home->last_port_});
    return promise;
  }

  caf::typed_response_promise<connected> connect(network* home, network_host* host, const connect_to& request) {
    auto promise = self_->make_response_promise<connected>();
    auto& w = home->world_;
    w.after(w.random_between(shortest_way, longest_way), [=, this] {
      const auto found = home->doors_.find(request.port);
      const auto reached = found != home->doors_.end() && found->second.host->is_alive();
      // Who is cut off, or frozen, says nothing at all.
      if (reached
          && (found->second.host->is_frozen()
              || home->cuts_.contains(std::minmax(host->number(), found->second.host->number()))))
        return;
      if (!host->is_alive())
        return;
      answer(home, host, reached ? &found->second : nullptr, promise);
    });
    return promise;
  }

private:
  void answer(network* home, network_host* host, const door_entry* found,
              caf::typed_response_promise<connected> promise) {
    connection_ptr made;
    if (found)
      made = home->connect(*host, *found->host, found->whom);
    caf::anon_send(simulated_connector{self_}, run_here{[made, promise]() mutable {
                     if (made)
                       promise.deliver(connected{
                         caf::actor_cast<peer_actor>(caf::actor_cast<caf::strong_actor_ptr>(made->ends[0].outlet))});
                     else
                       promise.deliver(caf::make_error(errc::unavailable, std::string{"Nobody answers there."}));
                   }});
  }

  simulated_connector::pointer self_;
};

network::connection_ptr network::connect(network_host& from, network_host& to, const peer_actor& whom) {
  auto made = std::make_shared<connection>();
  made->ends[0].host = &from;
  made->ends[1].host = &to;
  made->ends[1].target = whom;
  const auto outlet = [](outlet_actor::stateful_pointer<outlet_state> self, network* home, std::weak_ptr<connection> c,
                         int side) -> outlet_actor::behavior_type {
    self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
    self->set_down_handler([self](const caf::down_msg&) { self->state.peer_ended(); });
    self->state.start(home, std::move(c), side);
    return {
      [self](const hello& q) { return self->state.ask<welcome>(q); },
      [self](const link_closed& m) { self->state.tell(m); },
      [self](const node_status& m) { self->state.tell(m); },
      [self](const interest_changed& q) { return self->state.ask<interest_noted>(q); },
      [self](const events_relayed& m) { self->state.tell(m); },
      [self](const relay_taken& m) { self->state.tell(m); },
      [self](const work_waiting& m) { self->state.tell(m); },
      [self](const model_paused& m) { self->state.tell(m); },
      [self](const end_task_there& q) { return self->state.ask<task_ended_there>(q); },
      [](const run_here& job) { job.what(); },
    };
  };
  for (int side : {0, 1})
    made->ends.at(side).outlet
      = made->ends.at(side).host->system().spawn(outlet, this, std::weak_ptr<connection>{made}, side);
  connections_.push_back(made);
  return made;
}

std::function<connector_actor(caf::actor_system&)> network::connector_of(network_host& host) {
  return [this, &host](caf::actor_system& system) {
    const auto connector = [](simulated_connector::stateful_pointer<connector_state> self, network* home,
                              network_host* whose) -> simulated_connector::behavior_type {
      self->set_exception_handler([](std::exception_ptr& thrown) { return to_error(thrown); });
      return {
        [=](const open_door& request) { return self->state.open(home, whose, request); },
        [=](const connect_to& request) { return self->state.connect(home, whose, request); },
        [](const run_here& job) { job.what(); },
      };
    };
    return connector_actor{system.spawn(connector, this, &host)};
  };
}

// -- on the way -----------------------------------------------------------------

bool network::is_cut(const connection& c) const {
  return cuts_.contains(std::minmax(c.ends[0].host->number(), c.ends[1].host->number()));
}

bool network::is_blocked(const connection& c) const {
  return is_cut(c) || c.ends[0].host->is_frozen() || c.ends[1].host->is_frozen();
}

template <class What>
void network::for_each_of(const network_host& host, What what) {
  std::erase_if(connections_, [](const auto& c) { return !c->open && !c->ends[0].outlet && !c->ends[1].outlet; });
  const auto now = connections_;
  for (const auto& c : now)
    for (int side : {0, 1})
      if (c->ends.at(side).host == &host)
        what(c, side);
}

void network::carry(const connection_ptr& c, int side, std::function<void()> what) {
  auto& to = c->ends.at(side);
  const auto way = world_.random_between(shortest_way, longest_way + extra_);
  to.last_arrival = std::max(to.last_arrival, world_.steady() + way);
  const auto wait = std::chrono::ceil<world::duration>(to.last_arrival - world_.steady());
  world_.after(wait, [this, c, side, what = std::move(what)] { arrive(c, side, what); });
}

void network::arrive(const connection_ptr& c, int side, const std::function<void()>& what) {
  if (!c->open)
    return;
  if (is_blocked(*c) || !c->held.empty())
    c->held.emplace_back(side, what);
  else
    what();
}

void network::blocked(const connection_ptr& c) {
  world_.after(silence, [this, c, times = c->freed] {
    if (!c->open || c->freed != times || !is_blocked(*c))
      return;
    c->open = false;
    c->held.clear();
    for (int side : {0, 1})
      if (!c->ends.at(side).host->is_frozen())
        lose(*c, side);
  });
}

void network::freed(const connection_ptr& c) {
  if (!c->open || is_blocked(*c))
    return;
  ++c->freed;
  for (auto& [side, what] : std::exchange(c->held, {}))
    what();
}

void network::lose(connection& c, int side) {
  auto& end = c.ends.at(side);
  if (end.host->is_alive() && end.outlet)
    caf::anon_send_exit(end.outlet, caf::exit_reason::remote_link_unreachable);
  end.outlet = nullptr;
  end.target = nullptr;
}

void network::close(const connection_ptr& c, int by) {
  if (!std::exchange(c->open, false))
    return;
  c->held.clear();
  lose(*c, by);
  // The last word may be lost as well.
  const auto wait = is_cut(*c) ? silence : world_.random_between(shortest_way, longest_way);
  world_.after(wait, [c, by] {
    if (!c->ends.at(1 - by).host->is_frozen())
      lose(*c, 1 - by);
  });
}

// -- trouble --------------------------------------------------------------------

void network::cut(int a, int b) {
  cuts_.insert(std::minmax(a, b));
  for (const auto& c : connections_)
    if (c->open && is_cut(*c))
      blocked(c);
}

void network::mend(int a, int b) {
  cuts_.erase(std::minmax(a, b));
  const auto now = connections_;
  for (const auto& c : now)
    freed(c);
}

void network::host_ended(network_host& host) {
  std::erase_if(doors_, [&](const auto& entry) { return entry.second.host == &host; });
  for_each_of(host, [this](const connection_ptr& c, int side) {
    c->ends.at(side).outlet = nullptr;
    c->ends.at(side).target = nullptr;
    close(c, side);
  });
}

void network::host_frozen(network_host& host) {
  for_each_of(host, [this](const connection_ptr& c, int) {
    if (c->open)
      blocked(c);
  });
}

void network::host_thawed(network_host& host) {
  for_each_of(host, [this](const connection_ptr& c, int side) {
    if (c->open)
      freed(c);
    else
      lose(*c, side);
  });
}

} // namespace troupe
