#pragma once

namespace troupe {

/// A visitor made of functions: a case without one does not compile.
template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

// As C++20 deduces by itself; clang 14 does not.
template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

} // namespace troupe
