#include "tests/e2e/server_test.hpp"

#include <algorithm>
#include <map>

namespace troupe {

namespace {

std::string as_text(const json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

} // namespace

// -- questions to a server ---------------------------------------------------------

json create_task_from(http_client& http, const json& body) {
  const auto reply = http.post("/api/v1/tasks", body);
  EXPECT_EQ(reply.status, 201U) << reply.body;
  return reply.document();
}

std::string task_path(const json& task_or_id) {
  return "/api/v1/tasks/" + (task_or_id.is_string() ? task_or_id : task_or_id.at("id")).get<std::string>();
}

json wait_for_end(http_client& http, const std::string& id) {
  json task;
  EXPECT_TRUE(eventually([&] {
    task = http.get(task_path(id)).document();
    return is_terminal_status(task.at("status"));
  }))
    << task;
  return task;
}

std::vector<json> list_all(http_client& http, const std::string& target) {
  std::vector<json> items;
  std::string cursor;
  do {
    const std::string separator = target.find('?') == std::string::npos ? "?" : "&";
    const auto reply = http.get(cursor.empty() ? target : target + separator + "cursor=" + cursor);
    EXPECT_EQ(reply.status, 200U) << reply.body;
    const json page = reply.document();
    items.insert(items.end(), page.at("items").begin(), page.at("items").end());
    cursor = page.at("next_cursor").is_null() ? "" : page.at("next_cursor").get<std::string>();
  } while (!cursor.empty());
  return items;
}

std::vector<json> journal_of(http_client& http, const std::string& id) {
  return list_all(http, task_path(id) + "/events?limit=500");
}

std::vector<std::string> types_of(const std::vector<json>& frames) {
  std::vector<std::string> types;
  for (const auto& frame : frames) {
    types.push_back(frame.at("type"));
  }
  return types;
}

std::string streamed_text(const std::vector<json>& frames, int attempt) {
  std::string text;
  for (const auto& frame : frames) {
    if (frame.at("type") == "chat:chunk" && frame.at("attempt") == attempt) {
      EXPECT_EQ(frame.at("data").at("offset"), text.size()) << frame;
      text += frame.at("data").at("text").get<std::string>();
    }
  }
  return text;
}

// -- judgements ---------------------------------------------------------------------

void expect_problem(const http_reply& reply, unsigned status, const std::string& code) {
  EXPECT_EQ(reply.status, status) << reply.body;
  EXPECT_EQ(reply.header("Content-Type"), "application/problem+json") << reply.body;
  if (!json::accept(reply.body)) {
    ADD_FAILURE() << "the problem is no JSON: " << reply.body;
    return;
  }
  const json problem = reply.document();
  EXPECT_EQ(as_text(problem.value("code", json{})), code) << problem;
  EXPECT_EQ(problem.value("status", 0U), status) << problem;
  EXPECT_FALSE(problem.value("title", "").empty()) << problem;
  EXPECT_FALSE(problem.value("type", "").empty()) << problem;
}

void expect_whole(http_client& http, const json& task) {
  const std::string id = task.at("id");
  const std::string status = task.at("status");
  const auto journal = journal_of(http, id);
  std::int64_t expected = 1;
  for (const auto& entry : journal) {
    EXPECT_EQ(entry.at("seq"), expected++) << "in the journal of " << id;
  }
  EXPECT_EQ(std::count_if(journal.begin(), journal.end(), is_terminal_event), 1) << json(types_of(journal));
  if (!journal.empty()) {
    EXPECT_EQ(journal.front().at("type"), "task:created");
    EXPECT_TRUE(is_terminal_event(journal.back())) << journal.back();
  }

  const auto messages = list_all(http, task_path(id) + "/messages?limit=500");
  const auto count = [&](auto&& wanted) { return std::count_if(messages.begin(), messages.end(), wanted); };
  const auto finals = count([](const json& m) {
    return m.at("role") == "assistant" && m.at("tool_calls").empty() && !m.contains("interrupted");
  });
  const auto users = count([](const json& m) { return m.at("role") == "user"; });
  EXPECT_EQ(finals, status == "COMPLETED" ? 1 : 0) << json(messages);
  // A task that was cancelled before it began has said nothing yet.
  EXPECT_EQ(users, task.at("attempt") == 0 ? 0 : 1) << json(messages);
  expect_calls_answered(messages);
}

void expect_calls_answered(const std::vector<json>& messages) {
  std::map<std::string, int> open;
  for (const auto& message : messages) {
    if (message.at("role") == "assistant") {
      for (const auto& call : message.at("tool_calls")) {
        EXPECT_EQ(open.count(call.at("call_id")), 0U) << "a call that was made twice: " << call;
        open[call.at("call_id")] = 0;
      }
    } else if (message.at("role") == "tool") {
      ASSERT_EQ(open.count(message.at("call_id")), 1U) << "a result without a call: " << message;
      ++open[message.at("call_id")];
    }
  }
  for (const auto& [call, results] : open) {
    EXPECT_EQ(results, 1) << "results of the call " << call;
  }
}

void expect_resident_below([[maybe_unused]] const server_process& server, [[maybe_unused]] std::size_t bytes) {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  EXPECT_LT(server.resident_bytes(), bytes);
#endif
}

// -- the fixture --------------------------------------------------------------------

void server_test::start(const std::vector<std::string>& flags) {
  http_.reset();
  server_.reset();
  server_.emplace(data_.path(), flags);
  http_.emplace(server_->port());
}

server_process& server_test::server() {
  if (!server_) {
    start();
  }
  return *server_;
}

http_client& server_test::http() {
  server();
  return *http_;
}

json server_test::create(const std::string& input, json members) {
  members["input"] = input;
  return create_task_from(http(), members);
}

json server_test::start_task(const std::string& input, json members) {
  members["execute"] = true;
  return create(input, std::move(members));
}

json server_test::run_task(const std::string& input, json members) {
  return wait_for_end(http(), start_task(input, std::move(members)).at("id"));
}

void server_test::put_bot(const std::string& name, json members) {
  json bot{
    {"model", "builtin"},
    {"restart", {{"max_attempts", 3}, {"backoff", "fixed"}, {"delay_ms", 20}, {"max_delay_ms", 20}, {"jitter", 0}}}};
  bot.merge_patch(members);
  const auto reply = http().put("/api/v1/bots/" + name, bot);
  ASSERT_TRUE(reply.status == 200 || reply.status == 201) << reply.body;
}

json server_test::task(const std::string& id) {
  const auto reply = http().get(task_path(id));
  EXPECT_EQ(reply.status, 200U) << reply.body;
  return reply.document();
}

json server_test::wait_for_status(const std::string& id, const std::string& status) {
  json found;
  EXPECT_TRUE(eventually([&] { return (found = task(id)).at("status") == status; })) << found;
  return found;
}

void server_test::wait_for_event(const std::string& id, const std::string& type) {
  EXPECT_TRUE(eventually([&] {
    const auto types = types_of(journal_of(http(), id));
    return std::find(types.begin(), types.end(), type) != types.end();
  }))
    << type << " does not come";
}

} // namespace troupe
