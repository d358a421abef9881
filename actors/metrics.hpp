#pragma once

#include "persistence/records.hpp"
#include "persistence/store.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace troupe {

/// What the process counts and times, for `GET /metrics`. Every member may be
/// called from any thread. Names follow the Prometheus conventions: base units,
/// `_total` on counters.
class metrics {
public:
  metrics();
  ~metrics();

  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  // -- tasks ------------------------------------------------------------------

  /// A run ended; `status` is terminal.
  void task_ended(task_status status);
  void attempt_failed(error_class kind);
  void task_executed(std::chrono::duration<double> attempt_time);
  void first_token(std::chrono::duration<double> since_start);
  void running_changed(int by);
  /// A write was refused because another attempt had taken over.
  void write_fenced();
  /// Tasks whose node had ended went back to the queue, or failed.
  void tasks_recovered(int count);
  void lease_lost();

  // -- models and tools -------------------------------------------------------

  /// A turn was asked of a model; `end` is `answered` or an error class.
  void model_asked(const model_record& model, std::string_view end, const token_usage& usage);
  /// It was deleted: its series go, unless it is asked again. So do those of models that
  /// nobody has asked for an hour, and of those asked longest ago where they are more than
  /// a thousand.
  void forget_model(const std::string& ns, const std::string& name);
  /// How many models are counted just now.
  [[nodiscard]] std::size_t counted_models() const;
  void tool_called(tool_kind kind, bool failed);

  // -- store ------------------------------------------------------------------

  void committed(std::size_t operations, std::chrono::duration<double> took);
  /// How the store does is asked whenever the figures are; on any thread.
  void watch_store(std::function<store_state()> ask);

  // -- gateway ----------------------------------------------------------------

  void http_request(std::string_view method, std::string_view route, unsigned status);
  void http_connections_changed(int by);
  void websocket_connections_changed(int by);
  void websocket_frames(std::string_view direction, std::size_t count);
  void slow_reader_closed();

  // -- cluster ----------------------------------------------------------------

  void linked_to(std::size_t nodes);
  void events_relayed(std::size_t count);
  void events_missed();
  void node_woken();

  // -- services ---------------------------------------------------------------

  void service_restarted(std::string_view name);

  /// The text exposition format, with the queue as `queue` says it stands `at`.
  std::string render(const queue_stats& queue, timestamp at);

private:
  struct series;
  void note_store();

  std::unique_ptr<series> series_;
};

using metrics_ptr = std::shared_ptr<metrics>;

} // namespace troupe
