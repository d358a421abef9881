#include "tests/e2e/server_test.hpp"

#include <algorithm>

/// Lists: filters, pages, and pages that stay true while tasks arrive.
namespace troupe {

using List = server_test;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

namespace {

std::vector<std::string> ids_of(const std::vector<json>& tasks) {
  std::vector<std::string> ids;
  for (const auto& task : tasks) {
    ids.push_back(task.at("id"));
  }
  return ids;
}

} // namespace

TEST_F(List, ShowsTheNewestFirst) {
  std::vector<std::string> expected;
  for (int i = 0; i < 5; ++i) {
    expected.insert(expected.begin(), create("task").at("id"));
  }
  EXPECT_EQ(ids_of(list_all(http(), "/api/v1/tasks")), expected);
}

TEST_F(List, FiltersByEveryDocumentedMember) {
  put_bot("other-bot");
  const std::string plain = run_task("plain").at("id");
  const std::string anns = create("ann's", {{"created_by", "ann"}}).at("id");
  const std::string by_bot = create("by another bot", {{"spec", {{"bot_name", "other-bot"}}}}).at("id");
  const std::string in_thread = create("in a thread", {{"thread_id", plain}}).at("id");
  const auto elsewhere = http().post("/api/v1/tasks?namespace=elsewhere", {{"input", "elsewhere"}});
  ASSERT_EQ(elsewhere.status, 201U) << elsewhere.body;

  const auto found = [&](const std::string& query) { return ids_of(list_all(http(), "/api/v1/tasks?" + query)); };
  EXPECT_THAT(found("status=COMPLETED"), ElementsAre(plain));
  EXPECT_THAT(found("status=PENDING"), UnorderedElementsAre(anns, by_bot, in_thread));
  EXPECT_THAT(found("status=FAILED"), IsEmpty());
  EXPECT_THAT(found("created_by=ann"), ElementsAre(anns));
  EXPECT_THAT(found("bot=other-bot"), ElementsAre(by_bot));
  EXPECT_THAT(found("thread_id=" + plain), ElementsAre(in_thread, plain));
  EXPECT_THAT(found("namespace=elsewhere"), ElementsAre(elsewhere.document().at("id").get<std::string>()));
  EXPECT_THAT(found("status=PENDING&created_by=ann&bot=default"), ElementsAre(anns));
}

TEST_F(List, FiltersByTheTimeOfCreation) {
  const json first = create("first");
  const json second = create("second");
  const json third = create("third");
  const auto found = [&](const std::string& query) { return ids_of(list_all(http(), "/api/v1/tasks?" + query)); };
  const std::string middle = second.at("created_at");
  EXPECT_THAT(found("created_after=" + middle), ElementsAre(third.at("id").get<std::string>()));
  EXPECT_THAT(found("created_before=" + middle), ElementsAre(first.at("id").get<std::string>()));
}

TEST_F(List, PagesStayTrueWhileTasksArrive) {
  std::vector<std::string> expected;
  for (int i = 0; i < 30; ++i) {
    expected.insert(expected.begin(), create("before").at("id"));
  }
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const json page = http().get("/api/v1/tasks?limit=7" + (cursor.empty() ? "" : "&cursor=" + cursor)).document();
    EXPECT_LE(page.at("items").size(), 7U);
    for (const auto& task : page.at("items")) {
      seen.push_back(task.at("id"));
    }
    create("meanwhile");
    cursor = page.at("next_cursor").is_null() ? "" : page.at("next_cursor").get<std::string>();
  } while (!cursor.empty());
  EXPECT_EQ(seen, expected) << "nothing twice, nothing left out, nothing that came later";
}

TEST_F(List, OfMessagesAndEventsComesInPagesToo) {
  const json task = run_task("@words=50 @pace=1");
  const std::string path = task_path(task);
  EXPECT_EQ(list_all(http(), path + "/messages?limit=1"), list_all(http(), path + "/messages"));
  EXPECT_EQ(list_all(http(), path + "/events?limit=2"), list_all(http(), path + "/events"));
}

TEST_F(List, OfEventsGoesOnBehindANumber) {
  const json task = run_task("Hello");
  const auto journal = journal_of(http(), task.at("id"));
  ASSERT_GT(journal.size(), 4U);
  const auto rest = list_all(http(), task_path(task) + "/events?after=3");
  EXPECT_EQ(rest, std::vector<json>(journal.begin() + 3, journal.end()));
  EXPECT_THAT(list_all(http(), task_path(task) + "/events?after=1000"), IsEmpty());
}

TEST_F(List, IsBoundedByItsLimit) {
  for (int i = 0; i < 60; ++i) {
    create("task");
  }
  EXPECT_EQ(http().get("/api/v1/tasks").document().at("items").size(), 50U) << "the default";
  EXPECT_EQ(http().get("/api/v1/tasks?limit=500").document().at("items").size(), 60U);
  for (const std::string limit : {"0", "501", "-1", "x", "", "1e2", "99999999999999999999"}) {
    expect_problem(http().get("/api/v1/tasks?limit=" + limit), 400, "invalid_parameter");
  }
}

