#include "store_fixture.hpp"

#include <gmock/gmock.h>

/// Tasks as users make, end, list and remove them.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;

class Tasks : public store_fixture {
protected:
  std::vector<uuid> listed(const task_filter& filter) {
    std::vector<uuid> ids;
    for (const auto& item : value_of<page<task_record, uuid>>(reader->list_tasks(filter, {}, 100)).items)
      ids.push_back(item.id);
    return ids;
  }

  static task_filter in_default() {
    task_filter filter;
    filter.ns = "default";
    return filter;
  }
};
TROUPE_ON_EVERY_DATABASE(Tasks);

// -- creating -------------------------------------------------------------------------

TEST_P(Tasks, ATaskIsStoredAsItWasGiven) {
  auto op = make_task("Grüße, 世界 \"quoted\"\n\t🙂");
  op.task.spec = R"({"bot_name":"default"})";
  op.task.metadata = R"({"k":[1,2]})";
  op.task.priority = 7;
  op.task.run_at = clock + 1h;
  const auto made = must(op);
  EXPECT_FALSE(made.replayed);
  for (const auto& t : {made.task, task(op.task.id)}) {
    EXPECT_EQ(t.id, op.task.id);
    EXPECT_EQ(t.thread_id, op.task.id);
    EXPECT_EQ(t.name, "a task");
    EXPECT_EQ(t.ns, "default");
    EXPECT_EQ(t.status, task_status::pending);
    EXPECT_EQ(t.input, op.task.input);
    EXPECT_EQ(t.spec, op.task.spec);
    EXPECT_EQ(t.metadata, op.task.metadata);
    EXPECT_EQ(t.priority, 7);
    EXPECT_EQ(t.run_at, clock + 1h);
    EXPECT_EQ(t.created_by, "alice");
    EXPECT_EQ(t.created_at, clock);
    EXPECT_EQ(t.updated_at, clock);
    EXPECT_EQ(t.attempt, 0);
    EXPECT_FALSE(t.output);
    EXPECT_FALSE(t.error);
    EXPECT_FALSE(t.started_at);
    EXPECT_FALSE(t.completed_at);
    EXPECT_FALSE(t.queued);
  }
  EXPECT_EQ(data_of(op.task.id, event_type::task_created), R"({"name":"a task","status":"PENDING"})");
}

TEST_P(Tasks, AClientMayChooseTheIdOfANewThread) {
  const auto thread = make_uuid();
  const auto first = must(make_turn(thread)).task.id;
  const auto second = must(make_turn(thread)).task.id;
  EXPECT_EQ(task(first).thread_id, thread);
  EXPECT_EQ(task(second).thread_id, thread);
}

TEST_P(Tasks, ATurnCannotJoinAThreadOfAnotherNamespaceNorATaskOfAnotherThread) {
  const auto root = must(make_task()).task.id;
  auto elsewhere = make_turn(root);
  elsewhere.task.ns = "other";
  EXPECT_EQ(refused(elsewhere), errc::thread_not_found);
  const auto turn = must(make_turn(root)).task.id;
  EXPECT_EQ(task(turn).thread_id, root);
  EXPECT_EQ(refused(make_turn(turn)), errc::thread_not_found);
}

TEST_P(Tasks, AThreadOutlivesItsFirstTask) {
  const auto root = must(make_task()).task.id;
  const auto turn = must(make_turn(root)).task.id;
  must(delete_task{root, clock});
  must(make_turn(root));
  must(delete_task{turn, clock});
  EXPECT_EQ(refused(make_turn(root)), std::nullopt);
}

TEST_P(Tasks, ExecutionNeedsABot) {
  auto op = make_task();
  op.task.bot = "nobody";
  op.execute = true;
  EXPECT_EQ(refused(op), errc::bot_invalid);
  EXPECT_EQ(refusal(reader->get_task(op.task.id)), errc::not_found);
  op.execute = false;
  must(op);
  EXPECT_EQ(refused(enqueue_task{op.task.id, {}, {}, clock, {}}), errc::bot_invalid);
  EXPECT_EQ(status(op.task.id), task_status::pending);
  EXPECT_FALSE(task(op.task.id).queued);
  EXPECT_EQ(story(op.task.id), "task:created");
  const auto queued = must(enqueue_task{op.task.id, "default", "default", clock, {}}).task;
  EXPECT_EQ(queued.bot, "default");
  EXPECT_TRUE(queued.queued);
}

