#include "gateway/questions/long_records.hpp"

#include "persistence/values/uuid.hpp"

#include <functional>
#include <string>

namespace troupe {

long_records::key long_records::key_of(const room& where) noexcept {
  return where.type == room::kind::task ? std::hash<uuid>{}(where.id)
                                        : std::hash<std::string>{}(where.name) * 31 + static_cast<key>(where.type);
}

void long_records::add(key one) {
  if (!known_.insert(one).second)
    return;
  order_.push_back(one);
  if (order_.size() > most_known) {
    known_.erase(order_.front());
    order_.pop_front();
  }
}

} // namespace troupe
