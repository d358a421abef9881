#include "tests/simulation/verdict.hpp"

#include "gateway/rendering/frames.hpp"
#include "gateway/rendering/records.hpp"
#include "tests/judge/judge_rules.hpp"
#include "tests/stored.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;

class run_judge {
public:
  run_judge(const run_evidence& evidence, trial_result& result)
    : evidence_{evidence}, clients_{evidence.known}, reader_{evidence.stored}, result_{result} {}

  void judge() {
    result_.tasks = clients_.tasks().size();
    for (const auto& task : clients_.tasks())
      judge_task(task);
    judge_turns();
    judge_budget();
    for (const auto& one : evidence_.watches)
      judge_watch(*one);
  }

private:
  void flaw(std::string what) { result_.add(std::move(what)); }

  std::vector<event_record> journal_of(const uuid& id) {
    std::vector<event_record> entries;
    for (std::optional<std::int64_t> after = 0; after;) {
      auto found = reader_.events_after(id, *after, 500);
      auto* one = std::get_if<page<event_record, std::int64_t>>(&found);
      if (!one)
        break;
      std::move(one->items.begin(), one->items.end(), std::back_inserter(entries));
      after = one->next;
    }
    return entries;
  }

  /// What attempts have set aside is given back, and no more was used than is allowed.
  void judge_budget() {
    const auto found = reader_.get_budget("bot:default/far");
    const auto* budget = std::get_if<budget_record>(&found);
    if (!budget)
      return;
    if (budget->reserved != budget_amount{})
      flaw("a budget still has " + std::to_string(budget->reserved.tokens) + " tokens set aside");
    if (budget->spent.tokens > budget->limit.tokens.value_or(0))
      flaw("a budget is overdrawn");
  }

  void judge_task(const known_task& known) {
    const auto name = "task " + known.id.to_string() + " (" + known.key + ")";
    const auto journal = journal_of(known.id);
    result_.events += journal.size();
    const auto found = reader_.get_task(known.id);
    if (clients_.deleted().contains(known.id)) {
      if (std::holds_alternative<task_record>(found) || journal.empty()
          || journal.back().type != event_type::task_deleted)
        flaw(name + ": its deletion was acknowledged, and it is still there");
      return;
    }
    if (std::holds_alternative<store_error>(found)) {
      flaw(name + " was acknowledged, and is lost");
      return;
    }
    const auto& task = std::get<task_record>(found);
    if (task.input != known.input || task.thread_id != known.thread_id || task.name != known.key)
      flaw(name + " is not the one that was acknowledged");
    if (clients_.cancelled().contains(known.id) && task.status != task_status::cancelled)
      flaw(name + ": its cancel was acknowledged, and it is " + std::string{to_string(task.status)});
    result_.completed += task.status == task_status::completed ? 1 : 0;
    result_.failed += task.status == task_status::failed ? 1 : 0;
    result_.cancelled += task.status == task_status::cancelled ? 1 : 0;
    for (const auto& one : flaws_of(evidence_of(task, journal)))
      flaw(name + ": " + one);
    judge_times(name, known);
    judge_lost_attempts(name, task);
    note_turn(name, known, journal);
  }

  /// By when it was seen to begin: what is written down has the clocks of nodes.
  void judge_times(const std::string& name, const known_task& known) {
    const auto found = evidence_.first_seen.find(known.id);
    if (known.run_at && found != evidence_.first_seen.end() && found->second < *known.run_at - 1ms)
      flaw(name + " began before its time");
  }

  /// An attempt may be lost with its node, or while its node cannot be told from a lost one; a database that is away
  /// for everybody is no reason.
  void judge_lost_attempts(const std::string& name, const task_record& task) {
    // Until others have noticed; and what is written down of when has waited as long as the database was away.
    const auto late = evidence_.lease * 2 + 30s;
    for (const auto& attempt :
         all_pages<attempt_record>(0, [&](auto after) { return reader_.attempts(task.id, after, 500); })) {
      if (attempt.outcome != attempt_outcome::lost)
        continue;
      ++result_.lost_attempts;
      const auto excused = std::any_of(evidence_.excuses.begin(), evidence_.excuses.end(), [&](const auto& one) {
        return one.node == attempt.node && one.from <= attempt.ended_at.value_or(evidence_.now) + late
               && one.to + late >= attempt.started_at;
      });
      if (!excused)
        flaw(name + ": attempt " + std::to_string(attempt.attempt) + " was lost, though nothing befell "
             + attempt.node);
    }
  }

  /// From its first attempt to its end a task has its thread for itself.
  void note_turn(const std::string& name, const known_task& known, const std::vector<event_record>& journal) {
    const auto begin = std::find_if(journal.begin(), journal.end(),
                                    [](const auto& entry) { return entry.type == event_type::task_started; });
    if (begin != journal.end())
      turns_[known.thread_id].push_back({begin->position, journal.back().position, name});
  }

  void judge_turns() {
    for (auto& [thread, turns] : turns_) {
      std::sort(turns.begin(), turns.end(), [](const auto& a, const auto& b) { return a.begin < b.begin; });
      for (std::size_t i = 1; i < turns.size(); ++i)
        if (turns[i].begin < turns[i - 1].end)
          flaw(turns[i].name + " began before " + turns[i - 1].name + " of its thread had ended");
    }
  }

  task_evidence evidence_of(const task_record& task, const std::vector<event_record>& journal) {
    task_evidence evidence;
    evidence.task = json::parse(render_task(task));
    for (const auto& entry : journal)
      evidence.journal.push_back(json::parse(render_event(entry)));
    for (const auto& message : all_pages<message_record>(
           std::int64_t{0}, [&](auto after) { return reader_.task_messages(task.id, after, 500); }))
      evidence.messages.push_back(json::parse(rendered(append_message, message)));
    for (const auto& attempt :
         all_pages<attempt_record>(0, [&](auto after) { return reader_.attempts(task.id, after, 500); })) {
      evidence.attempts.push_back(json::parse(rendered(append_attempt, attempt)));
    }
    return evidence;
  }

  void judge_watch(const watch& w) {
    const auto name = "subscriber of "
                      + std::string{w.where().type == room::kind::ns     ? "the namespace"
                                    : w.where().type == room::kind::user ? "user " + w.where().name
                                                                         : w.where().id.to_string()};
    for (const auto& complaint : w.complaints())
      flaw(name + ": " + complaint);
    for (const auto& [id, seen] : w.seen()) {
      std::vector<seen_event> journal;
      for (const auto& entry : journal_of(id))
        journal.push_back(summary_of(entry.seq, entry.type, render_event(entry)));
      for (const auto& one : flaws_of_view(seen, journal))
        flaw(name + ", task " + id.to_string() + ": " + one);
    }
    for (const auto& task : clients_.tasks())
      if (concerns(w, task) && !w.seen().contains(task.id))
        flaw(name + ": task " + task.id.to_string() + " was not seen");
  }

  struct turn {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::string name;
  };

  const run_evidence& evidence_;
  const clients& clients_;
  store_reader& reader_;
  trial_result& result_;
  std::map<uuid, std::vector<turn>> turns_;
};

} // namespace

void judge_run(const run_evidence& evidence, trial_result& result) {
  run_judge{evidence, result}.judge();
}

bool concerns(const watch& w, const known_task& task) {
  switch (w.where().type) {
  case room::kind::task: return w.where().id == task.thread_id;
  case room::kind::user: return w.where().name == task.created_by;
  case room::kind::ns: break;
  }
  return true;
}

} // namespace troupe
