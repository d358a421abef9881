#pragma once

#include "gateway/http/pace.hpp"
#include "gateway/http/request_reader.hpp"
#include "gateway/http/server_core.hpp"

#include <cstdint>

namespace troupe {

/// How long the next request of one connection may take to come: the header has a time from
/// its first byte on, which no further byte moves; the body has a pace; and between two
/// requests a connection may be idle for a while.
class request_patience {
public:
  /// A new connection says something soon.
  void begin(const server_core& core) noexcept { deadline_ = core.deadline(core.limits().header_timeout); }

  /// Called whenever the connection waits for more of what `reader` reads.
  void wait_for_more(const server_core& core, const request_reader& reader) noexcept;
  /// The request is there.
  void request_is_there() noexcept;
  /// The rest of the body is not wanted any more.
  void forget_body() noexcept { sending_.stop(); }

  /// False once the client has taken too long.
  [[nodiscard]] bool lasts(const server_core& core, const request_reader& reader) noexcept;
  /// The tick since when the request has been unfinished; for one that has begun.
  [[nodiscard]] std::uint32_t unfinished_since(const server_core& core, const request_reader& reader) const noexcept;

private:
  /// Of a header, or between two requests; 0 for none.
  server_core::ticks deadline_ = 0;
  /// The deadline of a header does not move with each byte of it.
  bool header_deadline_set_ = true;
  pace sending_;
};

} // namespace troupe
