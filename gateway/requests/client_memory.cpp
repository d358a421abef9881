#include "gateway/requests/client_memory.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace troupe {

namespace {

constexpr std::size_t mebibyte = 1024 * 1024;

/// Each of the two bounds gets this part of what the process may have.
constexpr std::size_t share_of_memory = 32;
constexpr std::size_t least_bound = 16 * mebibyte;
constexpr std::size_t greatest_bound = 1024 * mebibyte;

/// The limit of the control group, as containers set it (cgroup v2, memory.max); the
/// greatest number for none.
std::size_t control_group_limit() {
  std::ifstream file{"/sys/fs/cgroup/memory.max"};
  std::string text;
  std::size_t limit = 0;
  if (!(file >> text) || std::from_chars(text.data(), text.data() + text.size(), limit).ec != std::errc{})
    return static_cast<std::size_t>(-1);
  return limit;
}

} // namespace

struct client_memory::counted_text {
  counted_text(std::shared_ptr<client_memory> counter, std::string words)
    : counted_by{std::move(counter)}, text{std::move(words)}, size{text.capacity()} {
    counted_by->unread_.fetch_add(size, std::memory_order_relaxed);
  }
  ~counted_text() { counted_by->unread_.fetch_sub(size, std::memory_order_relaxed); }

  counted_text(const counted_text&) = delete;
  counted_text& operator=(const counted_text&) = delete;

  const std::shared_ptr<client_memory> counted_by;
  const std::string text;
  const std::size_t size;
};

std::shared_ptr<client_memory> client_memory::for_process(std::size_t available, std::size_t largest_body) {
  const auto bound = std::clamp(available / share_of_memory, least_bound, greatest_bound);
  return std::make_shared<client_memory>(std::max(bound, 2 * largest_body), bound);
}

std::shared_ptr<const std::string> client_memory::share(std::string text) {
  const auto counted = std::make_shared<const counted_text>(shared_from_this(), std::move(text));
  return {counted, &counted->text};
}

std::size_t memory_of_process() {
  auto available
    = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  rlimit limit{};
  for (const auto which : {RLIMIT_AS, RLIMIT_DATA})
    if (::getrlimit(which, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
      available = std::min(available, static_cast<std::size_t>(limit.rlim_cur));
  return std::min(available, control_group_limit());
}

} // namespace troupe
