#include "gateway/requests/access_log.hpp"
#include "persistence/logging/say.hpp"
#include "tests/captured_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace troupe {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

namespace {

const auto started = std::chrono::steady_clock::time_point{} + 1h;

void fill(access_record& record) {
  record.method = "GET";
  record.path = "/api/v1/tasks/0190";
  record.request_id = "r-1";
  record.client = std::make_shared<const std::string>("127.0.0.1:5");
  record.began = started;
  record.route = "/api/v1/tasks/{id}";
  record.status = 200;
  record.bytes = 512;
}

std::string fields_of(const access_record& record, logging::style style = logging::style::text) {
  std::string out;
  logging::fields line{out, style};
  append_access(line, record, started + 1500us);
  return out;
}

/// Where lines go, and what has come.
struct collected {
  std::mutex mutex;
  std::string text;
  int writes = 0;

  access_log::output output() {
    return [this](std::string_view lines) {
      const std::lock_guard lock{mutex};
      text += lines;
      ++writes;
      return true;
    };
  }
};

} // namespace

TEST(AccessLog, ALineSaysWhatBecameOfARequest) {
  access_record record;
  fill(record);
  EXPECT_EQ(fields_of(record),
            " method=GET route=/api/v1/tasks/{id} path=/api/v1/tasks/0190 status=200 bytes=512 took_ms=1.500 "
            "request_id=r-1 client=127.0.0.1:5");
}

TEST(AccessLog, ALineOfAWebSocketSaysHowItEnded) {
  access_record record;
  fill(record);
  record.status = 101;
  record.close_code = 1000;
  record.frames_received = 2;
  record.frames_sent = 3;
  EXPECT_THAT(fields_of(record), EndsWith(" close_code=1000 frames_in=2 frames_out=3"));
  record.close_code.reset();
  EXPECT_THAT(fields_of(record), HasSubstr(" close_code=1006"));
}

TEST(AccessLog, AClientThatHasGoneIs499) {
  access_record record;
  fill(record);
  record.status = 0;
  record.cut = "client_gone";
  EXPECT_THAT(fields_of(record), AllOf(HasSubstr(" status=499"), EndsWith(" cut=client_gone")));
}

TEST(AccessLog, NothingThatAClientSendsForgesALine) {
  access_record record;
  fill(record);
  record.method = "GET status=200";
  record.path = "/a\" status=200\r\n2026-01-01 info  request method=\x1b[2J\xff";
  const auto text = fields_of(record);
  EXPECT_THAT(text, AllOf(HasSubstr(" method=\"GET status=200\""), HasSubstr("\"/a\\\" status=200\\r\\n")));
  for (const char c : {'\n', '\r', '\x1b'})
    EXPECT_EQ(text.find(c), std::string::npos);
  const auto members = nlohmann::json::parse("{" + fields_of(record, logging::style::json).substr(1) + "}");
  EXPECT_EQ(members["status"], 200);
  EXPECT_THAT(members["path"].get<std::string>(), HasSubstr("\r\n2026"));
}

TEST(AccessLog, ALongPathIsCut) {
  access_record record;
  fill(record);
  record.path = "/" + std::string(5000, 'a');
  EXPECT_LT(fields_of(record).size(), 500U);
}

TEST(AccessLog, LinesHaveTheFormOfAllOthers) {
  access_record record;
  fill(record);
  collected text;
  {
    access_log log{logging::style::text, "n", text.output()};
    log.write(record);
  }
  const captured_log other{logging::level::info};
  say::info("request");
  const auto usual = other.text();
  // Up to the milliseconds, which differ.
  const auto shape = [](std::string line) {
    std::replace_if(
      line.begin(), line.end(), [](char c) { return c >= '0' && c <= '9'; }, '0');
    return line.substr(0, line.find("request") + 7);
  };
  EXPECT_EQ(shape(text.text), shape(usual));

  collected json;
  {
    access_log log{logging::style::json, "node \"1\"", json.output()};
    log.write(record);
  }
  const auto line = nlohmann::json::parse(json.text);
  EXPECT_EQ(line["message"], "request");
  EXPECT_EQ(line["node"], "node \"1\"");
  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["status"], 200);
  EXPECT_THAT(line["at"].get<std::string>(), EndsWith("Z"));
}

TEST(AccessLog, ManyLinesAreFewWritesAndNoneIsLostAtTheEnd) {
  access_record record;
  fill(record);
  collected got;
  constexpr int threads = 3;
  constexpr int lines = 5000;
  {
    access_log log{logging::style::text, "n", got.output()};
    std::vector<std::thread> writers;
    for (int i = 0; i < threads; ++i)
      writers.emplace_back([&] {
        for (int n = 0; n < lines; ++n)
          log.write(record);
      });
    for (auto& one : writers)
      one.join();
  }
  EXPECT_EQ(std::count(got.text.begin(), got.text.end(), '\n'), threads * lines);
  EXPECT_LT(got.writes, threads * lines / 50);
}

TEST(AccessLog, ALineIsThereWithinAMoment) {
  access_record record;
  fill(record);
  std::promise<void> written;
  access_log log{logging::style::text, "n", [&](std::string_view) {
                   written.set_value();
                   return true;
                 }};
  log.write(record);
  EXPECT_EQ(written.get_future().wait_for(1s), std::future_status::ready);
}

TEST(AccessLog, WhereNobodyTakesThemLinesAreDroppedAndCounted) {
  access_record record;
  fill(record);
  record.path = "/" + std::string(200, 'a');
  const captured_log said{logging::level::warn};
  std::promise<void> release;
  std::atomic<bool> held = false;
  std::size_t taken = 0;
  {
    access_log log{logging::style::text, "n", [&](std::string_view lines) {
                     if (!held.exchange(true))
                       release.get_future().wait();
                     taken += static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));
                     return true;
                   }};
    for (int i = 0; i < 30'000; ++i)
      log.write(record);
    release.set_value();
  }
  EXPECT_LT(taken, 30'000U);
  EXPECT_THAT(said.text(), HasSubstr(std::to_string(30'000 - taken) + " lines of the access log were dropped"));
}

} // namespace troupe