namespace {

constexpr std::size_t mib = std::size_t{1024} * 1024;

/// The bodies of a list's pages, from the first to the last.
std::vector<std::string> pages_of(http_client& http, const std::string& target) {
  std::vector<std::string> pages;
  std::string cursor;
  do {
    const auto reply = http.get(cursor.empty() ? target : target + "&cursor=" + cursor);
    EXPECT_EQ(reply.status, 200U) << reply.body;
    pages.push_back(reply.body);
    const auto next = reply.document().at("next_cursor");
    cursor = next.is_null() ? "" : next.get<std::string>();
  } while (!cursor.empty());
  return pages;
}

/// Each page has about 1 MiB at most, all but the last are nearly full, and no item comes twice; all items in order.
std::vector<json> expect_full_pages(http_client& http, const std::string& target, std::size_t largest_item) {
  const auto pages = pages_of(http, target);
  std::vector<json> items;
  for (std::size_t i = 0; i < pages.size(); ++i) {
    EXPECT_LE(pages[i].size(), mib + mib / 64) << target;
    if (i + 1 < pages.size()) {
      EXPECT_GE(pages[i].size() + largest_item, mib - mib / 64) << target << " page " << i;
    }
    const auto page = json::parse(pages[i]);
    for (const auto& item : page.at("items"))
      items.push_back(item);
  }
  EXPECT_GT(pages.size(), 1U) << target;
  return items;
}

} // namespace

// Seen in GET /tasks?limit=500 over inputs of 256 KiB: an answer of 131 MB.
TEST_F(List, OfTasksWithLongInputsEndsItsPagesAtAMebibyte) {
  std::vector<std::string> expected;
  for (int i = 0; i < 40; ++i)
    expected.insert(expected.begin(), create(std::string(256 * 1024, static_cast<char>('a' + i % 26))).at("id"));
  const auto tasks = expect_full_pages(http(), "/api/v1/tasks?limit=500", 257 * 1024);
  EXPECT_EQ(ids_of(tasks), expected);
  for (const auto& task : tasks)
    EXPECT_EQ(task.at("input").get<std::string>().size(), 256U * 1024);
}

TEST_F(List, OfWhatWasSaidAndHappenedEndsItsPagesAtAMebibyte) {
  const std::string first = run_task(std::string(200 * 1024, 'x')).at("id");
  for (int i = 0; i < 4; ++i)
    run_task(std::string(200 * 1024, 'y'), {{"thread_id", first}});
  const auto messages = expect_full_pages(http(), "/api/v1/threads/" + first + "/messages?limit=500", 201 * 1024);
  EXPECT_EQ(messages.size(), 10U);
  for (std::size_t i = 0; i < messages.size(); ++i)
    EXPECT_EQ(messages[i].at("role"), i % 2 == 0 ? "user" : "assistant");
}

TEST_F(List, OfBotsWithLongPromptsEndsItsPagesAtAMebibyte) {
  for (int i = 0; i < 9; ++i)
    put_bot("bot-" + std::to_string(i), {{"system_prompt", std::string(250 * 1024, 'p')}});
  EXPECT_EQ(expect_full_pages(http(), "/api/v1/bots?limit=500", 251 * 1024).size(), 10U);
}

TEST_F(List, OfAttemptsComesInPagesToo) {
  put_bot("stubborn", {{"restart", {{"max_attempts", 6}, {"delay_ms", 0}}}});
  const json task = run_task("@fail=5:transient Hello", {{"spec", {{"bot_name", "stubborn"}}}});
  const auto path = task_path(task) + "/attempts";
  const auto whole = http().get(path).document();
  EXPECT_EQ(whole.at("items").size(), 6U) << "without a limit as before";
  EXPECT_TRUE(whole.at("next_cursor").is_null());
  EXPECT_EQ(json(list_all(http(), path + "?limit=4")), whole.at("items"));
  EXPECT_EQ(json(list_all(http(), path + "?limit=1")), whole.at("items"));
  const std::string cursor = http().get(path + "?limit=2").document().at("next_cursor");
  expect_problem(http().get(task_path(task) + "/events?cursor=" + cursor), 400, "invalid_cursor");
  expect_problem(http().get(path + "?limit=0"), 400, "invalid_parameter");
}

TEST_F(List, OfTheQueueHasItsNamespacesInPagesAndAllTotalsOnEach) {
  std::vector<std::string> expected;
  for (const std::string name : {"a", "b", "c", "d", "e"}) {
    const auto made = http().post("/api/v1/tasks?namespace=" + name,
                                  {{"input", "later"}, {"run_at", "2100-01-01T00:00:00Z"}, {"execute", true}});
    ASSERT_EQ(made.status, 201U) << made.body;
    expected.push_back(name);
  }
  std::vector<std::string> seen;
  std::string cursor;
  do {
    const json page = http().get("/api/v1/queue?limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor)).document();
    EXPECT_EQ(page.at("totals").at("scheduled"), 5);
    for (const auto& row : page.at("namespaces"))
      seen.push_back(row.at("namespace"));
    cursor = page.at("next_cursor").is_null() ? "" : page.at("next_cursor").get<std::string>();
  } while (!cursor.empty());
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(http().get("/api/v1/queue").document().at("namespaces").size(), 5U);
}

} // namespace troupe
