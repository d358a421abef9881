#pragma once

#include "gateway/requests/problem.hpp"
#include "persistence/operations.hpp"

#include <optional>
#include <string>
#include <string_view>

/// Bodies that are about tasks, made into the store's operations. All errors of a
/// body are collected: `invalid_json`, else `unknown_field` if unknown members are
/// all that is wrong, else `invalid_body`.
namespace troupe {

/// Body of `POST /tasks`. `ns` is the task's namespace; `bot_name`, the query's, goes
/// before the body's. The task has a fresh id, its thread (itself without
/// `thread_id`), a name, its bot and `at` as creation time; the key is not set.
parsed<create_task> parse_new_task(std::string_view body, const std::string& ns,
                                   const std::optional<std::string>& bot_name, timestamp at);

/// Body of `PATCH /tasks/{id}/status`; `node` is not set.
parsed<set_task_status> parse_status_change(std::string_view body, const uuid& id, timestamp at);

/// Bodies of the POSTs that need none: empty, or an empty object. Nothing if so.
std::optional<problem> refuse_body(std::string_view body);

} // namespace troupe
