#pragma once

#include "tests/actors/remote_fixture.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A bot on a remote model, with tools for every rule.
namespace troupe {

inline tool_record http_tool_named(std::string name, repeat_rule rule = repeat_rule::with_key) {
  tool_record tool;
  tool.type = tool_kind::http;
  tool.name = std::move(name);
  tool.description = "A tool.";
  tool.url = "https://tools.test/" + tool.name;
  tool.repeat = rule;
  return tool;
}

class remote_tools_fixture : public remote_fixture {
protected:
  void SetUp() override {
    remote_fixture::SetUp();
    put_bot_named("clerk", [](auto& bot) {
      bot.model = "gpt";
      bot.tools = {http_tool_named("book"), http_tool_named("once", repeat_rule::never),
                   http_tool_named("look", repeat_rule::safe)};
    });
  }

  uuid ask_clerk(std::string input = "Book it") { return execute_with("clerk", std::move(input)); }

  static std::string header(const fake_outbound::call& call, std::string_view name) {
    for (const auto& [field, value] : call.request.headers)
      if (field == name)
        return value;
    return {};
  }
  fake_outbound::call& call(std::size_t index) { return outbound_->calls.at(index); }

  /// The tool messages' contents, in order.
  std::vector<std::string> results(const uuid& id) {
    std::vector<std::string> found;
    for (const auto& message : messages(id))
      if (message.role == message_role::tool)
        found.push_back(message.content);
    return found;
  }

  void lose_supervisor() {
    kill(peers()->supervisor);
    advance(std::chrono::seconds{1});
  }
};

} // namespace troupe
