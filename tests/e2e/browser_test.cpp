#include "tests/e2e/server_test.hpp"
#include "tests/e2e/stream_clients.hpp"
#include "tests/providers/browser.hpp"

/// Pages in a real browser: what those of other origins can do, which is nothing, and what the welcome ones can.
/// Seen at Troupe 0.1.0 (WebSockets, `fetch(…/cancel, {mode: 'no-cors'})`, a rebound name), and of the same
/// kind: freenet/freenet-core#3034, Canonry/canonry#1177, quick-lint/quick-lint-js#951.
namespace troupe {

namespace {

class Browser : public server_test {
protected:
  [[nodiscard]] std::string api(const std::string& host = "127.0.0.1") {
    return "http://" + host + ":" + std::to_string(server().port());
  }

  /// All that a page might want to change.
  json state() {
    json all;
    for (const auto* list : {"tasks", "bots", "models"}) {
      all[list] = list_all(http(), "/api/v1/" + std::string{list});
    }
    for (const auto& task : all.at("tasks")) {
      all["journals"].push_back(journal_of(http(), task.at("id")));
      all["messages"].push_back(list_all(http(), task_path(task) + "/messages"));
    }
    all["budget"] = http().get("/api/v1/namespaces/default/budget").document();
    // A refusal's own.
    all["budget"].erase("request_id");
    return all;
  }

  /// A page at this URL neither reads nor changes anything, whatever it tries.
  void expect_powerless(browser& pages, const std::string& url, const std::string& target,
                        browser::page what = browser::page::served) {
    SCOPED_TRACE(url);
    run_task("the secret");
    const json running = start_task("@delay=3600000 the secret");
    wait_for_event(running.at("id"), "task:started");
    const auto before = state();
    const auto found
      = pages.run(url, "hostile_page.js", {{"api", target}, {"task", running.at("id")}, {"secret", "secret"}}, what);
    EXPECT_EQ(found.at("read"), json::array());
    EXPECT_GT(found.at("tried"), 300);
    EXPECT_EQ(state(), before);
    // The server is well, and was not just silent.
    EXPECT_EQ(http().post(task_path(running) + "/cancel").status, 200U);
  }

  /// A page at this URL can do all that the API is for.
  void expect_welcome(browser& pages, const std::string& url, const std::string& target,
                      browser::page what = browser::page::served) {
    SCOPED_TRACE(url);
    const auto found = pages.run(url, "guest_page.js", {{"api", target}, {"bot", "of-the-page"}}, what);
    const json expected{
      {"create", 201},         {"location", true},      {"read", 200},
      {"etag", true},          {"read_unchanged", 304}, {"accept", 202},
      {"follow", "completed"}, {"live", "RUNNING"},     {"resume", "text/event-stream"},
      {"wait", "COMPLETED"},   {"chat", "answered"},    {"put", 201},
      {"remove", 204},         {"patch", "CANCELLED"},  {"problem", "not_found"},
      {"refused", 422},        {"unknown_path", 404},   {"metrics", 200},
    };
    for (const auto& [name, value] : expected.items()) {
      EXPECT_EQ(found.value(name, json{}), value) << name;
    }
  }
};

} // namespace

// -- pages of other origins ------------------------------------------------------------------

TEST_F(Browser, ShowsNothingToAPageAtAnotherPortOfThisMachine) {
  TROUPE_NEEDS(browser);
  browser pages;
  expect_powerless(pages, pages.origin() + "/", api());
}

TEST_F(Browser, ShowsNothingToAPageOfAnotherName) {
  TROUPE_NEEDS(browser);
  browser pages;
  expect_powerless(pages, pages.origin("evil.test") + "/", api());
}

TEST_F(Browser, ShowsNothingToAPageAtLocalhostOfAnotherPort) {
  TROUPE_NEEDS(browser);
  browser pages;
  expect_powerless(pages, pages.origin("localhost") + "/", api("localhost"));
}

TEST_F(Browser, ShowsNothingToAPageWhoseNameCameToResolveToTheServer) {
  TROUPE_NEEDS(browser);
  browser pages;
  // To the browser this page and the server are one origin.
  expect_powerless(pages, api("rebound.test") + "/", api("rebound.test"), browser::page::blank);
}

TEST_F(Browser, ShowsNothingToAPageThatAsksForTheServerByAnotherName) {
  TROUPE_NEEDS(browser);
  browser pages;
  expect_powerless(pages, pages.origin("evil.test") + "/", api("rebound.test"));
}

TEST_F(Browser, ShowsNothingToAPageBesideOneThatIsWelcome) {
  TROUPE_NEEDS(browser);
  browser pages;
  // The same host at another port, and the same port at another host, are other origins.
  start({"--cors-origins", pages.origin("console.test") + ",http://evil.test:1,https://evil.test"});
  expect_powerless(pages, pages.origin("evil.test") + "/", api());
}

// -- pages that are welcome --------------------------------------------------------------------

TEST_F(Browser, ServesAPageWhoseOriginIsAllowed) {
  TROUPE_NEEDS(browser);
  browser pages;
  start({"--cors-origins", "https://elsewhere.test," + pages.origin("console.test")});
  expect_welcome(pages, pages.origin("console.test") + "/", api());
}

TEST_F(Browser, ServesAPageOfItsOwn) {
  TROUPE_NEEDS(browser);
  browser pages;
  expect_welcome(pages, api() + "/openapi.json", api());
  expect_welcome(pages, api("localhost") + "/openapi.json", api("localhost"));
}

TEST_F(Browser, ServesAPageOfItsOwnUnderAnAllowedName) {
  TROUPE_NEEDS(browser);
  browser pages;
  start({"--http-allowed-hosts", "troupe.test"});
  expect_welcome(pages, api("troupe.test") + "/openapi.json", api("troupe.test"));
}

} // namespace troupe
