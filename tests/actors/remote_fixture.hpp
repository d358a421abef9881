#pragma once

#include "actors/remote/outbound.hpp"
#include "tests/actors/actor_fixture.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Providers and tools that are played by the test: it sees each request that would leave
/// the node and says what comes back.
namespace troupe {

class fake_outbound final : public outbound_client {
public:
  struct call {
    outbound_request request;
    std::shared_ptr<outbound_listener> listener;
    bool began = false;
    bool cancelled = false;
  };

  std::uint64_t start(outbound_request request, std::shared_ptr<outbound_listener> listener) override {
    calls.push_back({std::move(request), std::move(listener), false, false});
    if (gone)
      fail(calls.size() - 1, outbound_errc::unreachable, false);
    return calls.size();
  }
  void cancel(std::uint64_t number) override {
    auto& one = calls.at(number - 1);
    one.cancelled = one.listener != nullptr;
    one.listener = nullptr;
  }

  // -- what comes back, by the call's index -------------------------------------

  /// A whole answer.
  void answer(std::size_t index, unsigned status, std::string_view body, header_list headers = {}) {
    const auto listener = std::exchange(calls.at(index).listener, nullptr);
    if (headers.empty())
      headers = {{"content-type", "application/json"}};
    listener->on_head({status, std::move(headers)});
    if (!body.empty())
      listener->on_data(body);
    listener->on_end();
  }
  /// An event of a stream.
  void event(std::size_t index, std::string_view data) {
    auto& one = calls.at(index);
    if (!std::exchange(one.began, true))
      one.listener->on_head({200, {{"content-type", "text/event-stream"}}});
    one.listener->on_data("data: " + std::string{data} + "\n\n");
  }
  /// Any piece of an event stream.
  void piece(std::size_t index, std::string_view text) {
    auto& one = calls.at(index);
    if (!std::exchange(one.began, true))
      one.listener->on_head({200, {{"content-type", "text/event-stream"}}});
    one.listener->on_data(text);
  }
  /// A piece of text of a chat completion.
  void say(std::size_t index, std::string_view text) {
    event(index, R"({"choices":[{"index":0,"delta":{"content":")" + std::string{text} + R"("}}]})");
  }
  void finish(std::size_t index, int input_tokens = 10, int output_tokens = 5) {
    event(index, R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]})");
    event(index, R"({"choices":[],"usage":{"prompt_tokens":)" + std::to_string(input_tokens)
                   + R"(,"completion_tokens":)" + std::to_string(output_tokens) + "}}");
    event(index, "[DONE]");
    end(index);
  }
  void reply(std::size_t index, std::string_view text) {
    say(index, text);
    finish(index);
  }
  /// Tool calls: names and arguments.
  void call_tools(std::size_t index, const std::vector<std::pair<std::string, std::string>>& wanted);
  void end(std::size_t index) {
    if (const auto listener = std::exchange(calls.at(index).listener, nullptr))
      listener->on_end();
  }
  void fail(std::size_t index, outbound_errc code, bool sent = true) {
    if (const auto listener = std::exchange(calls.at(index).listener, nullptr))
      listener->on_failure({code, "provider.test did not answer.", sent});
  }

  /// Calls that have not been answered.
  [[nodiscard]] std::size_t open() const {
    std::size_t count = 0;
    for (const auto& one : calls)
      count += one.listener ? 1 : 0;
    return count;
  }

  std::vector<call> calls;
  /// Nobody is there any more: what is started fails at once.
  bool gone = false;
};

class remote_fixture : public actor_fixture {
protected:
  void SetUp() override {
    config_.outbound = outbound_;
    start_node();
    put_model_named("gpt");
    put_bot_named("remote", [](auto& bot) { bot.model = "gpt"; });
  }

  /// An OpenAI-compatible model; `change` sets what is special.
  void put_model_named(
    std::string name, const std::function<void(model_record&)>& change = [](model_record&) {});

  void TearDown() override {
    outbound_->gone = true;
    // Calls hold their actors.
    for (auto& one : outbound_->calls)
      one.listener = nullptr;
    actor_fixture::TearDown();
  }

  std::shared_ptr<fake_outbound> outbound_ = std::make_shared<fake_outbound>();
};

} // namespace troupe
