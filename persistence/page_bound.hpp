#pragma once

#include "persistence/records.hpp"

#include <cstddef>
#include <vector>

/// Where a page ends: at the number of items that was asked for, and before the item that would carry it past about 1
/// MiB. An item that is larger than that is a page of its own, so that no page is empty while there is something to
/// give. Pure; both databases measure alike.
namespace troupe {

/// What a page comes to at most, in bytes of the JSON that it is shown as.
inline constexpr std::size_t max_page_bytes = std::size_t{1024} * 1024;

/// The most items that a page may be asked to have.
inline constexpr int longest_page = 500;

/// What a page may have.
struct page_size {
  page_size(int items_at_most, std::size_t bytes_at_most = max_page_bytes) noexcept
    : items{items_at_most}, bytes{bytes_at_most} {}

  int items;
  /// As the texts are stored; no more than `max_page_bytes`. The first item may have more.
  std::size_t bytes;
};

/// The bytes of a record's texts as they are stored, and what stands around them where
/// the record is shown, roughly.
std::size_t stored_bytes(const task_record& task) noexcept;
std::size_t stored_bytes(const message_record& message) noexcept;
std::size_t stored_bytes(const event_record& event) noexcept;
std::size_t stored_bytes(const attempt_record& attempt) noexcept;
std::size_t stored_bytes(const approval_record& approval) noexcept;
std::size_t stored_bytes(const bot_record& bot) noexcept;
std::size_t stored_bytes(const model_record& model) noexcept;

/// The same with the escapes of JSON strings, for which every text is looked through.
std::size_t shown_bytes(const task_record& task) noexcept;
std::size_t shown_bytes(const message_record& message) noexcept;
std::size_t shown_bytes(const event_record& event) noexcept;
std::size_t shown_bytes(const attempt_record& attempt) noexcept;
std::size_t shown_bytes(const approval_record& approval) noexcept;
std::size_t shown_bytes(const bot_record& bot) noexcept;
std::size_t shown_bytes(const model_record& model) noexcept;

/// Measures a page while it grows.
template <class Record>
class page_meter {
public:
  /// For a page that is to end earlier than others, by what its texts are stored as.
  explicit page_meter(std::size_t most_stored = max_page_bytes) : most_stored_{most_stored} {}

  /// False if `next` would carry the page of `items` past its bound. To be asked once
  /// for each record, in their order.
  bool takes(const std::vector<Record>& items, const Record& next) {
    stored_ += stored_bytes(next);
    if (stored_ > most_stored_)
      return items.empty();
    // No text grows more than that, so a small page is not looked through.
    if (stored_ * most_growth <= max_page_bytes)
      return true;
    for (; measured_ < items.size(); ++measured_)
      shown_ += shown_bytes(items[measured_]);
    shown_ += shown_bytes(next);
    ++measured_;
    return items.empty() || shown_ <= max_page_bytes;
  }

  /// True once nothing more fits, however short it is.
  [[nodiscard]] bool is_full() const noexcept { return stored_ > most_stored_; }

private:
  /// A control character is one byte, and `\u0001` as JSON.
  static constexpr std::size_t most_growth = 6;

  std::size_t most_stored_;
  std::size_t stored_ = 0;
  std::size_t shown_ = 0;
  std::size_t measured_ = 0;
};

} // namespace troupe
