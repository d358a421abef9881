#pragma once

#include <cstddef>
#include <sys/resource.h>

namespace troupe {

/// While it lives, each process that is started has at most so many bytes of address space, as on a small machine: a
/// server sees how much there is when it starts. Not in a sanitizer's build, which needs terabytes.
class small_address_space {
public:
  explicit small_address_space([[maybe_unused]] std::size_t bytes) {
    ::getrlimit(RLIMIT_AS, &before_);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_AS, &small);
#endif
  }
  ~small_address_space() {
    ::setrlimit(RLIMIT_AS, &before_);
  }

  small_address_space(const small_address_space&) = delete;
  small_address_space& operator=(const small_address_space&) = delete;

private:
  rlimit before_{};
};

} // namespace troupe
