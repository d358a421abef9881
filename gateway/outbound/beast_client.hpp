#pragma once

#include "actors/remote/outbound.hpp"
#include "gateway/outbound/config.hpp"

#include <cstdint>
#include <memory>

namespace troupe {

/// The outbound client over Beast: HTTP/1.1, one I/O thread for all calls, and
/// connections that are used again. Redirects are answers like others. Listeners are
/// called on the I/O thread.
class beast_client final : public outbound_client {
public:
  explicit beast_client(const outbound_config& config = {});
  /// Closes everything; calls that are open end without a word. Not to be called by a
  /// listener.
  ~beast_client() override;

  beast_client(const beast_client&) = delete;
  beast_client& operator=(const beast_client&) = delete;

  std::uint64_t start(outbound_request request, std::shared_ptr<outbound_listener> listener) override;
  void cancel(std::uint64_t call) override;

  /// From any thread.
  [[nodiscard]] outbound_stats stats() const noexcept;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace troupe
