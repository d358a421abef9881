#include "persistence/page_bound.hpp"
#include "store_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>

/// Pages end at their number of items or at about 1 MiB, whichever comes first. Seen in
/// GET /tasks?limit=500 over inputs of 256 KiB (an answer of 131 MB); each list of the store
/// is an instance.
namespace troupe {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAreArray;
using testing::SizeIs;

constexpr std::size_t kib = 1024;

/// Some small, some that fill a page together, and some that fill one alone.
constexpr std::size_t sizes[]
  = {1,         100 * kib, 256 * kib, 256 * kib, 1, 1024 * kib + 1, 100 * kib, 1,       20'000 * kib, 1,
     256 * kib, 256 * kib, 256 * kib, 256 * kib, 1, 300 * kib,      700 * kib, 40 * kib};

constexpr int limits[] = {1, 2, 3, 7, 500};

class Pages : public store_fixture {
protected:
  /// Walks a list with several limits: each page keeps both bounds and is as long as they let it be, and together they
  /// are the whole list, each item once and in order. `mark` tells an item from others.
  template <class Item, class Key, class Read, class Mark>
  void expect_pages(const Key& first, Read read, Mark mark, const auto& expected) {
    for (const int limit : limits) {
      const auto pages = pages_of<Item, Key>(first, [&](const Key& after) { return read(after, limit); });
      std::vector<std::decay_t<decltype(mark(pages[0].items[0]))>> seen;
      for (std::size_t i = 0; i < pages.size(); ++i) {
        const auto& items = pages[i].items;
        EXPECT_LE(items.size(), static_cast<std::size_t>(limit));
        const auto bytes = bytes_of(items);
        EXPECT_TRUE(items.size() == 1 || bytes <= max_page_bytes) << bytes;
        if (i + 1 < pages.size()) {
          EXPECT_TRUE(items.size() == static_cast<std::size_t>(limit)
                      || bytes + shown_bytes(pages[i + 1].items[0]) > max_page_bytes)
            << "page " << i << " could be longer: " << items.size() << " items of " << bytes;
        }
        for (const auto& item : items)
          seen.push_back(mark(item));
      }
      EXPECT_THAT(seen, ElementsAreArray(expected)) << "limit " << limit;
    }
  }

  template <class Item>
  static std::size_t bytes_of(const std::vector<Item>& items) {
    std::size_t sum = 0;
    for (const auto& item : items)
      sum += shown_bytes(item);
    return sum;
  }

  static std::string text_of(std::size_t size, char c = 'x') { return std::string(size, c); }

  /// The first page.
  page<task_record, uuid> tasks_of(const task_filter& filter) {
    return value_of<page<task_record, uuid>>(reader->list_tasks(filter, {}, 500));
  }

  void expect_task_pages(const task_filter& filter, const std::vector<uuid>& newest_first) {
    expect_pages<task_record, uuid>(
      latest, [&](const uuid& before, int limit) { return reader->list_tasks(filter, before, limit); },
      [](const task_record& task) { return task.id; }, newest_first);
  }

  /// Behind every task.
  const uuid latest = *uuid::parse("ffffffff-ffff-ffff-ffff-ffffffffffff");
};
TROUPE_ON_EVERY_DATABASE(Pages);

TEST_P(Pages, OfTasksEndAtTheirBytesWhateverTheFilter) {
  std::vector<uuid> newest_first;
  uuid thread;
  for (const auto size : sizes) {
    auto op = newest_first.empty() ? make_task(text_of(size)) : make_turn(thread, text_of(size));
    op.execute = true;
    newest_first.insert(newest_first.begin(), must(op).task.id);
    if (newest_first.size() == 1)
      thread = newest_first.front();
  }
  task_filter filter;
  filter.ns = "default";
  expect_task_pages(filter, newest_first);
  filter.created_by = "alice";
  expect_task_pages(filter, newest_first);
  filter.status = task_status::pending;
  expect_task_pages(filter, newest_first);
  filter.created_by.reset();
  filter.thread_id = thread;
  expect_task_pages(filter, newest_first);
  filter.status.reset();
  filter.bot = "default";
  expect_task_pages(filter, newest_first);
}

TEST_P(Pages, OfTasksThatHaveEndedCountAllOfTheirTexts) {
  std::vector<uuid> newest_first;
  for (int i = 0; i < 4; ++i) {
    auto op = make_task(text_of(200 * kib));
    op.task.spec = R"({"note":")" + text_of(60 * kib) + "\"}";
    newest_first.insert(newest_first.begin(), execute(op));
    must(make_completion(claim_one(), text_of(400 * kib)));
  }
  task_filter filter;
  filter.ns = "default";
  filter.status = task_status::completed;
  expect_task_pages(filter, newest_first);
  EXPECT_THAT(tasks_of(filter).items, SizeIs(1));
}

