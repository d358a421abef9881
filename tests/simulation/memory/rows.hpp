#pragma once

#include "persistence/records.hpp"
#include "persistence/rules/tables.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

/// The rows of the in-memory store that are no records of the face.
namespace troupe {

struct memory_task {
  task_record record;
  /// Shared by all who load the task.
  std::shared_ptr<const event_source> source;
  /// While the task is out of the queue; its row there knows better.
  std::int64_t last_seq = 0;
  bool deleted = false;
};

/// A row of the queue.
struct memory_queued {
  queue_entry entry;
  uuid thread_id;
  std::string ns;
  int priority = 0;
  /// Grows with each arrival.
  std::int64_t order = 0;
  timestamp due{};
  int attempt = 0;
  int attempts_before = 0;
  std::int64_t last_seq = 0;
  /// Nothing was ever said in its thread.
  bool fresh = false;
};

struct memory_message {
  std::int64_t position = 0;
  uuid thread_id;
  message_record record;
};

struct memory_key {
  std::string fingerprint;
  uuid task_id;
  timestamp created_at{};
  /// Keys are numbered as they come.
  std::int64_t number = 0;
};

struct memory_lease {
  uuid node_id;
  std::string node;
  timestamp expires_at{};
  std::chrono::microseconds ttl{};
  bool revoked = false;
};

/// What the database counts, and until when every lease holds: one row.
struct memory_counters {
  std::int64_t position = 0;
  std::int64_t order = 0;
  timestamp lease_grace{};
};

} // namespace troupe
