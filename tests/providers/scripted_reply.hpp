#pragma once

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What a scripted provider is asked, and what a test has it say.
namespace troupe {

using namespace std::chrono_literals;

/// What a request is addressed to, by its path.
enum class endpoint : std::uint8_t {
  /// `…/chat/completions`
  openai,
  /// `…/messages`
  anthropic,
  /// `/mcp`
  mcp,
  /// Everything else.
  tool,
};

endpoint endpoint_of(std::string_view path) noexcept;

/// A request as it arrived.
struct seen_request {
  /// Among all, and among those with this path; both count from 1.
  std::size_t number = 0;
  std::size_t number_at_path = 0;
  /// Which connection brought it, counted from 1.
  std::size_t connection = 0;
  std::chrono::steady_clock::time_point time;
  std::string method;
  /// Without the query, which is behind the first `?` of the target.
  std::string path;
  std::string query;
  /// Names in lower case.
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  /// The body parsed; null if it is no JSON.
  nlohmann::json document;
  bool keep_alive = true;
  /// What it was answered with; 0 before that, and for raw bytes and silence.
  unsigned status = 0;

  [[nodiscard]] endpoint addressed_to() const noexcept { return endpoint_of(path); }
  /// `name` in lower case; empty if it is missing.
  [[nodiscard]] std::string header(std::string_view name) const;
  /// The text of the last message if a user wrote it, of either protocol; else empty.
  [[nodiscard]] std::string last_user_text() const;
  /// The texts of the tool results that stand last in the conversation, of either protocol.
  [[nodiscard]] std::vector<std::string> last_tool_results() const;
};

namespace script {

using milliseconds = std::chrono::milliseconds;

struct call {
  std::string name;
  nlohmann::json arguments = nlohmann::json::object();
};

struct tokens {
  std::int64_t input = 0;
  std::int64_t output = 0;
};

/// How a request is answered: made by the functions below, and then changed at will.
struct reply {
  enum class kind : std::uint8_t {
    /// What a provider does that no test has scripted.
    usual,
    /// A model's answer, in the protocol that it was asked in.
    answer,
    /// An HTTP answer.
    status,
    /// Bytes, and then the connection is closed.
    raw,
    /// Nothing, for as long as the peer waits.
    silence,
  };
  /// What follows an answer's last word.
  enum class ending : std::uint8_t { whole, hang, cut };

  kind what = kind::usual;
  /// Before the first byte.
  milliseconds delay{0};

  // -- answer ---------------------------------------------------------------------

  std::string thinking;
  /// Each is a chunk of the stream.
  std::vector<std::string> words;
  std::vector<call> calls;
  /// Between two words.
  milliseconds pace{0};
  ending then = ending::whole;
  /// By default 10 in, and one out for each word and each call.
  std::optional<tokens> usage;
  /// False for a provider that says nothing of tokens.
  bool tells_usage = true;
  /// By default `stop` or `tool_calls`, or what Anthropic calls it.
  std::string finish_reason;

  // -- status and raw ---------------------------------------------------------------

  unsigned code = 200;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
};

/// What the provider would do without a script (see `scripted_provider`).
reply usual();

/// Streams `text` word by word, or gives it whole if no stream was asked for; that
/// takes as long.
reply say(std::string_view text, milliseconds pace = 0ms);

/// Streams the words `1 2 3 … n`.
reply chunks(std::size_t n, milliseconds pace = 0ms);

reply call_tools(std::vector<call> calls);

reply think(std::string thinking, std::string_view text);

/// JSON unless `headers` has a Content-Type.
reply status(unsigned code, std::string body = {}, std::vector<std::pair<std::string, std::string>> headers = {});

/// Takes the request and never answers.
reply hang();

/// `k` words, and then nothing more.
reply hang_after(std::size_t k, milliseconds pace = 0ms);

/// `k` words, and then the connection is closed.
reply cut_after(std::size_t k, milliseconds pace = 0ms);

/// The bytes as they are, head and all, and then the connection is closed.
reply raw(std::string bytes);

/// A model that needs no script. If the last message is a user's and starts with
/// `tools=<name>:<json object>`, once or more often, it calls these tools; after tool
/// results it says "The tools said: …"; otherwise "You said: <text>".
reply converse(const seen_request& request);

} // namespace script

} // namespace troupe