// -- idempotency ----------------------------------------------------------------------

TEST_P(Tasks, ARepeatedRequestIsAnsweredWithTheFirstOnesTask) {
  auto op = make_task();
  op.key = {"key-1", "print-1"};
  must(op);
  auto again = make_task();
  again.key = op.key;
  const auto replay = must(again);
  EXPECT_TRUE(replay.replayed);
  EXPECT_EQ(replay.task.id, op.task.id);
  EXPECT_TRUE(last.events.empty());
  EXPECT_EQ(refusal(reader->get_task(again.task.id)), errc::not_found);
}

TEST_P(Tasks, ARepeatInTheSameBatchIsSeenToo) {
  auto op = make_task();
  op.key = {"key-1", "print-1"};
  auto again = make_task();
  again.key = op.key;
  const auto result = writer->apply(std::vector<operation>{op, again});
  EXPECT_FALSE(value_of<task_result>(result.outcomes[0]).replayed);
  EXPECT_TRUE(value_of<task_result>(result.outcomes[1]).replayed);
}

TEST_P(Tasks, AKeyStandsForOneRequestOnly) {
  auto op = make_task();
  op.key = {"key-1", "print-1"};
  must(op);
  auto other = make_task();
  other.key = {"key-1", "print-2"};
  EXPECT_EQ(refused(other), errc::key_reused);
}

TEST_P(Tasks, ARefusedRequestLeavesItsKeyFree) {
  auto op = make_task();
  op.task.bot = "nobody";
  op.execute = true;
  op.key = {"key-1", "print-1"};
  EXPECT_EQ(refused(op), errc::bot_invalid);
  op.task.bot = "default";
  EXPECT_FALSE(must(op).replayed);
}

TEST_P(Tasks, EveryKeyedRequestIsReplayed) {
  const auto id = must(make_task()).task.id;
  const idempotency_key execute_key{"execute", "1"};
  const idempotency_key cancel_key{"cancel", "1"};
  const idempotency_key retry_key{"retry", "1"};
  must(enqueue_task{id, {}, {}, clock, execute_key});
  auto cancel = make_cancel(id);
  cancel.key = cancel_key;
  must(cancel);
  must(retry_task{id, clock, retry_key});
  const auto before = story(id);
  EXPECT_TRUE(must(enqueue_task{id, {}, {}, clock, execute_key}).replayed);
  EXPECT_TRUE(must(cancel).replayed);
  EXPECT_TRUE(must(retry_task{id, clock, retry_key}).replayed);
  EXPECT_EQ(story(id), before);
}

TEST_P(Tasks, OldKeysAreForgottenAndYoungOnesKept) {
  auto op = make_task();
  op.key = {"old", "1"};
  must(op);
  advance(1h);
  op = make_task();
  op.key = {"young", "1"};
  must(op);
  must(clean_up{clock});
  op = make_task();
  op.key = {"old", "2"};
  EXPECT_FALSE(must(op).replayed);
  op = make_task();
  op.key = {"young", "1"};
  EXPECT_TRUE(must(op).replayed);
  must(clean_up{clock + 1h});
  op = make_task();
  op.key = {"young", "2"};
  EXPECT_FALSE(must(op).replayed);
}

// -- completing and cancelling ----------------------------------------------------------

TEST_P(Tasks, ACompletionStoresTheAnswerAndTellsItLast) {
  const auto id = execute();
  auto completion = make_completion(claim_one(), "line\n2");
  completion.events = {{event_type::chat_chunk, R"({"text":"line"})"}, {event_type::chat_done, "{}"}};
  must(completion);
  EXPECT_THAT(story(id), EndsWith("chat:start chat:chunk chat:done task:completed"));
  EXPECT_EQ(
    data_of(id, event_type::task_completed),
    R"({"name":"a task","status":"COMPLETED","output":"line\n2","usage":{"input_tokens":3,"output_tokens":5}})");
  const auto stored = task(id);
  EXPECT_EQ(stored.output, "line\n2");
  EXPECT_EQ(stored.completed_at, clock);
  EXPECT_FALSE(stored.queued);
  const auto attempt = attempts(id).at(0);
  EXPECT_EQ(attempt.outcome, attempt_outcome::completed);
  EXPECT_EQ(attempt.node, "node-1");
  EXPECT_EQ(attempt.started_at, clock);
  EXPECT_EQ(attempt.ended_at, clock);
}

