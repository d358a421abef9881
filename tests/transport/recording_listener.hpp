#pragma once

#include "actors/remote/outbound.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::testing {

/// Keeps what it is told of a call.
class recording_listener final : public outbound_listener {
public:
  /// What counts as progress; without it everything does.
  explicit recording_listener(std::function<bool(std::string_view)> is_progress = {})
    : is_progress_{std::move(is_progress)} {}

  void on_head(outbound_head head) override;
  bool on_data(std::string_view part) override;
  void on_end() override;
  void on_failure(outbound_failure failure) override;

  /// Each waits up to ten seconds, and is false if it does not come to that.
  bool wait_for_head();
  bool wait_for_body(std::string_view body);
  /// The end, or a failure.
  bool wait_for_end();

  // -- what has come so far ---------------------------------------------------------

  [[nodiscard]] std::optional<outbound_head> head() const;
  [[nodiscard]] unsigned status() const;
  [[nodiscard]] std::string body() const;
  [[nodiscard]] bool ended() const;
  [[nodiscard]] std::optional<outbound_failure> failure() const;
  /// All calls of this object, of whatever kind.
  [[nodiscard]] int calls() const;

private:
  bool wait(const std::function<bool()>& condition);

  std::function<bool(std::string_view)> is_progress_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<outbound_head> head_;
  std::string body_;
  bool ended_ = false;
  std::optional<outbound_failure> failure_;
  int calls_ = 0;
};

} // namespace troupe::testing
