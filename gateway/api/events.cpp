#include "gateway/api/api.hpp"
#include "gateway/forms/cursor.hpp"
#include "gateway/forms/render.hpp"
#include "gateway/live/event_socket.hpp"
#include "gateway/live/event_stream.hpp"
#include "gateway/live/gateway_actor.hpp"
#include "gateway/live/lane.hpp"
#include "gateway/requests/accept.hpp"
#include "gateway/requests/event_stream_head.hpp"
#include "gateway/requests/header_list.hpp"

#include <charconv>

namespace troupe::api {

namespace {

// -- the journal as a page ------------------------------------------------------

void answer_page(const context_ptr& context, const uuid& id) {
  auto& query = context->query();
  get_events question{id, query.count("after").value_or(0), query.limit()};
  const auto* cursor = query.raw("cursor");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return;
  }
  if (cursor) {
    auto after = read_number_cursor(cursor_kind::journal, *cursor);
    if (auto* wrong = std::get_if<problem>(&after)) {
      context->refuse(std::move(*wrong));
      return;
    }
    question.after = std::get<std::int64_t>(after);
  }
  auto& gateway = context->gateway();
  gateway.look_up(std::move(question), answer_with(context, [](const event_page& events) { return render(events); }),
                  refusing(context));
}

// -- the journal as a stream ----------------------------------------------------

/// `Last-Event-ID`, else `after`, else the start; nothing if an answer was given.
std::optional<std::int64_t> stream_start(const context_ptr& context) {
  auto& query = context->query();
  auto after = query.count("after").value_or(0);
  for (const auto* of_pages : {"limit", "cursor"})
    if (query.raw(of_pages))
      query.refuse(of_pages, "it is for pages; a stream has no end but the task's");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return std::nullopt;
  }
  const auto lines = field_lines(context->request().headers, "Last-Event-ID");
  const auto last = lines.empty() ? std::string_view{} : lines.front();
  if (last.empty())
    return after;
  const auto [stop, error] = std::from_chars(last.data(), last.data() + last.size(), after);
  if (lines.size() > 1 || error != std::errc{} || stop != last.data() + last.size() || after < 0) {
    context->refuse(
      {problem_code::invalid_header, "Last-Event-ID must be the id of an event: an integer of at least 0."});
    return std::nullopt;
  }
  return after;
}

void answer_stream(const context_ptr& context, const uuid& id) {
  const auto after = stream_start(context);
  if (!after)
    return;
  context->gateway().look_up(
    get_outline{id},
    [context, id, after](const task_outline& task) {
      // 204 tells an EventSource that there is nothing to reconnect for.
      if (is_terminal(task.status) && task.last_seq <= *after) {
        context->respond({204, "", "", {}});
        return;
      }
      // Its answer would end with the run, hours later and without a word in it.
      if (context->request().method == boost::beast::http::verb::head) {
        context->respond(event_stream_head());
        return;
      }
      context->note_answered(200);
      context->gateway().post([door = context->door(), id, after](lane& io) {
        std::make_shared<event_stream>(io.shared_from_this(), door, id, *after)->start();
      });
    },
    refusing(context));
}

// -- WebSockets -------------------------------------------------------------------

/// True, with an answer given, if the request is none for a WebSocket.
bool refuse_plain_request(const context_ptr& context) {
  if (context->request().is_websocket_upgrade)
    return false;
  problem plain{problem_code::upgrade_required, "This path speaks WebSocket; connect with a WebSocket client."};
  // The version is told to those, too, who speak another one (RFC 6455, section 4.4).
  plain.headers = {{"Upgrade", "websocket"}, {"Sec-WebSocket-Version", "13"}};
  context->refuse(std::move(plain));
  return true;
}

void upgrade(const context_ptr& context, socket_door door) {
  context->note_answered(101);
  context->gateway().post([exchange = context->door(), door = std::move(door)](lane& io) mutable {
    exchange->upgrade(std::make_shared<event_socket>(io.shared_from_this(), std::move(door)));
  });
}

/// Reads `after` if it is there; nothing if an answer was given.
std::optional<resume_point> resume_of(const context_ptr& context, bool in_task_room) {
  auto& query = context->query();
  const auto* after = query.raw("after");
  if (auto refused = query.finish()) {
    context->refuse(std::move(*refused));
    return std::nullopt;
  }
  if (!after)
    return resume_point{};
  auto point = parse_resume_point(*after, in_task_room);
  if (auto* wrong = std::get_if<problem>(&point)) {
    context->refuse(std::move(*wrong));
    return std::nullopt;
  }
  return std::get<resume_point>(point);
}

} // namespace

void get_task_events(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id)
    return;
  if (is_event_stream_request(context->request()))
    answer_stream(context, *id);
  else
    answer_page(context, *id);
}

void open_chat(const context_ptr& context) {
  const auto id = task_id_of(context);
  if (!id || refuse_plain_request(context))
    return;
  const auto from = resume_of(context, true);
  if (!from)
    return;
  auto& gateway = context->gateway();
  gateway.look_up(
    get_outline{*id},
    [context, from, id](const task_outline&) {
      upgrade(context, {room{room::kind::task, *id, {}}, *from, *id});
    },
    refusing(context));
}

void open_notifications(const context_ptr& context) {
  if (refuse_plain_request(context))
    return;
  // Until there is authentication the caller says who it is.
  const auto user = context->query().text("created_by").value_or("anonymous");
  if (const auto from = resume_of(context, false))
    upgrade(context, {room{room::kind::user, {}, user}, *from, std::nullopt});
}

void open_events(const context_ptr& context) {
  if (refuse_plain_request(context))
    return;
  upgrade(context, {});
}

} // namespace troupe::api