TEST_P(Tasks, ACancelEndsARunningAttempt) {
  const auto id = execute();
  claim_one();
  auto cancel = make_cancel(id);
  cancel.partial_output = "half";
  cancel.events = {{event_type::chat_chunk, R"({"text":"half"})"}};
  cancel.usage = {4, 2};
  const auto result = must(cancel).task;
  EXPECT_EQ(result.status, task_status::cancelled);
  EXPECT_EQ(result.output, "half");
  EXPECT_EQ(result.usage, (token_usage{4, 2}));
  EXPECT_THAT(story(id), EndsWith("chat:start chat:chunk chat:cancelled task:cancelled"));
  EXPECT_EQ(data_of(id, event_type::task_cancelled), R"({"name":"a task","status":"CANCELLED","output":"half"})");
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::cancelled);
  EXPECT_THAT(claim(), IsEmpty());
}

TEST_P(Tasks, ACancelEndsATaskThatNeverRan) {
  const auto id = execute();
  must(make_cancel(id));
  EXPECT_EQ(story(id), "task:created task:queued task:cancelled");
  EXPECT_EQ(data_of(id, event_type::task_cancelled), R"({"name":"a task","status":"CANCELLED"})");
  EXPECT_THAT(attempts(id), IsEmpty());
  EXPECT_THAT(messages(id), IsEmpty());
  EXPECT_THAT(claim(), IsEmpty());
}

TEST_P(Tasks, ACancelBetweenAttemptsTellsNoChat) {
  const auto id = execute();
  must(make_retry(claim_one(), clock + 1h));
  auto cancel = make_cancel(id);
  cancel.partial_output = "stale";
  cancel.events = {{event_type::chat_chunk, "{}"}};
  must(cancel);
  EXPECT_THAT(story(id), EndsWith("task:retrying task:cancelled"));
  EXPECT_FALSE(task(id).output);
}

TEST_P(Tasks, ACancelIsRepeatable) {
  const auto id = execute();
  must(make_cancel(id));
  const auto before = task(id);
  advance(1s);
  EXPECT_EQ(must(make_cancel(id)).task.updated_at, before.updated_at);
  EXPECT_TRUE(last.events.empty());
  EXPECT_EQ(refused(make_cancel(completed_task())), errc::illegal_transition);
  EXPECT_EQ(refused(make_cancel(failed_task())), errc::illegal_transition);
  EXPECT_EQ(refused(make_cancel(make_uuid())), errc::not_found);
}

// -- by hand --------------------------------------------------------------------------

TEST_P(Tasks, ATaskRunByHandLeavesTheQueue) {
  const auto id = execute("by hand");
  const auto result = must(make_status(id, task_status::running)).task;
  EXPECT_EQ(result.status, task_status::running);
  EXPECT_EQ(result.attempt, 1);
  EXPECT_EQ(result.node, "by-hand");
  EXPECT_FALSE(result.queued);
  EXPECT_THAT(claim(), IsEmpty());
  EXPECT_EQ(data_of(id, event_type::task_started),
            R"({"name":"a task","status":"RUNNING","attempt":1,"node":"by-hand","bot":"default"})");
  EXPECT_EQ(roles(messages(id)), "user");
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::running);
  advance(1s);
  auto end = make_status(id, task_status::completed);
  end.output = "done by hand";
  EXPECT_EQ(must(end).task.output, "done by hand");
  const auto items = messages(id);
  ASSERT_EQ(roles(items), "user assistant");
  EXPECT_EQ(items[1].content, "done by hand");
  const auto attempt = attempts(id).at(0);
  EXPECT_EQ(attempt.outcome, attempt_outcome::completed);
  EXPECT_EQ(attempt.node, "by-hand");
  EXPECT_EQ(attempt.started_at, clock - 1s);
  EXPECT_EQ(attempt.ended_at, clock);
}

TEST_P(Tasks, ATaskRunByHandMayBeCancelled) {
  const auto id = execute();
  must(make_status(id, task_status::running));
  must(make_cancel(id));
  EXPECT_EQ(story(id), "task:created task:queued task:started task:cancelled");
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::cancelled);
}

