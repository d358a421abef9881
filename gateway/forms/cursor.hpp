#pragma once

#include "gateway/requests/problem.hpp"
#include "persistence/store.hpp"
#include "persistence/values/uuid.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// Opaque cursors: where the next page of a list starts, or where a subscriber
/// goes on. They are base64url text with the kind of list, a version and a checksum
/// inside, so that a damaged one, or one of another list, is refused and never
/// silently taken for another place. They guard against mistakes, not forgery: a
/// cursor grants nothing.
namespace troupe {

enum class cursor_kind : std::uint8_t {
  /// Task lists; a task's id.
  tasks = 't',
  /// Histories; the number of a message.
  messages = 'm',
  /// Bot lists; a name.
  bots = 'b',
  /// Model lists; a name.
  models = 'o',
  /// Approval lists; a task's id and a call's.
  approvals = 'a',
  /// The approvals of one task, in the order of the calls; likewise.
  task_approvals = 'c',
  /// Attempt lists; an attempt's number.
  attempts = 'n',
  /// The namespaces of the queue; a name.
  queue = 'q',
  /// One task's journal as a list; a `seq`.
  journal = 'j',
  /// Rooms; an event's position over all tasks.
  events = 'e',
};

std::string task_cursor(const uuid& last);
std::string name_cursor(cursor_kind kind, std::string_view last);
std::string approval_cursor(cursor_kind kind, const approval_place& last);
std::string number_cursor(cursor_kind kind, std::int64_t last);

/// Each reads what its counterpart made; the problem is `invalid_cursor`.
parsed<uuid> read_task_cursor(std::string_view text);
parsed<std::string> read_name_cursor(cursor_kind kind, std::string_view text);
parsed<approval_place> read_approval_cursor(cursor_kind kind, std::string_view text);
parsed<std::int64_t> read_number_cursor(cursor_kind kind, std::string_view text);

/// Appends `number_cursor(cursor_kind::events, position)` without an allocation of
/// its own: every event frame carries one.
void append_event_cursor(std::string& out, std::int64_t position);

} // namespace troupe
