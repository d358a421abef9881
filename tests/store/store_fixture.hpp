#pragma once

#include "persistence/store.hpp"
#include "tests/temporary_folder.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The ground on which the conformance suite stands: an empty store of each kind,
/// a clock that the test turns, and makers for what a test takes for granted. The
/// suite speaks to the interface only, so that every database answers alike.
namespace troupe {

/// An empty database for one test; it goes when the object does.
class test_database {
public:
  virtual ~test_database() = default;
  /// For `open_database`; throws where nothing but `open` leads in.
  [[nodiscard]] virtual std::string url() const = 0;
  /// As a process that begins.
  virtual store_result<std::shared_ptr<database>> open() { return open_database(url()); }
};

/// A kind of database that the suite runs against.
struct database_kind {
  std::string name;
  std::function<std::unique_ptr<test_database>()> make;
};

/// What a failing test shows of its parameter.
inline void PrintTo(const database_kind& kind, std::ostream* out) {
  *out << kind.name;
}

/// Every kind there is.
std::vector<database_kind> database_kinds();
/// Those that have a URL and speak SQL.
std::vector<database_kind> sql_kinds();

/// The value in a result or an outcome; the test fails with the store's sentence
/// if there is none.
template <class T, class Result>
T value_of(Result&& result) {
  if (auto* error = std::get_if<store_error>(&result))
    throw std::runtime_error{"unexpected refusal: " + error->message};
  return std::get<T>(std::forward<Result>(result));
}

/// Why there is no value; nullopt if there is one.
template <class Result>
std::optional<errc> refusal(const Result& result) {
  const auto* error = std::get_if<store_error>(&result);
  return error ? std::optional{error->code} : std::nullopt;
}

/// Every page of a list from `first` on, where `read` gives the page behind a key. A page
/// without items is the only one, and none goes on from where it began.
template <class Item, class Key, class Read>
std::vector<page<Item, Key>> pages_of(Key first, Read read) {
  std::vector<page<Item, Key>> pages;
  for (std::optional<Key> after = std::move(first); after;) {
    pages.push_back(value_of<page<Item, Key>>(read(*after)));
    if (pages.back().items.empty() && (pages.back().next || pages.size() > 1))
      throw std::runtime_error{"an empty page among others"};
    after = pages.back().next;
  }
  return pages;
}

/// The same as one list.
template <class Item, class Key, class Read>
std::vector<Item> all_of(Key first, Read read) {
  std::vector<Item> items;
  for (auto& one : pages_of<Item, Key>(std::move(first), read))
    std::move(one.items.begin(), one.items.end(), std::back_inserter(items));
  return items;
}

class store_fixture : public testing::TestWithParam<database_kind> {
protected:
  void SetUp() override;

  /// Opens what is closed; a writer and a reader.
  void open();
  /// Closes all, as a process that ends.
  void close();

  // -- time -----------------------------------------------------------------------

  /// The time given to every operation made here.
  timestamp clock = now();
  void advance(std::chrono::microseconds by) { clock += by; }

  // -- operations -----------------------------------------------------------------

  /// Applies one operation; what else the batch did stands in `last`.
  outcome apply(operation op);
  template <class Op>
  typename Op::result_type must(Op op) {
    return value_of<typename Op::result_type>(apply(operation{std::move(op)}));
  }
  template <class Op>
  std::optional<errc> refused(Op op) {
    return refusal(apply(operation{std::move(op)}));
  }

  /// A task of a new thread, not executed.
  [[nodiscard]] create_task make_task(std::string input = "hello") const;
  /// A task that follows in `thread`, not executed.
  [[nodiscard]] create_task make_turn(const uuid& thread, std::string input = "and then?") const;
  /// Creates and executes; the new task's id.
  uuid execute(create_task op);
  uuid execute(std::string input = "hello") { return execute(make_task(std::move(input))); }

  std::vector<claimed_task> claim(int limit = 100);
  /// Claims exactly one task.
  claimed_task claim_one();
  [[nodiscard]] fence fence_of(const claimed_task& task) const { return {task.id, task.attempt, owner}; }

  [[nodiscard]] complete_task make_completion(const claimed_task& task, std::string output = "answer") const;
  [[nodiscard]] fail_attempt make_failure(const claimed_task& task, std::string error = "it broke") const;
  /// A failure after which the task waits until `retry_at`.
  [[nodiscard]] fail_attempt make_retry(const claimed_task& task, timestamp retry_at) const;
  /// An intent to make the call `call_id`, with its `chat:tool_start`.
  [[nodiscard]] append_journal make_intent(const claimed_task& task, std::string call_id) const;
  /// The result of the call, with its `chat:tool_result`.
  [[nodiscard]] append_journal make_result(const claimed_task& task, std::string call_id, std::string content) const;
  /// An intent to make these calls of `send`, each with its `chat:tool_start`; a person has
  /// to allow them until `deadline`.
  [[nodiscard]] append_journal make_request(const claimed_task& task, const std::vector<std::string>& call_ids,
                                            timestamp deadline) const;
  [[nodiscard]] await_approval make_wait(const claimed_task& task) const;
  [[nodiscard]] decide_approval make_decision(const uuid& id, std::string call_id, bool approve = true) const;
  [[nodiscard]] cancel_task make_cancel(const uuid& id) const;
  [[nodiscard]] set_task_status make_status(const uuid& id, task_status status) const;
  /// Executes, claims and completes a new task.
  uuid completed_task();
  /// Executes, claims and fails a new task.
  uuid failed_task();

  // -- what is stored -------------------------------------------------------------

  task_record task(const uuid& id);
  task_status status(const uuid& id) { return task(id).status; }
  std::vector<event_record> journal(const uuid& id);
  /// The names of the journal's entries, separated by spaces.
  std::string story(const uuid& id);
  /// The data of the journal's last entry of that type.
  std::string data_of(const uuid& id, event_type type);
  std::vector<message_record> messages(const uuid& id);
  std::vector<message_record> conversation(const uuid& thread);
  /// Roles of messages, separated by spaces.
  static std::string roles(const std::vector<message_record>& items);
  std::vector<attempt_record> attempts(const uuid& id);
  std::vector<approval_record> approvals(const uuid& id);
  /// Calls and their states, separated by spaces: `call_1:pending`.
  std::string decisions(const uuid& id);
  /// Sums of usage in their order: `key:attempts/input/output/cost`, with `~` if estimated.
  std::string sums(usage_group group, const usage_filter& filter = {});
  /// Its journal is numbered 1, 2, 3…
  void expect_no_holes(const uuid& id);
  queue_stats::row queue_of(const std::string& ns = "default");

  std::shared_ptr<test_database> place;
  std::shared_ptr<database> db;
  std::unique_ptr<store_writer> writer;
  std::unique_ptr<store_reader> reader;
  uuid owner = make_uuid();
  committed last;
};

/// Runs the suite's tests against every kind of database.
#define TROUPE_ON_EVERY_DATABASE(suite)                                                                                \
  INSTANTIATE_TEST_SUITE_P(On, suite, testing::ValuesIn(database_kinds()),                                             \
                           [](const auto& kind) { return kind.param.name; })

/// Runs them against those that speak SQL.
#define TROUPE_ON_SQL_DATABASES(suite)                                                                                 \
  INSTANTIATE_TEST_SUITE_P(On, suite, testing::ValuesIn(sql_kinds()), [](const auto& kind) { return kind.param.name; })

} // namespace troupe