TEST_P(Tasks, AStatusSetByHandFencesTheRunningAttempt) {
  const auto id = execute();
  const auto claimed = claim_one();
  auto end = make_status(id, task_status::failed);
  end.error = "stopped by the operator";
  must(end);
  EXPECT_EQ(refused(make_completion(claimed)), errc::fenced);
  EXPECT_EQ(task(id).error, "stopped by the operator");
  EXPECT_EQ(attempts(id).at(0).outcome, attempt_outcome::failed);
  EXPECT_THAT(story(id), EndsWith("chat:error task:failed"));
}

TEST_P(Tasks, ACompletionByHandWithoutOutputStoresNoAnswer) {
  const auto id = execute();
  claim_one();
  must(make_status(id, task_status::completed));
  EXPECT_EQ(status(id), task_status::completed);
  EXPECT_EQ(roles(messages(id)), "user");
  EXPECT_THAT(data_of(id, event_type::task_completed), HasSubstr(R"("output":null)"));
}

// -- deleting -------------------------------------------------------------------------

TEST_P(Tasks, ADeletedTaskIsGoneButItsJournalTellsSo) {
  const auto id = completed_task();
  must(delete_task{id, clock});
  EXPECT_EQ(refusal(reader->get_task(id)), errc::not_found);
  EXPECT_EQ(refusal(reader->task_messages(id, 0, 10)), errc::not_found);
  EXPECT_EQ(refusal(reader->thread_messages(id, 0, 10)), errc::not_found);
  EXPECT_EQ(refusal(reader->attempts(id, 0, 1)), errc::not_found);
  EXPECT_THAT(listed(in_default()), IsEmpty());
  EXPECT_EQ(refused(delete_task{id, clock}), errc::not_found);
  EXPECT_EQ(refused(retry_task{id, clock, {}}), errc::not_found);
  EXPECT_THAT(story(id), EndsWith("task:completed task:deleted"));
  EXPECT_EQ(data_of(id, event_type::task_deleted), R"({"name":"a task","status":"COMPLETED"})");
}

TEST_P(Tasks, ADeletedTaskIsCancelledFirst) {
  const auto id = execute();
  const auto claimed = claim_one();
  must(delete_task{id, clock});
  EXPECT_THAT(story(id), EndsWith("chat:cancelled task:cancelled task:deleted"));
  EXPECT_EQ(refused(make_completion(claimed)), errc::fenced);
  EXPECT_THAT(claim(), IsEmpty());
}

TEST_P(Tasks, ADeletedTurnLeavesItsThreadsHistory) {
  const auto root = completed_task();
  execute(make_turn(root, "second"));
  const auto second = claim_one();
  must(make_completion(second));
  must(delete_task{second.id, clock});
  EXPECT_EQ(roles(conversation(root)), "user assistant");
}

// -- lists ----------------------------------------------------------------------------

TEST_P(Tasks, AreListedNewestFirst) {
  const auto a = must(make_task()).task.id;
  const auto b = must(make_task()).task.id;
  const auto c = must(make_task()).task.id;
  EXPECT_THAT(listed(in_default()), ElementsAre(c, b, a));
}

TEST_P(Tasks, AreListedByEachFilter) {
  const auto root = completed_task();
  advance(1s);
  auto op = make_turn(root);
  op.task.created_by = "bob";
  op.task.bot = "other";
  const auto turn = must(op).task.id;
  advance(1s);
  op = make_task();
  op.task.ns = "elsewhere";
  op.task.created_by = "";
  const auto elsewhere = must(op).task.id;

  auto filter = in_default();
  EXPECT_THAT(listed(filter), ElementsAre(turn, root));
  filter.status = task_status::completed;
  EXPECT_THAT(listed(filter), ElementsAre(root));
  filter.status = task_status::pending;
  EXPECT_THAT(listed(filter), ElementsAre(turn));
  filter.status = task_status::failed;
  EXPECT_THAT(listed(filter), IsEmpty());

  filter = in_default();
  filter.created_by = "bob";
  EXPECT_THAT(listed(filter), ElementsAre(turn));
  filter.status = task_status::pending;
  EXPECT_THAT(listed(filter), ElementsAre(turn));
  filter.created_by = "alice";
  EXPECT_THAT(listed(filter), IsEmpty());

  filter = in_default();
  filter.thread_id = root;
  EXPECT_THAT(listed(filter), ElementsAre(turn, root));
  filter.bot = "other";
  EXPECT_THAT(listed(filter), ElementsAre(turn));
  filter.bot.reset();
  filter.status = task_status::completed;
  EXPECT_THAT(listed(filter), ElementsAre(root));
  filter.status.reset();
  filter.created_by = "bob";
  EXPECT_THAT(listed(filter), ElementsAre(turn));

  filter = in_default();
  filter.bot = "other";
  EXPECT_THAT(listed(filter), ElementsAre(turn));

  filter = in_default();
  filter.created_after = clock - 2s;
  EXPECT_THAT(listed(filter), ElementsAre(turn));
  filter = in_default();
  filter.created_before = clock - 1s;
  EXPECT_THAT(listed(filter), ElementsAre(root));

  filter.created_before.reset();
  filter.ns = "elsewhere";
  EXPECT_THAT(listed(filter), ElementsAre(elsewhere));
  filter.created_by = "";
  EXPECT_THAT(listed(filter), ElementsAre(elsewhere));
}

