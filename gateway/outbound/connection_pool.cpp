#include "gateway/outbound/connection_pool.hpp"

#include <algorithm>
#include <utility>

namespace troupe {

connection_pool::connection_pool(boost::asio::io_context& io, std::size_t max_idle, std::size_t max_sum,
                                 std::chrono::milliseconds idle_time)
  : max_idle_{max_idle}, max_sum_{max_sum}, idle_time_{idle_time}, timer_{io} {}

connection_pool::~connection_pool() {
  close();
}

std::shared_ptr<outbound_connection> connection_pool::take(const std::string& key) {
  const auto found = idle_.find(key);
  if (found == idle_.end())
    return nullptr;
  auto& entries = found->second;
  std::shared_ptr<outbound_connection> taken;
  while (!entries.empty() && !taken) {
    auto last = std::move(entries.back());
    entries.pop_back();
    --size_;
    // What came this very moment has not been read yet.
    if (clock::now() - last.since < idle_time_ && last.connection->is_quiet())
      taken = std::move(last.connection);
    else
      last.connection->close();
  }
  if (entries.empty())
    idle_.erase(found);
  return taken;
}

void connection_pool::put(std::shared_ptr<outbound_connection> connection) {
  if (max_idle_ == 0 || max_sum_ == 0)
    return connection->close();
  if (const auto there = idle_.find(connection->key()); there != idle_.end() && there->second.size() >= max_idle_)
    return connection->close();
  if (size_ >= max_sum_)
    drop_oldest();
  auto& entries = idle_[connection->key()];
  ++size_;
  auto& added = *connection;
  entries.push_back({std::move(connection), clock::now()});
  added.read_for(*this);
  if (!waiting_)
    wait();
}

void connection_pool::on_bytes(outbound_connection& from, std::string_view) {
  remove(from);
}

void connection_pool::on_closed(outbound_connection& from, const boost::system::error_code&) {
  remove(from);
}

void connection_pool::remove(outbound_connection& connection) {
  connection.close();
  const auto found = idle_.find(connection.key());
  if (found == idle_.end())
    return;
  size_ -= std::erase_if(found->second, [&](const entry& one) { return one.connection.get() == &connection; });
  if (found->second.empty())
    idle_.erase(found);
}

void connection_pool::drop_oldest() {
  const auto oldest = std::min_element(idle_.begin(), idle_.end(), [](const auto& left, const auto& right) {
    return left.second.front().since < right.second.front().since;
  });
  if (oldest != idle_.end())
    remove(*std::shared_ptr{oldest->second.front().connection});
}

void connection_pool::wait() {
  waiting_ = true;
  timer_.expires_after(std::max(idle_time_ / 4, std::chrono::milliseconds{1}));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error)
      sweep();
  });
}

void connection_pool::sweep() {
  const auto oldest = clock::now() - idle_time_;
  for (auto at = idle_.begin(); at != idle_.end();) {
    auto& entries = at->second;
    const auto is_fresh = [&](const entry& one) { return one.since > oldest; };
    const auto fresh = std::find_if(entries.begin(), entries.end(), is_fresh);
    std::for_each(entries.begin(), fresh, [](const entry& one) { one.connection->close(); });
    size_ -= static_cast<std::size_t>(fresh - entries.begin());
    entries.erase(entries.begin(), fresh);
    at = entries.empty() ? idle_.erase(at) : std::next(at);
  }
  waiting_ = false;
  if (!idle_.empty())
    wait();
}

void connection_pool::close() {
  for (const auto& [key, entries] : idle_) {
    for (const auto& one : entries)
      one.connection->close();
  }
  idle_.clear();
  size_ = 0;
  timer_.cancel();
}

} // namespace troupe
