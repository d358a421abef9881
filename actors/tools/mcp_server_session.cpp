#include "actors/tools/mcp_relay.hpp"
#include "actors/tools/mcp_server.hpp"

#include <caf/exit_reason.hpp>
#include <caf/stateful_actor.hpp>

#include <algorithm>
#include <utility>
#include <variant>

/// Which era a server speaks, its sessions, and their streams.
namespace troupe {

namespace {

using namespace std::chrono_literals;

/// A server that does not know the question need not answer it.
constexpr std::chrono::milliseconds longest_probe = 10s;
constexpr std::chrono::milliseconds longest_end = 5s;
/// An attempt that has failed may be followed by another one, which goes on in the same session.
constexpr auto session_linger = 60s;
/// Streams of tasks' sessions. Beyond that a task hears what is said in its calls alone.
constexpr std::ptrdiff_t most_streams = 64;
/// Before a stream that has ended is opened again, for the first time and from the seventh on.
constexpr std::chrono::milliseconds shortest_silence = 5s;
constexpr std::chrono::milliseconds longest_listening = 5min;

/// Takes no notice of what comes.
class deaf_listener final : public outbound_listener {
public:
  void on_head(outbound_head) override {}
  bool on_data(std::string_view) override { return false; }
  void on_end() override {}
  void on_failure(outbound_failure) override {}
};

} // namespace

// -- opening ----------------------------------------------------------------------------

void mcp_server_state::with_session(const std::string& key, continuation then) {
  auto& wanted = sessions_[key];
  if (wanted.phase == session_phase::open) {
    then(nullptr);
    return;
  }
  wanted.waiting.push_back(std::move(then));
  if (wanted.phase == session_phase::closed)
    open_session(key);
}

void mcp_server_state::open_session(const std::string& key) {
  auto& opened = sessions_[key];
  opened.phase = session_phase::opening;
  opened.number = ++last_number_;
  opened.id.clear();
  opened.probed = false;
  opened.has_own_tools = false;
  opened.was_heard = false;
  opened.listen_again = shortest_silence;
  switch (how_.speaks) {
  case mcp::era::unknown: probe(key); break;
  case mcp::era::legacy: initialize(key); break;
  case mcp::era::modern: session_opened(key, nullptr); break;
  }
}

mcp_server_state::session* mcp_server_state::opening(const std::string& key, std::uint64_t number) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end() || found->second.number != number)
    return nullptr;
  return found->second.phase == session_phase::opening ? &found->second : nullptr;
}

void mcp_server_state::probe(const std::string& key) {
  auto& opened = sessions_[key];
  opened.probed = true;
  const auto id = ++last_id_;
  const auto timeout = std::min<milliseconds>(tool_.timeout, longest_probe);
  send(key, mcp::discover(id), {.id = id, .timeout = timeout},
       [this, key, number = opened.number](const exchange&, const mcp::answer& got) {
         if (!opening(key, number))
           return;
         auto verdict = mcp::judge_probe(got, clock_());
         if (auto* modern = std::get_if<mcp::speaks_modern>(&verdict))
           adopt(key, std::move(*modern));
         else if (auto* failure = std::get_if<toolbox_failure>(&verdict))
           session_opened(key, failure);
         else
           initialize(key);
       });
}

void mcp_server_state::adopt(const std::string& key, mcp::speaks_modern modern) {
  how_ = std::move(modern.how);
  info_ = std::move(modern.info);
  has_sessions_ = false;
  session_opened(key, nullptr);
}

void mcp_server_state::initialize(const std::string& key) {
  const auto id = ++last_id_;
  const auto number = sessions_[key].number;
  send(key, mcp::initialize(id), {.id = id, .timeout = tool_.timeout},
       [this, key, number](const exchange&, const mcp::answer& got) { take_initialized(key, number, got); });
}

void mcp_server_state::take_initialized(const std::string& key, std::uint64_t number, const mcp::answer& got) {
  auto* opened = opening(key, number);
  if (!opened) {
    // Nobody waits for it any more; it is there all the same.
    end_session(std::string{got.head.header("mcp-session-id")});
    return;
  }
  auto result = mcp::result_of(got, clock_());
  if (const auto* failure = std::get_if<toolbox_failure>(&result)) {
    if (opened->probed && mcp::may_be_modern(got))
      adopt(key, mcp::assumed_modern());
    else if (!opened->probed && failure->kind == error_class::permanent)
      probe(key);
    else
      session_opened(key, failure);
    return;
  }
  auto read = mcp::read_initialized(std::get<std::string>(result));
  if (auto* wrong = std::get_if<mcp::malformed>(&read)) {
    // What it names behind the colon are the server's words.
    const auto own_words = wrong->error.find(": ");
    const toolbox_failure failure{error_class::permanent, std::move(wrong->error), {}, own_words};
    session_opened(key, &failure);
    return;
  }
  info_ = std::get<mcp::server_info>(std::move(read));
  how_ = {mcp::era::legacy, info_.version};
  opened->id = got.head.header("mcp-session-id");
  has_sessions_ = !opened->id.empty();
  // Nothing else may be asked before the server knows that it is open.
  send(key, mcp::initialized(how_), {.timeout = tool_.timeout},
       [this, key, number](const exchange&, const mcp::answer& told) {
         if (!opening(key, number))
           return;
         const auto failure = told.failure ? std::optional{std::get<toolbox_failure>(mcp::result_of(told, clock_()))}
                                           : std::optional<toolbox_failure>{};
         session_opened(key, failure ? &*failure : nullptr);
       });
}