TEST_P(Pages, EndAtTheVeryByte) {
  auto first = make_task();
  auto second = make_task();
  const auto around = stored_bytes(must(first).task) - first.task.input.size();
  must(delete_task{first.task.id, clock});
  first = make_task(text_of(500 * kib));
  second = make_task(text_of(max_page_bytes - 2 * around - 500 * kib));
  must(first);
  must(second);
  task_filter filter;
  filter.ns = "default";
  const auto whole = tasks_of(filter);
  EXPECT_EQ(bytes_of(whole.items), max_page_bytes);
  EXPECT_THAT(whole.items, SizeIs(2));
  EXPECT_FALSE(whole.next) << "a page that is full is no reason for another";
  must(delete_task{second.task.id, clock});
  must(make_task(text_of(max_page_bytes - 2 * around - 500 * kib + 1)));
  const auto cut = tasks_of(filter);
  EXPECT_THAT(cut.items, SizeIs(1));
  EXPECT_EQ(cut.next, cut.items[0].id);
}

TEST_P(Pages, CountWhatEscapesAdd) {
  std::vector<uuid> newest_first;
  for (const char c : {'\x01', '"', '\n', 'x', '\\', '\x1f'}) {
    const auto op = make_task(text_of(150 * kib, c));
    must(op);
    newest_first.insert(newest_first.begin(), op.task.id);
  }
  task_filter filter;
  filter.ns = "default";
  expect_task_pages(filter, newest_first);
  EXPECT_THAT(tasks_of(filter).items, SizeIs(1)) << "150 KiB of control characters are 900 KiB as JSON";
}

TEST_P(Pages, OfMessagesEndAtTheirBytes) {
  const auto id = execute();
  const auto claimed = claim_one();
  std::vector<std::size_t> expected{5};
  int n = 0;
  for (const auto size : sizes) {
    const auto call = "call_" + std::to_string(++n);
    auto intent = make_intent(claimed, call);
    // What only its model sees is read with it all the same.
    intent.messages[0].replay = text_of(size / 3);
    must(std::move(intent));
    must(make_result(claimed, call, text_of(size)));
    expected.insert(expected.end(), {0, size});
  }
  const auto mark = [](const message_record& message) { return message.content.size(); };
  expect_pages<message_record, std::int64_t>(
    0, [&](std::int64_t after, int limit) { return reader->thread_messages(id, after, limit); }, mark, expected);
  expect_pages<message_record, std::int64_t>(
    0, [&](std::int64_t after, int limit) { return reader->task_messages(id, after, limit); }, mark, expected);
}

TEST_P(Pages, OfAJournalEndAtTheirBytes) {
  const auto id = execute();
  const auto claimed = claim_one();
  std::vector<std::size_t> expected;
  for (const auto size : sizes) {
    must(append_journal{
      fence_of(claimed), {{event_type::chat_chunk, R"({"text":")" + text_of(size) + "\"}"}}, {}, {}, {}, clock});
    expected.push_back(size + 11);
  }
  const auto before = static_cast<std::int64_t>(journal(id).size() - std::size(sizes));
  expect_pages<event_record, std::int64_t>(
    before, [&](std::int64_t after, int limit) { return reader->events_after(id, after, limit); },
    [](const event_record& event) { return event.data.size(); }, expected);
}

