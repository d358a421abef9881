#include "persistence/outage.hpp"

namespace troupe {

std::string_view to_string(store_trouble trouble) noexcept {
  switch (trouble) {
  case store_trouble::disk_full: return "disk_full";
  case store_trouble::read_only: return "read_only";
  case store_trouble::locked: return "locked";
  case store_trouble::damaged: return "damaged";
  case store_trouble::io_error: return "io_error";
  case store_trouble::unreachable: return "unreachable";
  }
  return "";
}

outage::word outage::failed(store_trouble why, time now) {
  if (!on_.exchange(true)) {
    began_ = now;
    told_ = false;
    ++counts_[static_cast<std::size_t>(why)];
  }
  if (!told_ && (!last_beginning_ || now - *last_beginning_ >= between_beginnings)) {
    told_ = true;
    last_beginning_ = last_word_ = now;
    return word::began;
  }
  if (told_ && now - last_word_ >= between_reminders) {
    last_word_ = now;
    return word::lasts;
  }
  return word::nothing;
}

outage::word outage::succeeded(time now) {
  if (!on_)
    return word::nothing;
  last_word_ = now;
  on_ = false;
  return told_ ? word::ended : word::nothing;
}

std::chrono::milliseconds outage::length(time now) const {
  return std::chrono::duration_cast<std::chrono::milliseconds>((on_ ? now : last_word_) - began_);
}

outage_counts outage::counts() const noexcept {
  outage_counts found{};
  for (std::size_t i = 0; i < found.size(); ++i)
    found[i] = counts_[i];
  return found;
}

} // namespace troupe
