#include "gateway/serve.hpp"

#include "gateway/server.hpp"
#include "persistence/logging/log.hpp"
#include "persistence/logging/log_lines.hpp"
#include "persistence/logging/say.hpp"
#include "persistence/store.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <malloc.h>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <utility>
#include <variant>

namespace troupe {

namespace {

/// A database server that is just starting is waited for.
constexpr std::chrono::seconds open_patience{10};
constexpr std::chrono::milliseconds between_openings{500};

/// The first signal drains; the second, while that takes its time, ends the process at once.
void wait_for_signals(boost::asio::signal_set& signals, server& running) {
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (error)
      return;
    if (running.draining()) {
      say::warn("a second signal: exiting at once");
      spdlog::shutdown();
      std::_Exit(1);
    }
    running.drain();
    wait_for_signals(signals, running);
  });
}

/// Bodies and pages of a mebibyte come and go; glibc would keep such blocks once it has seen some (mallopt(3),
/// M_MMAP_THRESHOLD), and gives each thread an arena of 64 MiB of addresses.
void keep_memory_small() {
  constexpr int large_block = 256 * 1024;
  constexpr int kept_at_the_top = 4 * 1024 * 1024;
  constexpr int arenas = 4;
  ::mallopt(M_MMAP_THRESHOLD, large_block);
  ::mallopt(M_TRIM_THRESHOLD, kept_at_the_top);
  ::mallopt(M_ARENA_MAX, arenas);
}

/// Each client and each call to a provider is a descriptor, and the usual soft limit of 1,024 is there for programs
/// that use select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    say::warn("the limit of open files stays at {}", limit.rlim_cur);
}

/// Waits for a PostgreSQL server that does not answer yet.
store_result<std::shared_ptr<database>> open_patiently(const settings& s) {
  const auto deadline = std::chrono::steady_clock::now() + open_patience;
  for (bool said = false;; std::this_thread::sleep_for(between_openings)) {
    auto opened = open_database(s.database, s.database_password_file);
    const auto* refusal = std::get_if<store_error>(&opened);
    if (!refusal || refusal->code != errc::unavailable || !is_postgres(s.database)
        || std::chrono::steady_clock::now() >= deadline)
      return opened;
    if (!std::exchange(said, true))
      say::warn("{} Trying again for {} s.", refusal->message, open_patience.count());
  }
}

/// Null without a key, or what is wrong with it.
std::variant<secret_box_ptr, std::string> read_secrets(const settings& s) {
  if (s.secret_key_file.empty())
    return secret_box_ptr{};
  auto read = secret_box::read(s.secret_key_file);
  if (const auto* secrets = std::get_if<secret_box_ptr>(&read))
    say::info("secrets are encrypted with the key {}", (*secrets)->id());
  return read;
}

} // namespace

int serve(const settings& s) {
  keep_memory_small();
  std::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  auto secrets = read_secrets(s);
  if (const auto* wrong = std::get_if<std::string>(&secrets)) {
    say::critical("{}", *wrong);
    return 2;
  }
  auto opened = open_patiently(s);
  if (const auto* refusal = std::get_if<store_error>(&opened)) {
    say::critical("cannot open {}: {}", redacted_database(s.database), refusal->message);
    return 1;
  }
  const auto store = std::move(std::get<std::shared_ptr<database>>(opened));
  if (store->info().is_new)
    say::info("the database {} is new and empty", redacted_database(s.database));

  boost::asio::io_context loop{1};
  // A signal that comes while the server starts is kept for it.
  boost::asio::signal_set signals{loop, SIGINT, SIGTERM};
  server running{loop, s, store, std::get<secret_box_ptr>(std::move(secrets))};
  if (!running.start())
    return 1;
  wait_for_signals(signals, running);
  return running.run();
}

int migrate(const settings& s) {
  const auto result = migrate_database(s.database, s.database_password_file);
  if (const auto* refusal = std::get_if<store_error>(&result)) {
    std::fprintf(stderr, "troupe: %s\n", refusal->message.c_str());
    return 1;
  }
  const auto& report = std::get<migration_report>(result);
  const auto shown = redacted_database(s.database);
  if (report.from == report.to)
    std::printf("%s is at schema version %d already.\n", shown.c_str(), report.to);
  else
    std::printf("%s: schema version %d to %d.\n", shown.c_str(), report.from, report.to);
  return 0;
}

void set_up_log(const settings& s) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("troupe"));
  switch (s.level) {
  case log_level::trace: spdlog::set_level(spdlog::level::trace); break;
  case log_level::debug: spdlog::set_level(spdlog::level::debug); break;
  case log_level::info: spdlog::set_level(spdlog::level::info); break;
  case log_level::warn: spdlog::set_level(spdlog::level::warn); break;
  case log_level::error: spdlog::set_level(spdlog::level::err); break;
  }
  const bool json = s.format == log_format::json;
  logging::set_style(json ? logging::style::json : logging::style::text);
  spdlog::set_formatter(json ? make_json_formatter(s.node_name) : make_text_formatter());
  spdlog::flush_on(spdlog::level::info);
}

} // namespace troupe