/// Pages of a room have a position in the place of a cursor, and look at a stretch of entries at a time.
TEST_P(Pages, OfRoomsEndAtTheirBytesNearTheEndAndFarFromIt) {
  const auto id = execute();
  const auto claimed = claim_one();
  for (const auto size : sizes)
    must(append_journal{
      fence_of(claimed), {{event_type::chat_chunk, R"({"text":")" + text_of(size) + "\"}"}}, {}, {}, {}, clock});
  const auto expected = journal(id);
  const auto expect_rooms = [&] {
    for (const auto& r : {value_of<room>(reader->resolve({room::kind::task, id, {}})),
                          room{room::kind::user, {}, "alice"}, room{room::kind::ns, {}, "default"}})
      for (const int limit : limits) {
        std::vector<std::int64_t> seen;
        room_events part;
        do {
          const auto from = part.position;
          part = value_of<room_events>(reader->room_events_after(r, from, limit));
          ASSERT_TRUE(part.at_end || part.position > from);
          EXPECT_LE(part.events.size(), static_cast<std::size_t>(limit));
          EXPECT_TRUE(part.events.size() <= 1 || bytes_of(part.events) <= max_page_bytes) << bytes_of(part.events);
          for (const auto& event : part.events)
            seen.push_back(event.seq);
        } while (!part.at_end);
        ASSERT_THAT(seen, SizeIs(expected.size())) << "limit " << limit;
        for (std::size_t i = 0; i < seen.size(); ++i)
          ASSERT_EQ(seen[i], expected[i].seq);
      }
  };
  expect_rooms();
  auto noise = make_task();
  noise.task.ns = noise.task.created_by = "noise";
  execute(noise);
  append_journal entries;
  entries.fence = fence_of(claim_one());
  entries.events.assign(2100, {event_type::chat_chunk, "{}"});
  must(entries);
  expect_rooms();
}

/// Those who ask for little are not to wait until much is read.
TEST_P(Pages, OfRoomsEndEarlierForThoseWhoAskForLess) {
  const auto id = execute();
  const auto claimed = claim_one();
  for (const auto size : {std::size_t{1}, 30 * kib, 30 * kib, 30 * kib, 600 * kib, std::size_t{1}})
    must(append_journal{
      fence_of(claimed), {{event_type::chat_chunk, R"({"text":")" + text_of(size) + "\"}"}}, {}, {}, {}, clock});
  const auto expect_pages_of = [&](const room& r) {
    constexpr std::size_t most = 64 * kib;
    std::vector<std::int64_t> seen;
    room_events part;
    do {
      const auto from = part.position;
      part = value_of<room_events>(reader->room_events_after(r, from, page_size{100, most}));
      ASSERT_TRUE(part.at_end || part.position > from);
      EXPECT_TRUE(part.events.size() <= 1 || bytes_of(part.events) <= most) << bytes_of(part.events);
      for (const auto& event : part.events)
        seen.push_back(event.seq);
    } while (!part.at_end);
    ASSERT_THAT(seen, SizeIs(journal(id).size()));
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  };
  const room thread{room::kind::task, id, {}};
  expect_pages_of(thread);
  expect_pages_of({room::kind::ns, {}, "default"});
  auto noise = make_task();
  noise.task.ns = noise.task.created_by = "noise";
  execute(noise);
  append_journal entries;
  entries.fence = fence_of(claim_one());
  entries.events.assign(2100, {event_type::chat_chunk, "{}"});
  must(entries);
  expect_pages_of(thread);
  expect_pages_of({room::kind::ns, {}, "default"});
}

TEST_P(Pages, OfAttemptsEndAtTheirBytesAndTheRunningOneComesLast) {
  const auto id = execute();
  std::vector<int> expected;
  for (const auto size : {1 * kib, 600 * kib, 600 * kib, std::size_t{1}, 1100 * kib, 200 * kib}) {
    auto failure = make_failure(claim_one(), text_of(size));
    failure.retry_at = clock;
    must(std::move(failure));
    expected.push_back(static_cast<int>(expected.size()) + 1);
  }
  claim_one();
  expected.push_back(7);
  expect_pages<attempt_record, int>(
    0, [&](int after, int limit) { return reader->attempts(id, after, limit); },
    [](const attempt_record& attempt) { return attempt.attempt; }, expected);
  EXPECT_EQ(attempts(id).back().outcome, attempt_outcome::running);
}

