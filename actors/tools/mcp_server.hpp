#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/toolbox/mcp_tools.hpp"

#include <caf/typed_event_based_actor.hpp>
#include <caf/typed_response_promise.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

/// One MCP server. Spawned and monitored by the tools service, for all bots that name the same
/// URL and headers. With the first question it finds out what the server speaks. A legacy
/// server has sessions: one that everybody shares, for the list of tools and for those who
/// want no other, and one for each task that makes calls, which is kept a minute past its attempt. While a
/// session is open its own stream is listened to, for what the server asks and for changes of
/// its tools. Calls run side by side, a bounded number of them; one whose task ends, or that
/// takes too long, is closed, and the server told. It quits when nobody has asked for ten
/// minutes, and ends its sessions.
///
/// Its members stand in four files: mcp_server.cpp (exchanges, times, the actor),
/// mcp_server_session.cpp (which era, sessions, their streams), mcp_server_tools.cpp (the list),
/// mcp_server_calls.cpp (calls).
namespace troupe {

class mcp_server_state {
public:
  static inline const char* name = "mcp_server";

  explicit mcp_server_state(mcp_server_actor::pointer self) : self_{self} {}

  void start(tool_record tool, std::shared_ptr<outbound_client> outbound, clock_function clock);

  caf::typed_response_promise<mcp_tools_result> list(const get_mcp_tools& question);
  caf::typed_response_promise<tool_result> call(const call_tool& request);
  void told(const mcp_told& news);
  void answered(mcp_answered& answer);
  void asker_ended(const caf::down_msg& down);
  void due(const mcp_due& tick);
  /// Answers everybody and closes every connection; which sessions are open.
  std::vector<std::string> close();
  /// Ends the sessions, and quits.
  void shut_down(const caf::error& reason);

private:
  using steady_time = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;
  /// Gets null, or why it does not go on.
  using continuation = std::function<void(const toolbox_failure*)>;

  /// A request on its way, and where its answer goes.
  struct exchange_options {
    std::string method = "POST";
    /// None of a notification.
    std::optional<std::int64_t> id{};
    milliseconds timeout{0};
    /// A stream that lasts.
    bool listens = false;
    /// To what the server has asked.
    bool is_reply = false;
  };
  struct exchange {
    /// The outbound client's number; 0 if nothing was sent.
    std::uint64_t call = 0;
    /// What was sent, for the case that the server has moved.
    mcp::outgoing message{};
    exchange_options options{};
    steady_time began{};
    int moves = 0;
    /// The session, and the id that the request carried.
    std::string session;
    std::string session_id;
    bool is_modern = false;
    /// What the server has asked on the way.
    int questions = 0;
    std::function<void(const exchange&, mcp::answer&)> then;
  };
  using answer_function = decltype(exchange::then);

  /// The list of tools that a session sees.
  struct listing {
    mcp_tools tools;
    steady_time fetched_at{};
    std::optional<milliseconds> time_to_live;
    /// Not before, since it could not be had.
    steady_time again_at{};
    /// The server has said that it has changed.
    bool changed = false;
    /// Of the fetch that is under way; 0 for none.
    std::uint64_t run = 0;
    std::uint64_t exchange = 0;
    struct waiter {
      caf::actor_addr asker;
      std::function<void(const mcp_tools_result&)> then;
    };
    std::vector<waiter> waiting;
  };

  enum class session_phase : std::uint8_t { closed, opening, open };

  /// With the key "" the one that is shared, else a task's.
  struct session {
    session_phase phase = session_phase::closed;
    /// Of the opening; whatever belongs to an older one is not for this one.
    std::uint64_t number = 0;
    /// Empty if the server has no sessions.
    std::string id;
    /// It was asked what it speaks, in this opening.
    bool probed = false;
    std::vector<continuation> waiting;
    /// The attempt that uses it; none of the shared one.
    caf::actor_addr owner;
    listing list;
    /// It has tools of its own, as the server has said in it.
    bool has_own_tools = false;
    /// The exchange that listens; 0 for none.
    std::uint64_t stream = 0;
    std::string last_event_id;
    /// There was a stream.
    bool was_heard = false;
    milliseconds listen_again{0};
  };

  struct pending_call {
    call_tool request;
    tool_record tool;
    std::string remote_name;
    caf::typed_response_promise<tool_result> promise;
    caf::actor_addr asker;
    steady_time deadline;
    std::uint64_t timer = 0;
    std::string session;
    std::int64_t id = 0;
    std::uint64_t exchange = 0;
    bool running = false;
    /// The server may have seen it.
    bool sent = false;
    /// It was made again: in another session, with other headers.
    bool started_over = false;
    bool relisted = false;
    int rounds = 0;
    std::optional<std::string> request_state;
    int resumed = 0;
    std::string last_event_id;
  };

  // -- exchanges and times ------------------------------------------------------

