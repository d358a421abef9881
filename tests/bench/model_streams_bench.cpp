#include "persistence/records.hpp"
#include "persistence/sqlite/connection.hpp"
#include "persistence/sqlite/statement.hpp"
#include "tests/bench/benchmarks.hpp"
#include "tests/bench/http_load.hpp"
#include "tests/bench/model_server.hpp"
#include "tests/bench/start_times.hpp"
#include "tests/bench/subscribers.hpp"
#include "tests/providers/scripted_provider.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <stdexcept>
#include <thread>
#include <unordered_map>

/// Many answers that stream at once.
namespace troupe {

namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds pace{50};
constexpr double chunks_per_second = 20;
/// So many of the streams are watched by a subscriber: one that took all of them would
/// need a core for itself.
constexpr std::size_t watched = 100;
/// Before and after what is measured.
constexpr std::chrono::seconds margin{2};

/// When each stream begins, and what it says. All are open before the first one does.
struct timetable {
  std::size_t streams = 0;
  clock::time_point begin;
  std::chrono::seconds measured{};

  [[nodiscard]] std::size_t words() const {
    return static_cast<std::size_t>((measured + 2 * margin) / milliseconds{1000} * chunks_per_second);
  }
  [[nodiscard]] double chunks() const { return static_cast<double>(streams * words()); }
  /// They begin one after the other, so that they do not all speak at the same moment.
  [[nodiscard]] clock::time_point due(std::size_t stream, std::size_t word) const {
    return begin + milliseconds{static_cast<int>(stream) % pace.count()} + pace * static_cast<int>(word - 1);
  }
  [[nodiscard]] std::string text() const {
    std::string all;
    for (const auto& word : script::chunks(words()).words) {
      all += word;
    }
    return all;
  }
};

script::reply answer_on_time(const timetable& times, const seen_request& request) {
  auto answer = script::chunks(times.words(), pace);
  const auto begin = times.due(std::stoul(request.last_user_text()), 1);
  answer.delay = std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(begin - clock::now()));
  return answer;
}

// -- what a subscriber sees -------------------------------------------------------

struct seen_chunk {
  clock::time_point at;
  std::size_t words = 0;
  /// How long ago its last word was due.
  double late = 0;
};

std::size_t words_in(std::string_view text) {
  const auto blanks = static_cast<std::size_t>(std::count(text.begin(), text.end(), ' '));
  return blanks + (text.empty() || text.back() == ' ' ? 0 : 1);
}

std::string_view last_word(std::string_view text) {
  text.remove_suffix(text.ends_with(' ') ? 1 : 0);
  return text.substr(text.rfind(' ') + 1);
}

/// Until all of them have completed.
std::vector<seen_chunk> watch(subscribers& room, const std::map<std::string, std::size_t>& streams,
                              const timetable& times) {
  std::vector<seen_chunk> chunks;
  std::size_t completed = 0;
  room.receive_until([&](std::string_view frame) {
    if (frame.starts_with(R"({"type":"chat:chunk")")) {
      const auto now = clock::now();
      const std::string text = string_member(frame, "text");
      const auto due = times.due(streams.at(string_member(frame, "task_id")), std::stoul(std::string{last_word(text)}));
      chunks.push_back({now, words_in(text), milliseconds_between(due, now)});
    } else if (frame.starts_with(R"({"type":"task:failed")")) {
      throw std::runtime_error{"a stream has failed: " + std::string{frame}};
    }
    completed += frame.starts_with(R"({"type":"task:completed")") ? 1 : 0;
    return completed == streams.size();
  });
  return chunks;
}

// -- what is stored -----------------------------------------------------------------

struct stored_chunks {
  double rows = 0;
  double words = 0;
};

/// Those between two positions. Throws unless all streams are stored whole.
stored_chunks read_store(sqlite_connection& store, const timetable& times, std::int64_t after, std::int64_t up_to) {
  const std::string text = times.text();
  std::unordered_map<uuid, std::size_t> lengths;
  stored_chunks found;
  sqlite_statement find{store.get(), "SELECT position, task_id, data FROM events WHERE type = ?"};
  auto rows = find.query(event_type::chat_chunk);
  while (rows.next()) {
    const auto position = rows.take<std::int64_t>();
    auto& length = lengths[rows.take<uuid>()];
    const std::string part = string_member(rows.take_view(), "text");
    length += part.size();
    if (position > after && position <= up_to) {
      ++found.rows;
      found.words += static_cast<double>(words_in(part));
    }
  }
  const auto whole
    = std::count_if(lengths.begin(), lengths.end(), [&](const auto& task) { return task.second == text.size(); });
  sqlite_statement count{store.get(), "SELECT count(*) FROM tasks WHERE output = ?"};
  auto outputs = count.query(text);
  outputs.next();
  const auto told = outputs.take<std::size_t>();
  if (static_cast<std::size_t>(whole) != times.streams || told != times.streams) {
    throw std::runtime_error{"of " + std::to_string(times.streams) + " streams " + std::to_string(whole)
                             + " are stored whole, and " + std::to_string(told) + " as outputs"};
  }
  return found;
}

// -- the run ------------------------------------------------------------------------

struct sample {
  double sent = 0;
  double stored = 0;
  double rows = 0;
  double seen = 0;
  double late_median = 0;
  double late_slowest = 0;
  double seconds_behind = 0;
  double cores = 0;
  double cpu_of_stream = 0;
  double cpu_of_chunk = 0;
  double memory_open = 0;
  double memory_streaming = 0;
};

