#pragma once

#include "actors/remote/outbound.hpp"
#include "gateway/outbound/addresses/proxy.hpp"
#include "gateway/outbound/addresses/target.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include <string>
#include <variant>

/// Requests as they go over the wire. Knows no socket.
namespace troupe {

using outbound_message = boost::beast::http::request<boost::beast::http::string_body>;

/// Makes a request for `target`, or says in a sentence what is wrong with it. What is said
/// in `request` of headers that are the client's own is passed over. With a proxy, which is for `http` only, the
/// target is in absolute form (RFC 9112, section 3.2.2).
std::variant<outbound_message, std::string> make_message(outbound_request&& request, const outbound_target& target,
                                                         const proxy_server* proxy);

/// Asks a proxy for a connection to `target` (RFC 9110, section 9.3.6).
outbound_message make_tunnel_message(const outbound_target& target, const proxy_server& proxy);

} // namespace troupe
