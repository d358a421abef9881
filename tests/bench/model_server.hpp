#pragma once

#include "tests/bench/benchmarks.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace troupe {

/// A server on fresh data with one bot, whose model is of kind openai at a provider
/// on this host.
class model_server {
public:
  model_server(const bench_options& options, const std::string& base_url, std::vector<std::string> flags = {});

  [[nodiscard]] std::uint16_t port() const noexcept { return process_.port(); }
  [[nodiscard]] const server_process& process() const noexcept { return process_; }
  /// The SQLite file.
  [[nodiscard]] std::filesystem::path database() const { return data_.path() / "troupe.db"; }

  /// Waits until `tasks` are completed; throws once one has failed.
  void wait_until_completed(std::size_t tasks) const;

private:
  temporary_folder data_;
  server_process process_;
};

/// A POST that creates and executes a task of that bot. `members` go into its body.
std::string task_request(std::string_view input, std::string_view members = {});

} // namespace troupe
