#pragma once

#include "tests/bench/hostile_clients.hpp"
#include "tests/e2e/server_test.hpp"

#include <cstddef>
#include <string_view>

/// Honest clients beside a hostile one. How long honest answers take is for the benchmark of the same name to say
/// (`./dev bench hostile`); here all of them come, and the server stays as small as it was.
namespace troupe {

class hostile_test : public server_test {
protected:
  /// While a hostile client of this kind does so much, each request of honest clients is answered with 2xx, and the
  /// server, which has a gigabyte of address space, grows by less than 64 MB. `tasks` is how many the scene has, 0 for
  /// as many as in the benchmark.
  void expect_harmless(std::string_view kind, hostile_amounts amounts, std::size_t tasks = 0);
};

} // namespace troupe
