#include "gateway/live/admission.hpp"

namespace troupe {

namespace {

problem not_a_gateway() {
  return {.code = problem_code::not_a_gateway,
          .detail = "This node only runs tasks; send the request to a node with the role gateway or all. There, "
                    "GET /api/v1/nodes lists the nodes of the cluster with their roles."};
}

problem draining() {
  return {.code = problem_code::unavailable,
          .detail = "The node is shutting down and takes no new work; connect again and repeat the request.",
          .retry_after = std::chrono::seconds{2}};
}

problem store_is_away() {
  return {.code = problem_code::store_unavailable,
          .detail = "The database takes no writes just now; nothing was changed. Repeat the request shortly.",
          .retry_after = std::chrono::seconds{1}};
}

} // namespace

std::optional<problem> refusal_of(need what, const node_condition& node) {
  if (what == need::process)
    return std::nullopt;
  if (!node.serves_api)
    return not_a_gateway();
  if (what == need::gateway)
    return std::nullopt;
  if (what == need::new_work && node.draining)
    return draining();
  if (!node.store_available)
    return store_is_away();
  return std::nullopt;
}

} // namespace troupe