  std::uint64_t send(const std::string& session_key, mcp::outgoing message, const exchange_options& options,
                     answer_function then);
  void post(std::uint64_t number, exchange& entry);
  /// True if the server has sent the request elsewhere, where it is made again.
  bool follow(std::uint64_t number, exchange& entry, const mcp::answer& got);
  /// What nobody waits for.
  void tell(const std::string& session_key, mcp::outgoing message);
  /// Answers what the server has asked, a few at a time.
  void reply(std::string session_key, mcp::outgoing message);
  void send_replies();
  void cancel(std::uint64_t& exchange);
  /// The request without what belongs to one message; a sentence if a header's value is not
  /// to be had.
  std::variant<outbound_request, std::string> make_request(const std::string& session_id) const;
  /// Has it fail without anything being sent.
  void drop(std::uint64_t number, std::string error);
  void hang_up(std::uint64_t call);
  void log_exchange(const exchange& ended, const mcp::answer& got) const;

  std::uint64_t after(milliseconds wait, std::function<void()> then);
  void forget_timer(std::uint64_t& number);
  [[nodiscard]] steady_time now() const { return self_->clock().now(); }
  void note_use() { used_at_ = now(); }
  void look_for_use(milliseconds wait);
  /// Is told when the actor ends.
  void watch(const caf::actor_addr& asker);

  // -- which era, and sessions --------------------------------------------------

  void with_session(const std::string& key, continuation then);
  void open_session(const std::string& key);
  void probe(const std::string& key);
  void initialize(const std::string& key);
  void adopt(const std::string& key, mcp::speaks_modern modern);
  void take_initialized(const std::string& key, std::uint64_t number, const mcp::answer& got);
  void session_opened(const std::string& key, const toolbox_failure* failure);
  /// Null if the session is gone, or has been opened again since.
  session* opening(const std::string& key, std::uint64_t number);
  /// After an answer that says that the session, or the era, is another by now: true if the
  /// request is to be made again.
  bool must_start_over(const exchange& from, const mcp::answer& got);
  void close_session(const std::string& key);
  /// By DELETE; nobody need hear what comes of it.
  void end_session(const std::string& id, std::shared_ptr<outbound_listener> listener = nullptr);
  void owner_ended(const caf::down_msg& down);

  void listen(const std::string& key);
  void stream_ended(const std::string& key, std::uint64_t number, const mcp::answer& got);

  // -- the list -----------------------------------------------------------------

  void with_list(const std::string& key, bool fresh, listing::waiter waiter);
  [[nodiscard]] bool is_fresh(const listing& list) const;
  void fetch(const std::string& key);
  void fetch_page(const std::string& key, std::uint64_t run, std::shared_ptr<mcp::tool_collector> pages, bool again);
  void take_page(const std::string& key, std::uint64_t run, const std::shared_ptr<mcp::tool_collector>& pages,
                 const mcp::answer& got);
  void listed(const std::string& key, std::uint64_t run, mcp_tools_result result);
  void list_changed(const std::string& key);
  /// Nobody waits for it any more.
  void forget_waiters(const caf::actor_addr& asker);

  // -- calls --------------------------------------------------------------------

  void start_calls();
  void open_for(std::uint64_t number);
  void enter(std::uint64_t number, const std::string& session_key);
  void send_call(std::uint64_t number);
  /// It could not be made.
  void refuse_call(std::uint64_t number, const toolbox_failure& failure);
  void call_answered(std::uint64_t number, const exchange& from, const mcp::answer& got);
  void take_result(std::uint64_t number, const std::string& result);
  [[nodiscard]] bool may_resume(const pending_call& call, const mcp::answer& got) const;
  void resume(std::uint64_t number, const mcp::answer& got);
  void take_up(std::uint64_t number);
  void overdue(std::uint64_t number);
  void give_up(std::uint64_t number, std::string_view reason, tool_result result);
  void end_call(std::uint64_t number, tool_result result);
  pending_call* find_call(std::uint64_t number);
  [[nodiscard]] milliseconds time_left(const pending_call& call) const;

  mcp_server_actor::pointer self_;
  tool_record tool_;
  /// Where it is: the tool's, until the server says that it has moved.
  std::string url_;
  std::shared_ptr<outbound_client> outbound_;
  clock_function clock_;

  std::map<std::uint64_t, exchange> exchanges_;
  std::map<std::uint64_t, std::function<void()>> timers_;
  /// Which wait, each with its session; how many are under way.
  std::deque<std::pair<std::string, mcp::outgoing>> replies_;
  std::size_t replying_ = 0;
  std::uint64_t last_number_ = 0;
  /// Numbers the JSON-RPC requests.
  std::int64_t last_id_ = 0;
  steady_time used_at_{};
  std::set<caf::actor_addr> watched_;

  mcp::manner how_;
  mcp::server_info info_;
  std::map<std::string, session> sessions_;
  /// A legacy server that gives no session an id: one serves all.
  bool has_sessions_ = false;
  /// It has no stream of its own.
  bool has_streams_ = true;
  /// Modern: it tells when its tools change.
  bool hears_changes_ = false;

  bool is_closed_ = false;
  std::map<std::uint64_t, pending_call> calls_;
  std::deque<std::uint64_t> waiting_calls_;
  std::size_t running_calls_ = 0;
};

mcp_server_actor::behavior_type mcp_server(mcp_server_actor::stateful_pointer<mcp_server_state> self, tool_record tool,
                                           std::shared_ptr<outbound_client> outbound, clock_function clock);

} // namespace troupe
