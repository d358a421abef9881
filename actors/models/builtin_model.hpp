#pragma once

#include "actors/interfaces.hpp"
#include "actors/models/builtin_script.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

/// The `builtin` model needs no network: it echoes, in the manner that the
/// directives in the input ask for (actors/models/builtin_script.hpp). Spawned by the
/// model registry; asked by task actors; streams to them. An answer without delay
/// or pace is given in one piece. If it dies, its open chats fail as transient.
namespace troupe {

class builtin_model_state {
public:
  static inline const char* name = "builtin_model";

  explicit builtin_model_state(model_actor::pointer self) : self_{self} {}

  caf::result<chat_result> chat(chat_request& request);
  void step(std::uint64_t number);
  void stop(const chat_id& chat);

  /// Tells everybody who waits that there will be no answer.
  void abandon();

private:
  /// A chat that takes time.
  struct stream {
    builtin_script script;
    chat_request request;
    caf::typed_response_promise<chat_result> promise;
    /// Empty until the delay is over.
    std::vector<std::string> words;
    std::size_t next = 0;
    /// Of what was streamed.
    token_usage usage;
  };

  void step_after(std::chrono::milliseconds wait, std::uint64_t number);
  void end(std::uint64_t number, chat_result result);

  model_actor::pointer self_;
  std::unordered_map<std::uint64_t, stream> streams_;
  std::map<chat_id, std::uint64_t> by_chat_;
  std::uint64_t last_number_ = 0;
};

model_actor::behavior_type builtin_model(model_actor::stateful_pointer<builtin_model_state> self);

} // namespace troupe
