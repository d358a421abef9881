#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

/// What clients know at the end of a run: every call that was acknowledged, and every
/// answer that no client should have had to see. Any thread.
namespace troupe {

/// A task whose creation and execution were acknowledged.
struct acknowledged_task {
  std::string id;
  std::string thread_id;
  std::string key;
  std::string input;
  std::string created_by;
  /// No standby had to have it when it was acknowledged, and the primary is lost.
  bool may_vanish = false;
};

/// How calls went on their way to being acknowledged.
struct call_counts {
  std::size_t acknowledged = 0;
  /// Nobody listened.
  std::size_t refused = 0;
  /// 503.
  std::size_t unavailable = 0;
  /// The connection was lost before the answer was there.
  std::size_t interrupted = 0;
  /// No answer in time.
  std::size_t timed_out = 0;
  /// From its first attempt to its acknowledgement.
  std::chrono::milliseconds longest{};

  call_counts& operator+=(const call_counts& other);
};

/// "31 calls acknowledged, …", for a person.
std::string describe(const call_counts& counts);

class history {
public:
  void acknowledge(acknowledged_task task);
  /// A cancel was answered with the cancelled task.
  void acknowledge_cancel(const std::string& id);
  /// Whether what is acknowledged from now on may yet be lost: the primary does not wait for its standbys, and will go
  /// without them having everything.
  void let_vanish(bool on);
  /// It was so at some time.
  [[nodiscard]] bool has_let_vanish() const;
  /// Something that must not happen, as a sentence.
  void complain(std::string what);
  void add(const call_counts& counts);

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::vector<acknowledged_task> tasks() const;
  [[nodiscard]] std::set<std::string> cancelled() const;
  [[nodiscard]] std::vector<std::string> complaints() const;
  [[nodiscard]] call_counts counts() const;

  /// One of the latest `among` tasks; nothing before there is one.
  std::optional<acknowledged_task> pick(std::mt19937_64& random, std::size_t among) const;

private:
  mutable std::mutex mutex_;
  std::vector<acknowledged_task> tasks_;
  std::set<std::string> cancelled_;
  bool lets_vanish_ = false;
  bool has_let_vanish_ = false;
  std::vector<std::string> complaints_;
  call_counts counts_;
};

} // namespace troupe
