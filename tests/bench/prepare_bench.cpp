#include "actors/models/context_window.hpp"
#include "actors/providers/provider.hpp"
#include "tests/bench/benchmarks.hpp"

#include <chrono>
#include <string>
#include <vector>

/// How long the conversation of a long thread takes to become a request: in a model's
/// call, before anything is sent. In this process and on one thread.
namespace troupe {

namespace {

constexpr std::size_t messages = 1'000;

/// Turns of a question, two calls with their results, and an answer, by two models.
std::vector<message_record> make_thread(const std::string& origin) {
  std::vector<message_record> thread;
  for (std::size_t turn = 0; thread.size() < messages; ++turn) {
    const auto add = [&](message_role role, std::string content) -> message_record& {
      auto& message = thread.emplace_back();
      message.task_id.bytes[14] = static_cast<std::uint8_t>(turn / 256);
      message.task_id.bytes[15] = static_cast<std::uint8_t>(turn % 256);
      message.role = role;
      message.content = std::move(content);
      return message;
    };
    add(message_role::user, "What is the weather in Ulm on day " + std::to_string(turn) + ", and in Oslo?");
    auto& asked = add(message_role::assistant, "Let me look that up.");
    asked.origin = origin;
    asked.replay = R"({"reasoning_content":"Two cities were asked for, so two calls are to be made."})";
    asked.tool_calls = {{"call_1", "weather", R"({"city":"Ulm","units":"metric"})", "call_abc1"},
                        {"call_2", "weather", R"({"city":"Oslo","units":"metric"})", "call_abc2"}};
    add(message_role::tool, R"({"celsius":21.5,"sky":"clear","wind":{"from":"west","kmh":12}})").call_id = "call_1";
    add(message_role::tool, R"({"celsius":14.0,"sky":"rain","wind":{"from":"north","kmh":31}})").call_id = "call_2";
    add(message_role::assistant, "It is sunny and warm in Ulm, and it rains in Oslo, where a strong wind blows.");
  }
  thread.resize(messages);
  return thread;
}

double prepare_ms(model_kind kind) {
  model_record model;
  model.kind = kind;
  model.base_url = "https://provider.test/v1";
  model.model = "m";
  bot_record bot;
  bot.system_prompt = "Answer in one sentence.";
  const std::vector<tool_definition> tools{
    {"weather", "Tells the weather.", R"({"type":"object","properties":{"city":{"type":"string"}}})"}};
  const auto thread = make_thread(model_identity(model));
  std::vector<double> times;
  std::size_t bytes = 0;
  for (int i = 0; i < 200; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    const auto window = fit_window(thread, bot.system_prompt, 0, 1'000'000);
    bytes += provider_of(kind).request({model, bot, window, tools}, {}).body.size();
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
  }
  return bytes > 0 ? percentile(times, 0.5) : 0;
}

} // namespace

std::vector<figure> measure_model_preparation(const bench_options& options) {
  constexpr double aim = 2;
  std::vector<figure> figures;
  for (const auto kind : {model_kind::openai, model_kind::anthropic})
    figures.push_back({"a thread of 1,000 messages made a request, " + std::string{to_string(kind)}, "ms",
                       repeat(options.repetitions, [&] { return prepare_ms(kind); }), aim, goal::at_most});
  return figures;
}

} // namespace troupe
