#pragma once

#include "tests/e2e/server_test.hpp"
#include "tests/providers/scripted_provider.hpp"

#include <string>
#include <vector>

/// What the end-to-end tests of real models share: a server, and providers and tools that
/// the test scripts, which the server is allowed to reach.
namespace troupe {

class remote_test : public server_test {
protected:
  void SetUp() override { restart(); }

  /// Starts the server anew on the same data.
  void restart(std::vector<std::string> flags = {}) {
    flags.insert(flags.end(), {"--outbound-allow", "127.0.0.1"});
    start(flags);
  }

  /// A model of kind openai at the provider, and `members` besides.
  void put_model(const std::string& name, const json& members = json::object()) {
    json body{{"kind", "openai"}, {"base_url", provider_.url("/v1")}, {"model", "test-model"}};
    body.update(members);
    const auto reply = http().put("/api/v1/models/" + name, body);
    ASSERT_TRUE(reply.status == 200 || reply.status == 201) << reply.body;
  }

  /// A bot on that model, with a short restart delay.
  void put_remote_bot(const std::string& name, json members = json::object()) {
    if (!members.contains("model"))
      members["model"] = "remote";
    put_bot(name, members);
  }

  json run_with(const std::string& bot, const std::string& input) {
    return run_task(input, {{"spec", {{"bot_name", bot}}}});
  }
  json start_with(const std::string& bot, const std::string& input) {
    return start_task(input, {{"spec", {{"bot_name", bot}}}});
  }

  std::vector<json> messages_of(const json& task) { return list_all(http(), task_path(task) + "/messages"); }

  scripted_provider provider_;
};

} // namespace troupe
