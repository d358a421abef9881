#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <type_traits>
#include <unordered_map>
#include <utility>

/// A table in memory that can go back. Whatever changes a row goes through `set`, which notes the former row; going
/// back and forth is the same exchange of rows, so that what an index has been told on the way there it is told on the
/// way back.
namespace troupe {

/// Numbers the changes of all tables of a server in their order, from 1.
class change_counter {
public:
  std::uint64_t next() noexcept { return ++last_; }
  [[nodiscard]] std::uint64_t last() const noexcept { return last_; }
  /// What is behind `number` never was.
  void cut(std::uint64_t number) noexcept { last_ = number; }

private:
  std::uint64_t last_ = 0;
};

/// Any table, as far as it goes back.
class undoable_table {
public:
  virtual ~undoable_table() = default;

  /// Shows the rows as they were after change `number`. Nothing is changed until `replay` or `cut`.
  virtual void rewind(std::uint64_t number) = 0;
  /// Shows them as they are again.
  virtual void replay() = 0;
  /// What `rewind` went behind never was.
  virtual void cut() = 0;
  /// There is no way any more to before change `number`.
  virtual void forget(std::uint64_t number) = 0;
};

/// For a table that is asked by its key alone.
struct no_index {
  template <class Key, class Row>
  void replace(const Key&, const Row*, const Row*) noexcept {}
};

/// `Index::replace(key, before, after)` is told of each change; null for no row. `Rows` is ordered where somebody goes
/// through the table.
template <class Key, class Row, class Index = no_index, class Rows = std::map<Key, std::shared_ptr<const Row>>>
class memory_table final : public undoable_table {
public:
  using row_ptr = std::shared_ptr<const Row>;

  explicit memory_table(change_counter& changes) : changes_{changes} {}

  // -- reading ------------------------------------------------------------------

  /// Null if there is none; holds until the row's next change.
  [[nodiscard]] const Row* find(const Key& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : found->second.get();
  }
  [[nodiscard]] row_ptr share(const Key& key) const {
    const auto found = rows_.find(key);
    return found == rows_.end() ? nullptr : found->second;
  }
  [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }
  [[nodiscard]] const Index& index() const noexcept { return index_; }
  /// In the order of their keys.
  [[nodiscard]] const Rows& ordered() const noexcept {
    static_assert(std::is_same_v<Rows, std::map<Key, row_ptr>>, "no answer may depend on the order of a hash table");
    return rows_;
  }

  // -- changing -----------------------------------------------------------------

  void put(const Key& key, Row row) { set(key, std::make_shared<const Row>(std::move(row))); }
  /// Changes a copy of the row by `change(Row&)`; nothing if there is none.
  template <class Change>
  void edit(const Key& key, Change change) {
    const auto* before = find(key);
    if (!before)
      return;
    auto after = std::make_shared<Row>(*before);
    change(*after);
    set(key, std::move(after));
  }
  void remove(const Key& key) {
    if (find(key))
      set(key, nullptr);
  }

  // -- back and forth -----------------------------------------------------------

  void rewind(std::uint64_t number) override {
    for (auto at = log_.size() - rewound_; at > 0 && log_[at - 1].number > number; --at) {
      exchange(log_[at - 1].key, log_[at - 1].row);
      ++rewound_;
    }
  }
  void replay() override {
    for (; rewound_ > 0; --rewound_) {
      auto& change = log_[log_.size() - rewound_];
      exchange(change.key, change.row);
    }
  }
  void cut() override {
    for (; rewound_ > 0; --rewound_)
      log_.pop_back();
  }
  void forget(std::uint64_t number) override {
    while (!log_.empty() && log_.front().number <= number)
      log_.pop_front();
  }

private:
  struct change_note {
    std::uint64_t number;
    Key key;
    /// The former row, or, while the table is rewound behind it, the later one.
    row_ptr row;
  };

  void set(const Key& key, row_ptr row) {
    assert(rewound_ == 0);
    exchange(key, row);
    log_.push_back({changes_.next(), key, std::move(row)});
  }

  /// Puts `row` into the table, and the row that was there into `row`; null for none.
  void exchange(const Key& key, row_ptr& row) {
    const auto place = rows_.try_emplace(rows_.end(), key);
    index_.replace(key, place->second.get(), row.get());
    std::swap(place->second, row);
    if (!place->second)
      rows_.erase(place);
  }

  change_counter& changes_;
  Rows rows_;
  Index index_;
  std::deque<change_note> log_;
  /// So many of the latest changes are not shown.
  std::size_t rewound_ = 0;
};

/// One that is never gone through.
template <class Key, class Row, class Index = no_index>
using hashed_table = memory_table<Key, Row, Index, std::unordered_map<Key, std::shared_ptr<const Row>>>;

} // namespace troupe