TEST_P(Pages, OfApprovalsEndAtTheirBytesInTheOrderOfTheCalls) {
  const auto id = execute();
  std::vector<std::string> calls;
  for (int i = 1; i <= 14; ++i)
    calls.push_back("call_" + std::to_string(i));
  auto request = make_request(claim_one(), calls, clock + 1h);
  for (std::size_t i = 0; i < request.approvals.size(); ++i)
    request.approvals[i].arguments = R"({"to":")" + text_of(sizes[i]) + "\"}";
  must(std::move(request));
  const auto mark = [](const approval_record& approval) { return approval.call_id; };
  expect_pages<approval_record, approval_place>(
    approval_place{},
    [&](const approval_place& after, int limit) { return reader->approvals(id, after.call_id, limit); }, mark, calls);
  // A namespace's are in the order of their keys.
  auto by_key = calls;
  std::sort(by_key.begin(), by_key.end());
  expect_pages<approval_record, approval_place>(
    approval_place{},
    [&](const approval_place& after, int limit) {
      return reader->list_approvals("default", approval_state::pending, after, limit);
    },
    mark, by_key);
}

TEST_P(Pages, OfBotsAndModelsEndAtTheirBytes) {
  std::vector<std::string> names;
  for (int i = 0; i < 9; ++i) {
    names.push_back("name-" + std::to_string(i));
    put_bot bot;
    bot.bot.ns = "many";
    bot.bot.name = names.back();
    bot.bot.model = "builtin";
    bot.bot.system_prompt = text_of(i == 4 ? 1100 * kib : 256 * kib, i % 2 == 0 ? 'x' : '\n');
    bot.at = clock;
    must(std::move(bot));
    put_model model;
    model.model.ns = "many";
    model.model.name = names.back();
    model.model.parameters = R"({"a":")" + text_of(300 * kib) + "\"}";
    model.at = clock;
    must(std::move(model));
  }
  expect_pages<bot_record, std::string>(
    std::string{}, [&](const std::string& after, int limit) { return reader->list_bots("many", after, limit); },
    [](const bot_record& bot) { return bot.name; }, names);
  expect_pages<model_record, std::string>(
    std::string{}, [&](const std::string& after, int limit) { return reader->list_models("many", after, limit); },
    [](const model_record& model) { return model.name; }, names);
}

TEST_P(Pages, OfTheQueueHaveEachNamespaceOnceAndTheTotalsOfAll) {
  std::vector<std::string> names;
  for (const std::string name : {"a", "B", "c", "d-1", "d.1", "e", "f"}) {
    auto op = make_task();
    op.task.ns = name;
    execute(op);
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  for (const int limit : limits) {
    std::vector<std::string> seen;
    for (std::optional<std::string> after{std::string{}}; after;) {
      const auto stats = value_of<queue_stats>(reader->queue(*after, limit));
      EXPECT_LE(stats.namespaces.size(), static_cast<std::size_t>(limit));
      EXPECT_EQ(stats.totals.ready, 7);
      EXPECT_TRUE(stats.totals.oldest_due);
      for (const auto& row : stats.namespaces) {
        seen.push_back(row.ns);
        EXPECT_EQ(row.ready, 1) << row.ns;
      }
      after = stats.next;
    }
    EXPECT_EQ(seen, names) << "limit " << limit;
  }
  const auto sums = value_of<queue_stats>(reader->queue({}, 0));
  EXPECT_TRUE(sums.namespaces.empty());
  EXPECT_FALSE(sums.next);
  EXPECT_EQ(sums.totals.ready, 7);
}

TEST_P(Pages, OfAnEmptyQueueHaveTotalsOfNothing) {
  const auto stats = value_of<queue_stats>(reader->queue({}, 500));
  EXPECT_TRUE(stats.namespaces.empty());
  EXPECT_EQ(stats.totals.ready + stats.totals.running + stats.totals.blocked, 0);
  EXPECT_FALSE(stats.totals.oldest_due);
}

} // namespace
} // namespace troupe
