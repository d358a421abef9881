#pragma once

#include "actors/remote/outbound.hpp"
#include "tests/simulation/world.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

/// What the cluster reaches over the network, in the place of the internet: a provider that speaks OpenAI's chat
/// completions, and tools that write down who has called them. Both fail as told.
namespace troupe {

/// How the provider does for a while.
enum class provider_mood : std::uint8_t { well, throttles, fails, breaks_off, hangs };
/// How the tools do.
enum class tool_mood : std::uint8_t { well, unreachable, loses_answers, fails, slow };

class outside {
public:
  explicit outside(world& w) : world_{w} {}

  /// For one process: `is_alive` says whether it still is there to be told anything.
  std::shared_ptr<outbound_client> client(std::function<bool()> is_alive);

  void set(provider_mood mood) { provider_ = mood; }
  void set(tool_mood mood) { tools_ = mood; }

  /// What has been done that must not be, a sentence each: a call of a tool that may be made once, and was made twice;
  /// one under another key.
  [[nodiscard]] std::vector<std::string> flaws() const;

private:
  class client_of;

  /// What a tool knows of one order of a model's.
  struct effect {
    std::string tool;
    int times = 0;
    std::set<std::string> keys;
  };

  /// Text of the answer's stream, in parts.
  std::vector<std::string> answer_to(const outbound_request& request);
  void note_call(const outbound_request& request);

  world& world_;
  provider_mood provider_ = provider_mood::well;
  tool_mood tools_ = tool_mood::well;
  std::uint64_t orders_ = 0;
  /// By the order's number.
  std::map<std::string, effect> effects_;
};

} // namespace troupe
