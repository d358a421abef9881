#pragma once

#include "tests/e2e/http_client.hpp"
#include "tests/e2e/server_process.hpp"
#include "tests/judge/judge_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

/// What the end-to-end tests share: a fresh server per test, and the words they
/// speak with it.
namespace troupe {

// -- questions to a server ---------------------------------------------------------

/// Creates a task from a whole body; fails the test unless it is created.
json create_task_from(http_client& http, const json& body);

/// The path of a task, given as a whole or by its id.
std::string task_path(const json& task_or_id);

/// Waits until the task has ended and returns it.
json wait_for_end(http_client& http, const std::string& id);

/// All items of a list, page by page.
std::vector<json> list_all(http_client& http, const std::string& target);

/// The whole journal of a task.
std::vector<json> journal_of(http_client& http, const std::string& id);

/// The types of frames, in their order.
std::vector<std::string> types_of(const std::vector<json>& frames);

/// The texts of the `chat:chunk`s of an attempt, joined at their offsets.
std::string streamed_text(const std::vector<json>& frames, int attempt);

// -- judgements ---------------------------------------------------------------------

/// The reply is a problem (RFC 9457) with this status and code, in all its parts.
void expect_problem(const http_reply& reply, unsigned status, const std::string& code);

/// What must hold for every ended task that was run once (no user's retry): a journal 1…n that ends its run exactly
/// once, one user message, and one final assistant message if and only if it is COMPLETED.
void expect_whole(http_client& http, const json& task);

/// The server's resident memory is below `bytes`. Not judged in a sanitizer's build, whose memory is not the server's.
void expect_resident_below(const server_process& server, std::size_t bytes);

/// Every tool call of the messages is followed by exactly one result.
void expect_calls_answered(const std::vector<json>& messages);

// -- the fixture --------------------------------------------------------------------

class server_test : public testing::Test {
protected:
  /// Starts the server with `flags`, anew if there is one already, on the same data.
  void start(const std::vector<std::string>& flags = {});

  /// The running server; started without flags if it was not before.
  server_process& server();

  /// A client of the running server.
  http_client& http();

  [[nodiscard]] const std::filesystem::path& data_dir() const noexcept { return data_.path(); }

  /// A new task with this input and further members.
  json create(const std::string& input, json members = json::object());

  /// The same with `execute: true`.
  json start_task(const std::string& input, json members = json::object());

  /// The same, waited for until its end.
  json run_task(const std::string& input, json members = json::object());

  /// A bot on the builtin model, with a short restart delay without jitter.
  void put_bot(const std::string& name, json members = json::object());

  json task(const std::string& id);
  json wait_for_status(const std::string& id, const std::string& status);
  /// Waits until the journal holds an entry of this type.
  void wait_for_event(const std::string& id, const std::string& type);

private:
  temporary_folder data_;
  std::optional<server_process> server_;
  std::optional<http_client> http_;
};

} // namespace troupe
