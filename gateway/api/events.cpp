#include "gateway/api/api.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/live/event_socket.hpp"
#include "gateway/live/event_stream.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/live/lane.hpp"
#include "gateway/rendering/lists.hpp"
#include "gateway/requests/accept.hpp"
#include "gateway/requests/event_stream_head.hpp"
#include "gateway/requests/header_list.hpp"
#include "persistence/values/names.hpp"

#include <charconv>

namespace troupe::api {

namespace {

// -- the journal as a page ------------------------------------------------------

void answer_page(const context_ptr& context, const uuid& id) {
  auto question = context->read_query([&](query_parameters& query) {
    return get_events{id, query.count("after").value_or(0), query.limit()};
  });
  if (const auto* cursor = context->cursor())
    question.after = require(read_number_cursor(cursor_kind::journal, *cursor));
  look_up_for(context, std::move(question),
              answer_with(context, [](const event_page& events) { return render_journal(events); }));
}

// -- the journal as a stream ----------------------------------------------------

/// `Last-Event-ID`, else `after`, else the start.
std::int64_t stream_start(const context_ptr& context) {
  auto after = context->read_query([](query_parameters& query) {
    const auto start = query.count("after").value_or(0);
    for (const auto* of_pages : {"limit", "cursor"})
      if (query.raw(of_pages))
        query.refuse(of_pages, "it is for pages; a stream has no end but the task's");
    return start;
  });
  const auto lines = field_lines(context->request().headers, "Last-Event-ID");
  const auto last = lines.empty() ? std::string_view{} : lines.front();
  if (last.empty())
    return after;
  const auto [stop, error] = std::from_chars(last.data(), last.data() + last.size(), after);
  if (lines.size() > 1 || error != std::errc{} || stop != last.data() + last.size() || after < 0)
    throw refused{
      {problem_code::invalid_header, "Last-Event-ID must be the id of an event: an integer of at least 0."}};
  return after;
}

void answer_stream(const context_ptr& context, const uuid& id) {
  const auto after = stream_start(context);
  look_up_for(context, get_outline{id}, [context, id, after](const task_outline& task) {
    // 204 tells an EventSource that there is nothing to reconnect for.
    if (is_terminal(task.status) && task.last_seq <= after)
      return context->respond_no_content();
    // Its answer would end with the run, hours later and without a word in it.
    if (context->request().method == boost::beast::http::verb::head)
      return context->respond(event_stream_head());
    context->note_answered(200);
    context->gateway().post([door = context->door(), id, after](lane& io) {
      std::make_shared<event_stream>(io.shared_from_this(), door, id, after)->start();
    });
  });
}

// -- WebSockets -------------------------------------------------------------------

void require_handshake(const http_request& request) {
  if (request.is_websocket_upgrade)
    return;
  problem plain{problem_code::upgrade_required, "This path speaks WebSocket; connect with a WebSocket client."};
  // The version is told to those, too, who speak another one (RFC 6455, section 4.4).
  plain.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
  throw refused{std::move(plain)};
}

void upgrade(const context_ptr& context, socket_door door) {
  context->note_answered(101);
  context->gateway().post([exchange = context->door(), door = std::move(door)](lane& io) mutable {
    exchange->upgrade(std::make_shared<event_socket>(io.shared_from_this(), std::move(door)));
  });
}

/// Reads `after` if it is there.
resume_point resume_of(const std::string* after, bool in_task_room) {
  return after ? require(parse_resume_point(*after, in_task_room)) : resume_point{};
}

} // namespace

void get_task_events(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (is_event_stream_request(context->request()))
    answer_stream(context, id);
  else
    answer_page(context, id);
}

void open_chat(const context_ptr& context) {
  const auto id = task_id_of(context);
  require_handshake(context->request());
  const auto* after = context->read_query([](query_parameters& query) { return query.raw("after"); });
  look_up_for(context, get_outline{id}, [context, from = resume_of(after, true), id](const task_outline&) {
    upgrade(context, {room{room::kind::task, id, {}}, from, id});
  });
}

void open_notifications(const context_ptr& context) {
  require_handshake(context->request());
  const auto [user, after] = context->read_query([](query_parameters& query) {
    // Until there is authentication the caller says who it is.
    return std::pair{query.text("created_by").value_or(std::string{anonymous}), query.raw("after")};
  });
  upgrade(context, {room{room::kind::user, {}, user}, resume_of(after, false), std::nullopt});
}

void open_events(const context_ptr& context) {
  require_handshake(context->request());
  upgrade(context, {});
}

} // namespace troupe::api
