#pragma once

#include "gateway/requests/problem.hpp"

#include <exception>
#include <optional>
#include <utility>

/// How whoever reads a request gets out of it: what is wrong with it is thrown where it is found, and answered at one
/// door. It never leaves the handler of the gateway actor that it is thrown in: `dispatch` catches it for a route,
/// `request_context::guard` for what goes on once an actor has answered, `handle` for the frame of a chat. Parsers
/// stay values (`parsed`), for they are asked by others too.
namespace troupe {

/// A request that is not served, and why.
class refused final : public std::exception {
public:
  explicit refused(problem why) : reason{std::move(why)} {}

  [[nodiscard]] const char* what() const noexcept override { return reason.detail.c_str(); }

  problem reason;
};

/// What a parser has made of something that a client sent, or `refused`.
template <class T>
T require(parsed<T> what) {
  if (auto* wrong = std::get_if<problem>(&what))
    throw refused{std::move(*wrong)};
  return std::move(std::get<T>(what));
}

/// `refused` if there is a problem.
inline void require_none(std::optional<problem> wrong) {
  if (wrong)
    throw refused{std::move(*wrong)};
}

} // namespace troupe