TEST_P(Tasks, PagesStayTrueWhileTasksArrive) {
  std::vector<uuid> expected;
  const auto root = must(make_task()).task.id;
  expected.insert(expected.begin(), root);
  for (int i = 0; i < 6; ++i)
    expected.insert(expected.begin(), must(make_turn(root)).task.id);
  std::vector<task_filter> filters(4, in_default());
  filters[1].thread_id = root;
  filters[2].created_by = "alice";
  filters[3].status = task_status::pending;
  for (const auto& filter : filters) {
    std::vector<uuid> seen;
    std::optional<uuid> before;
    do {
      const auto page_of = value_of<page<task_record, uuid>>(reader->list_tasks(filter, before, 3));
      for (const auto& item : page_of.items)
        seen.push_back(item.id);
      before = page_of.next;
      auto newcomer = make_turn(root);
      newcomer.task.ns = "default";
      expected.insert(expected.begin(), must(newcomer).task.id);
    } while (before);
    // What came while paging is newer than the first page.
    EXPECT_EQ(seen, (std::vector<uuid>{expected.end() - static_cast<std::ptrdiff_t>(seen.size()), expected.end()}));
    EXPECT_EQ(seen.back(), root);
  }
}

TEST_P(Tasks, AnOutlineSaysWhatTheTaskDoes) {
  const auto root = must(make_task()).task.id;
  const auto expect_outline = [&](const uuid& id) {
    const auto task = value_of<task_record>(reader->get_task(id));
    const auto outline = value_of<task_outline>(reader->outline(id));
    EXPECT_EQ(outline.thread_id, task.thread_id);
    EXPECT_EQ(outline.status, task.status);
    EXPECT_EQ(outline.last_seq, static_cast<std::int64_t>(journal(id).size()));
  };
  expect_outline(root);
  const auto turn = execute(make_turn(root));
  expect_outline(turn);
  const auto claimed = claim_one();
  expect_outline(turn);
  must(make_completion(claimed));
  expect_outline(turn);
  must(delete_task{turn, clock});
  EXPECT_EQ(refusal(reader->outline(turn)), errc::not_found);
  EXPECT_EQ(refusal(reader->outline(make_uuid())), errc::not_found);
}

TEST_P(Tasks, AFullLastPageHasNoNext) {
  must(make_task());
  must(make_task());
  EXPECT_FALSE((value_of<page<task_record, uuid>>(reader->list_tasks(in_default(), {}, 2)).next));
  EXPECT_TRUE((value_of<page<task_record, uuid>>(reader->list_tasks(in_default(), {}, 1)).next));
}

TEST_P(Tasks, MessagesComeInPages) {
  const auto root = completed_task();
  execute(make_turn(root, "more"));
  must(make_completion(claim_one(), "much more"));
  std::vector<std::string> contents;
  std::int64_t after = 0;
  for (int pages = 0; pages < 10; ++pages) {
    const auto part = value_of<page<message_record, std::int64_t>>(reader->thread_messages(root, after, 3));
    for (const auto& item : part.items)
      contents.push_back(item.content);
    if (!part.next)
      break;
    after = *part.next;
  }
  EXPECT_THAT(contents, ElementsAre("hello", "answer", "more", "much more"));
  EXPECT_EQ(refusal(reader->thread_messages(make_uuid(), 0, 3)), errc::not_found);
}

} // namespace
} // namespace troupe
