#include "gateway/cli/run.hpp"

#include "gateway/cli/progress.hpp"
#include "gateway/cli/terminal.hpp"
#include "gateway/cli/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <thread>
#include <utility>

namespace troupe {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

api_json new_task_body(const run_options& options) {
  api_json body{{"input", options.input}, {"execute", true}};
  const auto add = [&body](const char* name, const std::string& value) {
    if (!value.empty())
      body[name] = value;
  };
  add("name", options.name);
  add("thread_id", options.thread);
  add("created_by", options.created_by);
  if (!options.bot.empty())
    body["spec"] = {{"bot_name", options.bot}};
  return body;
}

namespace {

/// How often the line is drawn anew, and the longest that Ctrl-C waits.
constexpr milliseconds tick{100};

/// Between two tries to connect again: from the one to the other, doubling.
constexpr milliseconds first_pause{200};
constexpr milliseconds longest_pause{5'000};

/// How long the server may stay away. Long enough for a restart.
constexpr std::chrono::seconds reconnect_limit{60};

/// A connection that lasted so long counts as a good one, even if it brought nothing.
constexpr std::chrono::seconds good_connection{5};

class task_run {
public:
  // Parentheses: braces would put the document into an array.
  task_run(const api_client& client, const run_options& options)
    : client_{client}, options_{options}, task_(create()), id_{text_member(task_, "id")},
      path_{"/api/v1/tasks/" + percent_encode(id_)}, progress_{task_, now()}, screen_{!options.json} {
    if (options.timeout)
      deadline_ = clock::now() + *options.timeout;
  }

  exit_status run() {
    if (options_.no_wait) {
      print((options_.json ? task_.dump(2) : id_) + "\n");
      return exit_ok;
    }
    while (progress_.outcome() == run_outcome::none && !must_stop())
      follow_once();
    screen_.settle();
    return end();
  }

private:
  [[nodiscard]] api_json create() const {
    request_target target{"/api/v1/tasks"};
    target.add("namespace", options_.ns);
    return client_.post(target.text(), new_task_body(options_));
  }

  // -- following ------------------------------------------------------------------

  /// True once there is something to do besides following. A cancel that came too
  /// late is none: the task has ended, and its end is on the way.
  bool must_stop() {
    if (deadline_ && clock::now() >= *deadline_)
      return true;
    if (!interrupt_watch::was_interrupted() || cancel_asked_)
      return cancelled_here_;
    cancel_asked_ = true;
    return cancel();
  }

  /// False if the task has ended by itself meanwhile.
  bool cancel() {
    try {
      static_cast<void>(client_.post(path_ + "/cancel"));
    } catch (const call_error& error) {
      if (error.status() == 409)
        return false;
      throw call_error{error.kind(),
                       std::string{error.what()} + "\nThe task could not be cancelled and runs on; `troupe task cancel "
                         + id_ + "` tries again.",
                       error.status()};
    }
    cancelled_here_ = true;
    return true;
  }

  /// One connection, from the last event on, until it ends.
  void follow_once() {
    const auto opened = clock::now();
    const auto seq_before = progress_.seq();
    try {
      const auto last = seq_before > 0 ? std::to_string(seq_before) : std::string{};
      api_stream stream{client_, path_ + "/events", last};
      progress_.connection_back();
      if (stream.is_exhausted())
        progress_.take_end(client_.get(path_));
      while (stream.is_open() && progress_.outcome() == run_outcome::none) {
        screen_.draw(progress_.line(now()));
        if (must_stop())
          return;
        if (const auto event = stream.next(tick))
          take(*event);
      }
    } catch (const call_error& error) {
      if (!error.may_pass())
        throw;
    }
    if (progress_.outcome() != run_outcome::none)
      return;
    if (progress_.seq() > seq_before || clock::now() - opened >= good_connection) {
      lost_since_.reset();
      pause_ = first_pause;
    }
    wait_to_reconnect();
  }

  void take(const sse_event& event) {
    const auto frame = api_json::parse(event.data, nullptr, false);
    if (!frame.is_object())
      throw call_error{call_failure::unintelligible, "The server sent an event that is no JSON object."};
    const auto step = progress_.take(frame, now());
    if (step.restarted)
      screen_.settle();
    if (!step.note.empty())
      screen_.note(step.note);
    screen_.text(step.text);
  }

  void wait_to_reconnect() {
    const auto at = clock::now();
    if (!lost_since_)
      lost_since_ = at;
    if (at - *lost_since_ >= reconnect_limit)
      throw call_error{call_failure::broken, "The server at " + client_.address().url()
                                               + " went away and did not come back within "
                                               + std::to_string(reconnect_limit.count())
                                               + " s.\nThe task is kept and runs on once it is back; `troupe task get "
                                               + id_ + "` shows it."};
    progress_.connection_lost();
    for (const auto until = at + pause_; clock::now() < until && !must_stop();) {
      screen_.draw(progress_.line(now()));
      std::this_thread::sleep_for(std::min<clock::duration>(tick, until - clock::now()));
    }
    pause_ = std::min(pause_ * 2, longest_pause);
  }

  // -- the end --------------------------------------------------------------------

  exit_status end() {
    if (options_.json && progress_.outcome() != run_outcome::deleted)
      print(client_.get(path_).dump(2) + "\n");
    switch (progress_.outcome()) {
    case run_outcome::completed:
      print_answer();
      if (const auto cut = progress_.cut(); !cut.empty())
        complain(cut);
      return exit_ok;
    case run_outcome::failed:
      complain("Task " + id_ + " failed in attempt " + std::to_string(progress_.attempt()) + ": " + progress_.error());
      return exit_task_failed;
    case run_outcome::deleted: complain("Task " + id_ + " was deleted."); return exit_task_failed;
    case run_outcome::cancelled: return say_cancelled();
    case run_outcome::none: break;
    }
    if (cancelled_here_)
      return say_cancelled();
    complain("Task " + id_ + " still runs after " + spoken_duration(*options_.timeout) + "; `troupe task get " + id_
             + "` shows how it ends.");
    return exit_timed_out;
  }

  exit_status say_cancelled() const {
    complain((cancelled_here_ ? "Cancelled task " + id_ : "Task " + id_ + " was cancelled") + ".");
    return exit_cancelled;
  }

  void print_answer() const {
    const auto& answer = progress_.output();
    if (options_.json || !answer)
      return;
    // Shown as it came; only a gap in the stream, or text before a tool call, makes
    // what stands on the screen something else than the answer.
    if (!screen_.has_shown_text() || progress_.streamed() != *answer)
      print(*answer + "\n");
  }

  const api_client& client_;
  const run_options& options_;
  /// Before the task is created, so that no Ctrl-C leaves it behind.
  interrupt_watch interrupts_;
  api_json task_;
  std::string id_;
  std::string path_;
  run_progress progress_;
  live_screen screen_;
  std::optional<clock::time_point> deadline_;
  std::optional<clock::time_point> lost_since_;
  milliseconds pause_ = first_pause;
  bool cancel_asked_ = false;
  bool cancelled_here_ = false;
};

} // namespace

exit_status run_task(const api_client& client, const run_options& options) {
  return task_run{client, options}.run();
}

} // namespace troupe
