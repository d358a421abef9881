#include "persistence/sqlite/file_lock.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace troupe {

file_lock::file_lock(const std::filesystem::path& path)
  : descriptor_{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)} {
  if (descriptor_ < 0)
    throw std::system_error{errno, std::generic_category(), path.string()};
  // Whatever the umask has taken; what others could open before, they cannot now.
  ::fchmod(descriptor_, 0600);
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    ::close(descriptor_);
    throw std::system_error{reason, std::generic_category(), path.string()};
  }
}

file_lock::~file_lock() {
  ::close(descriptor_);
}

} // namespace troupe
