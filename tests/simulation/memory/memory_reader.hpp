#pragma once

#include "persistence/store.hpp"
#include "tests/simulation/memory/memory_state.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// The reading side of the in-memory store. A view is a number: whoever asks in it while others go on shows itself the
/// tables as they were, for as long as the question takes.
namespace troupe {

class memory_reader final : public store_reader {
public:
  explicit memory_reader(std::shared_ptr<memory_state> state) : state_{std::move(state)} {}
  ~memory_reader() override { end_view(); }

  void begin() override;
  void end() override { end_view(); }

  store_result<task_record> get_task(const uuid& id) override;
  store_result<task_outline> outline(const uuid& task_id) override;
  store_result<page<task_record, uuid>> list_tasks(const task_filter& filter, std::optional<uuid> before,
                                                   int limit) override;
  store_result<page<message_record, std::int64_t>> task_messages(const uuid& task_id, std::int64_t after,
                                                                 int limit) override;
  store_result<page<message_record, std::int64_t>> thread_messages(const uuid& thread_id, std::int64_t after,
                                                                   int limit) override;
  store_result<page<attempt_record, int>> attempts(const uuid& task_id, int after, int limit) override;
  store_result<page<event_record, std::int64_t>> events_after(const uuid& task_id, std::int64_t seq,
                                                              int limit) override;
  store_result<room> resolve(const room& r) override;
  store_result<std::int64_t> position_of(const uuid& task_id, std::int64_t seq) override;
  store_result<std::int64_t> last_position() override;
  store_result<room_events> room_events_after(const room& r, std::int64_t position, page_size most) override;
  store_result<bot_record> get_bot(const std::string& ns, const std::string& name) override;
  store_result<page<bot_record, std::string>> list_bots(const std::string& ns, const std::string& after,
                                                        int limit) override;
  store_result<model_record> get_model(const std::string& ns, const std::string& name) override;
  store_result<page<model_record, std::string>> list_models(const std::string& ns, const std::string& after,
                                                            int limit) override;
  store_result<page<approval_record, approval_place>> list_approvals(const std::string& ns, approval_state state,
                                                                     const std::optional<approval_place>& after,
                                                                     int limit) override;
  store_result<page<approval_record, approval_place>> approvals(const uuid& task_id, const std::string& after,
                                                                int limit) override;
  store_result<std::vector<usage_record>> usage(const usage_filter& filter, usage_group group) override;
  store_result<budget_record> get_budget(const std::string& scope) override;
  store_result<thread_record> get_thread(const uuid& thread_id) override;
  store_result<queue_stats> queue(const std::string& after, int limit) override;
  store_result<std::vector<node_record>> nodes() override;

private:
  /// What this reader sees now.
  [[nodiscard]] memory_look look() const { return {*state_, view_}; }
  void end_view();

  std::shared_ptr<memory_state> state_;
  /// Behind which change it looks; none outside of a view.
  std::optional<std::uint64_t> view_;
};

} // namespace troupe
