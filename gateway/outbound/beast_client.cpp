#include "gateway/outbound/beast_client.hpp"

#include "gateway/http/io_loop.hpp"
#include "gateway/outbound/core.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <thread>
#include <utility>

namespace troupe {

namespace asio = boost::asio;

class beast_client::impl {
public:
  explicit impl(const outbound_config& config) : core_{io_, config}, thread_{[this] { run_io(io_); }} {}

  ~impl() {
    io_.stop();
    thread_.join();
    core_.close();
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  std::uint64_t start(outbound_request&& request, std::shared_ptr<outbound_listener>&& listener) {
    const auto number = ++last_;
    asio::post(io_, [this, number, request = std::move(request), listener = std::move(listener)]() mutable {
      core_.start(number, std::move(request), std::move(listener));
    });
    return number;
  }

  void cancel(std::uint64_t call) {
    // A listener's own call ends at once; one that it has just started has still to begin.
    if (io_.get_executor().running_in_this_thread() && core_.cancel(call))
      return;
    asio::post(io_, [this, call] { core_.cancel(call); });
  }

  [[nodiscard]] outbound_stats stats() const noexcept { return core_.stats(); }

private:
  /// Outlives all that is under way on it.
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  outbound_core core_;
  std::atomic<std::uint64_t> last_ = 0;
  std::thread thread_;
};

beast_client::beast_client(const outbound_config& config) : impl_{std::make_unique<impl>(config)} {}

beast_client::~beast_client() = default;

std::uint64_t beast_client::start(outbound_request request, std::shared_ptr<outbound_listener> listener) {
  return impl_->start(std::move(request), std::move(listener));
}

void beast_client::cancel(std::uint64_t call) {
  impl_->cancel(call);
}

outbound_stats beast_client::stats() const noexcept {
  return impl_->stats();
}

} // namespace troupe
