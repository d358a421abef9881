#include "persistence/store.hpp"

namespace troupe {

queue_stats::row queue_stats::totals() const {
  row sum;
  for (const auto& one : namespaces) {
    sum.ready += one.ready;
    sum.scheduled += one.scheduled;
    sum.retrying += one.retrying;
    sum.blocked += one.blocked;
    sum.running += one.running;
    if (one.oldest_due && (!sum.oldest_due || *one.oldest_due < *sum.oldest_due))
      sum.oldest_due = one.oldest_due;
  }
  return sum;
}

} // namespace troupe
