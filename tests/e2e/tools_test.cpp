#include "tests/e2e/server_test.hpp"

#include <algorithm>

/// Tools: an intent before each call, a result behind it, and no call without its result.
namespace troupe {

using Tools = server_test;

namespace {

std::vector<std::string> roles(const std::vector<json>& messages) {
  std::vector<std::string> all;
  for (const auto& message : messages) {
    all.push_back(message.at("role"));
  }
  return all;
}

} // namespace

TEST_F(Tools, AreCalledBeforeTheAnswer) {
  const json task = run_task(R"x(@tool=calculate:{"expression":"2*(3+4)"} please)x");
  ASSERT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("output"), "Echo: please\ncalculate: 14");
  const auto messages = list_all(http(), task_path(task) + "/messages");
  ASSERT_THAT(roles(messages), testing::ElementsAre("user", "assistant", "tool", "assistant"));
  EXPECT_EQ(messages[1].at("tool_calls").at(0).at("tool"), "calculate");
  EXPECT_EQ(messages[1].at("tool_calls").at(0).at("arguments"), json({{"expression", "2*(3+4)"}}));
  EXPECT_EQ(messages[2].at("call_id"), messages[1].at("tool_calls").at(0).at("call_id"));
  EXPECT_EQ(json::parse(messages[2].at("content").get<std::string>()), json({{"result", 14}}));
  expect_whole(http(), task);
}

TEST_F(Tools, AreJournaledAsTheyStartAndEnd) {
  const json task = run_task("@tool=now:{} what time is it?");
  ASSERT_EQ(task.at("status"), "COMPLETED") << task;
  const auto journal = journal_of(http(), task.at("id"));
  const auto types = types_of(journal);
  const auto started = std::find(types.begin(), types.end(), "chat:tool_start") - types.begin();
  const auto ended = std::find(types.begin(), types.end(), "chat:tool_result") - types.begin();
  const auto chunk = std::find(types.begin(), types.end(), "chat:chunk") - types.begin();
  ASSERT_LT(started, ended) << json(types);
  ASSERT_LT(ended, chunk) << json(types);
  const auto& call = journal[static_cast<std::size_t>(started)].at("data");
  const auto& result = journal[static_cast<std::size_t>(ended)].at("data");
  EXPECT_EQ(call.at("tool"), "now");
  EXPECT_EQ(call.at("args"), json::object());
  EXPECT_EQ(result.at("call_id"), call.at("call_id"));
  EXPECT_TRUE(result.contains("result"));
}

TEST_F(Tools, ThatFailTellTheModelAndNotTheTask) {
  for (const std::string call : {R"x(@tool=calculate:{"expression":"1/0"})x", "@tool=nothing:{}"}) {
    const json task = run_task(call + " go on");
    EXPECT_EQ(task.at("status"), "COMPLETED") << task;
    EXPECT_NE(task.at("output").get<std::string>().find("error"), std::string::npos) << task.at("output");
    expect_whole(http(), task);
  }
}

TEST_F(Tools, CalledInOneTurnAreAllAnswered) {
  const json task
    = run_task(R"x(@tool=now:{} @tool=calculate:{"expression":"1+1"} @tool=calculate:{"expression":"2+2"} all)x");
  ASSERT_EQ(task.at("status"), "COMPLETED") << task;
  const auto messages = list_all(http(), task_path(task) + "/messages");
  EXPECT_EQ(std::count_if(messages.begin(), messages.end(), [](const json& m) { return m.at("role") == "tool"; }), 3);
  expect_whole(http(), task);
}

TEST_F(Tools, FinishedBeforeAFailureAreNotCalledAgain) {
  put_bot("handy", {{"tools", json::array({{{"type", "builtin"}, {"name", "calculate"}}})}});
  const json task
    = run_task(R"x(@fail=1:transient @tool=calculate:{"expression":"6*7"} once)x", {{"spec", {{"bot_name", "handy"}}}});
  ASSERT_EQ(task.at("status"), "COMPLETED") << task;
  EXPECT_EQ(task.at("attempt"), 2);
  expect_whole(http(), task);
}

TEST_F(Tools, CutOffByAKillAreGoneOnWithAndNotRepeated) {
  // The answer comes slowly behind the tool's result; the process dies in between.
  const json task = start_task(R"x(@tool=calculate:{"expression":"6*7"} @pace=100 a b c d e f g h i j)x");
  wait_for_event(task.at("id"), "chat:tool_result");
  server().signal(SIGKILL);
  server().wait();
  start();
  const json done = wait_for_end(http(), task.at("id"));
  EXPECT_EQ(done.at("status"), "COMPLETED") << done;
  const auto types = types_of(journal_of(http(), task.at("id")));
  EXPECT_EQ(std::count(types.begin(), types.end(), "chat:tool_start"), 1) << json(types);
  EXPECT_EQ(std::count(types.begin(), types.end(), "chat:tool_result"), 1) << json(types);
  expect_whole(http(), done);
}

} // namespace troupe
