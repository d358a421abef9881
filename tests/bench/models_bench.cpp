#include "tests/bench/benchmarks.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/model_server.hpp"
#include "tests/bench/stamped_provider.hpp"
#include "tests/bench/start_times.hpp"
#include "tests/bench/subscribers.hpp"
#include "tests/providers/scripted_provider.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <future>
#include <optional>
#include <poll.h>
#include <stdexcept>
#include <thread>

/// What a server adds to a model's answer, and how it holds its connections.
namespace troupe {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using times = std::vector<clock::time_point>;

// -- the first token ------------------------------------------------------------------

constexpr std::size_t clients = 50;
/// Between two requests, whether those before are answered or not: a client's turn comes
/// again after half a second, about twice as long as an answer takes. No multiple of the
/// provider's tick of 5 ms: its answers wait for the next one, which is then as far away
/// for the one as for the other.
constexpr std::chrono::microseconds spacing{10'370};

/// After 50 ms the request's own text, which is a number, and some words for company.
script::reply answer_with_number(const seen_request& request) {
  auto answer = script::say(request.last_user_text() + " and a few more words to follow it", 20ms);
  answer.delay = 50ms;
  return answer;
}

std::vector<descriptor> connect_clients(std::uint16_t port) {
  std::vector<descriptor> connections(clients);
  for (auto& connection : connections) {
    connection = connect_loopback(port);
  }
  return connections;
}

/// Sends one request after the other, by the clients in turn.
/// Returns when each was sent.
template <class Send>
times send_in_turn(std::size_t count, Send send) {
  times sent(count);
  const auto begin = clock::now();
  for (std::size_t n = 0; n < count; ++n) {
    std::this_thread::sleep_until(begin + spacing * static_cast<int>(n));
    sent[n] = clock::now();
    send(n);
  }
  return sent;
}

/// The first number that a value of `member` begins with; none if there is none.
std::optional<std::size_t> leading_number(std::string_view json, std::string_view member) {
  for (auto at = json.find(member); at != std::string_view::npos; at = json.find(member, at + 1)) {
    std::size_t number = 0;
    const auto* begin = json.data() + at + member.size();
    if (std::from_chars(begin, json.data() + json.size(), number).ec == std::errc{}) {
      return number;
    }
  }
  return std::nullopt;
}

std::vector<double> waits(const times& sent, const times& arrived) {
  std::vector<double> milliseconds;
  for (std::size_t n = 0; n < sent.size(); ++n) {
    milliseconds.push_back(milliseconds_between(sent[n], arrived[n]));
  }
  return milliseconds;
}

/// At a subscriber who sees all tasks.
std::vector<double> ask_server(std::uint16_t port, std::size_t count) {
  subscribers room{port, 1, "namespace:default"};
  auto watching = std::async(std::launch::async, [&] {
    times arrived(count);
    std::size_t left = count;
    room.receive_until([&](std::string_view frame) {
      if (frame.starts_with(R"({"type":"chat:chunk")")) {
        if (const auto number = leading_number(frame, R"("text":")")) {
          arrived.at(*number) = clock::now();
          --left;
        }
      } else if (frame.starts_with(R"({"type":"task:failed")")) {
        throw std::runtime_error{"a task has failed: " + std::string{frame}};
      }
      return left == 0;
    });
    return arrived;
  });
  const auto connections = connect_clients(port);
  std::vector<std::string> received(clients);
  const auto sent = send_in_turn(count, [&](std::size_t n) {
    const auto& connection = connections[n % clients];
    auto& answer = received[n % clients];
    raw_answer parsed;
    while (n >= clients && answer_length(answer, parsed) == 0) {
      receive_some(connection.get(), answer);
    }
    answer.clear();
    send_all(connection.get(), task_request(std::to_string(n)));
  });
  return waits(sent, watching.get());
}

/// Keeps the clients' connections, and notes when an answer's first text comes.
times read_answers(const std::vector<descriptor>& connections, std::size_t count) {
  times arrived(count);
  std::vector<pollfd> polled;
  for (const auto& connection : connections) {
    polled.push_back({connection.get(), POLLIN, 0});
  }
  std::string bytes;
  for (std::size_t left = count; left > 0;) {
    ::poll(polled.data(), polled.size(), -1);
    for (const auto& ready : polled) {
      if (ready.revents == 0) {
        continue;
      }
      bytes.clear();
      receive_some(ready.fd, bytes);
      if (const auto number = leading_number(bytes, R"("content":")")) {
        arrived.at(*number) = clock::now();
        --left;
      }
    }
  }
  return arrived;
}

std::vector<double> ask_provider(std::uint16_t port, std::size_t count) {
  const auto connections = connect_clients(port);
  auto reading = std::async(std::launch::async, [&] { return read_answers(connections, count); });
  const auto sent = send_in_turn(count, [&](std::size_t n) {
    send_all(connections[n % clients].get(),
             post_request("/v1/chat/completions", R"({"model":"scripted","stream":true,"messages":[{"role":"user",)"
                                                  R"("content":")"
                                                    + std::to_string(n) + "\"}]}"));
  });
  return waits(sent, reading.get());
}

// -- the lag ------------------------------------------------------------------------

/// Of each word of one stream, from its provider to a subscriber.
std::vector<double> time_words(subscribers& room, const descriptor& client, const stamped_provider& provider,
                               std::size_t words) {
  times arrived;
  send_all(client.get(), task_request("Go on."));
  room.receive_until([&](std::string_view frame) {
    if (frame.starts_with(R"({"type":"chat:chunk")")) {
      const std::string text = string_member(frame, "text");
      const auto blanks = std::count(text.begin(), text.end(), ' ');
      arrived.resize(arrived.size() + static_cast<std::size_t>(blanks) + (text.ends_with(' ') ? 0 : 1), clock::now());
    }
    return frame.starts_with(R"({"type":"task:completed")") || frame.starts_with(R"({"type":"task:failed")");
  });
  std::string answer;
  raw_answer parsed;
  while (answer_length(answer, parsed) == 0) {
    receive_some(client.get(), answer);
  }
  const auto sent = provider.sent();
  if (arrived.size() != words || sent.size() != words) {
    throw std::runtime_error{"of " + std::to_string(words) + " words " + std::to_string(arrived.size()) + " came"};
  }
  return waits(sent, arrived);
}

} // namespace