/// What is looked at while the streams run.
struct instant {
  clock::time_point at;
  std::int64_t position = 0;
  std::chrono::milliseconds cpu{};

  instant(const server_process& process, sqlite_connection& store)
    : at{clock::now()}, position{store.number("SELECT coalesce(max(position), 0) FROM events")},
      cpu{process.cpu_time()} {}
};

std::map<std::string, std::size_t> create_all(std::uint16_t port, std::size_t streams) {
  std::map<std::string, std::size_t> ids;
  const auto socket = connect_loopback(port);
  for (std::size_t i = 0; i < watched; ++i) {
    const auto task = ask(socket.get(), task_request(std::to_string(i), R"(,"created_by":"watched")"));
    ids.emplace(string_member(task, "id"), i);
  }
  std::string request;
  http_load load{port, 50};
  load.run(streams - watched, 201, [&](std::size_t n) {
    request = task_request(std::to_string(watched + n));
    return std::string_view{request};
  });
  return ids;
}

sample stream_all(const bench_options& options) {
  timetable times{options.amount(10'000), clock::now(), std::chrono::seconds{options.quick ? 5 : 20}};
  scripted_provider provider;
  provider.keep_requests(false);
  model_server server{options, provider.url("/v1"), {"--capacity", std::to_string(2 * times.streams)}};
  const auto memory = [&, idle = server.process().resident_bytes()] {
    return static_cast<double>(server.process().resident_bytes() - idle) / static_cast<double>(times.streams);
  };
  subscribers room{server.port(), 1, "user:watched"};

  times.begin = clock::now() + milliseconds{2} * static_cast<int>(times.streams);
  provider.answer_with([times](const seen_request& request) { return answer_on_time(times, request); });
  const auto ids = create_all(server.port(), times.streams);
  auto watching = std::async(std::launch::async, [&] { return watch(room, ids, times); });
  const auto all_open = [&] { return provider.counts().answers_open == times.streams; };
  if (!eventually(all_open, std::chrono::ceil<milliseconds>(times.begin - clock::now()))) {
    throw std::runtime_error{"the streams are not open in time"};
  }
  sample s;
  s.memory_open = memory();
  const auto cpu_before = server.process().cpu_time();

  sqlite_connection store{server.database(), sqlite_connection::role::reader};
  std::this_thread::sleep_until(times.begin + margin);
  const instant from{server.process(), store};
  std::this_thread::sleep_until(times.begin + margin + times.measured);
  const instant to{server.process(), store};
  s.memory_streaming = memory();
  eventually([&] { return provider.counts().answers_open == 0; }, std::chrono::minutes{10});
  s.sent = times.chunks() / std::chrono::duration<double>(clock::now() - times.begin).count();
  server.wait_until_completed(times.streams);
  s.seconds_behind = milliseconds_between(times.due(0, times.words()), clock::now()) / 1000;
  s.cpu_of_chunk
    = std::chrono::duration<double, std::micro>(server.process().cpu_time() - cpu_before).count() / times.chunks();

  const double seconds = std::chrono::duration<double>(to.at - from.at).count();
  s.cores = std::chrono::duration<double>(to.cpu - from.cpu).count() / seconds;
  s.cpu_of_stream = 1000 * s.cores / static_cast<double>(times.streams);
  const auto stored = read_store(store, times, from.position, to.position);
  s.stored = stored.words / seconds;
  s.rows = stored.rows / seconds;
  std::vector<double> late;
  for (const auto& chunk : watching.get()) {
    if (chunk.at >= from.at && chunk.at < to.at) {
      s.seen += static_cast<double>(chunk.words) / seconds;
      late.push_back(chunk.late);
    }
  }
  s.late_median = percentile(late, 0.5);
  s.late_slowest = percentile(late, 0.99);
  return s;
}

} // namespace

std::vector<figure> measure_model_streams(const bench_options& options) {
  std::vector<sample> samples;
  for (int i = 0; i < options.repetitions; ++i) {
    samples.push_back(stream_all(options));
  }
  const auto all = [&](double sample::*member) {
    std::vector<double> values;
    for (const auto& s : samples) {
      values.push_back(s.*member);
    }
    return values;
  };
  const auto streams = static_cast<double>(options.amount(10'000));
  const double wanted = streams * chunks_per_second;
  return {
    reference(pretty(streams) + " streams, 20 chunks a second each", "chunks/s sent", all(&sample::sent),
              pretty(wanted) + " are due"),
    reference("  stored while they run", "chunks/s", all(&sample::stored)),
    reference("    in journal entries", "rows/s", all(&sample::rows)),
    reference("  seen by a subscriber, of " + pretty(watched), "chunks/s", all(&sample::seen),
              pretty(watched * chunks_per_second) + " are due"),
    reference("    behind the provider's time, p50", "ms", all(&sample::late_median)),
    reference("    behind the provider's time, p99", "ms", all(&sample::late_slowest)),
    reference("  from the last chunk due to the last task COMPLETED", "s", all(&sample::seconds_behind)),
    reference("  cores that the server used", "", all(&sample::cores)),
    reference("  CPU of a stream", "ms/s", all(&sample::cpu_of_stream)),
    reference("  CPU of a chunk", "us", all(&sample::cpu_of_chunk)),
    reference("  memory of a stream that has not begun", "bytes", all(&sample::memory_open)),
    reference("  memory of a stream under way", "bytes", all(&sample::memory_streaming)),
  };
}

} // namespace troupe
