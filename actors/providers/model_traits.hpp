#pragma once

#include "persistence/records.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What a model's provider takes and wants beyond the protocol: guessed where its name
/// says it, else learnt from what it refuses, so that nobody has to configure it. Pure.
namespace troupe {

enum class model_trait : std::uint8_t {
  /// Knows `max_completion_tokens` in place of `max_tokens`.
  completion_tokens,
  no_max_tokens,
  no_stream_options,
  no_temperature,
  /// The system prompt goes into the first message of the user.
  no_system_role,
  /// Each assistant message needs `reasoning_content`, also one that another model made
  /// (DeepSeek, Kimi).
  wants_reasoning,
  /// The first call of each message needs a `thought_signature` (Gemini 3).
  wants_signatures,
  /// Messages have the protocol's own members and no others.
  plain_messages,
  /// What was thought cannot be sent back in this conversation, and thinking that was
  /// asked for with a budget is not asked for. Of one call, not of the model.
  no_thinking,
};

/// A set of traits, and the tools whose schema the provider has refused.
class model_traits {
public:
  [[nodiscard]] bool has(model_trait one) const noexcept { return (bits_ & bit(one)) != 0; }
  void add(model_trait one) noexcept { bits_ |= bit(one); }
  void remove(model_trait one) noexcept { bits_ &= static_cast<std::uint16_t>(~bit(one)); }

  /// A tool is refused as it is: with another schema it is another.
  [[nodiscard]] bool refuses(std::string_view name, std::string_view schema) const;
  void refuse(std::string_view name, std::string_view schema);

  model_traits& operator|=(const model_traits& other);

  /// For a person: `max_completion_tokens`, `no_stream_options`, …, `without_tool:<name>`.
  [[nodiscard]] std::vector<std::string> names() const;

  bool operator==(const model_traits&) const = default;

private:
  static constexpr std::uint16_t bit(model_trait one) noexcept {
    return static_cast<std::uint16_t>(1U << static_cast<unsigned>(one));
  }

  std::uint16_t bits_ = 0;
  /// `<name>#<digest of the schema>`; bounded.
  std::set<std::string> tools_;
};

/// Who made a message, and for whom alone it can be replayed: protocol, endpoint and the
/// provider's name for the model.
std::string model_identity(const model_record& model);

/// What a model's name or endpoint says. A guess that is wrong costs nothing.
model_traits guessed_traits(const model_record& model);

/// True for the status of a refusal that may be about a member of the request. Others that
/// are worth a thought of their own (keys, limits, sizes) have codes of their own.
bool may_teach(unsigned status) noexcept;

/// Of a request that was refused.
struct refused_request {
  /// An HTTP status, or the code of an error within the stream.
  unsigned status = 400;
  /// What the provider said, whatever its form.
  std::string_view said;
  /// The body that was sent.
  std::string_view sent;
};

/// What a refusal teaches: `known` and one thing more that makes another request of the
/// same; nullopt if it teaches nothing new.
std::optional<model_traits> learn(const model_traits& known, const refused_request& refused);

} // namespace troupe
