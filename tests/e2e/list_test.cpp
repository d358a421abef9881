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

} // namespace troupe
