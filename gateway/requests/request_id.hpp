#pragma once

#include <boost/beast/http/fields.hpp>

#include <string>
#include <string_view>

/// Names of requests, by which whoever sends one finds what the log says of it.
namespace troupe {

/// 1 to 128 of `A-Z a-z 0-9 . _ -`.
bool is_request_id(std::string_view text) noexcept;

/// The request's own `X-Request-Id`, if it has one and one only that is well-formed; else a
/// fresh one.
std::string request_id_of(const boost::beast::http::fields& headers);

/// 9 to 15 lower-case letters and digits: eight of this thread's, drawn when it begins, and a
/// count. Costs no system call.
std::string make_request_id();

} // namespace troupe
