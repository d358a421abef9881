#pragma once

#include "persistence/operations.hpp"
#include "persistence/store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// What is asked of a store's reader, and its answers where they are no records.
namespace troupe {

using task_page = page<task_record, uuid>;
using message_page = page<message_record, std::int64_t>;
using bot_page = page<bot_record, std::string>;
using model_page = page<model_record, std::string>;

struct get_task {
  uuid id;
};

/// As `get_task`, without what may be long.
struct get_outline {
  uuid task_id;
};

struct get_tasks {
  task_filter filter;
  std::optional<uuid> before;
  int limit = 50;
};

struct get_task_messages {
  uuid task_id;
  std::int64_t after = 0;
  int limit = 50;
};

struct get_thread_messages {
  uuid thread_id;
  std::int64_t after = 0;
  int limit = 50;
};

struct get_attempts {
  uuid task_id;
  /// The number of an attempt; 0 for the start.
  int after = 0;
  int limit = 50;
};

using attempt_page = page<attempt_record, int>;

struct get_events {
  uuid task_id;
  std::int64_t after = 0;
  int limit = 50;
};

using event_page = page<event_record, std::int64_t>;

/// Where a subscriber of `where` starts: behind a journal entry of the room's
/// task, behind a position, or now.
struct get_room_start {
  room where;
  /// Task rooms only.
  std::optional<std::int64_t> after_seq;
  std::optional<std::int64_t> after_position;
};

struct room_start {
  /// With the thread in place of the task.
  room resolved;
  std::int64_t position = 0;
  /// The subscriber was ahead of the store, up to here: it has seen what is not
  /// there any more, as after a backup was restored. 0 otherwise.
  std::int64_t was_ahead = 0;
};

struct get_room_events {
  room resolved;
  std::int64_t position = 0;
  page_size most{500};
};

struct get_bot {
  std::string ns;
  std::string name;
};

/// The bot that a task of `ns` is given: the one there, else the one in `default`.
struct find_bot {
  std::string ns;
  std::string name;
};

/// As `get_bot`, with what its models' names stand for.
struct check_bot {
  std::string ns;
  std::string name;
};

struct get_bots {
  std::string ns;
  std::string after;
  int limit = 50;
};

struct get_model {
  std::string ns;
  std::string name;
};

struct get_models {
  std::string ns;
  std::string after;
  int limit = 50;
};

/// Tool calls of a namespace that a person has to allow.
struct get_approvals {
  std::string ns;
  approval_state state = approval_state::pending;
  std::optional<approval_place> after;
  int limit = 50;
};

using approval_page = page<approval_record, approval_place>;

struct get_task_approvals {
  uuid task_id;
  /// A call; empty for the start.
  std::string after;
  int limit = 50;
};

struct get_usage {
  usage_filter filter;
  usage_group group = usage_group::day;
};

using usage_list = std::vector<usage_record>;

/// By its scope (persistence/rules/budgets.hpp).
struct get_budget {
  std::string scope;
};

struct get_thread {
  uuid thread_id;
};

/// The sums over all namespaces, and up to `limit` of these.
struct get_queue {
  std::string after;
  int limit = 0;
};

/// Answered with a `node_list`.
struct get_nodes {};

struct get_last_position {};

/// The position of the latest commit.
struct last_position {
  std::int64_t position = 0;
};

} // namespace troupe