void mcp_server_state::session_opened(const std::string& key, const toolbox_failure* failure) {
  auto& opened = sessions_[key];
  opened.phase = failure ? session_phase::closed : session_phase::open;
  const bool is_spoken_to = std::any_of(sessions_.begin(), sessions_.end(),
                                        [](const auto& one) { return one.second.phase == session_phase::open; });
  if (!failure)
    listen(key);
  else if (!is_spoken_to)
    // What the server speaks may be what has changed.
    how_ = {};
  for (const auto& then : std::exchange(sessions_[key].waiting, {}))
    then(failure);
}

// -- losing and ending --------------------------------------------------------------------

bool mcp_server_state::must_start_over(const exchange& from, const mcp::answer& got) {
  const mcp::manner spoken{from.is_modern ? mcp::era::modern : mcp::era::legacy, {}};
  if (mcp::has_changed_era(got, spoken)) {
    // Others may have been told the same, and found out since.
    if (how_.is_modern() == from.is_modern) {
      how_ = {};
      for (auto& [key, one] : sessions_)
        if (one.phase == session_phase::open) {
          one.phase = session_phase::closed;
          cancel(one.stream);
        }
    }
    return true;
  }
  if (from.is_modern || from.session_id.empty() || !mcp::has_lost_session(got))
    return false;
  const auto found = sessions_.find(from.session);
  if (found != sessions_.end() && found->second.phase == session_phase::open && found->second.id == from.session_id) {
    found->second.phase = session_phase::closed;
    cancel(found->second.stream);
  }
  return true;
}

void mcp_server_state::close_session(const std::string& key) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end())
    return;
  auto gone = std::move(found->second);
  sessions_.erase(found);
  cancel(gone.stream);
  cancel(gone.list.exchange);
  const toolbox_failure failure{error_class::transient, "The session with the MCP server was closed.", {}};
  for (const auto& then : gone.waiting)
    then(&failure);
  for (const auto& waiter : gone.list.waiting)
    waiter.then(failure);
  end_session(gone.id);
}

void mcp_server_state::end_session(const std::string& id, std::shared_ptr<outbound_listener> listener) {
  if (id.empty())
    return;
  if (!listener)
    listener = std::make_shared<deaf_listener>();
  auto made = make_request(id);
  auto* request = std::get_if<outbound_request>(&made);
  if (!request)
    return;
  request->method = "DELETE";
  if (!how_.version.empty())
    request->headers.emplace_back("MCP-Protocol-Version", how_.version);
  request->timeouts = {longest_end, longest_end, longest_end, longest_end, longest_end};
  outbound_->start(std::move(*request), std::move(listener));
}

void mcp_server_state::owner_ended(const caf::down_msg& down) {
  std::vector<std::string> theirs;
  for (const auto& [key, one] : sessions_)
    if (!key.empty() && one.owner == down.source)
      theirs.push_back(key);
  for (const auto& key : theirs) {
    if (!down.reason || down.reason == caf::exit_reason::normal) {
      close_session(key);
      continue;
    }
    after(session_linger, [this, key, owner = down.source] {
      const auto found = sessions_.find(key);
      if (found != sessions_.end() && found->second.owner == owner)
        close_session(key);
    });
  }
}

// -- the server's own stream ----------------------------------------------------------------

void mcp_server_state::listen(const std::string& key) {
  auto& listening = sessions_[key];
  const auto streams
    = std::count_if(sessions_.begin(), sessions_.end(), [](const auto& one) { return one.second.stream != 0; });
  const bool is_wanted
    = how_.is_modern() ? key.empty() && info_.tells_changes : has_sessions_ && (key.empty() || streams < most_streams);
  if (!is_wanted || !has_streams_ || listening.stream != 0)
    return;
  const auto then = [this, key, number = listening.number](const exchange&, const mcp::answer& got) {
    stream_ended(key, number, got);
  };
  if (how_.is_modern()) {
    const auto id = ++last_id_;
    listening.stream = send(key, mcp::listen(how_, id), {.id = id, .listens = true}, then);
  } else {
    mcp::outgoing get{{}, mcp::stream_headers(how_, listening.last_event_id)};
    listening.stream = send(key, std::move(get), {.method = "GET", .listens = true}, then);
  }
}

void mcp_server_state::stream_ended(const std::string& key, std::uint64_t number, const mcp::answer& got) {
  const auto found = sessions_.find(key);
  if (found == sessions_.end() || found->second.number != number)
    return;
  auto& listening = found->second;
  listening.stream = 0;
  if (std::exchange(hears_changes_, false))
    listening.list.changed = true;
  if (!got.last_event_id.empty())
    listening.last_event_id = got.last_event_id;
  if (!got.failure && !got.streamed) {
    // Most servers have none, and say so by 405. One that had it before has forgotten the session.
    has_streams_ = has_streams_ && listening.was_heard;
    return;
  }
  listening.was_heard = listening.was_heard || got.streamed;
  const auto wait = std::max(listening.listen_again, got.reconnect_after.value_or(0ms));
  listening.listen_again = std::min(2 * listening.listen_again, longest_listening);
  after(wait, [this, key, number] {
    const auto again = sessions_.find(key);
    if (again != sessions_.end() && again->second.number == number && again->second.phase == session_phase::open)
      listen(key);
  });
}

} // namespace troupe
