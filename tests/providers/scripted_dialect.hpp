#pragma once

#include "tests/providers/scripted_reply.hpp"

#include <memory>
#include <string>

/// A scripted answer in the words of a provider's protocol.
namespace troupe::script {

class dialect {
public:
  virtual ~dialect() = default;

  // The parts of an event stream: `opening`, each word, `closing`.
  [[nodiscard]] virtual std::string opening() const = 0;
  [[nodiscard]] virtual std::string word(const std::string& text) const = 0;
  [[nodiscard]] virtual std::string closing() const = 0;

  /// All of it as one body.
  [[nodiscard]] virtual std::string whole() const = 0;
};

/// The dialect of the endpoint that `request` was sent to; plain text where no model is.
/// It lives no longer than its arguments.
std::unique_ptr<dialect> dialect_for(const reply& answer, const seen_request& request);

/// True if the request asks for an event stream.
bool wants_stream(const seen_request& request);

/// True if the request asks for the usage in its stream: OpenAI tells it to nobody else.
bool wants_usage(const seen_request& request);

} // namespace troupe::script
