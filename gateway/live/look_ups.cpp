#include "gateway/live/look_ups.hpp"

namespace troupe {

const page_writer_actor& look_ups::writer_of_pages() {
  if (!page_writer_)
    page_writer_ = self_->spawn<caf::linked + caf::detached>(page_writer);
  return page_writer_;
}

const reader_actor& look_ups::next_reader() {
  return peers_->readers[next_reader_++ % peers_->readers.size()];
}

void look_ups::refuse_before(open_questions::time_point at, const store_error& why) {
  reading_.refuse_before(at, why);
  read_on();
}

void look_ups::note_taken(std::size_t bytes) {
  turns_.note_taken(bytes);
  read_on();
}

bool look_ups::end(kind what, std::uint64_t number, std::size_t bytes) {
  if (!reading_.close(number))
    return false;
  turns_.end(what, number, bytes);
  return true;
}

void look_ups::read_on() {
  while (const auto ask = turns_.next())
    (*ask)();
}

} // namespace troupe
