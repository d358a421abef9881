#include "tests/simulation/store_access.hpp"

#include <stdexcept>
#include <utility>

namespace troupe {

namespace {

store_error away() {
  return {errc::unavailable, "The database does not answer."};
}

class writer_by_way final : public store_writer {
public:
  writer_by_way(std::unique_ptr<store_writer> real, std::shared_ptr<store_way> way)
    : real_{std::move(real)}, way_{std::move(way)} {}

  committed apply(std::span<const operation> batch) override {
    if (way_->is_over) {
      committed nothing;
      nothing.outcomes.assign(batch.size(), away());
      return nothing;
    }
    if (std::exchange(way_->breaks_before, false))
      throw std::runtime_error{"a fault before the commit"};
    auto result = real_->apply(batch);
    if (std::exchange(way_->breaks_after, false))
      throw std::runtime_error{"a fault after the commit"};
    return result;
  }

private:
  std::unique_ptr<store_writer> real_;
  std::shared_ptr<store_way> way_;
};

class reader_by_way final : public store_reader {
public:
  reader_by_way(std::unique_ptr<store_reader> real, std::shared_ptr<store_way> way)
    : real_{std::move(real)}, way_{std::move(way)} {}

  void begin() override { real_->begin(); }
  void end() override { real_->end(); }
  store_result<task_record> get_task(const uuid& id) override { return ask(&store_reader::get_task, id); }
  store_result<task_outline> outline(const uuid& id) override { return ask(&store_reader::outline, id); }
  store_result<page<task_record, uuid>> list_tasks(const task_filter& filter, std::optional<uuid> before,
                                                   int limit) override {
    return ask(&store_reader::list_tasks, filter, before, limit);
  }
  store_result<page<message_record, std::int64_t>> task_messages(const uuid& id, std::int64_t after,
                                                                 int limit) override {
    return ask(&store_reader::task_messages, id, after, limit);
  }
  store_result<page<message_record, std::int64_t>> thread_messages(const uuid& id, std::int64_t after,
                                                                   int limit) override {
    return ask(&store_reader::thread_messages, id, after, limit);
  }
  store_result<page<attempt_record, int>> attempts(const uuid& id, int after, int limit) override {
    return ask(&store_reader::attempts, id, after, limit);
  }
  store_result<page<event_record, std::int64_t>> events_after(const uuid& id, std::int64_t seq, int limit) override {
    return ask(&store_reader::events_after, id, seq, limit);
  }
  store_result<room> resolve(const room& r) override { return ask(&store_reader::resolve, r); }
  store_result<std::int64_t> position_of(const uuid& id, std::int64_t seq) override {
    return ask(&store_reader::position_of, id, seq);
  }
  store_result<std::int64_t> last_position() override { return ask(&store_reader::last_position); }
  store_result<room_events> room_events_after(const room& r, std::int64_t position, page_size most) override {
    return ask(&store_reader::room_events_after, r, position, most);
  }
  store_result<bot_record> get_bot(const std::string& ns, const std::string& name) override {
    return ask(&store_reader::get_bot, ns, name);
  }
  store_result<page<bot_record, std::string>> list_bots(const std::string& ns, const std::string& after,
                                                        int limit) override {
    return ask(&store_reader::list_bots, ns, after, limit);
  }
  store_result<model_record> get_model(const std::string& ns, const std::string& name) override {
    return ask(&store_reader::get_model, ns, name);
  }
  store_result<page<model_record, std::string>> list_models(const std::string& ns, const std::string& after,
                                                            int limit) override {
    return ask(&store_reader::list_models, ns, after, limit);
  }
  store_result<page<approval_record, approval_place>> list_approvals(const std::string& ns, approval_state state,
                                                                     const std::optional<approval_place>& after,
                                                                     int limit) override {
    return ask(&store_reader::list_approvals, ns, state, after, limit);
  }
  store_result<page<approval_record, approval_place>> approvals(const uuid& id, const std::string& after,
                                                                int limit) override {
    return ask(&store_reader::approvals, id, after, limit);
  }
  store_result<std::vector<usage_record>> usage(const usage_filter& filter, usage_group group) override {
    return ask(&store_reader::usage, filter, group);
  }
  store_result<budget_record> get_budget(const std::string& scope) override {
    return ask(&store_reader::get_budget, scope);
  }
  store_result<thread_record> get_thread(const uuid& id) override { return ask(&store_reader::get_thread, id); }
  store_result<queue_stats> queue(const std::string& after, int limit) override {
    return ask(&store_reader::queue, after, limit);
  }
  store_result<std::vector<node_record>> nodes() override { return ask(&store_reader::nodes); }

private:
  template <class Result, class... Parameters, class... Arguments>
  Result ask(Result (store_reader::*question)(Parameters...), const Arguments&... arguments) {
    if (!way_->is_open || way_->is_over)
      return away();
    return (real_.get()->*question)(arguments...);
  }

  std::unique_ptr<store_reader> real_;
  std::shared_ptr<store_way> way_;
};

class database_by_way final : public database {
public:
  database_by_way(std::shared_ptr<database> real, std::shared_ptr<store_way> way)
    : real_{std::move(real)}, way_{std::move(way)} {}

  store_result<std::unique_ptr<store_writer>> open_writer() override {
    auto opened = real_->open_writer();
    if (auto* refusal = std::get_if<store_error>(&opened))
      return std::move(*refusal);
    return std::make_unique<writer_by_way>(std::move(std::get<std::unique_ptr<store_writer>>(opened)), way_);
  }
  store_result<std::unique_ptr<store_reader>> open_reader() override {
    auto opened = real_->open_reader();
    if (auto* refusal = std::get_if<store_error>(&opened))
      return std::move(*refusal);
    return std::make_unique<reader_by_way>(std::move(std::get<std::unique_ptr<store_reader>>(opened)), way_);
  }
  [[nodiscard]] database_info info() const override { return real_->info(); }
  [[nodiscard]] timestamp now() const override { return real_->now(); }
  [[nodiscard]] bool available() const noexcept override { return way_->is_open && !way_->is_over; }
  [[nodiscard]] store_state state() const override { return real_->state(); }
  void give_up() noexcept override {}

private:
  std::shared_ptr<database> real_;
  std::shared_ptr<store_way> way_;
};

} // namespace

std::shared_ptr<database> reached_by(std::shared_ptr<database> real, std::shared_ptr<store_way> way) {
  return std::make_shared<database_by_way>(std::move(real), std::move(way));
}

} // namespace troupe
