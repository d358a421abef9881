#include "tests/bench/model_server.hpp"

#include "tests/bench/sockets.hpp"

#include <chrono>
#include <stdexcept>
#include <thread>

namespace troupe {

namespace {

std::vector<std::string> reaching_this_host(std::vector<std::string> flags) {
  flags.insert(flags.end(), {"--outbound-allow", "127.0.0.1"});
  return flags;
}

std::int64_t ended(std::string_view metrics, std::string_view outcome) {
  const auto at = metrics.find("troupe_tasks_total{outcome=\"" + std::string{outcome} + "\"} ");
  return at == std::string_view::npos ? 0 : std::stoll(std::string{metrics.substr(metrics.find(' ', at), 24)});
}

} // namespace

model_server::model_server(const bench_options& options, const std::string& base_url, std::vector<std::string> flags)
  : data_{options.directory}, process_{data_.path(), reaching_this_host(std::move(flags))} {
  const auto socket = connect_loopback(port());
  // The provider may take its time: what is measured must not end by it.
  ask(socket.get(),
      put_request("/api/v1/models/remote", R"({"kind":"openai","model":"scripted","base_url":")" + base_url
                                             + R"(","timeouts":{"first_token_s":600,"idle_s":600,"total_s":3600}})"));
  ask(socket.get(),
      put_request("/api/v1/bots/remote", R"({"model":"remote","timeout_s":3600,"restart":{"max_attempts":1}})"));
}

void model_server::wait_until_completed(std::size_t tasks) const {
  const auto socket = connect_loopback(port());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes{10};
  for (;;) {
    const std::string metrics = ask(socket.get(), get_request("/metrics"));
    if (ended(metrics, "failed") > 0) {
      throw std::runtime_error{"tasks have failed:\n" + metrics};
    }
    if (ended(metrics, "completed") >= static_cast<std::int64_t>(tasks)) {
      return;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error{"not every task is completed:\n" + metrics};
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{20});
  }
}

std::string task_request(std::string_view input, std::string_view members) {
  return post_request("/api/v1/tasks", R"({"spec":{"bot_name":"remote"},"execute":true,"input":")" + std::string{input}
                                         + "\"" + std::string{members} + "}");
}

} // namespace troupe
