#pragma once

#include "tests/providers/scripted_reply.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

/// Answers made ready to be sent, each once: a stream is then a string and how much of
/// it is due at each step.
namespace troupe::script {

/// The bytes of an answer, HTTP and all.
struct rendered {
  std::string bytes;
  /// How many of them may be gone after each step; the last is all of them.
  std::vector<std::size_t> ends;
};

/// An answer and its course.
struct sending {
  /// None for silence.
  std::shared_ptr<const rendered> what;
  milliseconds delay{0};
  /// Between two steps.
  milliseconds pace{0};
  reply::ending then = reply::ending::whole;
  /// The HTTP status; 0 for raw bytes and silence.
  unsigned status = 0;
};

/// Renders replies, and keeps the long ones: thousands of streams of the same words
/// share their bytes. For one thread.
class renderer {
public:
  /// `answer.what` must not be `usual`.
  sending render(const reply& answer, const seen_request& request);

private:
  std::shared_ptr<const rendered> stream_of(const reply& answer, const seen_request& request);

  std::unordered_map<std::string, std::shared_ptr<const rendered>> kept_;
};

} // namespace troupe::script
