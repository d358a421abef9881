#include "tests/simulation/outside.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace troupe {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

bool is_for_model(const outbound_request& request) {
  return request.url.find("/chat/completions") != std::string::npos;
}

std::string header_of(const outbound_request& request, std::string_view name) {
  for (const auto& [key, value] : request.headers)
    if (key == name)
      return value;
  return {};
}

std::string chunk(const json& delta, const json& finish) {
  return "data: "
         + json{{"id", "c"},
                {"object", "chat.completion.chunk"},
                {"created", 1},
                {"model", "far"},
                {"choices", json::array({{{"index", 0}, {"delta", delta}, {"finish_reason", finish}}})}}
             .dump()
         + "\n\n";
}

} // namespace

// -- what is answered ---------------------------------------------------------------

std::vector<std::string> outside::answer_to(const outbound_request& request) {
  const auto asked = json::parse(request.body);
  const auto& messages = asked.at("messages");
  // The turn that is to be answered: an input may ask for a tool, which is called once.
  std::string input;
  bool has_result = false;
  for (const auto& message : messages) {
    if (message.at("role") == "user") {
      input
        = message.at("content").is_string() ? message.at("content").get<std::string>() : message.at("content").dump();
      has_result = false;
    }
    has_result = has_result || message.at("role") == "tool";
  }
  std::vector<std::string> parts{chunk({{"role", "assistant"}, {"content", ""}}, nullptr)};
  const auto order = input.find("call:");
  if (order != std::string::npos && !has_result) {
    const auto tool = input.substr(order + 5, input.find(' ', order) - order - 5);
    const auto number = std::to_string(++orders_);
    parts.push_back(chunk(
      {{"tool_calls", json::array({{{"index", 0},
                                    {"id", "call_" + number},
                                    {"type", "function"},
                                    {"function", {{"name", tool}, {"arguments", json{{"order", number}}.dump()}}}}})}},
      nullptr));
    parts.push_back(chunk(json::object(), "tool_calls"));
  } else {
    for (int i = 0; i < 8; ++i)
      parts.push_back(chunk({{"content", "word" + std::to_string(i) + " "}}, nullptr));
    parts.push_back(chunk(json::object(), "stop"));
  }
  parts.emplace_back("data: [DONE]\n\n");
  return parts;
}

void outside::note_call(const outbound_request& request) {
  const auto order = json::parse(request.body).at("order").get<std::string>();
  auto& known = effects_[order];
  known.tool = request.url.substr(request.url.rfind('/') + 1);
  ++known.times;
  known.keys.insert(header_of(request, "Idempotency-Key"));
}

std::vector<std::string> outside::flaws() const {
  std::vector<std::string> found;
  for (const auto& [order, known] : effects_) {
    if (known.tool == "never" && known.times > 1)
      found.push_back("order " + order + " was carried out " + std::to_string(known.times)
                      + " times by a tool that is not to be called again");
    if (known.tool == "with_key" && known.keys.size() > 1)
      found.push_back("order " + order + " came under " + std::to_string(known.keys.size()) + " idempotency keys");
  }
  return found;
}

// -- how it is answered ---------------------------------------------------------------

class outside::client_of final : public outbound_client {
public:
  client_of(outside& home, std::function<bool()> is_alive) : home_{home}, is_alive_{std::move(is_alive)} {}

  std::uint64_t start(outbound_request request, std::shared_ptr<outbound_listener> listener) override {
    const auto number = ++last_;
    open_.emplace(number, std::move(listener));
    const auto way = home_.world_.random_between(1ms, 40ms);
    home_.world_.after(way, [this, number, request = std::move(request)] {
      if (is_for_model(request))
        ask_model(number, request);
      else
        call_tool(number, request);
    });
    return number;
  }

  void cancel(std::uint64_t call) override { open_.erase(call); }

private:
  void ask_model(std::uint64_t number, const outbound_request& request) {
    switch (home_.provider_) {
    case provider_mood::throttles:
      answer(number, {429, {{"content-type", "application/json"}, {"retry-after", "1"}}},
             {R"({"error":{"message":"too many","type":"rate_limit_error"}})"}, 0ms);
      return;
    case provider_mood::fails:
      answer(number, {500, {{"content-type", "application/json"}}}, {R"({"error":{"message":"sorry"}})"}, 0ms);
      return;
    case provider_mood::hangs:
      fail(number, std::chrono::duration_cast<world::duration>(request.timeouts.first_data),
           {outbound_errc::timed_out, "The provider says nothing.", true});
      return;
    case provider_mood::breaks_off: {
      auto parts = home_.answer_to(request);
      parts.resize(1 + home_.world_.random_below(parts.size() - 1));
      const auto length = tell(number, {200, {{"content-type", "text/event-stream"}}}, parts, 60ms);
      fail(number, length, {outbound_errc::cut_off, "The provider hung up.", true});
      return;
    }
    case provider_mood::well:
      answer(number, {200, {{"content-type", "text/event-stream"}}}, home_.answer_to(request), 60ms);
      return;
    }
  }

  void call_tool(std::uint64_t number, const outbound_request& request) {
    const auto head = [](unsigned status) { return outbound_head{status, {{"content-type", "application/json"}}}; };
    switch (home_.tools_) {
    case tool_mood::unreachable: fail(number, 0ms, {outbound_errc::unreachable, "Nobody is there.", false}); return;
    case tool_mood::loses_answers:
      home_.note_call(request);
      fail(number, 20ms, {outbound_errc::cut_off, "The tool hung up.", true});
      return;
    case tool_mood::fails: answer(number, head(503), {R"({"error":"later"})"}, 0ms); return;
    case tool_mood::slow:
    case tool_mood::well:
      home_.note_call(request);
      answer(number, head(200), {R"({"done":true})"}, home_.tools_ == tool_mood::slow ? 4s : 30ms);
      return;
    }
  }

  /// Tells the head and the parts, one after the other; how long that takes.
  world::duration tell(std::uint64_t number, outbound_head head, const std::vector<std::string>& parts,
                       world::duration between) {
    world::duration at{0};
    later(number, at, [head = std::move(head)](outbound_listener& to) { to.on_head(head); });
    for (const auto& part : parts) {
      at += home_.world_.random_between(between / 2, between);
      later(number, at, [part](outbound_listener& to) { to.on_data(part); });
    }
    return at;
  }

  void answer(std::uint64_t number, outbound_head head, const std::vector<std::string>& parts,
              world::duration between) {
    const auto length = tell(number, std::move(head), parts, between);
    later(
      number, length, [](outbound_listener& to) { to.on_end(); }, true);
  }

  void fail(std::uint64_t number, world::duration wait, outbound_failure failure) {
    later(
      number, wait, [failure = std::move(failure)](outbound_listener& to) { to.on_failure(failure); }, true);
  }

  void later(std::uint64_t number, world::duration wait, std::function<void(outbound_listener&)> what,
             bool is_last = false) {
    home_.world_.after(wait, [this, number, what = std::move(what), is_last] {
      const auto found = open_.find(number);
      if (found == open_.end() || !is_alive_())
        return;
      const auto listener = found->second;
      if (is_last)
        open_.erase(found);
      what(*listener);
    });
  }

  outside& home_;
  std::function<bool()> is_alive_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, std::shared_ptr<outbound_listener>> open_;
};

std::shared_ptr<outbound_client> outside::client(std::function<bool()> is_alive) {
  return std::make_shared<client_of>(*this, std::move(is_alive));
}

} // namespace troupe
