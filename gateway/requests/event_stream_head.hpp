#pragma once

#include "gateway/requests/problem.hpp"
#include "gateway/requests/transport.hpp"

/// How answers to an EventSource begin (WHATWG HTML, section 9.2). It ends for good at any
/// status but 200, while an answer that ends lets it come back with its Last-Event-ID: so
/// what time cures is told in a stream of no events, and only what never changes is an
/// error.
namespace troupe {

/// The head of a stream, with a comment as its first part. Proxies pass on what follows
/// as it comes (nginx, by X-Accel-Buffering) and keep none of it.
http_response event_stream_head();

/// True if the same request may fare better a moment later.
bool time_cures(problem_code code) noexcept;

/// In the place of a refusal that time cures: a whole stream that says when to come back
/// (`retry`) and, in a comment, why.
http_response ask_to_reconnect(const problem& reason);

} // namespace troupe