std::vector<figure> measure_model_first_token(const bench_options& options) {
  const std::size_t requests = options.amount(2'000);
  std::array<std::vector<double>, 6> rows;
  for (int i = 0; i < options.repetitions; ++i) {
    scripted_provider provider{answer_with_number};
    provider.keep_requests(false);
    const model_server server{options, provider.url("/v1")};
    auto direct = ask_provider(provider.port(), requests);
    auto through = ask_server(server.port(), requests);
    server.wait_until_completed(requests);
    const std::array parts{0.5, 0.99};
    for (std::size_t p = 0; p < parts.size(); ++p) {
      rows[p].push_back(percentile(through, parts[p]));
      rows[2 + p].push_back(percentile(direct, parts[p]));
      rows[4 + p].push_back(rows[p].back() - rows[2 + p].back());
    }
  }
  return {
    reference("POST to the first text, 96 a second, p50", "ms", rows[0], "at a subscriber; the model takes 50 ms"),
    reference("  asking the provider itself, p50", "ms", rows[2]),
    reference("  added, p50", "ms", rows[4]),
    reference("POST to the first text, 96 a second, p99", "ms", rows[1]),
    reference("  asking the provider itself, p99", "ms", rows[3]),
    reference("  added, p99", "ms", rows[5]),
  };
}

std::vector<figure> measure_model_lag(const bench_options& options) {
  constexpr std::size_t words = 1'000;
  const std::size_t streams = options.quick ? 1 : 5;
  std::vector<double> medians;
  std::vector<double> slowest;
  for (int i = 0; i < options.repetitions; ++i) {
    const stamped_provider provider{words, 1ms};
    const model_server server{options, provider.url()};
    subscribers room{server.port(), 1, "namespace:default"};
    const auto client = connect_loopback(server.port());
    std::vector<double> milliseconds;
    for (std::size_t n = 0; n < streams; ++n) {
      const auto more = time_words(room, client, provider, words);
      milliseconds.insert(milliseconds.end(), more.begin(), more.end());
    }
    medians.push_back(percentile(milliseconds, 0.5));
    slowest.push_back(percentile(milliseconds, 0.99));
  }
  return {reference("chunk from provider to subscriber, stored, p50", "ms", medians, "1,000 chunks a second"),
          {"chunk from provider to subscriber, stored, p99", "ms", slowest, 60, goal::at_most}};
}

std::vector<figure> measure_model_reuse(const bench_options& options) {
  const std::size_t tasks = options.amount(2'000);
  std::vector<double> connections;
  std::vector<double> ratios;
  for (int i = 0; i < options.repetitions; ++i) {
    scripted_provider provider{[](const seen_request&) { return script::say("one two three", 20ms); }};
    provider.keep_requests(false);
    const model_server server{options, provider.url("/v1"), {"--capacity", "100"}};
    const std::string request = task_request("Hello");
    http_load load{server.port(), clients};
    load.run(tasks, 201, [&](std::size_t) { return std::string_view{request}; });
    server.wait_until_completed(tasks);
    const auto counts = provider.counts();
    connections.push_back(static_cast<double>(counts.connections_accepted));
    ratios.push_back(connections.back() / static_cast<double>(counts.requests));
  }
  return {{"connections to the provider, " + pretty(static_cast<double>(tasks)) + " tasks, 100 at a time", "",
           connections, 100, goal::at_most},
          reference("  of its requests", "", ratios)};
}

} // namespace troupe
