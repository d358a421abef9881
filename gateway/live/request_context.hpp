#pragma once

#include "gateway/forms/url.hpp"
#include "gateway/live/admission.hpp"
#include "gateway/requests/problem.hpp"
#include "gateway/requests/refused.hpp"
#include "gateway/requests/transport.hpp"
#include "persistence/operations.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a function that serves a request is given, and what several of them ask of it.
namespace troupe {

class gateway_state;
struct route;

/// A request on its way to an answer. Kept alive by whatever the route waits for;
/// used on the gateway actor's thread only.
class request_context : public std::enable_shared_from_this<request_context> {
public:
  request_context(gateway_state& gateway, std::shared_ptr<exchange> ex);

  request_context(const request_context&) = delete;
  request_context& operator=(const request_context&) = delete;

  [[nodiscard]] gateway_state& gateway() const { return gateway_; }
  [[nodiscard]] const http_request& request() const { return exchange_->request(); }
  [[nodiscard]] const std::shared_ptr<exchange>& door() const { return exchange_; }
  /// The decoded part of the path that stands for the first, or a later, `{…}` in the
  /// route's pattern.
  [[nodiscard]] const std::string& part(std::size_t index = 0) const { return parts_.at(index); }
  /// What `read` takes out of the query, which is refused if `read` found anything wrong with it.
  /// It holds nothing but parameters that the route names, each once, and its namespace is one:
  /// all else was refused before the route was called.
  template <class Read>
  [[nodiscard]] auto read_query(Read read) {
    auto taken = read(*query_);
    require_none(query_->finish());
    return taken;
  }
  /// The query's namespace.
  [[nodiscard]] std::string ns() { return query_->ns(); }
  /// Where the page that is asked for begins, as the client has it; null for the first.
  [[nodiscard]] const std::string* cursor() { return query_->raw("cursor"); }

  // -- answering; the first one counts ----------------------------------------

  void respond(http_response response);
  void respond_json(unsigned status, std::string body);
  /// 204.
  void respond_no_content();
  /// An EventSource, which would never come back from an error, is told so only of what
  /// time does not cure.
  void refuse(problem reason);
  void refuse(const store_error& reason);
  /// Runs `f`; what that throws as `refused` is the answer.
  template <class F>
  void guard(F f) {
    try {
      f();
    } catch (refused& why) {
      refuse(std::move(why.reason));
    }
  }
  /// The answer will be written by somebody else (a stream, a WebSocket).
  void note_answered(unsigned status);

  // -- for the table of routes (gateway/api/routes) ------------------------------

  /// The path is one of `pattern`, whose `{…}` stand for `parts`.
  void note_route(std::string_view pattern, std::vector<std::string> parts);
  /// Has the route serve the request, or throws `refused`: what the node cannot do just now
  /// never reaches it.
  void serve(const route& served);
  /// `Allow`, and nothing else.
  void tell_methods(const std::string& allowed);

private:
  gateway_state& gateway_;
  std::shared_ptr<exchange> exchange_;
  std::string_view route_ = "unknown";
  std::vector<std::string> parts_;
  std::optional<query_parameters> query_;
};

using context_ptr = std::shared_ptr<request_context>;

/// Serves a request; must lead to exactly one answer, now or later. `refused` is one.
using route_function = void (*)(const context_ptr&);

/// A method and a path, and which function serves them.
struct route {
  boost::beast::http::verb method;
  /// Parts are compared one by one; `{…}` takes any one part.
  std::string_view pattern;
  need needs;
  /// The query parameters that it knows, separated by spaces; all others are refused.
  std::string_view parameters;
  route_function serve;
};

/// How the node is, for `refusal_of`.
node_condition condition_of(const gateway_state& gateway);

// -- what several routes ask of a request, or throw `refused` ---------------------

/// The task id in the path.
uuid task_id_of(const context_ptr& context);

/// The thread id in the path.
uuid thread_id_of(const context_ptr& context);

/// The first name in the path; `what` says of what: "bot name".
std::string name_of(const context_ptr& context, std::string_view what);

/// A body that is there is declared as plain JSON (415).
void require_json_body(const http_request& request);

/// The request's `Idempotency-Key`, with the request's digest.
std::optional<idempotency_key> idempotency_key_of(const http_request& request);

} // namespace troupe
