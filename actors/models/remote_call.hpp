#pragma once

#include "actors/clock.hpp"
#include "actors/interfaces.hpp"
#include "actors/providers/provider.hpp"
#include "actors/remote/outbound.hpp"
#include "actors/remote/secrets.hpp"

#include <caf/typed_event_based_actor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <variant>

/// A remote call is one turn asked of a provider. Spawned and monitored by its model's
/// gate, for one request: it sends the request, streams what comes to the task, tells the
/// gate how it ended (`call_ended`), and quits. It watches the task: when that ends, for
/// whatever reason, the connection is closed. If it dies, so that no answer reaches the
/// gate, the gate fails the request as transient: whatever a provider may send can end
/// one call and no more.
///
/// A refusal that names something of the request which the model does not take, or wants,
/// is answered by another request at once, and told to the gate (`model_learnt`): it costs
/// nobody an attempt.
namespace troupe {

struct remote_call_config {
  std::shared_ptr<outbound_client> outbound;
  clock_function clock;
  /// Opens what is encrypted in the model's headers; null for no key.
  secret_box_ptr secrets{};
  /// What the model is known to take.
  model_traits traits{};
};

class remote_call_state {
public:
  static inline const char* name = "remote_call";

  explicit remote_call_state(remote_call_actor::pointer self) : self_{self} {}

  void start(model_gate_actor gate, std::uint64_t number, chat_request request, remote_call_config config);

  void read(const answer_arrived& arrived);
  void finish(answer_ended& end);
  void fail(const outbound_failure& failure);
  /// Nobody wants the answer any more.
  void abandon();
  /// Closes the connection, if the answer is not whole.
  void close();

private:
  std::variant<outbound_request, provider_failure> make_request();
  void send_request();
  /// True if the request is made again, in another way.
  bool ask_otherwise(unsigned status, std::string_view said);
  void stream(answer_delta& delta);
  /// `head` may say that this was the last answer for a while.
  void succeed(const provider_answer& answer, const outbound_head& head);
  /// The stream is over.
  void close_answer(const outbound_head& head);
  void fail(provider_failure failure);
  void send_back(const outbound_failure& failure);
  void end(chat_result result, std::optional<std::chrono::milliseconds> pause);
  void log_end(std::string_view how, std::string_view error) const;
  [[nodiscard]] token_usage usage_of(const provider_answer& answer) const;
  [[nodiscard]] bool has_streamed() const noexcept { return streamed_bytes_ > 0; }

  remote_call_actor::pointer self_;
  model_gate_actor gate_;
  std::uint64_t number_ = 0;
  chat_request request_;
  remote_call_config config_;
  const provider* provider_ = nullptr;
  std::unique_ptr<answer_reader> reader_;
  model_traits traits_;
  int lessons_ = 0;
  /// The outbound client's number; 0 once there is nothing to cancel.
  std::uint64_t call_ = 0;
  /// Estimated, for a provider that does not say.
  std::int64_t prompt_tokens_ = 0;
  std::size_t streamed_bytes_ = 0;
  outbound_head head_;
  /// Where it went, and since when, for the log.
  std::string host_;
  std::chrono::steady_clock::time_point asked_at_{};
};

remote_call_actor::behavior_type remote_call(remote_call_actor::stateful_pointer<remote_call_state> self,
                                             model_gate_actor gate, std::uint64_t number, chat_request request,
                                             remote_call_config config);

} // namespace troupe
