#include "tests/cluster/judge.hpp"

#include "tests/e2e/server_test.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

namespace troupe {

namespace {

/// So many flaws are shown with what they were found in.
constexpr std::size_t shown_with_evidence = 3;
/// So many flaws are collected: more say nothing new.
constexpr std::size_t enough_flaws = 20;

/// How long the last tasks may take: their own time, retries, leases, and a slow machine.
constexpr std::chrono::milliseconds settling{60'000};

class the_judge {
public:
  the_judge(cluster& nodes, const history& record) : nodes_{nodes}, history_{record} {}

  verdict run(watchers& spectators) {
    wait_for_rest();
    list_tasks();
    // Subscribers have their own time to catch up; it ends before they are asked.
    wait_for(spectators);
    judge_acknowledged();
    judge_tasks();
    views_ = spectators.stop();
    judge_views();
    judge_database();
    for (const auto& complaint : history_.complaints()) {
      find(complaint);
    }
    return std::move(verdict_);
  }

private:
  void find(const std::string& flaw, const std::string& evidence = {}) {
    const std::lock_guard guard{mutex_};
    auto& flaws = verdict_.flaws;
    if (flaws.size() < enough_flaws) {
      flaws.push_back(flaws.size() < shown_with_evidence && !evidence.empty() ? flaw + "\n" + evidence : flaw);
    }
  }

  void wait_for_rest() {
    http_client http{nodes_.any_port()};
    json queue;
    const bool rests = eventually(
      [&] {
        const auto reply = http.get("/api/v1/queue");
        queue = reply.document();
        // A node that has just lost its sessions may say once that it cannot tell.
        return reply.status == 200 && queue.at("namespaces").empty();
      },
      settling);
    if (!rests) {
      find("the queue does not become empty: " + queue.dump());
    }
  }

  void list_tasks() {
    http_client http{nodes_.any_port()};
    for (auto& task : list_all(http, "/api/v1/tasks?limit=500")) {
      const std::string id = task.at("id");
      tasks_.emplace(id, std::move(task));
    }
    // The order to run one may have vanished alone: it is there, waits for that order, and stands in no queue.
    for (const auto& acknowledged : history_.tasks()) {
      const auto found = tasks_.find(acknowledged.id);
      if (acknowledged.may_vanish && found != tasks_.end() && found->second.at("status") == "PENDING") {
        tasks_.erase(found);
      }
    }
    verdict_.tasks = tasks_.size();
  }

  void wait_for(const watchers& spectators) {
    std::string missing;
    const bool all = eventually([&] {
      const auto unseen = std::find_if(tasks_.begin(), tasks_.end(), [&](const auto& entry) {
        return !spectators.have_seen_end_of(entry.first, entry.second.at("created_by"));
      });
      missing = unseen == tasks_.end() ? "" : unseen->first;
      return missing.empty();
    });
    if (!all) {
      find("a subscriber was never told of the end of task " + missing);
    }
  }

  void judge_acknowledged() {
    std::map<std::string, std::string> by_key;
    for (const auto& [id, task] : tasks_) {
      const std::string key = task.at("metadata").value("key", "");
      if (!key.empty() && !by_key.emplace(key, id).second) {
        find("one key has made two tasks: " + by_key[key] + " and " + id);
      }
    }
    for (const auto& acknowledged : history_.tasks()) {
      const auto found = tasks_.find(acknowledged.id);
      if (found == tasks_.end() && acknowledged.may_vanish) {
        ++verdict_.vanished;
      } else if (found == tasks_.end()) {
        find("task " + acknowledged.id + " was acknowledged, and is lost");
      } else if (found->second.at("input") != acknowledged.input
                 || found->second.at("thread_id") != acknowledged.thread_id) {
        find("task " + acknowledged.id + " is not the one that was acknowledged: " + found->second.dump());
      }
    }
    for (const auto& id : history_.cancelled()) {
      const auto found = tasks_.find(id);
      if (found == tasks_.end() || found->second.at("status") != "CANCELLED") {
        find("the cancel of task " + id + " was acknowledged, but it is "
             + (found == tasks_.end() ? "lost" : found->second.at("status").get<std::string>()));
      }
    }
  }

  void judge_tasks() {
    std::vector<const json*> all;
    for (const auto& [id, task] : tasks_) {
      all.push_back(&task);
      journals_[id] = {};
    }
    std::atomic<std::size_t> next{0};
    const auto ports = nodes_.directory().ports();
    std::vector<std::thread> clerks;
    for (std::size_t i = 0; i < 3; ++i) {
      clerks.emplace_back([&, port = ports[i % ports.size()]] {
        http_client http{port};
        for (std::size_t index = next++; index < all.size(); index = next++) {
          try {
            judge_task(http, *all[index]);
          } catch (const std::exception& error) {
            find("task " + all[index]->at("id").get<std::string>() + " cannot be judged: " + error.what());
          }
        }
      });
    }
    for (auto& clerk : clerks) {
      clerk.join();
    }
  }

  void judge_task(http_client& http, const json& task) {
    const std::string id = task.at("id");
    task_evidence evidence{task, journal_of(http, id), list_all(http, task_path(id) + "/messages?limit=500"), {}};
    if (task.at("attempt") > 1) {
      evidence.attempts = list_all(http, task_path(id) + "/attempts");
    }
    for (const auto& flaw : flaws_of(evidence)) {
      find("task " + id + ": " + flaw, task.dump() + "\njournal " + json(evidence.journal).dump() + "\nmessages "
                                         + json(evidence.messages).dump() + "\nattempts "
                                         + json(evidence.attempts).dump());
    }
    const auto recoveries = recoveries_of(evidence);
    const std::lock_guard guard{mutex_};
    const std::string status = task.at("status");
    verdict_.completed += status == "COMPLETED" ? 1 : 0;
    verdict_.failed += status == "FAILED" ? 1 : 0;
    verdict_.cancelled += status == "CANCELLED" ? 1 : 0;
    verdict_.events += evidence.journal.size();
    for (const auto& recovered : recoveries) {
      ++(recovered.lost ? verdict_.lost_attempts : verdict_.released_attempts);
      if (recovered.lost) {
        verdict_.longest_pause = std::max(verdict_.longest_pause, recovered.pause - run_time_of(task.at("input")));
      }
    }
    journals_[id] = std::move(evidence.journal);
  }

  void judge_views() {
    for (const auto& view : views_) {
      verdict_.subscriber_connections += view.connections;
      for (const auto& complaint : view.complaints) {
        // Who has seen what vanished is told that it is gone.
        if (!(history_.has_let_vanish() && complaint.starts_with("a gap"))) {
          find("in room " + view.room + ": " + complaint);
        }
      }
      for (const auto& [id, seen] : view.seen) {
        const auto journal = journals_.find(id);
        if (journal == journals_.end()) {
          if (!history_.has_let_vanish()) {
            find("in room " + view.room + ": events of task " + id + ", which does not exist");
          }
          continue;
        }
        for (const auto& flaw : flaws_of_seen(view, seen, journal->second)) {
          find("in room " + view.room + ", task " + id + ": " + flaw, json(journal->second).dump());
        }
      }
      if (view.room.starts_with("task:")) {
        ++verdict_.followed_tasks;
      } else {
        judge_wide_view(view);
      }
    }
  }

  [[nodiscard]] std::vector<std::string> flaws_of_seen(const room_view& view, const std::vector<seen_event>& seen,
                                                       const std::vector<json>& journal) const {
    if (!history_.has_let_vanish()) {
      return flaws_of_view(seen, journal);
    }
    // Who follows one task leaves at its end, which may have vanished.
    return flaws_of_view_past_loss(seen, journal, !view.room.starts_with("task:"));
  }

  /// Whoever stood in a wide room all the time has seen all tasks of it, and no others.
  void judge_wide_view(const room_view& view) {
    for (const auto& [id, task] : tasks_) {
      const bool concerned
        = !view.room.starts_with("user:") || view.room == "user:" + task.at("created_by").get<std::string>();
      if (concerned != view.seen.contains(id)) {
        find("in room " + view.room + ": task " + id + (concerned ? " was not seen" : " does not belong there"));
      }
    }
  }

  /// What no answer shows: rows that belong to nothing, or to what is over.
  void judge_database() {
    for (const auto& [what, sql] : std::vector<std::pair<std::string, std::string>>{
           {"rows in the queue of tasks that have ended", "troupe.queue"},
           {"tasks that run", "troupe.tasks WHERE status = 1"},
           {"attempts that have not ended", "troupe.attempts WHERE ended_at IS NULL"},
           {"events of no task",
            "troupe.events e WHERE NOT EXISTS (SELECT FROM troupe.tasks t WHERE t.id = e.task_id)"},
           {"messages of no task",
            "troupe.messages m WHERE NOT EXISTS (SELECT FROM troupe.tasks t WHERE t.id = m.task_id)"},
           {"keys of no task",
            "troupe.idempotency_keys k WHERE NOT EXISTS (SELECT FROM troupe.tasks t WHERE t.id = k.task_id)"},
           {"journals with holes", "(SELECT FROM troupe.events GROUP BY task_id HAVING count(*) <> max(seq)) j"},
         }) {
      const auto count = nodes_.data().value("SELECT count(*) FROM " + sql);
      if (count != "0") {
        find("there are " + count + " " + what);
      }
    }
  }

  cluster& nodes_;
  const history& history_;
  std::mutex mutex_;
  verdict verdict_;
  std::map<std::string, json> tasks_;
  std::map<std::string, std::vector<json>> journals_;
  std::vector<room_view> views_;
};

} // namespace

std::string describe(const verdict& v) {
  return std::to_string(v.tasks) + " tasks (" + std::to_string(v.completed) + " completed, " + std::to_string(v.failed)
         + " failed, " + std::to_string(v.cancelled) + " cancelled, " + std::to_string(v.vanished) + " vanished), "
         + std::to_string(v.events) + " events, " + std::to_string(v.lost_attempts)
         + " attempts lost and taken up again after at most " + std::to_string(v.longest_pause.count()) + " ms, "
         + std::to_string(v.released_attempts) + " handed back; subscribers connected "
         + std::to_string(v.subscriber_connections) + " times and followed " + std::to_string(v.followed_tasks)
         + " single tasks";
}

verdict judge(cluster& nodes, const history& record, watchers& spectators) {
  return the_judge{nodes, record}.run(spectators);
}

} // namespace troupe
