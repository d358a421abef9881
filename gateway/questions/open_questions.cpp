#include "gateway/questions/open_questions.hpp"

#include <utility>

namespace troupe {

std::uint64_t open_questions::add(time_point at, refusal on_refusal) {
  open_.emplace_hint(open_.end(), ++last_, question{at, std::move(on_refusal)});
  return last_;
}

bool open_questions::close(std::uint64_t number) {
  return open_.erase(number) > 0;
}

void open_questions::refuse_before(time_point at, const store_error& why) {
  // Numbers are in the order of time. Whoever is refused may ask again.
  while (!open_.empty() && open_.begin()->second.asked < at) {
    const auto refused = open_.extract(open_.begin());
    refused.mapped().on_refusal(why);
  }
}

store_error nobody_knows() {
  return {errc::unavailable,
          "The database does not answer, and nobody knows yet whether this was stored. A POST may be repeated with the "
          "Idempotency-Key of the first; for anything else look first, once the database is back."};
}

} // namespace troupe
